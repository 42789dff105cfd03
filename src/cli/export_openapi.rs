//! `tokenward export-openapi`.

use std::process::ExitCode;

use crate::cli::{Failure, output};
use crate::http::admin::openapi;

/// Prints the OpenAPI document.
pub(crate) fn run() -> Result<ExitCode, Failure> {
    output::print(&openapi::text())?;
    Ok(ExitCode::SUCCESS)
}
