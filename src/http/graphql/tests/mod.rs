//! GraphQL over HTTP: the whole endpoint with accounts that a test chooses.

mod hostile;
mod operations;
mod requests;
mod support;
mod wording;
