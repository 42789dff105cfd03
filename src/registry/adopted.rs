//! Sessions of tokens that a shop issued and keeps: taken over, and let go of when the shop has ended them.
//!
//! They are never stored. The shop's table says what is good; a copy in the data folder could outlive what the shop has
//! deleted while this server was not running. What is stored is what ends them here, by the means that JWTs have which
//! nobody keeps a session of: the second up to which a user's tokens are revoked, and single tokens that are denied. So
//! a token that was revoked here is not taken over again, whatever the shop's table says.

use actix::{Context, Handler, MessageResult};

use crate::clock::UnixSeconds;
use crate::registry::table::Taken;
use crate::registry::unstored::Revoked;
use crate::registry::{AdoptSession, JwtDenial, ReleaseSessions, SubjectFacts, TokenRegistry, Validation};
use crate::session::{EndReason, Session, SessionEvent, Subject};
use crate::token::{Lifetime, TokenDigest};

/// How much longer than twice its present lifetime a single token stays denied, in seconds: the lifetime may be raised,
/// and Magento deletes rows of tokens that have ended.
const DENIED_BESIDES: u32 = 30 * 24 * 3600;

impl TokenRegistry {
    fn adopt(&mut self, message: &AdoptSession) -> Validation {
        let AdoptSession { subject, website, digest, issued: issued_there, role, locked_until } = *message;
        let issued = self.index.jwts().shop_clock().ours(issued_there);
        let (snapshot, now) = (self.snapshot.load_full(), self.clock.now());
        if let Some(session) = self.index.read(digest, |entry| entry.session(&snapshot)) {
            return worth(session, now);
        }
        if self.index.peek(digest).is_some() {
            // It was ended with its whole kind, and has yet to be taken out.
            return Validation::Revoked;
        }
        if self.index.is_unstored(digest) {
            return Validation::Unavailable;
        }
        if issued_there <= self.index.jwts_revoked(subject) || self.index.jwts().is_denied(digest) {
            return Validation::Revoked;
        }
        if snapshot.lifetime(subject.kind).end_of(issued).is_some_and(|ends| ends <= now) {
            return Validation::Expired;
        }
        let Ok(session) = self.table.adopt(subject, website, digest, issued, &snapshot, now) else {
            return Validation::Unavailable;
        };
        self.adopted.insert(digest);
        self.index.jwts().note_if_ahead(subject, issued_there, self.latest());
        // Also when there is nothing to say, which may be the news.
        let facts = self.index.facts(subject);
        self.index.set_facts(subject, SubjectFacts { locked_until, role, ..facts });
        Validation::Valid(session)
    }

    /// Ends one session. One that was taken over is denied besides.
    pub(super) fn revoke_one(&mut self, taken: Option<Taken>, reason: EndReason) -> Revoked {
        let revoked = Revoked::of(taken.as_slice(), reason);
        match taken.filter(|taken| self.adopted.remove(&taken.digest)) {
            Some(Taken { digest, subject, .. }) => revoked.and(self.deny_adopted(digest, subject)),
            None => revoked,
        }
    }

    /// Ends a token that may be good in the shop, whether it has a session here or not. `None` when it has none, and there
    /// is no room to remember it.
    pub(super) fn end_unheld(&mut self, digest: TokenDigest, reason: EndReason) -> Option<Revoked> {
        let taken = self.table.take(digest);
        if taken.is_some() {
            return Some(self.revoke_one(taken, reason));
        }
        let now = self.clock.wall().min(self.clock.now());
        let events = self.jwts.deny_unknown(digest, now)?;
        Some(Revoked::of(&[], reason).and(events))
    }

    fn deny_adopted(&mut self, digest: TokenDigest, subject: Subject) -> Vec<SessionEvent> {
        let now = self.clock.wall().min(self.clock.now());
        let ends = match self.snapshot.load().lifetime(subject.kind) {
            Lifetime::Seconds(seconds) => now.plus(seconds.saturating_mul(2)).plus(DENIED_BESIDES),
            Lifetime::Never => UnixSeconds(u32::MAX),
        };
        self.jwts.deny(JwtDenial { digest, subject, ends }, now, self.latest())
    }
}

fn worth(session: Session, now: UnixSeconds) -> Validation {
    if session.is_expired_at(now) { Validation::Expired } else { Validation::Valid(session) }
}

impl Handler<AdoptSession> for TokenRegistry {
    type Result = MessageResult<AdoptSession>;

    fn handle(&mut self, message: AdoptSession, context: &mut Context<Self>) -> Self::Result {
        let validation = self.adopt(&message);
        self.forget_rows();
        self.arm(context);
        MessageResult(validation)
    }
}

impl Handler<ReleaseSessions> for TokenRegistry {
    type Result = ();

    fn handle(&mut self, ReleaseSessions(digests): ReleaseSessions, _: &mut Context<Self>) {
        for digest in digests {
            if self.adopted.remove(&digest) {
                self.table.take(digest);
            }
        }
    }
}
