//! GraphQL over HTTP: the whole endpoint with accounts that a test chooses.

mod facts;
mod hostile;
mod operations;
mod requests;
mod support;
mod wording;

use std::fmt::Write;

/// As many pieces of text, made from their numbers.
pub(super) fn repeated(count: usize, piece: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut text, number| {
        write!(text, "{}", piece(number)).unwrap();
        text
    })
}
