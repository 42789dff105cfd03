//! Changes that are true in memory and not yet on disk.

use crate::clock::UnixSeconds;
use crate::registry::table::Taken;
use crate::session::{EndReason, Session, SessionEvent};
use crate::store::Change;
use crate::token::TokenDigest;

/// A change that could not be stored: it is tried again, before anything else.
#[derive(Clone, Debug)]
pub(super) enum Unstored {
    /// Sessions that were ended.
    Revoked(Revoked),
    /// A session whose token was handed out already.
    Handed(Handed),
}

/// Sessions that were ended: no check says yes to them any more, stored or not.
#[derive(Clone, Debug)]
pub(super) struct Revoked {
    pub(super) events: Vec<SessionEvent>,
    pub(super) count: usize,
}

impl Revoked {
    pub(super) fn of(taken: &[Taken], reason: EndReason) -> Self {
        let event = |taken: &Taken| SessionEvent::Revoked { id: taken.id, digest: taken.digest, reason };
        let count = taken.iter().filter(|taken| taken.was_live).count();
        Self { events: taken.iter().map(event).collect(), count }
    }

    /// JWTs that nobody keeps a session of were revoked besides.
    pub(super) fn and(mut self, events: Vec<SessionEvent>) -> Self {
        self.events.extend(events);
        self
    }

    pub(super) fn changes(&self) -> Vec<Change> {
        self.events.iter().cloned().map(Change::Session).collect()
    }

    pub(super) fn digests(&self) -> impl Iterator<Item = TokenDigest> {
        self.events.iter().filter_map(|event| match event {
            SessionEvent::Revoked { digest, .. } | SessionEvent::JwtDenied { digest, .. } => Some(*digest),
            _ => None,
        })
    }
}

/// A session that was handed out before it was stored: `data.durability = "async"`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handed {
    pub(super) session: Session,
    pub(super) fixed_end: Option<UnixSeconds>,
    pub(super) digest: TokenDigest,
}

impl Handed {
    pub(super) fn change(&self) -> Change {
        issued(self.session, self.fixed_end, self.digest)
    }
}

/// The change that stores a new session.
pub(super) fn issued(session: Session, fixed_end: Option<UnixSeconds>, digest: TokenDigest) -> Change {
    Change::Session(SessionEvent::Issued { session, fixed_end, digest })
}
