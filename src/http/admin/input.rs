//! How parameters and bodies are read: strictly, and refused in words.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::{JsonPayloadError, PathError, QueryPayloadError};
use actix_web::middleware::Next;
use actix_web::web::{self, JsonConfig, PathConfig, QueryConfig, ServiceConfig};
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::admin::error::AdminError;
use crate::http::body;
use crate::http::error::Failure;
use crate::session::UserType;

/// The largest body in bytes: the longest value of a setting, escaped, and some more.
const LARGEST_BODY: usize = 1 << 16;

/// The longest page, and how long one is when nothing is said.
const LONGEST_PAGE: u32 = 1000;
const USUAL_PAGE: u32 = 100;

/// A kind of user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum UserKind {
    /// A program with its own access token.
    Integration,
    /// An administrator.
    Admin,
    /// A customer.
    Customer,
}

impl From<UserKind> for UserType {
    fn from(kind: UserKind) -> Self {
        match kind {
            UserKind::Integration => Self::Integration,
            UserKind::Admin => Self::Admin,
            UserKind::Customer => Self::Customer,
        }
    }
}

impl From<UserType> for UserKind {
    fn from(kind: UserType) -> Self {
        match kind {
            UserType::Integration => Self::Integration,
            UserType::Admin => Self::Admin,
            UserType::Customer => Self::Customer,
        }
    }
}

/// How long a page may be.
///
/// # Errors
/// [`AdminError::Unreadable`] when somebody wants an empty page, or one that is too long.
pub(super) fn page_length(limit: Option<u32>) -> Result<u32, AdminError> {
    match limit {
        None => Ok(USUAL_PAGE),
        Some(limit @ 1..=LONGEST_PAGE) => Ok(limit),
        Some(_) => Err(AdminError::Unreadable(format!("limit has to be a number from 1 to {LONGEST_PAGE}."))),
    }
}

/// Cuts what was found down to a page of this length, and says whether anything was cut off. Whoever looks for one row
/// more than the page holds so learns whether another page follows.
pub(super) fn cut<T>(found: &mut Vec<T>, limit: usize) -> bool {
    let more = found.len() > limit;
    found.truncate(limit);
    more
}

/// Makes every parameter or body that cannot be read a problem.
pub(super) fn configure(config: &mut ServiceConfig) {
    config
        .app_data(QueryConfig::default().error_handler(query_problem))
        .app_data(PathConfig::default().error_handler(path_problem))
        .app_data(JsonConfig::default().limit(LARGEST_BODY).error_handler(body_problem))
        .app_data(web::PayloadConfig::new(LARGEST_BODY));
}

/// Reads the body before a handler asks for it, because what handlers read it with waits for ever. Only an administrator
/// comes this far.
pub(super) async fn read_in_time(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut incoming = request.take_payload();
    let payload = web::Payload::from_request(request.request(), &mut incoming).await?;
    let read = body::read(request.request(), payload, LARGEST_BODY).await;
    let body = read.map_err(|failure| match failure {
        Failure::BodyTooLarge => AdminError::BodyTooLarge,
        Failure::BodyTooSlow => AdminError::BodyTooSlow,
        _ => AdminError::Unreadable("The body cannot be read.".to_owned()),
    })?;
    request.set_payload(web::Bytes::copy_from_slice(&body).into());
    next.call(request).await
}

fn query_problem(error: QueryPayloadError, _: &HttpRequest) -> Error {
    let text = match error {
        QueryPayloadError::Deserialize(cause) => format!("The query cannot be read: {cause}."),
        _ => "The query cannot be read.".to_owned(),
    };
    AdminError::Unreadable(text).into()
}

/// A number or a kind that is none: nothing is there.
fn path_problem(_: PathError, _: &HttpRequest) -> Error {
    AdminError::NotFound("Nothing has this path.".to_owned()).into()
}

fn body_problem(error: JsonPayloadError, _: &HttpRequest) -> Error {
    let problem = match error {
        JsonPayloadError::OverflowKnownLength { .. } | JsonPayloadError::Overflow { .. } => AdminError::BodyTooLarge,
        JsonPayloadError::ContentType => AdminError::JsonRequired,
        JsonPayloadError::Deserialize(cause) => {
            AdminError::Unreadable(format!("The body cannot be read as JSON: {cause}."))
        }
        _ => AdminError::Unreadable("The body cannot be read.".to_owned()),
    };
    problem.into()
}
