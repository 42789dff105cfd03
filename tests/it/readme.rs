//! The README's examples, run as they stand there.
//!
//! A fence that begins with ```` ```console test ```` is a conversation with `sh`: lines that begin with `$ ` are run,
//! with the lines that follow a trailing `\`; the lines below are what must be printed. `…` stands for any text within
//! a line, and a line of its own that is `…` for any lines. All fences share one shell and one `serve --demo`, whose
//! ports take the place of 8080, 8081 and 8083.

use std::process::Command;

use crate::support::{TestServer, is_installed, repository, skip};

const FENCE: &str = "```console test";

/// Printed between the outputs of two commands.
const MARK: &str = "--- next example ---";

#[derive(Debug, PartialEq, Eq)]
struct Example {
    /// Where its `$` is, counted from 1.
    line: usize,
    command: String,
    expected: Vec<String>,
}

/// Takes the examples out of a document.
fn examples(document: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut inside = false;
    let mut continued = false;
    for (number, line) in document.lines().enumerate() {
        if line.starts_with("```") {
            inside = !inside && line.trim_end() == FENCE;
            continued = false;
        } else if inside {
            match (line.strip_prefix("$ "), examples.last_mut()) {
                (Some(command), _) => {
                    examples.push(Example { line: number + 1, command: command.to_owned(), expected: Vec::new() });
                    continued = line.ends_with('\\');
                }
                (None, Some(example)) if continued => {
                    example.command.push('\n');
                    example.command.push_str(line);
                    continued = line.ends_with('\\');
                }
                (None, Some(example)) => example.expected.push(line.to_owned()),
                (None, None) => panic!("line {}: an example begins with \"$ \"", number + 1),
            }
        }
    }
    examples
}

/// Whether `text` is `pattern`, in which `…` stands for anything.
fn line_matches(pattern: &str, text: &str) -> bool {
    let Some((before, after)) = pattern.split_once('…') else { return pattern == text };
    let Some(rest) = text.strip_prefix(before) else { return false };
    rest.char_indices().map(|(at, _)| &rest[at..]).chain([""]).any(|rest| line_matches(after, rest))
}

/// Whether the printed lines are the expected ones.
fn matches(expected: &[String], printed: &[&str]) -> bool {
    match expected.split_first() {
        None => printed.is_empty(),
        Some((first, rest)) if first == "…" => (0..=printed.len()).any(|skipped| matches(rest, &printed[skipped..])),
        Some((first, rest)) => match printed.split_first() {
            Some((line, others)) => line_matches(first, line) && matches(rest, others),
            None => false,
        },
    }
}

/// Puts the server's ports in place of the documented ones.
fn with_ports(text: &str, server: &TestServer) -> String {
    text.replace(":8080", &format!(":{}", server.public.port()))
        .replace(":8081", &format!(":{}", server.internal.port()))
        .replace(":8083", &format!(":{}", server.admin_listener.port()))
}

/// What each example prints.
fn run(examples: &[Example], server: &TestServer) -> Vec<String> {
    let script = examples
        .iter()
        .map(|example| format!("{}\nprintf '\\n{MARK}\\n'\n", example.command))
        .collect::<Vec<_>>()
        .concat();
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_tokenward"));
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(with_ports(&script, server)).current_dir(repository());
    shell.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", binary.parent().unwrap().display()));
    shell.env("TOKENWARD__DATA__DIR", &server.folder).stdin(std::process::Stdio::null());
    let output = shell.output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap().replace('\r', "");
    printed.split(&format!("{MARK}\n")).map(str::to_owned).collect()
}

#[test]
fn the_examples_of_the_readme_do_what_it_says() {
    let document = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let examples = examples(&document);
    assert!(!examples.is_empty(), "the README has examples that are run: fences that begin with {FENCE}");
    if !is_installed("oathtool") {
        return skip("oathtool is not there (scripts/test install), and an example needs it");
    }
    let server = TestServer::demo();
    let outputs = run(&examples, &server);
    assert_eq!(outputs.len(), examples.len() + 1, "every example ran to its end: {outputs:?}");
    let wrong: Vec<_> =
        examples.iter().zip(&outputs).filter_map(|(example, printed)| compare(example, printed, &server)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is wrong with an output, if anything.
fn compare(example: &Example, printed: &str, server: &TestServer) -> Option<String> {
    let expected: Vec<_> = example.expected.iter().map(|line| with_ports(line, server)).collect();
    let trimmed = printed.trim_end_matches('\n');
    let lines: Vec<_> = if trimmed.is_empty() { Vec::new() } else { trimmed.split('\n').collect() };
    let without_last_blank = expected.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
    (!matches(&expected[..without_last_blank], &lines)).then(|| {
        format!(
            "README.md:{}: $ {}\nexpected:\n{}\nprinted:\n{trimmed}\n",
            example.line,
            example.command,
            expected.join("\n")
        )
    })
}

#[test]
fn examples_are_taken_out_with_their_continuations() {
    let document = "text\n```sh\n$ no\n```\n```console test\n$ curl \\\n    x\none\n\n$ y\n```\n";
    let example = |line, command: &str, expected: &[&str]| Example {
        line,
        command: command.to_owned(),
        expected: expected.iter().map(|&line| line.to_owned()).collect(),
    };
    assert_eq!(examples(document), [example(6, "curl \\\n    x", &["one", ""]), example(10, "y", &[])]);
}

#[test]
fn an_ellipsis_stands_for_anything_and_nothing_else_does() {
    assert!(line_matches(r#"{"token":"…"}"#, r#"{"token":"abc"}"#));
    assert!(line_matches("…b…", "abc") && line_matches("…", ""));
    assert!(!line_matches("abc", "abd") && !line_matches("a…c", "abd") && !line_matches("abc", "abcd"));
    let expected = ["first".to_owned(), "…".to_owned(), "last".to_owned()];
    assert!(matches(&expected, &["first", "last"]) && matches(&expected, &["first", "x", "y", "last"]));
    assert!(!matches(&expected, &["first", "x"]) && !matches(&expected[..1], &["first", "more"]));
}
