//! Revocations: what the registry takes out for one, has stored, and tells.
//!
//! It knows neither who may ask for one nor how a change reaches the disk. What always holds: what is revoked is refused
//! at once, before it is stored; a revocation that could not be stored is kept until it is; and a caller is told that it
//! is done only then.

use actix::{Addr, AsyncContext, Handler, Message, ResponseFuture};
use tokio::sync::oneshot;

use crate::clock::UnixSeconds;
use crate::registry::actor::{Waited, answer, promised};
use crate::registry::ending::GiveMemoryBack;
use crate::registry::unstored::{Revoked, Unstored};
use crate::registry::{JwtDenial, RegistryError, Revocation, RevokeSessions, TokenRegistry};
use crate::session::{SessionEvent, SessionId, Subject, UserType};
use crate::token::Lifetime;

impl TokenRegistry {
    fn revoke(
        &mut self,
        message: RevokeSessions,
        reply: oneshot::Sender<Result<usize, RegistryError>>,
        own: &Addr<Self>,
    ) {
        if self.is_busy() {
            answer(reply, Err(RegistryError::Busy));
            return;
        }
        let mut revoked = match message.which {
            Revocation::Token(digest) => {
                let taken = self.table.take(digest);
                self.revoke_one(taken, message.reason)
            }
            Revocation::Session(id) => {
                let taken = self.table.take_session(id);
                self.revoke_one(taken, message.reason)
            }
            Revocation::Jwt(denial) => self.deny_jwt(denial),
            Revocation::Unheld(digest) => {
                let Some(revoked) = self.end_unheld(digest, message.reason) else {
                    answer(reply, Err(RegistryError::Full));
                    return;
                };
                revoked
            }
            Revocation::Subject(subject) => {
                let revoked = Revoked::of(&self.table.take_subject(subject), message.reason);
                revoked.and(self.revoke_jwts(subject))
            }
            Revocation::IssuedThrough(subject, through) => {
                let revoked = Revoked::of(&self.table.take_issued(subject, through), message.reason);
                revoked.and(self.jwts.revoke(subject, through)).and(self.fold_jwts())
            }
            Revocation::Kind(kind) => self.end_kinds(&[kind], own),
            Revocation::Everything => self.end_kinds(&UserType::ALL, own),
        };
        if self.outbox {
            revoked.tell_shop();
        }
        revoked.tell(message.which, message.reason, self.clock.now(), message.origin);
        own.do_send(GiveMemoryBack); // Its answer is empty.
        // One that finds nothing waits its turn all the same: what it would have ended may have been ended by another
        // one that is still on its way to the store.
        self.store_revocation(revoked, Some(reply));
    }

    /// Has a revocation stored: behind those that could not be.
    pub(super) fn store_revocation(
        &mut self,
        revoked: Revoked,
        reply: Option<oneshot::Sender<Result<usize, RegistryError>>>,
    ) {
        if self.unstored.is_empty() {
            self.record_revocation(revoked, reply);
        } else {
            self.keep_for_retry(revoked, reply);
        }
    }

    /// The moment up to which the shop may have issued tokens by now, by its clock.
    pub(super) fn latest(&self) -> UnixSeconds {
        self.index.jwts().shop_clock().latest(&*self.clock)
    }

    /// Without a key no JWT is ever good, and there is nothing to revoke, unless a shop's opaque tokens are taken over or
    /// the shop, which may have the key, is told.
    fn revoke_jwts(&mut self, subject: Subject) -> Vec<SessionEvent> {
        if !self.forms.knows_foreign_tokens() && !self.outbox {
            return Vec::new();
        }
        let mut events = self.jwts.revoke_now(subject, self.latest());
        events.extend(self.fold_jwts());
        events
    }

