//! `tokenward backup`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::cli::common::ConfigArguments;
use crate::cli::{Failure, office, output};
use crate::control::Command;

/// Copies everything to a file, also while the server runs.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    #[command(flatten)]
    config: ConfigArguments,

    /// Where the copy is to be; it must not be there yet. The one who runs the server has to be able to write there
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Backup {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let file = std::path::absolute(self.file)?;
        output::print_answer(office::carry_out(&self.config, Command::BackUp { file })?, false)
    }
}
