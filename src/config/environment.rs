//! The one door to the environment.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::config::layers::FILE_VARIABLE;

/// The environment variables of this process.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn process_environment() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os()
}

/// The configuration file that the environment names.
pub fn file_in_environment() -> Option<PathBuf> {
    process_environment().find(|(name, _)| name == FILE_VARIABLE).map(|(_, path)| path.into())
}