    /// Forgets what no JWT is old enough for any more. Twice the lifetime is kept, because it may have been lowered since
    /// the oldest were issued.
    pub(super) fn fold_jwts(&mut self) -> Vec<SessionEvent> {
        let snapshot = self.snapshot.load();
        let longest = [UserType::Customer, UserType::Admin].map(|kind| {
            let opaque = match snapshot.lifetime(kind) {
                Lifetime::Seconds(seconds) if self.forms.adopts_opaque => seconds,
                Lifetime::Never if self.forms.adopts_opaque => u32::MAX,
                Lifetime::Seconds(_) | Lifetime::Never => 0,
            };
            opaque.max(snapshot.jwt_seconds(kind))
        });
        let longest = longest[0].max(longest[1]);
        self.jwts.fold(self.clock.wall().min(self.clock.now()), longest.saturating_mul(2))
    }

    fn deny_jwt(&mut self, denial: JwtDenial) -> Revoked {
        // What the wall clock says is over may not be so after it was set back, so that the earlier clock counts.
        let now = self.clock.wall().min(self.clock.now());
        let events = self.jwts.deny(denial, now, self.latest());
        let count = usize::from(!events.is_empty());
        let ended = (count > 0).then_some((SessionId::NONE, denial.subject));
        Revoked { events, count, ended, line: None, for_shop: Vec::new() }
    }

    fn end_kinds(&mut self, kinds: &[UserType], own: &Addr<Self>) -> Revoked {
        let mut revoked = Revoked { events: Vec::new(), count: 0, ended: None, line: None, for_shop: Vec::new() };
        for &kind in kinds {
            let (through, live) = self.table.end_kind(kind);
            revoked.events.push(SessionEvent::KindRevoked { kind, through });
            revoked.count += live;
            if self.forms.knows_foreign_tokens() {
                revoked.events.push(self.jwts.revoke_kind_now(kind, self.latest()));
            }
            own.do_send(Sweep(kind)); // Its answer is empty.
        }
        revoked
    }

    pub(super) fn record_revocation(
        &mut self,
        revoked: Revoked,
        reply: Option<oneshot::Sender<Result<usize, RegistryError>>>,
    ) {
        self.record(revoked.changes(self.durability), Waited::Revoke(revoked, reply));
    }

    pub(super) fn finish_revocation(
        &mut self,
        revoked: &Revoked,
        reply: Option<oneshot::Sender<Result<usize, RegistryError>>>,
    ) {
        for digest in revoked.digests() {
            self.index.set_unstored(digest, false);
        }
        if let Some(reply) = reply {
            // Nothing was stored for one that found nothing, and what it would have ended may not be stored yet.
            let is_certain = self.unstored.is_empty() || !revoked.is_empty();
            answer(reply, if is_certain { Ok(revoked.count) } else { Err(RegistryError::Unavailable) });
        }
    }

    pub(super) fn keep_for_retry(
        &mut self,
        revoked: Revoked,
        reply: Option<oneshot::Sender<Result<usize, RegistryError>>>,
    ) {
        for digest in revoked.digests() {
            self.index.set_unstored(digest, true);
        }
        // Anybody may ask for the end of what is not there, as often as they like.
        if !revoked.is_empty() {
            self.unstored.push(Unstored::Revoked(revoked));
        }
        if let Some(reply) = reply {
            answer(reply, Err(RegistryError::Unavailable));
        }
    }
}

impl Handler<RevokeSessions> for TokenRegistry {
    type Result = ResponseFuture<Result<usize, RegistryError>>;

    fn handle(&mut self, message: RevokeSessions, context: &mut Self::Context) -> Self::Result {
        let (sender, receiver) = oneshot::channel();
        self.revoke(message, sender, &context.address());
        promised(receiver)
    }
}

/// Take out what a revocation of a whole kind has ended: one bucket a turn, then again.
#[derive(Debug, Message)]
#[rtype(result = "()")]
struct Sweep(UserType);

impl Handler<Sweep> for TokenRegistry {
    type Result = ();

    fn handle(&mut self, message: Sweep, context: &mut Self::Context) {
        let next = self.table.sweep(message.0);
        self.forget_rows();
        let own = context.address();
        // The answers are empty.
        if next {
            own.do_send(message);
        } else {
            own.do_send(GiveMemoryBack);
        }
    }
}
