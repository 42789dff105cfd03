//! The actor.

use actix::{Actor, Context, Handler, ResponseFuture};

use crate::registry::{CollectStatistics, IssueToken, Issued, ListSessions, RegistryError, RevokeSessions, Statistics};
use crate::session::Session;

/// Every session; the only writer of the index.
#[derive(Debug)]
pub struct TokenRegistry {}

impl Actor for TokenRegistry {
    type Context = Context<Self>;
}

impl Handler<IssueToken> for TokenRegistry {
    type Result = ResponseFuture<Result<Issued, RegistryError>>;
    fn handle(&mut self, _: IssueToken, _: &mut Self::Context) -> Self::Result {
        unimplemented!()
    }
}
impl Handler<RevokeSessions> for TokenRegistry {
    type Result = ResponseFuture<Result<usize, RegistryError>>;
    fn handle(&mut self, _: RevokeSessions, _: &mut Self::Context) -> Self::Result {
        unimplemented!()
    }
}
impl Handler<ListSessions> for TokenRegistry {
    type Result = Vec<Session>;
    fn handle(&mut self, _: ListSessions, _: &mut Self::Context) -> Self::Result {
        unimplemented!()
    }
}
impl Handler<CollectStatistics> for TokenRegistry {
    type Result = actix::MessageResult<CollectStatistics>;
    fn handle(&mut self, _: CollectStatistics, _: &mut Self::Context) -> Self::Result {
        actix::MessageResult(Statistics::default())
    }
}
