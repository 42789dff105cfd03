//! The steps that the sign-ins of customers and administrators share.
//!
//! An [`Attempt`] holds a place in front of the hashers; comparing the password turns it into a [`Checked`], which ends in
//! a refusal or in a session. One that ends otherwise, because something cannot be reached, counts as nothing.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use tracing::{error, warn};

use crate::accounts::{AccountError, AccountStore};
use crate::clock::SharedClock;
use crate::registry::{IssueToken, Issued, Registry, RegistryError, Revocation, RevokeSessions};
use crate::secret::Password;
use crate::session::{EndReason, Subject};
use crate::settings::{RoleId, SharedSnapshot, WebsiteId};
use crate::sign_in::password::{HasherPool, Place, Verdict};
use crate::sign_in::report::Counters;
use crate::sign_in::throttle::{InFlight, Key, Throttle};
use crate::sign_in::turns::Turns;
use crate::sign_in::{IssuedToken, Options, Refusal, SignInError};
use crate::store::CustomerLock;
use crate::token::{Token, TokenDigest};

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
    pub(super) counters: Counters,
}

/// Where a sign-in begins its session: what it needs of the registry.
#[async_trait]
pub(super) trait Sessions: std::fmt::Debug + Send + Sync + 'static {
    /// The digest under which the registry keeps this token.
    fn digest(&self, token: &Token) -> Option<TokenDigest>;

    /// Begins the session.
    async fn begin(&self, change: IssueToken) -> Result<Issued, RegistryError>;

    /// Ends all sessions of a user whose account has ended.
    async fn end_all(&self, subject: Subject) -> Result<(), RegistryError>;
}

#[async_trait]
impl Sessions for Registry {
    fn digest(&self, token: &Token) -> Option<TokenDigest> {
        self.reader().digest(token.expose())
    }

    async fn begin(&self, change: IssueToken) -> Result<Issued, RegistryError> {
        self.issue(change).await
    }

    async fn end_all(&self, subject: Subject) -> Result<(), RegistryError> {
        let change = RevokeSessions { which: Revocation::Subject(subject), reason: EndReason::Ended };
        self.revoke(change).await.map(drop)
    }
}

/// A sign-in that the throttle has let through and that has a place in front of the hashers.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) core: Arc<Core>,
    pub(super) in_flight: InFlight,
    pub(super) place: Place,
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
        let (core, in_flight) = (self.core, self.in_flight);
        Ok((comparison, Checked { core, in_flight }))
    }
}

/// A sign-in whose password was compared.
#[derive(Debug)]
pub(super) struct Checked {
    core: Arc<Core>,
    in_flight: InFlight,
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
}

impl Checked {
    /// Refuses the sign-in. The answer is the same when the failure cannot be stored: the throttle counts it in memory
    /// all the same, the customer's counter does not.
    pub(super) async fn refuse(self, failed: Failed) -> SignInError {
        let Failed { refusal, counted, lock } = failed;
        let _turn = self.core.name_turns.wait(self.in_flight.key()).await;
        let row = if counted { self.in_flight.fail() } else { None };
        if (lock.is_some() || row.is_some())
            && let Err(error) = self.core.accounts.failure(lock, row).await
        {
            warn!(%error, "a failed sign-in was not stored: the throttle counts it until the restart, the account does not");
        }
        SignInError::Refused(refusal)
    }

    /// Begins the session and stores what the success changes, in one transaction. When that fails nothing is counted.
    pub(super) async fn issue(self, grant: Grant) -> Result<IssuedToken, SignInError> {
        let Grant { subject, website, role, lock } = grant;
        let _turn = self.core.name_turns.wait(self.in_flight.key()).await;
        let token = Token::generate();
        let digest = self.core.sessions.digest(&token).ok_or(SignInError::Unavailable)?;
        let now = self.core.clock.now();
        let success = self.core.accounts.success(subject, now, lock, Some(self.in_flight.key().name()));
        let along = success.await.map_err(|error| unreadable(&error))?;
        let change = IssueToken { subject, website, digest, role, along };
        let Issued { session } = self.core.sessions.begin(change).await?;
        self.in_flight.succeed();
        Ok(IssuedToken { token, session })
    }
}

/// Logs why an account could not be read or changed; the cause is for the operator alone.
pub(super) fn unreadable(error: &AccountError) -> SignInError {
    error!(%error, "an account cannot be reached for a sign-in");
    SignInError::Unavailable
}
