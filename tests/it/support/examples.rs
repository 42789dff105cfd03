//! The examples of a document, run as they stand there.
//!
//! A fence that begins with ```` ```console test ```` is a conversation with `sh`: lines that begin with `$ ` are run,
//! with the lines that follow a trailing `\`; the lines below are what must be printed. `…` stands for any text within
//! a line, and a line of its own that is `…` for any lines. All fences of a document share one shell.
//!
//! A line `<!-- meanwhile: something happens -->`, which a reader does not see, names what happens in between: the test
//! says which commands make it happen.

use std::path::Path;
use std::process::{Command, Stdio};

use super::repository;

const FENCE: &str = "```console test";

const MEANWHILE: &str = "<!-- meanwhile: ";

/// Printed between the outputs of two commands.
const MARK: &str = "--- next example ---";

/// A command of a document, and what it prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Example {
    /// Where it stands, counted from 1.
    line: usize,
    /// The command, or what happens meanwhile.
    command: String,
    expected: Vec<String>,
    is_meanwhile: bool,
}

impl Example {
    fn new(line: usize, command: &str, is_meanwhile: bool) -> Self {
        Self { line, command: command.to_owned(), expected: Vec::new(), is_meanwhile }
    }

    /// With the commands that make happen what happens meanwhile; they may print anything.
    #[track_caller]
    fn staged(self, stage: &[(&str, &str)]) -> Self {
        if !self.is_meanwhile {
            return self;
        }
        let commands = stage.iter().find(|(name, _)| *name == self.command);
        let (_, commands) = commands.unwrap_or_else(|| panic!("nobody makes it happen: {}", self.command));
        Self { command: (*commands).to_owned(), expected: vec!["…".to_owned()], ..self }
    }
}

/// Runs the examples of the document `name` and fails unless each prints what the document says. `stage` makes things
/// happen; `shell` is what the commands run in, and `preamble` what runs before them. `adapted` puts a command or an
/// expected line into the surroundings of the test.
#[track_caller]
pub(crate) fn assert_true(
    name: &str,
    stage: &[(&str, &str)],
    preamble: &str,
    environment: &[(&str, &Path)],
    adapted: impl Fn(&str) -> String,
) {
    let document = std::fs::read_to_string(repository().join(name)).unwrap();
    let examples: Vec<_> = examples(&document)
        .into_iter()
        .map(|example| example.staged(stage))
        .map(|example| Example {
            command: adapted(&example.command),
            expected: example.expected.iter().map(|line| adapted(line)).collect(),
            ..example
        })
        .collect();
    assert!(!examples.is_empty(), "{name} has examples that are run: fences that begin with {FENCE}");
    let (outputs, complaints) = run(&examples, preamble, environment);
    let wrong: Vec<_> =
        examples.iter().zip(&outputs).filter_map(|(example, printed)| compare(name, example, printed)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(complaints.is_empty(), "{complaints}");
    assert_eq!(outputs.len(), examples.len() + 1, "every example ran to its end: {outputs:?}");
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
                    examples.push(Example::new(number + 1, command, false));
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
        } else if let Some(happening) = line.strip_prefix(MEANWHILE).and_then(|line| line.strip_suffix(" -->")) {
            examples.push(Example::new(number + 1, happening, true));
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

/// What each example prints, and what all of them say on standard error.
fn run(examples: &[Example], preamble: &str, environment: &[(&str, &Path)]) -> (Vec<String>, String) {
    let commands = examples.iter().map(|example| format!("{}\nprintf '\\n{MARK}\\n'\n", example.command));
    let script = format!("{preamble}\n{}", commands.collect::<String>());
    let binary = Path::new(env!("CARGO_BIN_EXE_tokenward"));
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(script).current_dir(repository()).stdin(Stdio::null());
    shell.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", binary.parent().unwrap().display()));
    shell.envs(environment.iter().copied());
    let output = shell.output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap().replace('\r', "");
    let outputs = printed.split(&format!("{MARK}\n")).map(str::to_owned).collect();
    (outputs, String::from_utf8_lossy(&output.stderr).into_owned())
}

/// What is wrong with an output, if anything.
fn compare(document: &str, example: &Example, printed: &str) -> Option<String> {
    let Example { line, command, expected, .. } = example;
    let trimmed = printed.trim_end_matches('\n');
    let lines: Vec<_> = if trimmed.is_empty() { Vec::new() } else { trimmed.split('\n').collect() };
    let without_last_blank = expected.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
    (!matches(&expected[..without_last_blank], &lines))
        .then(|| format!("{document}:{line}: $ {command}\nexpected:\n{}\nprinted:\n{trimmed}\n", expected.join("\n")))
}

#[test]
fn examples_are_taken_out_with_their_continuations_and_with_what_happens_meanwhile() {
    let document =
        "text\n```sh\n$ no\n```\n```console test\n$ curl \\\n    x\none\n\n$ y\n```\n<!-- meanwhile: it rains -->\n";
    let example = |line, command: &str, expected: &[&str]| Example {
        expected: expected.iter().map(|&line| line.to_owned()).collect(),
        ..Example::new(line, command, false)
    };
    let rain = Example::new(12, "it rains", true);
    assert_eq!(examples(document), [example(6, "curl \\\n    x", &["one", ""]), example(10, "y", &[]), rain.clone()]);
    assert_eq!(rain.staged(&[("it rains", "pour")]).command, "pour");
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
