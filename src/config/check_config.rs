//! What `tokenward check-config` finds, and what `tokenward serve` asks before it starts: the same.

use std::ffi::OsString;
use std::path::Path;

use crate::config::{Budget, Config, ConfigErrors};

/// Loads the configuration ([`Config::load`]), and refuses what this version does not serve yet, what does not fit into
/// the memory limit in bytes, files of the shop that cannot be read, and what needs the shop's key when nobody has one:
/// neither the configuration, nor the shop's files, nor the environment. What passes here is what a server starts with.
///
/// # Errors
/// All that is wrong, each with its place. It prints one problem a line.
pub fn check_config<Name: Into<OsString>, Value: Into<OsString>>(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (Name, Value)>,
    flags: impl IntoIterator<Item = (String, String)>,
    memory_limit: Option<u64>,
) -> Result<(Config, Budget), ConfigErrors> {
    let environment: Vec<(OsString, OsString)> =
        environment.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    let config = Config::load(file, environment.clone(), flags)?;
    let budget = config.budget(memory_limit);
    let mut problems = config.not_yet_available();
    problems.extend(config.shop_problems(environment));
    problems.extend(budget.as_ref().err().cloned());
    ConfigErrors::none_of(problems)?;
    Ok((config, budget?))
}
