//! The reading side of the index: what a check needs, without a lock and without another thread.

use crate::clock::{SharedClock, UnixSeconds};
use crate::registry::index::Index;
use crate::session::{Session, Subject};
use crate::settings::{RoleId, SharedSnapshot, Snapshot};
use crate::token::{DigestKey, TokenDigest, has_opaque_shape};

use std::sync::Arc;

/// What became of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validation {
    /// It is good.
    Valid(Session),
    /// It was good once; its time is over.
    Expired,
    /// It is not known, or no longer.
    Unknown,
    /// The user's tokens were revoked up to a moment that lies after its issue.
    Revoked,
    /// It cannot be told. Never to be taken for a yes.
    Unavailable,
}

/// What a check has to know about a user besides the session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubjectFacts {
    /// Until when the account is locked.
    pub locked_until: Option<UnixSeconds>,
    /// The role of an administrator.
    pub role: Option<RoleId>,
}

/// Reads the index. Cheap to clone, and usable on any thread.
#[derive(Clone, Debug)]
pub struct Reader {
    index: Arc<Index>,
    key: Arc<DigestKey>,
    snapshot: SharedSnapshot,
    clock: SharedClock,
}

impl Reader {
    pub(super) fn new(index: Arc<Index>, key: DigestKey, snapshot: SharedSnapshot, clock: SharedClock) -> Self {
        Self { index, key: Arc::new(key), snapshot, clock }
    }

    /// The digest of what a client sent, when it has the shape of a token.
    pub fn digest(&self, token: &str) -> Option<TokenDigest> {
        has_opaque_shape(token).then(|| self.key.digest(token))
    }

    /// Says what the token with this digest is worth now; what has no digest is no token.
    pub fn validate(&self, digest: Option<TokenDigest>) -> Validation {
        let Some(digest) = digest else {
            return Validation::Unknown;
        };
        let now = self.clock.now();
        let found = self.index.read(digest, |entry| {
            let session = entry.session(&self.snapshot.load());
            if session.is_expired_at(now) {
                return Validation::Expired;
            }
            entry.touch(now);
            Validation::Valid(session)
        });
        found.unwrap_or_else(|| self.missing(digest))
    }

    /// What is known of the user behind a session.
    pub fn facts(&self, subject: Subject) -> SubjectFacts {
        self.index.facts(subject)
    }

    /// The settings, websites and roles that count now.
    pub fn snapshot(&self) -> arc_swap::Guard<Arc<Snapshot>> {
        self.snapshot.load()
    }

    /// The clock by which sessions end.
    pub fn clock(&self) -> &SharedClock {
        &self.clock
    }

    fn missing(&self, digest: TokenDigest) -> Validation {
        if self.index.is_unstored(digest) { Validation::Unavailable } else { Validation::Unknown }
    }
}
