//! The one door to the environment.

use std::ffi::OsString;

/// The environment variables of this process.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn process_environment() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os()
}
