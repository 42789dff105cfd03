//! The steps that the sign-ins of customers and administrators share.
//!
//! An [`Attempt`] holds a place in front of the hashers; comparing the password turns it into a [`Checked`], which ends in
//! a refusal or in a session. One that ends otherwise, because something cannot be reached, counts as nothing.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use tracing::{debug, error, info, warn};

use crate::accounts::{AccountError, AccountStore};
use crate::audit::{Channel, Origin};
use crate::clock::SharedClock;
use crate::registry::{
    IssueToken, Issued, ListSessions, NewToken, Registry, RegistryError, Revocation, RevokeSessions,
};
use crate::secret::Password;
use crate::session::{EndReason, Subject, UserType};
use crate::settings::{RoleId, SharedSnapshot, WebsiteId};
use crate::sign_in::outage::Outage;
use crate::sign_in::password::{HasherPool, Place, PoolError, Verdict};
use crate::sign_in::report::{Counters, Label};
use crate::sign_in::second_factor::UsedCodes;
use crate::sign_in::throttle::{InFlight, Key, Throttle};
use crate::sign_in::trail::Refusals;
use crate::sign_in::turns::Turns;
use crate::sign_in::{IssuedToken, Options, Refusal, SignInError};
use crate::store::{Change, CustomerLock, UsedCode};

/// What all attempts share.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) accounts: Arc<dyn AccountStore>,
    pub(super) sessions: Arc<dyn Sessions>,
    pub(super) snapshot: SharedSnapshot,
    pub(super) clock: SharedClock,
    pub(super) options: Options,
    pub(super) hashers: HasherPool,
    pub(super) throttle: Arc<Throttle>,
    /// Whose turn it is to change an account.
    pub(super) account_turns: Turns<Subject>,
    /// Whose turn it is to store what the throttle counts for a name.
    pub(super) name_turns: Turns<Key>,
    pub(super) used_codes: UsedCodes,
    pub(super) counters: Counters,
    /// What the audit trail has yet to learn of refusals.
    pub(super) refusals: Refusals,
    pub(super) outage: Outage,
}

/// Where a sign-in begins its session: what it needs of the registry.
#[async_trait]
pub(super) trait Sessions: std::fmt::Debug + Send + Sync + 'static {
    /// A token for a session of this user; `None` when none can be made.
    fn new_token(&self, subject: Subject) -> Option<NewToken>;

    /// Begins the session.
    async fn begin(&self, change: IssueToken) -> Result<Issued, RegistryError>;

    /// Whether a user has sessions.
    async fn has_any(&self, subject: Subject) -> Result<bool, RegistryError>;

    /// Ends all sessions of a user whose account has ended, or was switched off.
    async fn end_all(&self, subject: Subject) -> Result<(), RegistryError>;
}

#[async_trait]
impl Sessions for Registry {
    fn new_token(&self, subject: Subject) -> Option<NewToken> {
        self.reader().new_token(subject)
    }

    async fn begin(&self, change: IssueToken) -> Result<Issued, RegistryError> {
        self.issue(change).await
    }

    async fn has_any(&self, subject: Subject) -> Result<bool, RegistryError> {
        let question = ListSessions { subject: Some(subject), kind: None, after: None, limit: 1 };
        Ok(!self.list(question).await?.is_empty())
    }

    async fn end_all(&self, subject: Subject) -> Result<(), RegistryError> {
        let change =
            RevokeSessions { which: Revocation::Subject(subject), reason: EndReason::Ended, origin: Origin::SERVER };
        self.revoke(change).await.map(drop)
    }
}

impl Core {
    /// Logs why an account could not be read or changed; the cause is for the operator alone.
    pub(super) fn unreadable(&self, error: &AccountError) -> SignInError {
        if let Some(attempts) = self.outage.count(self.clock.now()) {
            error!(%error, attempts, "sign-ins are refused: accounts are not available");
        } else {
            debug!(%error, "a sign-in is refused, since an account is not available");
        }
        SignInError::Unavailable
    }

    /// What a comparison is worth when the account has this hash by now. Another one than `before` is no other password
    /// by itself: the shop renews hashes, and so does every server beside it. So it is compared with that one then.
    pub(super) async fn compare_again(
        &self,
        comparison: Comparison,
        before: &str,
        now: &str,
        password: &Password,
    ) -> Result<Comparison, PoolError> {
        if before == now || comparison == Comparison::NotMade {
            return Ok(comparison);
        }
        let is_right = self.hashers.verify_uncounted(now.to_owned(), password.clone()).await?;
        Ok(if is_right { Comparison::Match } else { Comparison::Mismatch })
    }

    /// To be called before a session begins: the older ones of a customer whose account was switched off elsewhere, which
    /// nobody has noticed yet, do not go on beside it.
    pub(super) async fn end_what_was_switched_off(&self, subject: Subject) -> Result<(), SignInError> {
        let is_customer = subject.kind == UserType::Customer;
        if !is_customer || !self.accounts.was_switched_off(subject.id).await.map_err(|error| self.unreadable(&error))? {
            return Ok(());
        }
        // Ending what is not there would be a revocation all the same, of JWTs and in the shop.
        if self.sessions.has_any(subject).await? {
            info!(user = %subject, "a customer was switched off in the shop: the older sessions end");
            self.sessions.end_all(subject).await?;
        }
        self.accounts.accept_inactive(subject.id);
        Ok(())
    }
}

