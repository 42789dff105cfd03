//! `tokenward accept-restored`.

use std::process::ExitCode;

use anyhow::anyhow;
use clap::{Args, ValueEnum};

use crate::app::{self, Accepted};
use crate::cli::common::ConfigArguments;
use crate::cli::{Failure, output};

/// Accepts a data folder that was restored from a backup, or that was used with other accounts, so that a server starts on
/// it; no server may run on it.
///
/// The same as `serve --accept-restored`, for servers that a service manager starts.
#[derive(Debug, Args)]
pub(crate) struct AcceptRestored {
    #[command(flatten)]
    config: ConfigArguments,

    /// What becomes of its sessions
    sessions: RestoredSessions,
}

/// What becomes of the sessions of a restored data folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum RestoredSessions {
    /// All end: everybody signs in anew
    EndSessions,
    /// They go on, and tokens that were revoked after the backup are good again
    KeepSessions,
}

impl AcceptRestored {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let config = self.config.load()?;
        let folder = &config.data.dir;
        if !app::is_there(folder)? {
            let folder = folder.display();
            return Err(anyhow!("there is no tokenward.db in {folder}: name the right folder with --data-dir").into());
        }
        let keep_sessions = self.sessions == RestoredSessions::KeepSessions;
        output::print(match (app::accept_restored(&config, keep_sessions)?, keep_sessions) {
            (None, _) => "the data folder is not a restored one, so there was nothing to accept",
            (Some(Accepted::Copy), false) => "accepted: all sessions of the restored folder have ended",
            (Some(Accepted::Copy), true) => "accepted: what was revoked after the backup was made is good again",
            (Some(Accepted::Accounts), false) => "accepted: all sessions have ended, and users are of the new accounts",
            (Some(Accepted::Accounts), true) => "accepted: the sessions go on, for users of the new accounts",
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
