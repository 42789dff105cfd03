//! What a request presented, and what became of it.

use crate::clock::UnixSeconds;
use crate::session::Session;
use crate::settings::RoleId;

/// What a request presented, after it was looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// No token.
    Nothing,
    /// An `Authorization` header of another scheme than `Bearer`.
    OtherScheme,
    /// More than one `Authorization` header.
    Ambiguous,
    /// A token that is good.
    Good(Holder),
    /// A token whose time is over.
    Expired,
    /// A token that is not known, or no longer.
    Unknown,
    /// A token of a user whose tokens were revoked.
    Revoked,
    /// A token that nobody can tell anything about at the moment.
    Undecided,
}

/// Who holds a good token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The session of the token.
    pub session: Session,
    /// The role, when it is an administrator's or an integration's.
    pub role: Option<RoleId>,
    /// Until when the account is locked.
    pub locked_until: Option<UnixSeconds>,
}
