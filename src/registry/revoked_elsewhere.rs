//! What was revoked elsewhere: in a shop beside which the server runs.

use actix::{AsyncContext, Handler, ResponseFuture};
use tokio::sync::oneshot;

use crate::audit::Origin;
use crate::registry::actor::{answer, promised};
use crate::registry::ending::GiveMemoryBack;
use crate::registry::unstored::Revoked;
use crate::registry::{RegistryError, Revocation, TakeRevocations, TokenRegistry};
use crate::session::EndReason;
use crate::store::UserRevocation;

impl TokenRegistry {
    fn take_revocation(&mut self, UserRevocation { subject, through }: UserRevocation) -> usize {
        // What is known already has ended the sessions of before. The kind's moment says nothing about sessions: it may
        // have moved because there were too many users with theirs.
        if self.index.facts(subject).jwts_revoked == Some(through) {
            return 0;
        }
        let ended = self.table.take_issued(subject, self.index.jwts().shop_clock().ours_through(through));
        let mut revoked = Revoked::of(&ended, EndReason::Ended).and(self.jwts.revoke(subject, through));
        if revoked.events.is_empty() {
            return 0;
        }
        if !ended.is_empty() {
            // What ends nothing here is the shop's to tell of: there may be very many at the first start.
            let which = Revocation::IssuedThrough(subject, through);
            revoked.tell(which, EndReason::Ended, self.clock.now(), Origin::SERVER);
        }
        let count = revoked.count;
        self.store_revocation(revoked, None);
        count
    }
}

impl Handler<TakeRevocations> for TokenRegistry {
    type Result = ResponseFuture<Result<usize, RegistryError>>;

    fn handle(&mut self, message: TakeRevocations, context: &mut Self::Context) -> Self::Result {
        let (sender, receiver) = oneshot::channel();
        if self.is_busy() {
            answer(sender, Err(RegistryError::Busy));
            return promised(receiver);
        }
        if !self.index.jwts().shop_clock().is_known() {
            // Which sessions are from before them could not be told, and afterwards they would be known.
            answer(sender, Err(RegistryError::Unavailable));
            return promised(receiver);
        }
        let count = message.0.into_iter().map(|revocation| self.take_revocation(revocation)).sum();
        // The answer comes behind all of them.
        let last = Revoked { count, ..Revoked::of(&[], EndReason::Ended).and(self.fold_jwts()) };
        self.store_revocation(last, Some(sender));
        context.address().do_send(GiveMemoryBack); // Its answer is empty.
        promised(receiver)
    }
}
