//! What many commands take.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use crate::cli::Failure;
use crate::config::{self, Config};

/// Where the configuration comes from.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ConfigArguments {
    /// The configuration file (TOML); also `$TOKENWARD_CONFIG`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The folder that holds everything tokenward must not lose [data.dir]
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: Option<String>,
}

impl ConfigArguments {
    /// Loads the configuration.
    pub(crate) fn load(&self) -> Result<Config, Failure> {
        let loaded = Config::load(self.config.as_deref(), config::process_environment(), self.flags());
        loaded.map_err(|errors| Failure::Usage(errors.to_string()))
    }

    /// Loads the configuration of a server; `flags` are the (key, value) pairs that other flags stand for. What this
    /// version does not serve yet, and what does not fit into the memory, is refused.
    pub(crate) fn load_for_serving(&self, mut flags: Vec<(String, String)>) -> Result<Config, Failure> {
        flags.extend(self.flags());
        let environment = config::process_environment();
        config::check_config(self.config.as_deref(), environment, flags, config::memory_limit())
            .map(|(config, _)| config)
            .map_err(|errors| Failure::Usage(errors.to_string()))
    }

    /// The configuration file, when one is named.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        self.config.clone().or_else(config::file_in_environment)
    }

    fn flags(&self) -> Vec<(String, String)> {
        self.data_dir.iter().map(|folder| ("data.dir".to_owned(), folder.clone())).collect()
    }
}

/// Reads a number for clap, in words of our own when it is none.
pub(crate) fn whole_number<N: FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| "this has to be a whole number, and not too large a one".to_owned())
}
