//! Every section of the fact sheet that the source cites is there.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::support::repository;

/// How a citation begins; one or more numbers of sections follow.
const CITATION: &str = "fact sheet ";

/// What may stand between two numbers of one citation.
const SEPARATORS: [&str; 3] = [", ", " and ", " to "];

/// The numbers of a document's headings: `5` of `## 5. Throttle`, `5.1` of `### 5.1 The throttle`.
fn headings(document: &str) -> BTreeSet<&str> {
    document
        .lines()
        .filter(|line| line.starts_with('#'))
        .filter_map(|line| line.trim_start_matches('#').split_whitespace().next())
        .map(|word| word.trim_end_matches('.'))
        .filter(|word| number(word) == Some(*word))
        .collect()
}

/// The number at the beginning of a text: digits, with a point between.
fn number(text: &str) -> Option<&str> {
    let end = text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
    let number = text[..end].trim_end_matches('.');
    number.starts_with(|first: char| first.is_ascii_digit()).then_some(number)
}

/// The text on one line and without the marks of comments, so that a citation that is broken in two is whole.
fn flowing(source: &str) -> String {
    let bare = |line: &str| line.trim().trim_start_matches('/').trim_start_matches('!').trim().to_owned();
    source.lines().map(bare).collect::<Vec<_>>().join(" ")
}

/// The numbers that a text cites.
fn cited(source: &str) -> Vec<String> {
    let text = flowing(source).to_lowercase();
    text.match_indices(CITATION).flat_map(|(at, _)| numbers(&text[at + CITATION.len()..])).collect()
}

/// The numbers in a row at the beginning of a text.
fn numbers(text: &str) -> Vec<String> {
    let mut numbers = Vec::new();
    let mut rest = text;
    while let Some(number) = number(rest) {
        numbers.push(number.to_owned());
        rest = &rest[number.len()..];
        let Some(next) = SEPARATORS.iter().find_map(|separator| rest.strip_prefix(separator)) else { break };
        rest = next;
    }
    numbers
}

/// All source files.
fn sources() -> Vec<PathBuf> {
    let mut folders = vec![repository().join("src")];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push(path);
            }
        }
    }
    sources
}

#[test]
fn every_section_that_the_source_cites_is_in_the_fact_sheet() {
    let document = std::fs::read_to_string(repository().join("docs/fact-sheet.md")).unwrap();
    let headings = headings(&document);
    let mut found = 0;
    let mut dangling = Vec::new();
    for file in sources() {
        for number in cited(&std::fs::read_to_string(&file).unwrap()) {
            found += 1;
            if !headings.contains(number.as_str()) {
                dangling.push(format!("{}: fact sheet {number}", file.display()));
            }
        }
    }
    assert!(found > 0, "no citation was found in src/");
    assert!(dangling.is_empty(), "docs/fact-sheet.md has no such section:\n{}", dangling.join("\n"));
}

#[test]
fn citations_are_found_in_rows_and_across_lines() {
    assert_eq!(cited("/// Magento's (fact sheet 5.2, step 6)."), ["5.2"]);
    assert_eq!(cited("//! (fact sheet 1.1 to 1.4, 1.7)."), ["1.1", "1.4", "1.7"]);
    assert_eq!(cited("//! (fact sheet 1 and 2). In 3 steps."), ["1", "2"]);
    assert_eq!(cited("    /// as it is (fact\n    /// sheet 4.4). Fact sheet 10."), ["4.4", "10"]);
    assert!(cited("/// The steps of the fact sheet, in Magento's order.").is_empty());
}

#[test]
fn only_numbered_headings_are_sections() {
    let document = "# Sheet\n## 5. Throttle\n### 5.1 The throttle\n5.2 is no heading\n## 6th\n";
    assert_eq!(headings(document), BTreeSet::from(["5", "5.1"]));
}
