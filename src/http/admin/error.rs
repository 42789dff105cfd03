//! What can go wrong, and the problem (RFC 9457) that a client is told.

use actix_web::HttpResponse;
use actix_web::ResponseError;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::{IntoResponses, ToSchema};

use crate::accounts::AccountError;
use crate::keeper::KeeperError;
use crate::registry::RegistryError;
use crate::settings::SettingError;

/// Why a request was not carried out. The text is what the client is told.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum AdminError {
    /// No bearer token.
    #[error("An administrator's token is needed as a bearer.")]
    NoToken,
    /// A bearer token that is no good, and why.
    #[error("{0}")]
    TokenNotGood(&'static str),
    /// The token of a customer or an integration.
    #[error("Only an administrator may do this.")]
    NotAnAdministrator,
    /// The administrator's role does not allow this resource.
    #[error("The administrator's role does not allow {resource}.")]
    NotAllowed {
        /// Magento's id of the resource.
        resource: &'static str,
    },
    /// What the path names is not there.
    #[error("{0}")]
    NotFound(String),
    /// The path is known, but not with this method. Those that are known.
    #[error("This can only be asked with: {0}.")]
    MethodNotAllowed(String),
    /// A parameter or the body cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// The body is larger than anything that makes sense here.
    #[error("The body is too large.")]
    BodyTooLarge,
    /// The body did not come to its end in good time.
    #[error("The body took too long.")]
    BodyTooSlow,
    /// The body is not JSON by its content type.
    #[error("The body has to be application/json.")]
    JsonRequired,
    /// It was understood, but breaks a rule.
    #[error("{0}")]
    Refused(String),
    /// It cannot be done or told at the moment.
    #[error("This is not possible at the moment. Please try again shortly.")]
    Unavailable,
}

/// Why a request was not carried out (RFC 9457).
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct Problem {
    /// Always `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    kind: String,
    /// The name of the status.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What is wrong, for a person.
    detail: String,
    /// With status 403: the resource that the administrator's role would have to allow.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    resource: Option<String>,
}

/// The problems that every route may answer.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only described, never built")]
pub(super) enum Problems {
    /// A parameter or the body cannot be read
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(Problem),
    /// No token, or one that is not good
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(Problem),
    /// The caller is no administrator, or the role does not allow it
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem),
    /// It cannot be done at the moment; `Retry-After` says when to try again
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}

impl AdminError {
    fn resource(&self) -> Option<&'static str> {
        match self {
            Self::NotAllowed { resource } => Some(resource),
            _ => None,
        }
    }

    /// The challenge of RFC 6750, section 3.
    fn challenge(&self) -> Option<String> {
        match self {
            Self::NoToken => Some("Bearer".to_owned()),
            Self::TokenNotGood(why) => Some(format!("Bearer error=\"invalid_token\", error_description=\"{why}\"")),
            Self::NotAnAdministrator => {
                Some(format!("Bearer error=\"insufficient_scope\", error_description=\"{self}\""))
            }
            Self::NotAllowed { resource } => {
                Some(format!("Bearer error=\"insufficient_scope\", error_description=\"{self}\", scope=\"{resource}\""))
            }
            _ => None,
        }
    }
}

impl ResponseError for AdminError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NoToken | Self::TokenNotGood(_) => StatusCode::UNAUTHORIZED,
            Self::NotAnAdministrator | Self::NotAllowed { .. } => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unreadable(_) => StatusCode::BAD_REQUEST,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::JsonRequired => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        let mut response = HttpResponse::build(status);
        response.content_type("application/problem+json").insert_header((CACHE_CONTROL, "no-store"));
        if let Some(challenge) = self.challenge() {
            response.insert_header((WWW_AUTHENTICATE, challenge));
        }
        match self {
            Self::MethodNotAllowed(methods) => drop(response.insert_header((ALLOW, methods.as_str()))),
            Self::Unavailable => drop(response.insert_header((RETRY_AFTER, "1"))),
            _ => {}
        }
        response.json(Problem {
            kind: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: self.to_string(),
            resource: self.resource().map(str::to_owned),
        })
    }
}

impl From<SettingError> for AdminError {
    fn from(error: SettingError) -> Self {
        match error {
            SettingError::Unknown { .. } => Self::NotFound(sentence(&error.to_string())),
            // Magento's own words, without the path in front.
            SettingError::Invalid(invalid) => Self::Refused(invalid.problem),
            SettingError::OutOfReach(_) | SettingError::NoSuchScope => Self::Refused(sentence(&error.to_string())),
        }
    }
}

impl From<KeeperError> for AdminError {
    fn from(error: KeeperError) -> Self {
        match error {
            KeeperError::Refused(refused) => refused.into(),
            KeeperError::Conflict(problem) => Self::Refused(sentence(&problem)),
            KeeperError::Busy => Self::Unavailable,
            KeeperError::Unavailable(cause) => {
                tracing::warn!(cause, "a setting could not be changed");
                Self::Unavailable
            }
        }
    }
}

impl From<RegistryError> for AdminError {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Full | RegistryError::Busy | RegistryError::Unavailable => Self::Unavailable,
        }
    }
}

impl From<AccountError> for AdminError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Unavailable(cause) | AccountError::Faulty(cause) => {
                tracing::warn!(cause, "the accounts could not be asked for the admin API");
                Self::Unavailable
            }
            AccountError::Conflict(problem) => Self::Refused(sentence(&problem)),
        }
    }
}

/// A text of the operator's command line as a sentence.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first: String = characters.next().into_iter().flat_map(char::to_uppercase).collect();
    let end = if text.ends_with(['.', '?']) { "" } else { "." };
    format!("{first}{}{end}", characters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::InvalidValue;

    #[test]
    fn a_refused_value_is_told_in_magentos_words_alone() {
        let problem = "Please enter a valid number in this field.".to_owned();
        let invalid = InvalidValue { path: "oauth/x".to_owned(), problem: problem.clone() };
        assert_eq!(AdminError::from(SettingError::Invalid(invalid)), AdminError::Refused(problem));
    }

    #[test]
    fn a_missing_permission_is_named_in_the_challenge() {
        let error = AdminError::NotAllowed { resource: "Magento_User::acl_users" };
        let response = error.error_response();
        let challenge = response.headers().get(WWW_AUTHENTICATE).unwrap().to_str().unwrap();
        assert_eq!(
            challenge,
            "Bearer error=\"insufficient_scope\", error_description=\"The administrator's role does not allow \
             Magento_User::acl_users.\", scope=\"Magento_User::acl_users\""
        );
    }
}
