//! The one table of failures: what a client is told, with which status, and what the log says.
//!
//! Protocol code builds a [`Failure`] and lets its row say the rest; nothing else chooses a status. There is no wildcard
//! arm: a new failure does not compile until somebody has chosen its row. GraphQL renders it as an entry of `errors`,
//! REST as Magento's error body, the gateway as a refusal. A cause that names a file, a query or a library never comes
//! this far: it is logged where it happens.

use std::borrow::Cow;
use std::time::Duration;

use actix_web::http::StatusCode;

use crate::http::MagentoVersion;
use crate::registry::RegistryError;
use crate::sign_in::{Refusal, SignInError};

/// Magento's category of a GraphQL error (fact sheet 1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// Wrong credentials, a locked or unconfirmed account, a bad bearer token.
    Authentication,
    /// The operation needs somebody else.
    Authorization,
    /// Bad input.
    Input,
    /// Something named is not there.
    NoSuchEntity,
}

impl Category {
    /// The text of `extensions.category`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Authentication => "graphql-authentication",
            Self::Authorization => "graphql-authorization",
            Self::Input => "graphql-input",
            Self::NoSuchEntity => "graphql-no-such-entity",
        }
    }
}

/// What can go wrong, as far as a client may know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Wrong name or password, or any other reason that is not told (fact sheet 2.1).
    SignInRefused,
    /// Right password, but the e-mail address is not confirmed (2.4.8 and newer).
    NotConfirmed,
    /// The administrator has no role (fact sheet 5.3).
    NoRole,
    /// An administrator has to show a second factor, and the installation selects none (fact sheet 9.1).
    SecondFactorUnselected,
    /// An administrator has to show a second factor, on the route of its provider (fact sheet 9.1).
    SecondFactorMissing,
    /// An administrator has to show a second factor and has none. tokenward sends no mail, and says what Magento says
    /// when it could not (fact sheet 9.1).
    SecondFactorNotSetUp,
    /// This provider is not among those that the installation selects, or not served (fact sheet 9.2).
    ProviderNotAllowed,
    /// The administrator has not activated this provider (fact sheet 9.2).
    ProviderNotConfigured,
    /// The code is wrong, or was used (fact sheet 9.2).
    CodeInvalid,
    /// The customer's account is locked (fact sheet 2.4).
    AccountLocked,
    /// The bearer token is not known (fact sheet 1.7).
    TokenUnknown,
    /// The bearer token's time is over.
    TokenExpired,
    /// The user's tokens were revoked.
    TokenRevoked,
    /// The GraphQL operation needs a customer.
    CustomerRequired,
    /// The token's customer is no longer there.
    NoSuchCustomer(u32),
    /// A GraphQL argument is empty.
    ArgumentEmpty(&'static str),
    /// `isEmailAvailable` without an address.
    EmailMissing,
    /// `isEmailAvailable` with something that is no address.
    EmailInvalid,
    /// The `Store` header names no active store view.
    StoreUnknown(String),
    /// The `Content-Currency` header names a currency that is not allowed.
    CurrencyNotAllowed,
    /// A GraphQL POST without `application/json`.
    JsonRequired,
    /// A mutation by another method than POST.
    PostRequired,
    /// A body or `variables` that is not JSON.
    RequestUnparsable,
    /// A body over `http.max_body`.
    BodyTooLarge,
    /// A body that did not come to its end in good time.
    BodyTooSlow,
    /// More aliases than `graphql/validation/maximum_alias_allowed`.
    TooManyAliases {
        /// How many may be.
        limit: usize,
        /// How many are.
        got: usize,
    },
    /// More fields than the complexity limit.
    TooComplex {
        /// How many may be.
        limit: usize,
        /// How many are.
        got: usize,
    },
    /// Too many passwords wait to be hashed.
    TooManySignIns {
        /// When to try again.
        retry_after: Duration,
    },
    /// `generateCustomerTokenAsAdmin` while it is switched off, or for a role that may not (fact sheet 2.3).
    LoginAsCustomerDisabled,
    /// The same for a role that may not assist.
    AssistanceDisabled,
    /// The same for somebody who is no customer of the website.
    NoSuchCustomerEmail,
    /// It cannot be done or told at the moment.
    Unavailable,
    /// A GraphQL document with more in it than is read or validated at all.
    DocumentTooLarge,
}

