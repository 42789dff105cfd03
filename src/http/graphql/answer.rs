//! The answer: errors, data, status (fact sheet 1.3, 1.4).

use std::borrow::Cow;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, PRAGMA, RETRY_AFTER, VARY};
use apollo_compiler::response::{JsonMap, ResponseDataPathSegment};
use serde::Serialize;

use crate::http::MagentoVersion;
use crate::http::error::{Category, Failure, Loudness, Row, draft_status, executed_status, refused_status};
use crate::http::graphql::accept::Form;
use crate::http::graphql::context::Failures;
use crate::http::graphql::engine::{Complaint, Executed, ExecutionError, Location};

/// What is said where the engine says something that Magento does not (fact sheet 1.4).
const INTERNAL: &str = "Internal server error";

/// What a request is answered with.
#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    /// The request was refused before its document was looked at.
    Refused(Failure),
    /// The document has a syntax error.
    Unreadable(Complaint),
    /// The document or its variables do not fit the schema, or it costs too much.
    Invalid(Vec<Complaint>),
    /// The operation was executed.
    Executed(Box<Outcome>),
}

/// What came of an operation.
#[derive(Debug, PartialEq)]
pub(super) struct Outcome {
    errors: Vec<Entry>,
    /// Decides the status: what the first error says that has something to say.
    verdict: Verdict,
    data: Option<JsonMap>,
    /// Whether the data are the same for everybody.
    is_public: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Verdict {
    Good,
    Category(Category),
    Status(StatusCode, Option<Duration>),
}

/// How an answer is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// Whose statuses are spoken.
    pub(super) version: MagentoVersion,
    /// What the client prefers.
    pub(super) form: Form,
}

impl Answer {
    /// The answer to an operation that was executed. `failures` holds what the errors' texts stand for; `all` errors are
    /// told, or the first; `is_public` says that the data are the same for everybody.
    pub(super) fn executed(executed: Executed, failures: &Failures, all: bool, is_public: bool) -> Self {
        // One line of log is enough, however many fields have failed.
        if let Some(failure) = executed.errors.first().and_then(|error| failures.find(&error.message)) {
            log(&failure.row());
        }
        let (mut errors, verdicts): (Vec<Entry>, Vec<Verdict>) =
            executed.errors.into_iter().map(|error| Entry::of_error(error, failures)).unzip();
        let verdict = verdicts.into_iter().find(|verdict| *verdict != Verdict::Good).unwrap_or(Verdict::Good);
        errors.truncate(if all { usize::MAX } else { 1 });
        let is_public = is_public && errors.is_empty();
        Self::Executed(Box::new(Outcome { errors, verdict, data: executed.data, is_public }))
    }

    /// Puts the answer into words.
    pub(super) fn into_response(self, manner: Manner) -> HttpResponse {
        match self {
            Self::Refused(failure) => {
                let row = failure.row();
                log(&row);
                let by_category = row.category.map_or(StatusCode::OK, |category| manner.refused(category));
                let head = Head { retry_after: row.retry_after, ..Head::of(row.graphql.unwrap_or(by_category)) };
                manner.write(head, &[Entry::of_row(row)], None)
            }
            Self::Unreadable(complaint) => {
                manner.write(Head::of(manner.refused(Category::Input)), &[complaint.into()], None)
            }
            Self::Invalid(complaints) => {
                let entries: Vec<Entry> = complaints.into_iter().map(Entry::from).collect();
                manner.write(Head::of(manner.invalid()), &entries, None)
            }
            Self::Executed(outcome) => {
                let Outcome { errors, verdict, data, is_public } = *outcome;
                let (status, retry_after) = manner.executed(verdict, data.is_some());
                manner.write(Head { status, retry_after, is_public }, &errors, Some(&data))
            }
        }
    }
}

impl Manner {
    /// The status of what was refused before anything was executed.
    fn refused(self, category: Category) -> StatusCode {
        match self.form {
            Form::Magento => refused_status(category, self.version),
            Form::Draft => draft_status(category),
        }
    }

    /// The status of a document that does not fit the schema.
    fn invalid(self) -> StatusCode {
        match self.form {
            Form::Magento => StatusCode::OK,
            Form::Draft => draft_status(Category::Input),
        }
    }

    /// The status of what was executed. In the draft, data are always 200, whatever fields have failed.
    fn executed(self, verdict: Verdict, has_data: bool) -> (StatusCode, Option<Duration>) {
        match (verdict, self.form) {
            (Verdict::Good, _) => (StatusCode::OK, None),
            (Verdict::Category(category), Form::Magento) => (executed_status(category, self.version), None),
            (Verdict::Category(_), Form::Draft) if has_data => (StatusCode::OK, None),
            (Verdict::Category(category), Form::Draft) => (draft_status(category), None),
            (Verdict::Status(_, wait), Form::Draft) if has_data => (StatusCode::OK, wait),
            (Verdict::Status(status, wait), _) => (status, wait),
        }
    }

    fn write(self, head: Head, errors: &[Entry], data: Option<&Option<JsonMap>>) -> HttpResponse {
        let mut response = HttpResponse::build(head.status);
        response.content_type(self.form.content_type());
        if head.is_public {
            response.insert_header((VARY, "Accept, Authorization, Content-Currency, Store"));
        } else {
            response
                .insert_header((PRAGMA, "no-cache"))
                .insert_header((CACHE_CONTROL, "no-store, no-cache, must-revalidate, max-age=0"));
        }
        if let Some(wait) = head.retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.insert_header((RETRY_AFTER, seconds.max(1).to_string()));
        }
        if head.status == StatusCode::REQUEST_TIMEOUT {
            // The rest of the body may still be on its way.
            response.force_close();
        }
        response.json(Body { errors, data })
    }
}

/// What stands above a body.
#[derive(Clone, Copy)]
struct Head {
    status: StatusCode,
    retry_after: Option<Duration>,
    /// Whether the answer may be stored. All others carry the headers that Magento puts on mutations.
    is_public: bool,
}

impl Head {
    fn of(status: StatusCode) -> Self {
        Self { status, retry_after: None, is_public: false }
    }
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
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [Entry],
    /// Absent when nothing was executed.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Option<JsonMap>>,
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
        let ExecutionError { message, is_worded, locations, path } = error;
        let Some(failure) = failures.find(&message) else {
            let message = if is_worded { message.into() } else { INTERNAL.into() };
            return (Self { message, locations, path, extensions: None }, Verdict::Good);
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
