//! The answer: one error at most, the data, the status (fact sheet 1.3, 1.4).

use std::borrow::Cow;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, PRAGMA, RETRY_AFTER};
use apollo_compiler::response::{JsonMap, ResponseDataPathSegment};
use serde::Serialize;

use crate::http::MagentoVersion;
use crate::http::error::{Category, Failure, Loudness, Row, executed_status, refused_status};
use crate::http::graphql::context::Failures;
use crate::http::graphql::engine::{Complaint, Executed, ExecutionError, Location};

/// What a request is answered with.
#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    /// The request was refused before its document was looked at.
    Refused(Failure),
    /// The document has a syntax error.
    Unreadable(Complaint),
    /// The document or its variables do not fit the schema, or it costs too much.
    Invalid(Complaint),
    /// The operation was executed.
    Executed(Box<Outcome>),
}

/// What came of an operation.
#[derive(Debug, PartialEq)]
pub(super) struct Outcome {
    error: Option<Entry>,
    /// Decides the status: what the first error says that has something to say.
    status: Verdict,
    data: Option<JsonMap>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Verdict {
    Good,
    Category(Category),
    Status(StatusCode, Option<Duration>),
}

/// An entry of `errors`, its keys in Magento's order.
#[derive(Debug, PartialEq, Serialize)]
struct Entry {
    message: Cow<'static, str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<Location>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    path: Vec<ResponseDataPathSegment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<Extensions>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Extensions {
    category: &'static str,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<[&'a Entry; 1]>,
    /// Absent when nothing was executed.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Option<JsonMap>>,
}

impl Answer {
    /// The answer to an operation that was executed. `failures` holds what the errors' texts stand for.
    pub(super) fn executed(executed: Executed, failures: &Failures) -> Self {
        // One line of log is enough, however many fields have failed.
        if let Some(failure) = executed.errors.first().and_then(|error| failures.find(&error.message)) {
            log(&failure.row());
        }
        let told: Vec<(Entry, Verdict)> =
            executed.errors.into_iter().map(|error| Entry::of_error(error, failures)).collect();
        let verdicts = told.iter().map(|(_, verdict)| *verdict);
        let status = verdicts.clone().find(|verdict| *verdict != Verdict::Good).unwrap_or(Verdict::Good);
        Self::Executed(Box::new(Outcome {
            error: told.into_iter().next().map(|(entry, _)| entry),
            status,
            data: executed.data,
        }))
    }

    /// Puts the answer into words.
    pub(super) fn into_response(self, version: MagentoVersion) -> HttpResponse {
        match self {
            Self::Refused(failure) => {
                let row = failure.row();
                log(&row);
                let status = row.graphql.unwrap_or_else(|| {
                    row.category.map_or(StatusCode::OK, |category| refused_status(category, version))
                });
                let retry_after = row.retry_after;
                write(status, retry_after, Some(&Entry::of_row(row)), None)
            }
            Self::Unreadable(complaint) => {
                let status = refused_status(Category::Input, version);
                write(status, None, Some(&complaint.into()), None)
            }
            Self::Invalid(complaint) => write(StatusCode::OK, None, Some(&complaint.into()), None),
            Self::Executed(outcome) => {
                let (status, retry_after) = match outcome.status {
                    Verdict::Good => (StatusCode::OK, None),
                    Verdict::Category(category) => (executed_status(category, version), None),
                    Verdict::Status(status, retry_after) => (status, retry_after),
                };
                write(status, retry_after, outcome.error.as_ref(), Some(&outcome.data))
            }
        }
    }
}

impl Entry {
    fn of_row(row: Row) -> Self {
        Self {
            message: row.message,
            locations: Vec::new(),
            path: Vec::new(),
            extensions: row.category.map(|category| Extensions { category: category.name() }),
        }
    }

    fn of_error(error: ExecutionError, failures: &Failures) -> (Self, Verdict) {
        let ExecutionError { message, locations, path } = error;
        let Some(failure) = failures.find(&message) else {
            let entry = Self { message: message.into(), locations, path, extensions: None };
            return (entry, Verdict::Good);
        };
        let row = failure.row();
        let verdict = match (row.graphql, row.category) {
            (Some(status), _) => Verdict::Status(status, row.retry_after),
            (None, Some(category)) => Verdict::Category(category),
            (None, None) => Verdict::Good,
        };
        (Self { locations, path, ..Self::of_row(row) }, verdict)
    }
}

impl From<Complaint> for Entry {
    fn from(complaint: Complaint) -> Self {
        Self { message: complaint.message.into(), locations: complaint.locations, path: Vec::new(), extensions: None }
    }
}

fn log(row: &Row) {
    if row.loudness == Loudness::Warning {
        tracing::warn!(protocol = "graphql", message = %row.message, "a request was turned away");
    }
}

/// Every answer may depend on who asks, so none may be stored: the headers that Magento puts on mutations are on all.
fn write(
    status: StatusCode,
    retry_after: Option<Duration>,
    error: Option<&Entry>,
    data: Option<&Option<JsonMap>>,
) -> HttpResponse {
    let body = Body { errors: error.map(|error| [error]), data };
    let mut response = HttpResponse::build(status);
    response
        .insert_header((PRAGMA, "no-cache"))
        .insert_header((CACHE_CONTROL, "no-store, no-cache, must-revalidate, max-age=0"));
    if let Some(wait) = retry_after {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        response.insert_header((RETRY_AFTER, seconds.max(1).to_string()));
    }
    response.json(body)
}
