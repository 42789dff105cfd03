//! The command line: a file per group of commands.
//!
//! It parses, asks, prints, and turns what went wrong into an exit code: 0 done, 1 could not be done, 64 the command
//! line or the configuration is wrong, 70 an actor panicked. Passwords come from standard input or a prompt, never from
//! an argument, where other users of the machine could read them.

mod accept_restored;
mod accounts;
mod audit;
mod backup;
mod check_config;
mod common;
mod export_openapi;
mod healthcheck;
mod office;
mod output;
mod password;
mod recover;
mod serve;
mod session;
mod setting;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::http::graphql;
use crate::lifecycle::EXIT_USAGE;

/// Issues, checks and revokes Magento authorization tokens, from memory, outside Magento.
#[derive(Debug, Parser)]
#[command(name = "tokenward", version, about, propagate_version = true)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::Serve),
    /// Say what is wrong with the configuration, and where; exit code 0 or 64
    CheckConfig(check_config::CheckConfig),
    /// Customers of the embedded store
    #[command(subcommand)]
    Customer(accounts::CustomerCommand),
    /// Administrators of the embedded store
    #[command(subcommand)]
    Admin(accounts::AdminCommand),
    /// Who is signed in, and signing out
    #[command(subcommand)]
    Session(session::SessionCommand),
    /// The live settings, by Magento's path
    #[command(subcommand)]
    Setting(setting::SettingCommand),
    /// What was written down of who did what
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Copy everything to a file, also while the server runs
    Backup(backup::Backup),
    /// Accept a data folder that was restored from a backup
    AcceptRestored(accept_restored::AcceptRestored),
    /// Save what is whole of a damaged data folder
    Recover(recover::Recover),
    /// Exit with 0 when the server is ready; for containers
    Healthcheck(healthcheck::Healthcheck),
    /// Print the GraphQL schema
    ExportSchema,
    /// Print the OpenAPI document of the REST and admin APIs
    #[command(name = "export-openapi")]
    ExportOpenApi,
}

/// Why a command ended without success. The text is for the person at the terminal.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line or the configuration is wrong.
    Usage(String),
    /// It could not be done.
    Failed(anyhow::Error),
    /// Whoever read the output has seen enough.
    NobodyReads,
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    let line = CommandLine::try_parse().unwrap_or_else(|error| {
        // clap's own exit code for a wrong command line is 2; help and version are no mistakes.
        let code = if error.use_stderr() { i32::from(EXIT_USAGE) } else { 0 };
        drop(error.print());
        #[expect(clippy::exit, reason = "nothing has been started yet")]
        std::process::exit(code)
    });
    match line.command.run() {
        Ok(code) => code,
        Err(Failure::Usage(text)) => {
            output::complain(&text);
            ExitCode::from(EXIT_USAGE)
        }
        Err(Failure::Failed(error)) => {
            output::complain(&format!("tokenward: {}", told_once(&error)));
            ExitCode::FAILURE
        }
        Err(Failure::NobodyReads) => ExitCode::from(EXIT_NOBODY_READS),
    }
}

/// What a shell reports of a program that `SIGPIPE` has ended.
const EXIT_NOBODY_READS: u8 = 141;

/// An error with its causes, without those that it tells itself.
fn told_once(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |told, cause| match told.as_str() {
        "" => cause,
        before if before.contains(&cause) => told,
        before => format!("{before}: {cause}"),
    })
}

impl Command {
    fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Serve(serve) => serve.run(),
            Self::CheckConfig(check) => check.run(),
            Self::Customer(command) => command.run(),
            Self::Admin(command) => command.run(),
            Self::Session(command) => command.run(),
            Self::Setting(command) => command.run(),
            Self::Audit(command) => command.run(),
            Self::Backup(backup) => backup.run(),
            Self::AcceptRestored(accept) => accept.run(),
            Self::Recover(recover) => recover.run(),
            Self::Healthcheck(check) => check.run(),
            Self::ExportSchema => {
                output::print(graphql::schema_text())?;
                Ok(ExitCode::SUCCESS)
            }
            Self::ExportOpenApi => export_openapi::run(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn a_cause_that_its_error_tells_is_not_told_again() {
        let error = anyhow::Error::new(std::io::Error::other("full")).context("the disk is full").context("no file");
        assert_eq!(super::told_once(&error), "no file: the disk is full");
    }

    #[test]
    fn the_command_line_is_sound() {
        super::CommandLine::command().debug_assert();
    }
}
