//! Magento's error bodies (fact sheet 3.3).
//!
//! `message` holds the template as it is; the values of its placeholders are in `parameters`.

use std::borrow::Cow;

use actix_web::HttpResponse;
use actix_web::http::header::{ALLOW, HeaderValue, RETRY_AFTER};
use actix_web::http::{Method, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

use crate::accounts::AccountError;
use crate::http::error::{Failure, Loudness};
use crate::http::rest::answer;
use crate::http::rest::content::Format;
use crate::registry::RegistryError;
use crate::sign_in::PasswordProblem;

/// What can go wrong on REST alone, and every failure of the common table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RestError {
    /// A failure of the common table.
    Failed(Failure),
    /// The path does not lead to a version.
    NotProcessable,
    /// There is no such route, or not with this method.
    NoRoute,
    /// A method that no route has.
    MethodNotSupported(Method),
    /// The caller may not use this resource.
    NotAuthorized {
        /// The resource: `self` or an ACL id.
        resource: &'static str,
    },
    /// These fields are missing or empty.
    Required(Vec<&'static str>),
    /// The entity is not there.
    NoSuchEntity {
        /// The field it was looked up by.
        field: &'static str,
        /// The value that nothing has.
        value: u32,
    },
    /// There is a body but no `Content-Type`.
    ContentTypeEmpty,
    /// The `Content-Type` cannot be read.
    ContentTypeInvalid,
    /// The `Content-Type` names another charset than UTF-8.
    CharsetUnsupported,
    /// The `Content-Type` is none that is understood.
    MediaTypeUnsupported(String),
    /// The `Accept` header names nothing that can be written.
    NotAcceptable(String),
    /// The body cannot be decoded.
    Undecodable,
    /// There is an object or an array where something simple is expected.
    WrongType {
        /// PHP's name of what is expected.
        expected: &'static str,
    },
    /// The current password is wrong (fact sheet 3.2).
    CurrentPasswordWrong,
    /// The token's customer is no longer there to have a password.
    NobodyToSignIn,
    /// An administrator has to show a second factor on the route of one of these providers (fact sheet 9.1).
    SecondFactorMissing(Vec<&'static str>),
    /// The new password breaks a rule (fact sheet 2.10).
    PasswordUnacceptable(PasswordProblem),
}

impl From<Failure> for RestError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<RegistryError> for RestError {
    fn from(error: RegistryError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<AccountError> for RestError {
    fn from(error: AccountError) -> Self {
        tracing::error!(%error, "the accounts could not be read");
        Self::Failed(Failure::Unavailable)
    }
}

/// Magento's error body.
#[derive(Debug, Serialize)]
struct Body {
    message: Cow<'static, str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Self>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Value>,
}

impl Body {
    fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self { message: message.into(), errors: Vec::new(), parameters: None }
    }

    fn with(message: &'static str, parameters: Value) -> Self {
        Self { parameters: Some(parameters), ..Self::new(message) }
    }

    /// The rules' templates have numbered placeholders, so that their values are a list. Those that come out of a setting
    /// are text, as Magento reads settings.
    fn unacceptable(problem: PasswordProblem) -> Self {
        match problem {
            PasswordProblem::SameAsEmail => {
                Self::new("The password can't be the same as the email address. Create a new password and try again.")
            }
            PasswordProblem::TooLong { most } => {
                Self::with("Please enter a password with at most %1 characters.", json!([most]))
            }
            PasswordProblem::TooShort { least } => Self::with(
                "The password needs at least %1 characters. Create a new password and try again.",
                json!([least.to_string()]),
            ),
            PasswordProblem::SpaceAround => {
                Self::new("The password can't begin or end with a space. Verify the password and try again.")
            }
            PasswordProblem::TooFewClasses { least } => Self::with(
                "Minimum of different classes of characters in password is %1. Classes of characters: Lower Case, Upper \
                 Case, Digits, Special Characters.",
                json!([least.to_string()]),
            ),
        }
    }

    fn required(fields: &[&'static str]) -> Self {
        let one = |field: &&str| {
            Self::with("\"%fieldName\" is required. Enter and try again.", json!({ "fieldName": field }))
        };
        match fields {
            [field] => one(field),
            several => Self {
                errors: several.iter().map(one).collect(),
                ..Self::new("One or more input exceptions have occurred.")
            },
        }
    }
}

impl RestError {
    /// The answer.
    pub(super) fn response(&self, format: Format) -> HttpResponse {
        let mut response = answer::begin(self.status(), format);
        match self {
            Self::MethodNotSupported(_) => {
                response.insert_header((ALLOW, HeaderValue::from_static("GET, POST, PUT, DELETE")));
            }
            Self::Failed(failure) => note(failure, &mut response),
            _ => {}
        }
        match self {
            Self::NotAcceptable(_) => answer::write(response, Format::Json, &fallback(&self.body().message)),
            _ => answer::write(response, format, &self.body()),
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Failed(failure) => failure.row().rest,
            Self::SecondFactorMissing(_) => Failure::SecondFactorMissing.row().rest,
            Self::NoRoute | Self::NoSuchEntity { .. } => StatusCode::NOT_FOUND,
            Self::MethodNotSupported(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAuthorized { .. } | Self::CurrentPasswordWrong | Self::NobodyToSignIn => StatusCode::UNAUTHORIZED,
            Self::NotAcceptable(_) => StatusCode::NOT_ACCEPTABLE,
            Self::NotProcessable
            | Self::Required(_)
            | Self::ContentTypeEmpty
            | Self::ContentTypeInvalid
            | Self::CharsetUnsupported
            | Self::MediaTypeUnsupported(_)
            | Self::Undecodable
            | Self::WrongType { .. }
            | Self::PasswordUnacceptable(_) => StatusCode::BAD_REQUEST,
        }
    }

    fn body(&self) -> Body {
        match self {
            Self::Failed(failure) => Body::new(failure.row().message),
            Self::SecondFactorMissing(providers) => Body {
                parameters: Some(json!({ "active_providers": providers })),
                ..Body::new(Failure::SecondFactorMissing.row().message)
            },
            Self::NotProcessable => Body::new("Specified request cannot be processed."),
            Self::NoRoute => Body::new("Request does not match any route."),
            Self::MethodNotSupported(method) => Body::new(format!("The {method} HTTP method is not supported.")),
            Self::NotAuthorized { resource } => {
                Body::with("The consumer isn't authorized to access %resources.", json!({ "resources": resource }))
            }
            Self::Required(fields) => Body::required(fields),
            Self::NoSuchEntity { field, value } => Body::with(
                "No such entity with %fieldName = %fieldValue",
                json!({ "fieldName": field, "fieldValue": value }),
            ),
            Self::ContentTypeEmpty => Body::new("Content-Type header is empty."),
            Self::ContentTypeInvalid => Body::new("Content-Type header is invalid."),
            Self::CharsetUnsupported => Body::new("UTF-8 is the only supported charset."),
            Self::MediaTypeUnsupported(media_type) => {
                Body::new(format!("Server cannot understand Content-Type HTTP header media type {media_type}"))
            }
            Self::NotAcceptable(accept) => Body::new(format!(
                "Server cannot match any of the given Accept HTTP header media type(s) from the request: \"{accept}\" \
                 with media types from the config of response renderer."
            )),
            Self::Undecodable => Body::new("Decoding error."),
            Self::WrongType { expected } => Body::new(format!(
                "The \"array\" value's type is invalid. The \"{expected}\" type was expected. Verify and try again."
            )),
            Self::CurrentPasswordWrong => {
                Body::new("The password doesn't match this account. Verify the password and try again.")
            }
            Self::NobodyToSignIn => Body::new("Invalid login or password."),
            Self::PasswordUnacceptable(problem) => Body::unacceptable(*problem),
        }
    }
}

/// What the common table says besides words and status.
fn note(failure: &Failure, response: &mut actix_web::HttpResponseBuilder) {
    let row = failure.row();
    if let Some(delay) = row.retry_after {
        response.insert_header((RETRY_AFTER, delay.as_secs().max(1)));
    }
    match row.loudness {
        Loudness::Quiet => tracing::debug!(failure = %row.message, "a REST request failed"),
        Loudness::Warning => tracing::warn!(failure = %row.message, "a REST request failed"),
    }
}

/// The body that Magento writes when it cannot find a renderer.
fn fallback(message: &str) -> Value {
    let code = StatusCode::NOT_ACCEPTABLE.as_u16();
    json!({ "messages": { "error": [{ "code": code, "message": message }] } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::to_bytes;
    use std::time::Duration;

    async fn rendered(error: RestError) -> (u16, String) {
        let response = error.response(Format::Json);
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body()).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[actix_web::test]
    async fn one_missing_field_and_several_are_worded_as_magento_does() {
        assert_eq!(
            rendered(RestError::Required(vec!["password"])).await,
            (
                400,
                r#"{"message":"\"%fieldName\" is required. Enter and try again.","parameters":{"fieldName":"password"}}"#
                    .to_owned()
            )
        );
        assert_eq!(
            rendered(RestError::Required(vec!["username", "password"])).await,
            (
                400,
                concat!(
                    r#"{"message":"One or more input exceptions have occurred.","errors":["#,
                    r#"{"message":"\"%fieldName\" is required. Enter and try again.","parameters":{"fieldName":"username"}},"#,
                    r#"{"message":"\"%fieldName\" is required. Enter and try again.","parameters":{"fieldName":"password"}}]}"#
                )
                .to_owned()
            )
        );
    }

    #[actix_web::test]
    async fn a_protected_route_names_the_resource_and_leaves_the_template() {
        assert_eq!(
            rendered(RestError::NotAuthorized { resource: "self" }).await,
            (
                401,
                r#"{"message":"The consumer isn't authorized to access %resources.","parameters":{"resources":"self"}}"#
                    .to_owned()
            )
        );
    }

    #[actix_web::test]
    async fn statuses_follow_the_kind_of_error() {
        for (error, status, message) in [
            (RestError::NotProcessable, 400, "Specified request cannot be processed."),
            (RestError::NoRoute, 404, "Request does not match any route."),
            (RestError::MethodNotSupported(Method::PATCH), 405, "The PATCH HTTP method is not supported."),
            (RestError::Undecodable, 400, "Decoding error."),
            (
                RestError::MediaTypeUnsupported("text/plain".to_owned()),
                400,
                "Server cannot understand Content-Type HTTP header media type text/plain",
            ),
            (RestError::Failed(Failure::BodyTooLarge), 400, "Request body is too large."),
            (RestError::Failed(Failure::NoRole), 401, "More permissions are needed to access this."),
        ] {
            let (seen, body) = rendered(error).await;
            let body: Value = serde_json::from_str(&body).unwrap();
            assert_eq!((seen, body), (status, json!({ "message": message })));
        }
    }

    #[actix_web::test]
    async fn a_busy_server_says_when_to_try_again() {
        let busy = RestError::Failed(Failure::TooManySignIns { retry_after: Duration::from_secs(3) });
        let response = busy.response(Format::Json);
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers().get(RETRY_AFTER).unwrap(), "3");
    }

    #[test]
    fn the_causes_of_account_errors_are_not_told() {
        let error = RestError::from(AccountError::Unavailable("/var/lib/tokenward.db: locked".to_owned()));
        assert_eq!(error, RestError::Failed(Failure::Unavailable));
    }
}
