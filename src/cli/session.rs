//! `tokenward session …`: who is signed in, and the tool for the day a token has leaked.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use zeroize::Zeroizing;

use crate::cli::common::{ConfigArguments, whole_number};
use crate::cli::{Failure, office, output};
use crate::control::{Answer, Command, ExposedPassword, UserKind, UserName};
use crate::secret::Password;

/// How many sessions are asked for at once.
const PAGE: usize = 10_000;

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
    #[arg(long, default_value_t = 0, value_parser = whole_number::<u64>)]
    after: u64,
    /// At most so many
    #[arg(long, default_value_t = 100, value_parser = at_least_one)]
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
    #[arg(long, value_name = "NUMBER", value_parser = whole_number::<u64>)]
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
            Self::List(list) => list.run(),
            Self::Revoke(revoke) => revoke.run(),
        }
    }
}

impl List {
    /// Page by page, so that a long list is no long answer. Rows of JSON are printed as they come.
    fn run(self) -> Result<ExitCode, Failure> {
        let Self { config, user, mut after, limit, json } = self;
        let (mut left, mut shown) = (limit, Vec::new());
        while left > 0 {
            let page = left.min(PAGE);
            let rows =
                match office::carry_out(&config, Command::ListSessions { user: user.clone(), after, limit: page })? {
                    Answer::Rows(rows) => rows,
                    other => return output::print_answer(other, json),
                };
            left -= rows.len();
            let is_last = rows.len() < page;
            after = rows.last().and_then(|row| row.get("id")?.as_u64()).unwrap_or(after);
            if json {
                output::print_answer(Answer::Rows(rows), true)?;
            } else {
                shown.extend(rows);
            }
            if is_last {
                break;
            }
        }
        if !json {
            output::print_answer(Answer::Rows(shown), false)?;
        }
        if left == 0 {
            output::complain(&format!("--limit {limit} is reached: there may be more, which --after {after} shows"));
        }
        Ok(ExitCode::SUCCESS)
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

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|limit| *limit > 0).ok_or_else(|| "this has to be a number from 1 on".to_owned())
}

fn revoke_tokens(config: &ConfigArguments, lines: impl BufRead) -> Result<Answer, Failure> {
    let (mut all_given, mut all_ended) = (0, 0);
    let mut lines = TokenLines { lines, number: 0, others: Vec::new() };
    loop {
        let tokens = lines.next_tokens()?;
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
    if !lines.others.is_empty() {
        return Ok(Answer::Failed(format!(
            "not every line is a token, which has 32 letters and digits or is a JWT: look at line {}. Of the {all_given} \
             tokens in the other lines, {all_ended} were live and are revoked",
            lines.told_others()
        )));
    }
    if all_given == 0 {
        return Ok(Answer::Failed("no token was given, so none was revoked".to_owned()));
    }
    Ok(Answer::TokensRevoked { given: all_given, ended: all_ended })
}

/// Tokens, one a line, as they are found in logs and tickets: with quotes, as REST answers them, or behind `Bearer`.
struct TokenLines<R> {
    lines: R,
    number: usize,
    /// The numbers of lines that hold something else. What they hold is not told: it may be a secret of another kind.
    others: Vec<usize>,
}

/// How many lines that hold no token are named.
const NAMED_LINES: usize = 5;

impl<R: BufRead> TokenLines<R> {
    /// The next tokens, at most [`TOKENS_AT_ONCE`]; none at the end.
    fn next_tokens(&mut self) -> anyhow::Result<Vec<ExposedPassword>> {
        let mut tokens = Vec::new();
        while tokens.len() < TOKENS_AT_ONCE {
            let mut line = Zeroizing::new(String::new());
            let mut limited = (&mut self.lines).take(LONGEST_LINE as u64);
            if limited.read_line(&mut line).context("the tokens are not text")? == 0 {
                break;
            }
            self.number += 1;
            if line.len() == LONGEST_LINE {
                bail!("line {} is longer than {LONGEST_LINE} bytes; one token a line is expected", self.number);
            }
            match bare_token(&line) {
                "" => {}
                token if is_like_a_token(token) => tokens.push(ExposedPassword(Password::new(token.to_owned()))),
                _ => self.others.push(self.number),
            }
        }
        Ok(tokens)
    }

    fn told_others(&self) -> String {
        let named = self.others.iter().take(NAMED_LINES).map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match self.others.len().saturating_sub(NAMED_LINES) {
            0 => named,
            more => format!("{named} and {more} more"),
        }
    }
}

/// The line without what stands around a token.
fn bare_token(line: &str) -> &str {
    let around = |character: char| character.is_whitespace() || matches!(character, '"' | '\'' | ',' | ';');
    let mut rest = line.trim_matches(around);
    for word in ["authorization:", "bearer"] {
        if let Some((first, behind)) = rest.split_at_checked(word.len())
            && first.eq_ignore_ascii_case(word)
        {
            rest = behind.trim_matches(around);
        }
    }
    rest
}

/// Whether it could be a token: an opaque one, or three parts in base64url (RFC 7515, section 3.1).
fn is_like_a_token(text: &str) -> bool {
    let opaque = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_part = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_=+/".contains(&byte));
    opaque || (text.split('.').count() == 3 && text.split('.').all(|part| !part.is_empty() && is_part(part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdefghijklmnopqrstuv";

    fn read(text: &str) -> anyhow::Result<(Vec<String>, Vec<usize>)> {
        let mut lines = TokenLines { lines: text.as_bytes(), number: 0, others: Vec::new() };
        let tokens = lines.next_tokens()?.iter().map(|token| token.0.expose().to_owned()).collect();
        Ok((tokens, lines.others))
    }

    #[test]
    fn tokens_are_read_a_line_each_with_whatever_stands_around_them() {
        let text = format!("{TOKEN}\n\n \"{TOKEN}\" \r\nBearer {TOKEN}\nAuthorization: Bearer {TOKEN}\na-a.b_b.c==");
        let (tokens, others) = read(&text).unwrap();
        assert_eq!(tokens, [TOKEN, TOKEN, TOKEN, TOKEN, "a-a.b_b.c=="]);
        assert!(others.is_empty());
    }

    #[test]
    fn lines_that_hold_no_token_are_named() {
        let (tokens, others) = read(&format!("hello\n{TOKEN}\nBearer foo\n{TOKEN}x\na.b\n")).unwrap();
        assert_eq!((tokens.len(), others), (1, vec![1, 3, 4, 5]));
        assert!(read(&"x".repeat(10_000)).is_err());
    }
}
