//! How parameters and bodies are read: strictly, and refused in words.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::{JsonPayloadError, PathError, QueryPayloadError};
use actix_web::middleware::Next;
use actix_web::web::{self, JsonConfig, PathConfig, Query, QueryConfig, ServiceConfig};
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

fn query_problem(error: QueryPayloadError, request: &HttpRequest) -> Error {
    let text = match error {
        QueryPayloadError::Deserialize(cause) => {
            let cause = cause.to_string();
            wrong_parameter(&cause, request.query_string())
                .unwrap_or_else(|| format!("The query cannot be read: {cause}."))
        }
        _ => "The query cannot be read.".to_owned(),
    };
    AdminError::Unreadable(text).into()
}

/// The parameters that are numbers.
const NUMBERS: [&str; 3] = ["limit", "after", "id"];

/// The parameters that are true or false.
const FLAGS: [&str; 1] = ["dry_run"];

/// What is wrong with which parameter, where the parser's own text has no name in it.
fn wrong_parameter(cause: &str, query: &str) -> Option<String> {
    let parameters = Query::<Vec<(String, String)>>::from_query(query).ok()?.into_inner();
    let first = |names: &[&str], is_wrong: &dyn Fn(&str) -> bool| {
        let mut wrong = parameters.iter().filter(|(name, value)| names.contains(&name.as_str()) && is_wrong(value));
        wrong.next().map(|(name, _)| name.clone())
    };
    if let Some(value) = cause.strip_prefix("unknown variant `") {
        let (value, rest) = value.split_once("`, ")?;
        let name = parameters.iter().find(|(_, given)| given == value).map(|(name, _)| name)?;
        let choices = rest.strip_prefix("expected ")?.replace("one of ", "").replace('`', "");
        return Some(format!("{name} has to be one of: {choices}."));
    }
    if cause.contains("`true` or `false`") {
        let name = first(&FLAGS, &|value| !matches!(value, "true" | "false"))?;
        return Some(format!("{name} has to be true or false."));
    }
    if ["digit found", "number too large", "integer from empty"].iter().any(|part| cause.contains(part)) {
        let name = first(&NUMBERS, &|value| value.parse::<u64>().is_err())
            // Where one is followed, numbers may be longer than those of users.
            .or_else(|| first(&["limit", "id"], &|value| value.parse::<u32>().is_err()))
            .or_else(|| first(&NUMBERS, &|value| value.parse::<u32>().is_err()))?;
        return Some(format!("{name} has to be a whole number, and not too large a one."));
    }
    None
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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its reading is of interest")]
    struct Filter {
        kind: Option<UserKind>,
        website: Option<String>,
        id: Option<u32>,
        after: Option<u64>,
        limit: Option<u32>,
        #[serde(default)]
        dry_run: bool,
    }

    #[test]
    fn a_parameter_that_cannot_be_read_is_named_in_words() {
        for (query, told) in [
            ("website=main&limit=abc", "limit has to be a whole number, and not too large a one."),
            ("after=5000000000&id=99999999999", "id has to be a whole number, and not too large a one."),
            ("after=&limit=5", "after has to be a whole number, and not too large a one."),
            ("limit=-1", "limit has to be a whole number, and not too large a one."),
            ("dry_run=1", "dry_run has to be true or false."),
            ("kind=customers", "kind has to be one of: integration, admin, customer."),
        ] {
            let error = Query::<Filter>::from_query(query).unwrap_err();
            let QueryPayloadError::Deserialize(cause) = error else { panic!("{error:?}") };
            assert_eq!(wrong_parameter(&cause.to_string(), query).as_deref(), Some(told), "{query}: {cause}");
        }
        assert_eq!(wrong_parameter("missing field `name`", "a=b"), None);
    }
}
