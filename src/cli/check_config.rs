//! `tokenward check-config`.

use std::process::ExitCode;

use clap::Args;

use crate::cli::common::ConfigArguments;
use crate::cli::{Failure, output};

/// Looks the configuration over without starting anything.
#[derive(Debug, Args)]
pub(crate) struct CheckConfig {
    #[command(flatten)]
    config: ConfigArguments,
}

impl CheckConfig {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        self.config.load_for_serving(Vec::new())?;
        let file = self.config.file();
        let read = file.map_or_else(
            || {
                "no file was named, with --config or $TOKENWARD_CONFIG: these are the defaults and the environment"
                    .to_owned()
            },
            |file| format!("{} was read", file.display()),
        );
        output::print(&format!("the configuration is good; {read}"))?;
        Ok(ExitCode::SUCCESS)
    }
}
