//! The messages that the registry and the validators understand.

use actix::Message;

use crate::audit::Origin;
use crate::clock::UnixSeconds;
use crate::registry::{Candidate, RegistryError, Validation};
use crate::session::{EndReason, Session, SessionId, Subject, UserType};
use crate::settings::{RoleId, WebsiteId};
use crate::store::{Change, StoredJwts, StoredSession, UserRevocation};
use crate::token::{Lifetime, TokenDigest};

/// Begin a session. The caller made the token and keeps its text; the registry only ever sees the digest.
///
/// The reply comes when the session and `along` are stored, in one transaction. It is carried out even when the caller
/// no longer waits.
#[derive(Debug, Message)]
#[rtype(result = "Result<Issued, RegistryError>")]
pub struct IssueToken {
    /// Whose session it is.
    pub subject: Subject,
    /// In which website.
    pub website: WebsiteId,
    /// The digest of the token.
    pub digest: TokenDigest,
    /// The end that is fixed at issue, as it stands in a JWT; `None` when the lifetime of the kind decides.
    pub fixed_end: Option<UnixSeconds>,
    /// The role, when the subject is an administrator.
    pub role: Option<RoleId>,
    /// What else has to be stored in the same transaction: counters that the sign-in resets, say.
    pub along: Vec<Change>,
    /// Who asks, for the audit trail: its line is stored in the same transaction.
    pub origin: Origin,
    /// The name that was typed, for the audit trail.
    pub typed: Option<String>,
}

/// A session that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The session.
    pub session: Session,
}

/// Take over a token that a shop issued and keeps. It is live at once, and not stored.
///
/// The reply is what the token is worth: nothing is taken over that has ended, or that was revoked here.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Validation")]
pub struct AdoptSession {
    /// Whose session it is.
    pub subject: Subject,
    /// In which website.
    pub website: WebsiteId,
    /// The digest of the token.
    pub digest: TokenDigest,
    /// When the shop issued it, by the shop's clock.
    pub issued: UnixSeconds,
    /// The role, when the subject is an administrator.
    pub role: Option<RoleId>,
    /// Until when the account is locked.
    pub locked_until: Option<UnixSeconds>,
}

/// Let go of sessions that were taken over, because the shop has ended them. Others are left alone.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct ReleaseSessions(pub Vec<TokenDigest>);

/// Which sessions to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// The one with this token.
    Token(TokenDigest),
    /// The one with this number.
    Session(SessionId),
    /// One JWT that Magento issued: there is no session of it.
    Jwt(JwtDenial),
    /// The one with this token, as [`Self::Token`]; when it has no session, a shop may take it for good all the same, so
    /// that it is denied from now on.
    Unheld(TokenDigest),
    /// All of this user, those on their way to the store and JWTs that Magento issued included.
    Subject(Subject),
    /// All of this user that were issued at this second or earlier: what a revocation by Magento itself says (fact
    /// sheet 6.5).
    IssuedThrough(Subject, UnixSeconds),
    /// All of this kind.
    Kind(UserType),
    /// All.
    Everything,
}

/// A JWT that nobody keeps a session of, and that is to be refused until its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JwtDenial {
    /// The digest of its text.
    pub digest: TokenDigest,
    /// Whose it is.
    pub subject: Subject,
    /// The first second at which it is not good any more by itself.
    pub ends: UnixSeconds,
}

/// End sessions. From the moment of the reply no check says yes to them.
///
/// The answer is how many live sessions were ended; ending none is no error.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<usize, RegistryError>")]
pub struct RevokeSessions {
    /// Which ones.
    pub which: Revocation,
    /// Why.
    pub reason: EndReason,
    /// Who asks, for the audit trail: its line is stored in the same transaction.
    pub origin: Origin,
}

/// End what was revoked elsewhere: the sessions and JWTs of each of these users that were issued at its second or earlier
/// (fact sheet 6.5), by the shop's clock. What is known already ends nothing that has begun since. The sender gives a few
/// hundred at once.
///
/// The answer is how many live sessions were ended; it comes when everything is stored. Before the clocks were compared
/// nothing is taken.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<usize, RegistryError>")]
pub struct TakeRevocations(pub Vec<UserRevocation>);

/// The clocks of the shop and of this server were compared. Revocations are carried from one to the other by that.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct ClocksCompared {
    /// By how many milliseconds the shop's clock is ahead of session time; negative when it is behind.
    pub ahead: i64,
    /// By how many milliseconds that may be off, because of the time that the answer took.
    pub within: u64,
}

