//! `tokenward export-openapi`.

use std::process::ExitCode;

use crate::cli::output;
use crate::http::admin::openapi;

/// Prints the OpenAPI document.
pub(crate) fn run() -> ExitCode {
    output::print(&openapi::text());
    ExitCode::SUCCESS
}
