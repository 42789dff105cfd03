//! What a person reads.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is the one place that prints")]

use std::process::ExitCode;

use anyhow::anyhow;
use serde_json::{Map, Value};

use crate::cli::Failure;
use crate::control::Answer;

/// Prints a result.
pub(crate) fn print(text: &str) {
    println!("{}", text.trim_end_matches('\n'));
}

/// Prints what went wrong.
pub(crate) fn complain(text: &str) {
    eprintln!("{}", text.trim_end_matches('\n'));
}

/// Prints an answer: rows as a table, or as one JSON object a line.
pub(crate) fn print_answer(answer: Answer, json: bool) -> Result<ExitCode, Failure> {
    match answer {
        Answer::Done(text) => print(&text),
        Answer::Rows(rows) if json => rows.into_iter().for_each(|row| print(&Value::Object(row).to_string())),
        Answer::Rows(rows) => print(&table(&rows)),
        Answer::Failed(text) => return Err(Failure::Failed(anyhow!(text))),
    }
    Ok(ExitCode::SUCCESS)
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
