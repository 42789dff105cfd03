//! What a session is: one token that was handed out to one subject.
//!
//! Pure: it knows no actor and no file. A session id is never used twice. [`SessionEvent`] tells the whole story of a
//! session, so that whoever reads the events in order knows what the registry knows.

mod event;
mod subject;

pub use event::{EndReason, SessionEvent, SubjectChanged};
pub use subject::{Subject, UserType};

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::clock::UnixSeconds;
use crate::settings::WebsiteId;

/// The number of a session. Numbers grow in the order of issue and are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId(pub u64);

impl SessionId {
    /// The number of no session: that of a good JWT which Magento issued, and of which nothing is kept.
    pub const NONE: Self = Self(0);
}

impl fmt::Display for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A session as others see it: a copy, true at the moment it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its number; [`SessionId::NONE`] when it is no session that is kept.
    pub id: SessionId,
    /// Whose it is.
    pub subject: Subject,
    /// The website in which it was issued; an administrator's is [`WebsiteId::ADMIN`].
    pub website: WebsiteId,
    /// When it was issued.
    pub issued: UnixSeconds,
    /// The first second at which it is no longer good; `None` when it does not end by itself.
    pub ends: Option<UnixSeconds>,
    /// When it was last found good; the moment of issue when it never was. Written at most once a minute.
    pub last_used: UnixSeconds,
}

impl Session {
    /// Whether it has ended by itself at `now`: at the very second of its end it has (fact sheet 4.3).
    pub fn is_expired_at(&self, now: UnixSeconds) -> bool {
        self.ends.is_some_and(|ends| ends <= now)
    }

    /// The seconds it has left at `now`; `None` when it does not end by itself.
    pub fn expires_in(&self, now: UnixSeconds) -> Option<u32> {
        self.ends.map(|ends| ends.since(now))
    }
}