/// How loudly a failure is logged where it meets the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loudness {
    /// Only when somebody looks: clients cause it at will.
    Quiet,
    /// Worth a warning: somebody operating this should know.
    Warning,
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What the client is told.
    pub message: Cow<'static, str>,
    /// The GraphQL category, if Magento gives it one.
    pub category: Option<Category>,
    /// The status on REST.
    pub rest: StatusCode,
    /// The status on GraphQL, when the category does not decide it.
    pub graphql: Option<StatusCode>,
    /// How loudly it is logged.
    pub loudness: Loudness,
    /// When to try again.
    pub retry_after: Option<Duration>,
}

/// How long a client should wait when nothing better is known.
const RETRY_AFTER: Duration = Duration::from_secs(1);

impl Failure {
    /// Its row in the table.
    pub fn row(&self) -> Row {
        use Category::{Authentication, Authorization, NoSuchEntity};
        match self {
            Self::SignInRefused => client(
                "The account sign-in was incorrect or your account is disabled temporarily. \
                 Please wait and try again later.",
                Authentication,
                StatusCode::UNAUTHORIZED,
            ),
            Self::NotConfirmed => {
                client("This account isn't confirmed. Verify and try again.", Authentication, StatusCode::UNAUTHORIZED)
            }
            Self::NoRole => {
                client("More permissions are needed to access this.", Authentication, StatusCode::UNAUTHORIZED)
            }
            Self::SecondFactorUnselected => {
                input("Please ask an administrator with sufficient access to configure 2FA first")
            }
            Self::SecondFactorMissing => input("Please use the 2fa provider-specific endpoints to obtain a token."),
            Self::SecondFactorNotSetUp => input("Failed to send the message. Please contact the administrator"),
            Self::ProviderNotAllowed => input("Provider is not allowed."),
            Self::ProviderNotConfigured => input("Provider is not configured."),
            Self::CodeInvalid => client("Invalid code.", Authentication, StatusCode::UNAUTHORIZED),
            Self::AccountLocked => client("The account is locked.", Authentication, StatusCode::UNAUTHORIZED),
            Self::TokenUnknown => {
                client("Composite reader could not read a token", Authentication, StatusCode::UNAUTHORIZED)
            }
            Self::TokenExpired => client("Consumer key has expired", Authentication, StatusCode::UNAUTHORIZED),
            Self::TokenRevoked => client("User token has been revoked", Authentication, StatusCode::UNAUTHORIZED),
            Self::CustomerRequired => {
                client("The current customer isn't authorized.", Authorization, StatusCode::UNAUTHORIZED)
            }
            Self::NoSuchCustomer(id) => {
                client(format!("Customer with id \"{id}\" does not exist."), NoSuchEntity, StatusCode::NOT_FOUND)
            }
            Self::ArgumentEmpty(name) => input(format!("Specify the \"{name}\" value.")),
            Self::EmailMissing => input("Email must be specified"),
            Self::EmailInvalid => input("Email is invalid"),
            Self::StoreUnknown(code) => input(format!("Requested store is not found ({code})")),
            Self::CurrencyNotAllowed => input("Please correct the target currency"),
            Self::JsonRequired => input("Request content type must be application/json"),
            Self::PostRequired => input("Mutation requests allowed only for POST requests"),
            Self::RequestUnparsable => input("Unable to parse the request."),
            Self::BodyTooLarge => input("Request body is too large."),
            Self::BodyTooSlow => Row {
                category: None,
                graphql: Some(StatusCode::REQUEST_TIMEOUT),
                ..client("Request body took too long.", Category::Input, StatusCode::REQUEST_TIMEOUT)
            },
            Self::LoginAsCustomerDisabled => {
                client("Login as Customer is disabled.", Authorization, StatusCode::UNAUTHORIZED)
            }
            Self::AssistanceDisabled => {
                client("Allow remote shopping assistance is disabled.", Authorization, StatusCode::UNAUTHORIZED)
            }
            Self::NoSuchCustomerEmail => input("Customer email provided does not exist"),
            Self::TooManyAliases { limit, got } => {
                input(format!("Max Aliases in query should be {limit} but got {got}."))
            }
            Self::TooComplex { limit, got } => input(format!("Max query complexity should be {limit} but got {got}.")),
            Self::TooManySignIns { retry_after } => {
                busy("Too many sign-ins at the moment. Please try again shortly.", *retry_after)
            }
            Self::Unavailable => busy("The service is temporarily unavailable. Please try again shortly.", RETRY_AFTER),
            Self::DocumentTooLarge => input("Query is too large."),
        }
    }
}

