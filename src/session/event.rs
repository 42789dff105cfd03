//! What happens to sessions and to their subjects.

use crate::clock::UnixSeconds;
use crate::session::{Session, SessionId, Subject, UserType};
use crate::settings::RoleId;
use crate::token::TokenDigest;

/// Something that happened to a session. Read in order, the events say all that there is to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEvent {
    /// A token was handed out.
    Issued {
        /// The session that began.
        session: Session,
        /// The end that was fixed at issue; `None` when the lifetime of the kind decides.
        fixed_end: Option<UnixSeconds>,
        /// What it is found by.
        digest: TokenDigest,
    },
    /// Its end was moved.
    Renewed {
        /// Which session.
        id: SessionId,
        /// The new end.
        ends: UnixSeconds,
    },
    /// It was ended before its time.
    Revoked {
        /// Which session.
        id: SessionId,
        /// What it was found by.
        digest: TokenDigest,
        /// Why.
        reason: EndReason,
    },
    /// All sessions of a kind that existed at that moment were ended before their time.
    KindRevoked {
        /// Which kind.
        kind: UserType,
        /// The last session that existed.
        through: SessionId,
    },
    /// All JWTs of a user that nobody keeps a session of were revoked, as far as they were issued until then (fact
    /// sheet 6.5).
    JwtsRevoked {
        /// Whose.
        subject: Subject,
        /// The last second of issue that is revoked, by the wall clock: Magento's `revoke_before`.
        through: UnixSeconds,
    },
    /// The same for all users of a kind. It takes the place of what was said of single users up to then.
    KindJwtsRevoked {
        /// Which kind.
        kind: UserType,
        /// The last second of issue that is revoked.
        through: UnixSeconds,
    },
    /// One JWT that nobody keeps a session of was revoked.
    JwtDenied {
        /// The digest of its text.
        digest: TokenDigest,
        /// The first second at which it is not good any more by itself.
        ends: UnixSeconds,
        /// Denials that ended then or earlier need no longer be kept.
        over: UnixSeconds,
    },
    /// It ended by itself.
    Expired {
        /// Which session.
        id: SessionId,
        /// What it was found by.
        digest: TokenDigest,
    },
}

/// Why a session was ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// Its holder signed out.
    SignedOut,
    /// An operator or administrator ended it.
    Ended,
    /// The user has reached `tokens.per_subject`, and this was the oldest.
    Superseded,
}

/// The account behind a subject changed in a way that a check has to know. Announced by whoever keeps the accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, actix::Message)]
#[rtype(result = "()")]
pub struct SubjectChanged {
    /// Whose account.
    pub subject: Subject,
    /// Until when the account is locked; `None` when it is not.
    pub locked_until: Option<UnixSeconds>,
    /// The role, for an administrator.
    pub role: Option<RoleId>,
}
