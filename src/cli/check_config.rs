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
        output::print("the configuration is good")?;
        Ok(ExitCode::SUCCESS)
    }
}
