//! `tokenward recover`.

use std::process::ExitCode;

use anyhow::anyhow;
use clap::Args;

use crate::app;
use crate::cli::common::ConfigArguments;
use crate::cli::{Failure, output};

/// Saves what is whole of a damaged data folder; no server may run on it.
#[derive(Debug, Args)]
pub(crate) struct Recover {
    #[command(flatten)]
    config: ConfigArguments,

    /// Let the sessions that are whole go on, although a revocation may have been lost
    #[arg(long)]
    keep_sessions: bool,

    /// Also when nothing is damaged: the file is written anew, and all sessions end without --keep-sessions
    #[arg(long)]
    force: bool,
}

impl Recover {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let config = self.config.load()?;
        if !app::is_there(&config.data.dir)? {
            let folder = config.data.dir.display();
            return Err(anyhow!("there is no tokenward.db in {folder}: name the right folder with --data-dir").into());
        }
        let recovery = app::recover(
            &config.data.dir,
            app::RecoverOptions { keep_sessions: self.keep_sessions, force: self.force },
        )?;
        output::print(&recovery.to_string())?;
        Ok(ExitCode::SUCCESS)
    }
}