fn client(message: impl Into<Cow<'static, str>>, category: Category, rest: StatusCode) -> Row {
    Row {
        message: message.into(),
        category: Some(category),
        rest,
        graphql: None,
        loudness: Loudness::Quiet,
        retry_after: None,
    }
}

fn input(message: impl Into<Cow<'static, str>>) -> Row {
    client(message, Category::Input, StatusCode::BAD_REQUEST)
}

fn busy(message: &'static str, retry_after: Duration) -> Row {
    Row {
        message: message.into(),
        category: None,
        rest: StatusCode::SERVICE_UNAVAILABLE,
        graphql: Some(StatusCode::SERVICE_UNAVAILABLE),
        loudness: Loudness::Warning,
        retry_after: Some(retry_after),
    }
}

/// The status of a GraphQL answer whose first categorised error has this category and came up during execution
/// (fact sheet 1.3).
pub fn executed_status(category: Category, version: MagentoVersion) -> StatusCode {
    match (category, version) {
        (Category::Authentication, MagentoVersion::V248) => StatusCode::UNAUTHORIZED,
        (Category::Authorization, MagentoVersion::V248) => StatusCode::FORBIDDEN,
        (_, MagentoVersion::V247) | (Category::Input | Category::NoSuchEntity, _) => StatusCode::OK,
    }
}

/// The status of a GraphQL answer that was refused with this category before anything was executed (fact sheet 1.3).
pub fn refused_status(category: Category, version: MagentoVersion) -> StatusCode {
    match (category, version) {
        (Category::Input | Category::NoSuchEntity, MagentoVersion::V248) => StatusCode::BAD_REQUEST,
        (Category::Input | Category::NoSuchEntity, MagentoVersion::V247) => StatusCode::INTERNAL_SERVER_ERROR,
        (Category::Authentication | Category::Authorization, _) => executed_status(category, version),
    }
}

/// The status of the GraphQL-over-HTTP draft for a request that failed with this category before anything was executed.
pub fn draft_status(category: Category) -> StatusCode {
    match category {
        Category::Authentication => StatusCode::UNAUTHORIZED,
        Category::Authorization => StatusCode::FORBIDDEN,
        Category::Input | Category::NoSuchEntity => StatusCode::BAD_REQUEST,
    }
}

impl Failure {
    /// What a client hears when a sign-in fails (fact sheet 5.2, 5.3): most reasons are hidden.
    pub fn of_sign_in(error: SignInError, version: MagentoVersion) -> Self {
        match error {
            SignInError::Refused(refusal) => Self::of_refusal(refusal, version),
            SignInError::Busy { retry_after } => Self::TooManySignIns { retry_after },
            SignInError::Full | SignInError::Unavailable => Self::Unavailable,
        }
    }

    fn of_refusal(refusal: Refusal, version: MagentoVersion) -> Self {
        match (refusal, version) {
            (Refusal::NotConfirmed, MagentoVersion::V248) => Self::NotConfirmed,
            (Refusal::NoRole, _) => Self::NoRole,
            (Refusal::SecondFactorUnselected, _) => Self::SecondFactorUnselected,
            (Refusal::SecondFactorMissing, _) => Self::SecondFactorMissing,
            (Refusal::SecondFactorNotSetUp, _) => Self::SecondFactorNotSetUp,
            (Refusal::ProviderNotAllowed, _) => Self::ProviderNotAllowed,
            (Refusal::ProviderNotConfigured, _) => Self::ProviderNotConfigured,
            (Refusal::WrongCode | Refusal::UsedCode, _) => Self::CodeInvalid,
            (
                Refusal::Throttled
                | Refusal::UnknownUser
                | Refusal::WrongPassword
                | Refusal::Locked
                | Refusal::NotConfirmed
                | Refusal::WebsiteExcluded
                | Refusal::Inactive
                | Refusal::AccountExpired,
                _,
            ) => Self::SignInRefused,
        }
    }
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Full | RegistryError::Busy | RegistryError::Unavailable => Self::Unavailable,
        }
    }
}