/// List live sessions, newest last.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Vec<Session>")]
pub struct ListSessions {
    /// Only those of this user; all when `None`.
    pub subject: Option<Subject>,
    /// Only those of this kind, when no user is named; all when `None`.
    pub kind: Option<UserType>,
    /// Only sessions with a greater number: the last one of the page before.
    pub after: Option<SessionId>,
    /// At most so many.
    pub limit: usize,
}

/// List a part of the users who have sessions, in no order. All parts together are all of them.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Vec<Subject>")]
pub struct ListUsers {
    /// Which part: from 0, below [`ListUsers::PARTS`].
    pub part: usize,
}

impl ListUsers {
    /// How many parts there are.
    pub const PARTS: usize = crate::registry::subjects::PARTS;
}

/// Find the live session with this number.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Option<Session>")]
pub struct FindSession {
    /// Its number.
    pub id: SessionId,
}

/// How many live sessions would end at once if sessions of this kind had this lifetime? Sessions whose end was fixed
/// when they were issued do not count. Costs a step per bucket of sessions, not per session.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "usize")]
pub struct CountEnding {
    /// The kind.
    pub kind: UserType,
    /// The lifetime that they would have.
    pub lifetime: Lifetime,
}

/// How many sessions there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Live sessions of integrations, administrators and customers, in the order of [`UserType::ALL`].
    pub live: [usize; 3],
    /// Expired sessions that are kept for a while, so that their holder hears "expired" rather than "unknown".
    pub expired: usize,
    /// Sessions on their way to the store.
    pub pending: usize,
    /// How many sessions there may be.
    pub capacity: usize,
    /// Sessions issued since the start.
    pub issued: u64,
    /// Sessions ended before their time since the start.
    pub revoked: u64,
    /// Sessions that ended by themselves since the start.
    pub ended: u64,
}

/// Count the sessions.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Statistics")]
pub struct CollectStatistics;

/// A lifetime may have changed: arm the timer anew. The checks themselves read the new lifetime from the snapshot.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct SettingsChanged;

/// A session that is live from the start: from the store, or made up for a load test.
#[derive(Clone, Copy, Debug)]
pub struct PreloadSession {
    /// Whose session it is.
    pub subject: Subject,
    /// In which website.
    pub website: WebsiteId,
    /// The digest of the token.
    pub digest: TokenDigest,
}

/// Take over many sessions at once, issued now. Meant for the time before the server answers.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), RegistryError>")]
pub struct PreloadSessions {
    /// Which ones.
    pub sessions: Vec<PreloadSession>,
    /// Whether they are stored; the reply waits for it.
    pub stored: bool,
}

/// So many sessions are going to be loaded from the store. The first message of all, once.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct BeginLoading {
    /// How many, about.
    pub expected: usize,
    /// Up to which number all sessions of a kind were ended.
    pub kinds_ended: Vec<(UserType, SessionId)>,
}

/// Take over what ends JWTs that nobody keeps a session of. Before the sessions.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct LoadJwts(pub StoredJwts);

/// Take over sessions that were stored, in the order of their numbers. After the last one follows [`SettingsChanged`].
#[derive(Debug, Message)]
#[rtype(result = "Result<(), RegistryError>")]
pub struct LoadSessions {
    /// The sessions.
    pub sessions: Vec<StoredSession>,
    /// Rows that are no longer needed: they are deleted later.
    pub over: Vec<SessionId>,
}

/// Is this token good, and whose is it?
#[derive(Debug, Message)]
#[rtype(result = "Validation")]
pub struct ValidateToken {
    /// What the client sent, when that could be a token.
    pub candidate: Option<Candidate>,
}

/// The same question for many tokens, answered in one turn and in the same order.
#[derive(Debug, Message)]
#[rtype(result = "Vec<Validation>")]
pub struct ValidateTokens {
    /// The candidates, as in [`ValidateToken`].
    pub candidates: Vec<Option<Candidate>>,
}

/// End the sessions of these tokens, which were issued here and which a shop has ended. The sender gives a thousand at once.
///
/// The answer is how many live sessions were ended; it comes when everything is stored.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<usize, RegistryError>")]
pub struct EndTokens(pub Vec<TokenDigest>);
