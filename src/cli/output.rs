//! What a person reads.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use anyhow::anyhow;
use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};
use serde_json::{Map, Value};

use crate::cli::Failure;
use crate::control::Answer;

/// Prints a result.
///
/// # Errors
/// [`Failure::NobodyReads`] when the other end of the pipe is closed, as `head` does when it has seen enough.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = writeln!(out, "{}", text.trim_end_matches('\n')).and_then(|()| out.flush());
    written.map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Failure::NobodyReads,
        _ => Failure::from(error),
    })
}

/// Prints what went wrong, or what is worth knowing beside the result.
pub(crate) fn complain(text: &str) {
    // There is nowhere else to say it.
    drop(writeln!(io::stderr().lock(), "{}", text.trim_end_matches('\n')));
}

/// Prints an answer: rows as a table, or as one JSON object a line.
pub(crate) fn print_answer(answer: Answer, json: bool) -> Result<ExitCode, Failure> {
    match answer {
        Answer::Done(text) => print(&text)?,
        Answer::SecondFactor { done, uri } => print_second_factor(&done, uri.0.expose())?,
        Answer::TokensRevoked { given, ended } => {
            let not_live = given.saturating_sub(ended);
            print(&format!("tokens given: {given}, sessions ended: {ended}, not live: {not_live}"))?;
        }
        Answer::Rows(rows) if json => rows.into_iter().try_for_each(|row| print(&Value::Object(row).to_string()))?,
        Answer::Rows(rows) => print(&table(&rows))?,
        Answer::Failed(text) => return Err(Failure::Failed(anyhow!(text))),
    }
    Ok(ExitCode::SUCCESS)
}

/// The address in text, for those without a camera, and as a picture of it.
fn print_second_factor(done: &str, uri: &str) -> Result<(), Failure> {
    print(done)?;
    print(&format!("\n{uri}\n"))?;
    // One that is too long for a picture is there as text.
    QrCode::with_error_correction_level(uri, EcLevel::L).map_or(Ok(()), |code| print(&picture(&code)))
}

/// Light on dark, as terminals are, and two rows in each line, so that it is square.
fn picture(code: &QrCode) -> String {
    code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build()
}

/// Rows with the same columns, aligned, under a heading.
fn table(rows: &[Map<String, Value>]) -> String {
    let Some(first) = rows.first() else { return "none".to_owned() };
    let heading: Vec<_> = first.keys().map(|name| name.to_uppercase()).collect();
    let cells = rows.iter().map(|row| row.values().map(cell).collect::<Vec<_>>());
    let lines: Vec<Vec<String>> = std::iter::once(heading).chain(cells).collect();
    let width = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<_> = (0..first.len()).map(|column| width(column).unwrap_or(0)).collect();
    let render = |line: &Vec<String>| {
        let padded = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines.iter().map(render).collect::<Vec<_>>().join("\n")
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_aligned_under_their_headings_and_control_characters_are_shown() {
        let row =
            |id: u32, name: &str| Map::from_iter([("id".to_owned(), id.into()), ("name".to_owned(), name.into())]);
        assert_eq!(table(&[row(1, "Ännchen"), row(12, "a\u{1b}b")]), "ID  NAME\n1   Ännchen\n12  a\\u{1b}b");
        assert_eq!(table(&[]), "none");
    }
}
