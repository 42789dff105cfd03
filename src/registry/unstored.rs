//! Changes that are true in memory and not yet on disk.

use crate::audit::Line;
use crate::clock::UnixSeconds;
use crate::registry::table::Taken;
use crate::session::{EndReason, Session, SessionEvent, SessionId, Subject};
use crate::store::{Change, Durability, UserRevocation};
use crate::token::TokenDigest;

/// A change that could not be stored: it is tried again, before anything else.
#[derive(Clone, Debug)]
pub(super) enum Unstored {
    /// Sessions that were ended.
    Revoked(Revoked),
    /// A session whose token was handed out already.
    Handed(Handed),
    /// What must not be lost of the sign-in of a session that has ended since: see [`to_keep`].
    Kept(Vec<Change>),
}

/// Sessions that were ended: no check says yes to them any more, stored or not.
#[derive(Clone, Debug)]
pub(super) struct Revoked {
    pub(super) events: Vec<SessionEvent>,
    pub(super) count: usize,
    /// The session, when it is one.
    pub(super) ended: Option<(SessionId, Subject)>,
    /// What the audit trail says of it.
    pub(super) line: Option<Line>,
    /// What the shop is to be told of it.
    pub(super) for_shop: Vec<UserRevocation>,
}

impl Revoked {
    pub(super) fn of(taken: &[Taken], reason: EndReason) -> Self {
        let event = |taken: &Taken| SessionEvent::Revoked { id: taken.id, digest: taken.digest, reason };
        let one = taken.first().map(|taken| (taken.id, taken.subject));
        let count = taken.iter().filter(|taken| taken.was_live).count();
        Self { events: taken.iter().map(event).collect(), count, ended: one, line: None, for_shop: Vec::new() }
    }

    /// JWTs that nobody keeps a session of were revoked besides.
    pub(super) fn and(mut self, events: Vec<SessionEvent>) -> Self {
        self.events.extend(events);
        self
    }

    /// Whether there is nothing to store: what was to be ended is not there.
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.line.is_none()
    }

    /// Has the shop told of what became of users' JWTs, when it is to be told.
    pub(super) fn tell_shop(&mut self) {
        let of_user = |event: &SessionEvent| match *event {
            SessionEvent::JwtsRevoked { subject, through } => Some(UserRevocation { subject, through }),
            _ => None,
        };
        self.for_shop = self.events.iter().filter_map(of_user).collect();
    }

    /// What is to be stored; without durability of sessions the line and what the shop is to be told.
    pub(super) fn changes(&self, durability: Durability) -> Vec<Change> {
        let events = if durability == Durability::None { &[][..] } else { &self.events };
        let for_shop = self.for_shop.iter().copied().map(Change::OutboxAdded);
        let changes = events.iter().cloned().map(Change::Session).chain(for_shop);
        changes.chain(self.line.clone().map(Change::Audit)).collect()
    }

    pub(super) fn digests(&self) -> impl Iterator<Item = TokenDigest> {
        self.events.iter().filter_map(|event| match event {
            SessionEvent::Revoked { digest, .. } | SessionEvent::JwtDenied { digest, .. } => Some(*digest),
            _ => None,
        })
    }
}

/// A session that was handed out before it was stored: `data.durability = "async"`.
#[derive(Clone, Debug)]
pub(super) struct Handed {
    pub(super) session: Session,
    pub(super) fixed_end: Option<UnixSeconds>,
    pub(super) digest: TokenDigest,
    /// What the audit trail says of it.
    pub(super) line: Line,
    /// What else of its sign-in must not be lost: see [`to_keep`].
    pub(super) kept: Vec<Change>,
}

impl Handed {
    pub(super) fn changes(&self) -> Vec<Change> {
        [issued(self.session, self.fixed_end, self.digest), Change::Audit(self.line.clone())]
            .into_iter()
            .chain(self.kept.iter().cloned())
            .collect()
    }
}

/// What has to be stored with a session however late: the code that it was earned with, which must not be good again, and
/// where the token stands in a shop, which must not be taken for the shop's own.
pub(super) fn to_keep(along: &[Change]) -> Vec<Change> {
    along.iter().filter(|change| matches!(change, Change::CodeUsed(_) | Change::MirrorAdded(_))).cloned().collect()
}

/// The change that stores a new session.
pub(super) fn issued(session: Session, fixed_end: Option<UnixSeconds>, digest: TokenDigest) -> Change {
    Change::Session(SessionEvent::Issued { session, fixed_end, digest })
}
