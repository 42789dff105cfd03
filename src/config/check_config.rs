//! What `tokenward check-config` finds, and what `tokenward serve` asks before it starts: the same.

use std::ffi::OsString;
use std::path::Path;

use crate::config::{Budget, Config, ConfigErrors};

/// Loads the configuration ([`Config::load`]), and refuses what this version does not serve yet and what does not fit
/// into the memory limit in bytes. What passes here is what a server starts with.
///
/// # Errors
/// All that is wrong, each with its place. It prints one problem a line.
pub fn check_config<Name: Into<OsString>, Value: Into<OsString>>(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (Name, Value)>,
    flags: impl IntoIterator<Item = (String, String)>,
    memory_limit: Option<u64>,
) -> Result<(Config, Budget), ConfigErrors> {
    let config = Config::load(file, environment, flags)?;
    let budget = config.budget(memory_limit);
    let mut problems = config.not_yet_available();
    problems.extend(budget.as_ref().err().cloned());
    ConfigErrors::none_of(problems)?;
    Ok((config, budget?))
}
