//! Sessions that come in bulk at start: loaded from the store, or made up for a load test.

use actix::{Handler, ResponseFuture};
use tokio::sync::oneshot;

use crate::registry::actor::{Waited, answer, promised};
use crate::registry::unstored::issued;
use crate::registry::{BeginLoading, LoadJwts, LoadSessions, PreloadSessions, RegistryError, TokenRegistry};
use crate::store::Durability;

impl Handler<BeginLoading> for TokenRegistry {
    type Result = ();

    fn handle(&mut self, BeginLoading { expected, kinds_ended }: BeginLoading, _: &mut Self::Context) {
        self.table.begin_loading(expected, &kinds_ended);
    }
}

impl Handler<LoadJwts> for TokenRegistry {
    type Result = ();

    fn handle(&mut self, LoadJwts(stored): LoadJwts, _: &mut Self::Context) {
        self.jwts.load(stored);
    }
}

impl Handler<LoadSessions> for TokenRegistry {
    type Result = Result<(), RegistryError>;

    fn handle(&mut self, LoadSessions { sessions, over }: LoadSessions, _: &mut Self::Context) -> Self::Result {
        // They are deleted when everything is loaded: the log cannot be emptied while somebody reads what is older.
        self.forgotten.push(over);
        self.table.load(&sessions)
    }
}

impl Handler<PreloadSessions> for TokenRegistry {
    type Result = ResponseFuture<Result<(), RegistryError>>;

    fn handle(&mut self, message: PreloadSessions, context: &mut Self::Context) -> Self::Result {
        let begun = self.table.preload(message.sessions, &self.snapshot.load(), self.clock.now());
        self.arm(context);
        let (reply, receiver) = oneshot::channel();
        match begun {
            Err(error) => answer(reply, Err(error)),
            Ok(begun) if message.stored && self.durability != Durability::None => {
                let changes = begun.into_iter().map(|(session, digest)| issued(session, None, digest)).collect();
                self.record(changes, Waited::Preload(reply));
            }
            Ok(_) => answer(reply, Ok(())),
        }
        promised(receiver)
    }
}
