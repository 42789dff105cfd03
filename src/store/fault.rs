//! What SQLite's errors mean to whoever asked.

use rusqlite::{Error, ErrorCode};

use crate::store::StoreError;

/// Whether the fault lies in the change and not in the file: the next change may well succeed.
pub(super) fn is_of_the_change(error: &Error) -> bool {
    match error.sqlite_error_code() {
        Some(code) => matches!(code, ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig),
        // Without a code it is about a value that does not fit its column, or a row that is not there.
        None => true,
    }
}

/// The error as the sender hears it.
pub(super) fn explain(error: &Error) -> StoreError {
    if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) {
        StoreError::Conflict(contradiction(&error.to_string()).to_owned())
    } else {
        StoreError::Unavailable(error.to_string())
    }
}

/// In words for an operator; SQLite names the columns of the broken rule.
fn contradiction(text: &str) -> &'static str {
    const KNOWN: [(&str, &str); 3] = [
        ("customers.email_key", "there is already a customer with this e-mail address in this website"),
        ("administrators.username_key", "there is already an administrator with this user name"),
        ("FOREIGN KEY", "it refers to something that is not there, or is still referred to"),
    ];
    KNOWN.iter().find(|(part, _)| text.contains(part)).map_or("it contradicts what is stored", |(_, words)| words)
}
