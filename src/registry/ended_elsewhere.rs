//! Tokens that were issued here and that a shop has ended, many at once.

use actix::{AsyncContext, Handler, ResponseFuture};
use tokio::sync::oneshot;

use crate::audit::Origin;
use crate::registry::actor::{answer, promised};
use crate::registry::ending::GiveMemoryBack;
use crate::registry::unstored::Revoked;
use crate::registry::{EndTokens, RegistryError, Revocation, TokenRegistry};
use crate::session::EndReason;
use crate::token::TokenDigest;

impl TokenRegistry {
    fn end_token(&mut self, digest: TokenDigest) -> usize {
        let taken = self.table.take(digest);
        let mut revoked = self.revoke_one(taken, EndReason::Ended);
        if revoked.is_empty() {
            return 0;
        }
        revoked.tell(Revocation::Token(digest), EndReason::Ended, self.clock.now(), Origin::SERVER);
        let count = revoked.count;
        self.store_revocation(revoked, None);
        count
    }
}

impl Handler<EndTokens> for TokenRegistry {
    type Result = ResponseFuture<Result<usize, RegistryError>>;

    fn handle(&mut self, EndTokens(digests): EndTokens, context: &mut Self::Context) -> Self::Result {
        let (sender, receiver) = oneshot::channel();
        if self.is_busy() {
            answer(sender, Err(RegistryError::Busy));
            return promised(receiver);
        }
        let count = digests.into_iter().map(|digest| self.end_token(digest)).sum();
        // The store commits together what lies there; the answer comes behind the last.
        self.store_revocation(Revoked { count, ..Revoked::of(&[], EndReason::Ended) }, Some(sender));
        context.address().do_send(GiveMemoryBack); // Its answer is empty.
        promised(receiver)
    }
}
