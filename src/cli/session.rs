//! `tokenward session …`: who is signed in, and the tool for the day a token has leaked.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use crate::cli::common::ConfigArguments;
use crate::cli::{Failure, office, output};
use crate::control::{Answer, Command, ExposedPassword, UserKind, UserName};
use crate::secret::Password;

/// How many tokens go into one command.
const TOKENS_AT_ONCE: usize = 1000;

/// A longer line is no token.
const LONGEST_LINE: usize = 8192;

#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// List live sessions, oldest first
    List(List),
    /// End sessions; from then on no check says yes to them
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    config: ConfigArguments,
    /// Only of this user: customer:NUMBER, admin:NUMBER, an e-mail address, or an administrator's user name
    #[arg(long)]
    user: Option<UserName>,
    /// Only those after this number: the last one of the page before
    #[arg(long, default_value_t = 0)]
    after: u64,
    /// At most so many
    #[arg(long, default_value_t = 100)]
    limit: usize,
    /// One JSON object a line instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Revoke {
    #[command(flatten)]
    config: ConfigArguments,
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// All of this user: customer:NUMBER, admin:NUMBER, an e-mail address, or an administrator's user name
    #[arg(long)]
    user: Option<UserName>,
    /// The one with this number, as `session list` shows it
    #[arg(long, value_name = "NUMBER")]
    session: Option<u64>,
    /// Those of the tokens on standard input, one a line
    #[arg(long)]
    token_stdin: bool,
    /// Those of the tokens in this file, one a line
    #[arg(long, value_name = "FILE")]
    tokens_file: Option<PathBuf>,
    /// All of this kind of users: customer, admin or integration
    #[arg(long)]
    kind: Option<UserKind>,
    /// All: everybody has to sign in again
    #[arg(long)]
    all: bool,
}

impl SessionCommand {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::List(List { config, user, after, limit, json }) => {
                output::print_answer(office::carry_out(&config, Command::ListSessions { user, after, limit })?, json)
            }
            Self::Revoke(revoke) => revoke.run(),
        }
    }
}

impl Revoke {
    fn run(self) -> Result<ExitCode, Failure> {
        let Which { user, session, token_stdin, tokens_file, kind, all: _ } = self.which;
        let answer = if let Some(user) = user {
            office::carry_out(&self.config, Command::RevokeUser { user })?
        } else if let Some(id) = session {
            office::carry_out(&self.config, Command::RevokeSession { id })?
        } else if token_stdin {
            revoke_tokens(&self.config, std::io::stdin().lock())?
        } else if let Some(path) = tokens_file {
            let file = File::open(&path).with_context(|| format!("{} cannot be read", path.display()))?;
            revoke_tokens(&self.config, BufReader::new(file))?
        } else if let Some(kind) = kind {
            office::carry_out(&self.config, Command::RevokeKind { kind })?
        } else {
            office::carry_out(&self.config, Command::RevokeAll)?
        };
        output::print_answer(answer, false)
    }
}

fn revoke_tokens(config: &ConfigArguments, mut lines: impl BufRead) -> Result<Answer, Failure> {
    let (mut all_given, mut all_ended) = (0, 0);
    loop {
        let tokens = next_tokens(&mut lines)?;
        if tokens.is_empty() {
            break;
        }
        if all_given > 0 {
            output::complain(&format!("{all_given} tokens so far"));
        }
        match office::carry_out(config, Command::RevokeTokens { tokens })? {
            Answer::TokensRevoked { given, ended } => {
                all_given += given;
                all_ended += ended;
            }
            other => return Ok(other),
        }
    }
    if all_given == 0 {
        return Ok(Answer::Failed("no token was given, so none was revoked".to_owned()));
    }
    Ok(Answer::TokensRevoked { given: all_given, ended: all_ended })
}

fn next_tokens(lines: &mut impl BufRead) -> anyhow::Result<Vec<ExposedPassword>> {
    let mut tokens = Vec::new();
    while tokens.len() < TOKENS_AT_ONCE {
        let mut line = String::new();
        let mut limited = lines.take(LONGEST_LINE as u64);
        if limited.read_line(&mut line).context("the tokens are not text")? == 0 {
            break;
        }
        if line.len() == LONGEST_LINE {
            bail!("a line is longer than {LONGEST_LINE} bytes; one token a line is expected");
        }
        if !line.trim().is_empty() {
            tokens.push(ExposedPassword(Password::new(line.trim().to_owned())));
        }
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_a_line_each_and_blank_lines_do_not_count() {
        let mut lines = "one\n\n two \r\nthree".as_bytes();
        let tokens = next_tokens(&mut lines).unwrap();
        assert_eq!(tokens.iter().map(|token| token.0.expose()).collect::<Vec<_>>(), ["one", "two", "three"]);
        assert!(next_tokens(&mut lines).unwrap().is_empty());
        assert!(next_tokens(&mut "x".repeat(10_000).as_bytes()).is_err());
    }
}