/// A sign-in that the throttle has let through and that has a place in front of the hashers.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) core: Arc<Core>,
    pub(super) in_flight: InFlight,
    pub(super) place: Place,
    /// Who tries to sign in as whom.
    pub(super) label: Label,
    /// Lives as long as somebody waits for the answer.
    pub(super) caller: Weak<()>,
}

/// What came of comparing the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    /// It is right.
    Match,
    /// It is wrong.
    Mismatch,
    /// It was not looked at.
    NotMade,
}

impl Attempt {
    /// Compares the password; costs the same without anything to compare with.
    pub(super) async fn compare(
        self,
        stored: Option<String>,
        password: Password,
    ) -> Result<(Comparison, Checked), SignInError> {
        let nothing = stored.is_none();
        let verdict = self.core.hashers.verify(stored, password, self.caller, self.place).await?;
        let comparison = match verdict {
            Verdict::Match => Comparison::Match,
            Verdict::Mismatch if nothing => Comparison::NotMade,
            Verdict::Mismatch => Comparison::Mismatch,
            // Nobody hears this.
            Verdict::Abandoned => return Err(SignInError::Unavailable),
        };
        let (core, in_flight, label) = (self.core, self.in_flight, self.label);
        Ok((comparison, Checked { core, in_flight, label }))
    }
}

/// A sign-in whose password was compared.
#[derive(Debug)]
pub(super) struct Checked {
    core: Arc<Core>,
    in_flight: InFlight,
    label: Label,
}

/// Why a sign-in is refused, and what it leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) refusal: Refusal,
    /// Whether the throttle counts it.
    pub(super) counted: bool,
    /// The customer's counters, when they change.
    pub(super) lock: Option<CustomerLock>,
}

impl Failed {
    /// A refusal that the throttle counts.
    pub(super) fn counted(refusal: Refusal) -> Self {
        Self { refusal, counted: true, lock: None }
    }

    /// A refusal that leaves nothing behind.
    pub(super) fn uncounted(refusal: Refusal) -> Self {
        Self { counted: false, ..Self::counted(refusal) }
    }
}

/// The session that a sign-in has earned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grant {
    pub(super) subject: Subject,
    pub(super) website: WebsiteId,
    pub(super) role: Option<RoleId>,
    /// The customer's counters, when they change.
    pub(super) lock: Option<CustomerLock>,
    /// The code that it was earned with.
    pub(super) code: Option<UsedCode>,
}

impl Checked {
    /// Refuses the sign-in; `subject` is whose account it is, when the name reached one. The answer is the same when the
    /// failure cannot be stored: the throttle counts it in memory all the same, the customer's counter does not.
    pub(super) async fn refuse(self, failed: Failed, subject: Option<Subject>) -> SignInError {
        let Failed { refusal, counted, lock } = failed;
        let _turn = self.core.name_turns.wait(self.in_flight.key()).await;
        let row = if counted { self.in_flight.fail() } else { None };
        let along: Vec<_> = self.core.refused(&self.label, refusal, subject).into_iter().map(Change::Audit).collect();
        let has_line = !along.is_empty();
        if (lock.is_some() || row.is_some() || has_line)
            && let Err(error) = self.core.accounts.failure(lock, row, along).await
        {
            if has_line {
                self.core.refusals.count(&self.label, refusal);
            }
            warn!(%error, "a failed sign-in was not stored: the throttle counts it until the restart, the account does not");
        }
        SignInError::Refused(refusal)
    }

    /// Begins the session and stores what the success changes, in one transaction. When that fails nothing is counted. What
    /// is kept in a shop is changed there before, the failures last: a token that stands there without a session is taken
    /// out again.
    pub(super) async fn issue(self, grant: Grant) -> Result<IssuedToken, SignInError> {
        let Grant { subject, website, role, lock, code } = grant;
        let _turn = self.core.name_turns.wait(self.in_flight.key()).await;
        self.core.end_what_was_switched_off(subject).await?;
        let made = self.core.sessions.new_token(subject).ok_or_else(no_token)?;
        let NewToken { token, digest, fixed_end, begins } = made;
        let mirrored = self.core.accounts.mirror_token(subject, &token, digest, begins).await;
        let mirrored = mirrored.map_err(|error| self.core.unreadable(&error))?;
        let now = self.core.clock.now();
        let success = self.core.accounts.success(subject, now, lock, Some(self.in_flight.key().name()));
        let mut along = success.await.map_err(|error| self.core.unreadable(&error))?;
        along.extend(code.map(Change::CodeUsed));
        along.extend(mirrored.along());
        let origin = Origin::user(subject, Channel::of_protocol(self.label.caller.protocol), self.label.caller.address);
        let typed = Some(self.label.name);
        let change = IssueToken { subject, website, digest, fixed_end, role, along, origin, typed };
        let Issued { session } = self.core.sessions.begin(change).await?;
        drop(mirrored);
        if let Some(code) = code {
            self.core.used_codes.note(code);
        }
        self.in_flight.succeed();
        Ok(IssuedToken { token, session })
    }
}

/// Logs why there is no token: only a JWT may be impossible to make.
fn no_token() -> SignInError {
    error!(
        "a token cannot be issued: tokens.format is \"jwt\", and there is no key, or webapi/jwtauth/jwt_alg is none of \
         HS256, HS384 and HS512"
    );
    SignInError::Unavailable
}
