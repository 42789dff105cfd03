//! `tokenward setting …`: the live settings, and the way back when one locks everybody out.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::cli::common::ConfigArguments;
use crate::cli::{Failure, office, output};
use crate::control::Command;

#[derive(Debug, Subcommand)]
pub(crate) enum SettingCommand {
    /// Show all settings
    List(List),
    /// Show one setting
    Get(One),
    /// Change a setting; it acts at once, on live tokens too
    Set(Set),
    /// Go back to the inherited value
    Reset(Reset),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    config: ConfigArguments,
    #[command(flatten)]
    scope: Scope,
    /// One JSON object a line instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct One {
    /// Magento's path, such as `oauth/access_token_lifetime/customer`
    path: String,
    #[command(flatten)]
    config: ConfigArguments,
    #[command(flatten)]
    scope: Scope,
    /// One JSON object a line instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Set {
    #[command(flatten)]
    one: One,
    /// The new value; "" for an empty one
    #[arg(allow_hyphen_values = true)]
    value: String,
    #[command(flatten)]
    mode: Mode,
}

#[derive(Debug, Args)]
pub(crate) struct Reset {
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    mode: Mode,
}

#[derive(Debug, Args)]
struct Mode {
    /// Change nothing, only show the values before and after, and how many live sessions would end
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
struct Scope {
    /// default, website:CODE or store:CODE
    #[arg(long, default_value = "default")]
    scope: String,
}

impl SettingCommand {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let (config, json, command) = match self {
            Self::List(List { config, scope, json }) => {
                (config, json, Command::ShowSettings { path: None, scope: scope.scope })
            }
            Self::Get(one) => {
                (one.config, one.json, Command::ShowSettings { path: Some(one.path), scope: one.scope.scope })
            }
            Self::Set(Set { one, value, mode }) => one.change(Some(value), &mode),
            Self::Reset(Reset { one, mode }) => one.change(None, &mode),
        };
        output::print_answer(office::carry_out(&config, command)?, json)
    }
}

impl One {
    fn change(self, value: Option<String>, mode: &Mode) -> (ConfigArguments, bool, Command) {
        let Self { path, config, scope: Scope { scope }, json } = self;
        let command = if mode.dry_run {
            Command::TrySetting { path, scope, value }
        } else {
            Command::SetSetting { path, scope, value }
        };
        (config, json, command)
    }
}
