//! What can be asked of the sign-in, and what it answers.

use std::net::IpAddr;
use std::time::Duration;

use thiserror::Error;

use crate::registry::RegistryError;
use crate::secret::{Password, Secret};
use crate::session::Session;
use crate::settings::StoreView;
use crate::sign_in::password::PoolError;
use crate::token::Token;

/// When to try again after the registry had too much to do.
const REGISTRY_RETRY: Duration = Duration::from_secs(1);

/// How signing in behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many passwords are hashed at once: `sign_in.concurrency`.
    pub concurrency: usize,
    /// How many may wait for their turn: `sign_in.queue`.
    pub queue: usize,
    /// Whether inactive customers are refused: `sign_in.refuse_inactive`.
    pub refuse_inactive: bool,
    /// Whether a success clears the customer's failure counter and lock: 2.4.8 and newer do, 2.4.7 and older do not
    /// (fact sheet 5.2, step 6).
    pub reset_counters_on_success: bool,
    /// When an administrator's password does not suffice: `admin.second_factor`.
    pub second_factor: SecondFactorRule,
    /// Whether old password hashes are renewed after a success: `magento.rehash`.
    pub rehash: bool,
}

/// When an administrator's password does not suffice (fact sheet 9.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecondFactorRule {
    /// Exactly when `twofactorauth/general/force_providers` names something.
    #[default]
    Auto,
    /// Never: it suffices.
    Off,
    /// Always.
    Required,
}

/// Who asks, for limits and for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The client's address, as far as it is known.
    pub address: Option<IpAddr>,
    /// The protocol, for the log: `graphql`, `rest`.
    pub protocol: &'static str,
}

/// A customer's name and password.
#[derive(Clone, Debug)]
pub struct CustomerCredentials {
    /// What was typed as e-mail address.
    pub email: String,
    /// What was typed as password.
    pub password: Password,
    /// The store view in effect: its website is the one in which the customer is looked up.
    pub store: StoreView,
}

/// An administrator's name and password, and the code of an authenticator app.
#[derive(Clone, Debug)]
pub struct AdministratorCredentials {
    /// What was typed as user name.
    pub username: String,
    /// What was typed as password.
    pub password: Password,
    /// What was typed as code, which may be nothing; `None` where none is asked for.
    pub code: Option<Secret>,
}

/// A token that was handed out, with its session.
#[derive(Debug)]
pub struct IssuedToken {
    /// The token: for the client alone.
    pub token: Token,
    /// The session.
    pub session: Session,
}

/// Why a sign-in was refused: for the operator. The client is told less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum Refusal {
    /// The name has failed too often.
    #[error("throttled")]
    Throttled,
    /// Nobody has this name.
    #[error("unknown user")]
    UnknownUser,
    /// The password is wrong.
    #[error("wrong password")]
    WrongPassword,
    /// The customer's account is locked.
    #[error("account locked")]
    Locked,
    /// The password is right, but the customer's e-mail address is not confirmed, and has to be.
    #[error("not confirmed")]
    NotConfirmed,
    /// The customer's group is excluded from the website.
    #[error("website excluded")]
    WebsiteExcluded,
    /// The account is inactive.
    #[error("inactive")]
    Inactive,
    /// The administrator's account has ended.
    #[error("account expired")]
    AccountExpired,
    /// The administrator has no role.
    #[error("no role")]
    NoRole,
    /// The administrator's password is right, a second factor is wanted, and the installation selects none.
    #[error("no second factor is selected")]
    SecondFactorUnselected,
    /// The administrator's password is right, and the second factor is to be shown elsewhere.
    #[error("second factor missing")]
    SecondFactorMissing,
    /// The administrator's password is right, a second factor is wanted, and this administrator has none.
    #[error("second factor not set up")]
    SecondFactorNotSetUp,
    /// A code, but the installation does not select authenticator apps.
    #[error("provider not allowed")]
    ProviderNotAllowed,
    /// A code, but the administrator has no authenticator app.
    #[error("provider not configured")]
    ProviderNotConfigured,
    /// The code is wrong.
    #[error("wrong code")]
    WrongCode,
    /// The code was used before, or one that came after it.
    #[error("used code")]
    UsedCode,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Throttled,
        Self::UnknownUser,
        Self::WrongPassword,
        Self::Locked,
        Self::NotConfirmed,
        Self::WebsiteExcluded,
        Self::Inactive,
        Self::AccountExpired,
        Self::NoRole,
        Self::SecondFactorUnselected,
        Self::SecondFactorMissing,
        Self::SecondFactorNotSetUp,
        Self::ProviderNotAllowed,
        Self::ProviderNotConfigured,
        Self::WrongCode,
        Self::UsedCode,
    ];

    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::UnknownUser => "unknown_user",
            Self::WrongPassword => "wrong_password",
            Self::Locked => "locked",
            Self::NotConfirmed => "not_confirmed",
            Self::WebsiteExcluded => "website_excluded",
            Self::Inactive => "inactive",
            Self::AccountExpired => "account_expired",
            Self::NoRole => "no_role",
            Self::SecondFactorUnselected => "second_factor_unselected",
            Self::SecondFactorMissing => "second_factor_missing",
            Self::SecondFactorNotSetUp => "second_factor_not_set_up",
            Self::ProviderNotAllowed => "provider_not_allowed",
            Self::ProviderNotConfigured => "provider_not_configured",
            Self::WrongCode => "wrong_code",
            Self::UsedCode => "used_code",
        }
    }
}

/// Why there is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SignInError {
    /// The sign-in was refused.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// Too many sign-ins wait; try again after this time.
    #[error("too many sign-ins are waiting")]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// The number of sessions has reached its limit.
    #[error("no room for another session")]
    Full,
    /// The accounts or the store cannot be reached.
    #[error("unavailable")]
    Unavailable,
}

impl From<PoolError> for SignInError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Busy { retry_after } => Self::Busy { retry_after },
            PoolError::Unavailable => Self::Unavailable,
        }
    }
}

impl From<RegistryError> for SignInError {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Full => Self::Full,
            RegistryError::Busy => Self::Busy { retry_after: REGISTRY_RETRY },
            RegistryError::Unavailable => Self::Unavailable,
        }
    }
}
