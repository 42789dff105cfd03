//! `tokenward audit`: both commands read the file themselves, whether a server runs on it or not.

use std::io::{self, BufWriter, ErrorKind, Write};
use std::process::ExitCode;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use jiff::Timestamp;

use crate::app;
use crate::cli::common::{ConfigArguments, whole_number};
use crate::cli::{Failure, output};
use crate::clock::{Clock, SystemClock, UnixSeconds};

/// What was written down of who did what.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Check that no line was changed, taken out or moved; exit code 1, and the first bad line named, when one was
    Verify(Verify),
    /// Print lines, one JSON object a line
    Export(Export),
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    config: ConfigArguments,
    /// Take this line for granted, and check only those behind it; exit code 64 when there is no line with this number yet
    #[arg(long, value_name = "LINE", value_parser = whole_number::<u64>)]
    after: Option<u64>,
    /// Also check that this line still has this hash: what an earlier `audit verify` has printed, and somebody has kept
    /// elsewhere
    #[arg(long, value_name = "LINE:HASH", value_parser = noted)]
    noted: Option<(u64, String)>,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    config: ConfigArguments,
    /// Only lines from then on: RFC 3339, a date, or so long ago (90s, 15m, 12h, 2d, 4w)
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<UnixSeconds>,
    /// Only lines from before then
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<UnixSeconds>,
}

impl AuditCommand {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Verify(verify) => verify.run(),
            Self::Export(export) => export.run(),
        }
    }
}

impl Verify {
    fn run(self) -> Result<ExitCode, Failure> {
        let trail = trail(&self.config)?;
        if let Some((line, hash)) = self.noted {
            match trail.hash_of(line)? {
                Some(found) if found.to_string() == hash => {}
                Some(_) => {
                    return Err(anyhow!("the audit trail was tampered with: line {line} has another hash").into());
                }
                None => return Err(anyhow!("the audit trail has no line {line}, or no longer").into()),
            }
        }
        match trail.verify(self.after)? {
            app::Verdict::Whole { lines: 0, last: 0, .. } => {
                output::print("the audit trail is whole: it has no line yet")?;
            }
            app::Verdict::Whole { lines, last, hash } => {
                output::print(&format!("the audit trail is whole: {lines} lines, the last one is {last}:{hash}"))?;
            }
            app::Verdict::Beyond { last } => {
                let after = self.after.unwrap_or_default();
                return Err(Failure::Usage(format!(
                    "the audit trail ends with line {last}, so nothing lies behind line {after}: either that number is \
                     wrong, or the trail had that line once and an older copy of the data folder is in its place"
                )));
            }
            app::Verdict::Broken { line, fault } => {
                return Err(anyhow!("the audit trail was tampered with, or is damaged: line {line} {fault}").into());
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Export {
    fn run(self) -> Result<ExitCode, Failure> {
        let trail = trail(&self.config)?;
        let span =
            app::Span { since: self.since.unwrap_or_default(), until: self.until.unwrap_or(UnixSeconds(u32::MAX)) };
        let mut out = BufWriter::new(io::stdout().lock());
        trail.export(span, |line| writeln!(out, "{line}")).map_err(|error| match error {
            app::ExportError::Folder(error) => Failure::from(error),
            app::ExportError::Handed(error) => not_written(error),
        })?;
        out.flush().map_err(not_written)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The trail of the data folder, which has to be there: none is made by looking for it.
fn trail(config: &ConfigArguments) -> Result<app::TrailReader, Failure> {
    let folder = config.load()?.data.dir;
    if !app::is_there(&folder)? {
        let shown = folder.display();
        return Err(anyhow!("there is no tokenward.db in {shown}: name the right folder with --data-dir").into());
    }
    Ok(app::open_trail(&folder)?)
}

fn not_written(error: io::Error) -> Failure {
    match error.kind() {
        ErrorKind::BrokenPipe => Failure::NobodyReads,
        _ => error.into(),
    }
}

fn noted(text: &str) -> Result<(u64, String), String> {
    text.split_once(':')
        .filter(|(_, hash)| hash.len() == 32 && hash.bytes().all(|digit| digit.is_ascii_hexdigit()))
        .and_then(|(line, hash)| Some((line.parse().ok()?, hash.to_ascii_lowercase())))
        .ok_or_else(|| "this is not what `audit verify` prints, such as 12:0123456789abcdef0123456789abcdef".to_owned())
}

fn moment(text: &str) -> Result<UnixSeconds, String> {
    moment_at(text, SystemClock::default().wall())
}

/// The moment that `text` names at `now`.
fn moment_at(text: &str, now: UnixSeconds) -> Result<UnixSeconds, String> {
    let named = text.parse::<Timestamp>().or_else(|_| format!("{text}T00:00:00Z").parse());
    if let Ok(named) = named {
        return u32::try_from(named.as_second()).map(UnixSeconds).map_err(|_| format!("{text} lies too far away"));
    }
    ago(text)
        .map(|seconds| UnixSeconds(now.get().saturating_sub(seconds)))
        .ok_or_else(|| "a moment is 2026-01-31T12:00:00Z, 2026-01-31, or so long ago: 90s, 15m, 12h, 2d, 4w".to_owned())
}

/// A length of time in seconds.
fn ago(text: &str) -> Option<u32> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    digits.parse::<u32>().ok()?.checked_mul(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_a_date_or_so_long_ago() {
        let now = UnixSeconds(1_700_000_000);
        let at = |text: &str| moment_at(text, now).map(UnixSeconds::get);
        assert_eq!(at("2023-11-14T22:13:20Z"), Ok(1_700_000_000));
        assert_eq!(at("2023-11-14T23:13:20+01:00"), Ok(1_700_000_000));
        assert_eq!(at("2023-11-14"), Ok(1_699_920_000));
        assert_eq!(at("2d"), Ok(1_700_000_000 - 172_800));
        assert_eq!(at("90s"), Ok(1_699_999_910));
        for wrong in ["", "2", "d", "2y", "-1d", "1969-01-01", "99999999w", "yesterday", "ä"] {
            assert!(at(wrong).is_err(), "{wrong}");
        }
    }
}
