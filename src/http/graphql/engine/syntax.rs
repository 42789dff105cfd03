//! Syntax errors in Magento's words (fact sheet 1.5).

use apollo_compiler::diagnostic::ToCliReport;
use apollo_compiler::validation::DiagnosticList;

use crate::http::graphql::engine::Complaint;

/// What the parser's message begins with, by `Diagnostic::error`'s text.
const SYNTAX_ERROR: &str = "syntax error: ";

/// What the parser says where Magento's would say that it expected a name: within selections and arguments.
const NAME_EXPECTED: [&str; 6] = [
    "expected a Name",
    "expected at least one Selection",
    "expected an Inline Fragment or a Fragment Spread",
    "expected R_CURLY",
    "expected R_PAREN",
    "expected an Argument",
];

/// What the parser says where a certain sign is missing.
const SIGN_EXPECTED: [(&str, &str); 4] =
    [("expected COLON", ":"), ("expected R_BRACK", "]"), ("expected L_CURLY", "{"), ("expected a Selection Set", "{")];

/// The first syntax error. `None` when the parser gave up before it found one.
pub(super) fn first_error(errors: &DiagnosticList, text: &str) -> Option<Complaint> {
    let first = errors.iter().next()?;
    let problem = first.error.to_string();
    let problem = problem.strip_prefix(SYNTAX_ERROR)?;
    let offset = first.error.location().map_or(text.len(), |location| location.offset());
    if text.trim().is_empty() {
        return Some(Complaint::at("Syntax Error: Unexpected <EOF>", text, 0));
    }
    Some(Complaint::at(message(problem, text, offset), text, offset))
}

fn message(problem: &str, text: &str, offset: usize) -> String {
    let found = token(text.get(offset..).unwrap_or_default());
    if problem.starts_with("unterminated string") || problem.starts_with("unexpected line terminator") {
        return "Syntax Error: Unterminated string.".to_owned();
    }
    if NAME_EXPECTED.iter().any(|expected| problem.starts_with(expected)) {
        return format!("Syntax Error: Expected Name, found {found}");
    }
    let sign = SIGN_EXPECTED.iter().find(|(expected, _)| problem.starts_with(expected));
    match sign {
        Some((_, sign)) => format!("Syntax Error: Expected {sign}, found {found}"),
        None => format!("Syntax Error: Unexpected {found}"),
    }
}

/// The token with which `rest` begins. A string is not repeated: it may be a password.
fn token(rest: &str) -> String {
    let Some(first) = rest.chars().next() else {
        return "<EOF>".to_owned();
    };
    let word = |belongs: fn(char) -> bool| rest.chars().take(64).take_while(|&c| belongs(c)).collect::<String>();
    match first {
        'A'..='Z' | 'a'..='z' | '_' => format!("Name \"{}\"", word(|c| c.is_ascii_alphanumeric() || c == '_')),
        '0'..='9' | '-' => format!("Int \"{}\"", word(|c| c.is_ascii_digit() || c == '-')),
        '"' => "String".to_owned(),
        '.' if rest.starts_with("...") => "...".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apollo_compiler::ast::Document;

    fn error(text: &str) -> String {
        let problem = Document::parse(text, "test").unwrap_err();
        first_error(&problem.errors, text).unwrap().message
    }

    #[test]
    fn syntax_errors_are_worded_as_magento_words_them() {
        for (text, message) in [
            ("", "Unexpected <EOF>"),
            ("  \n", "Unexpected <EOF>"),
            ("{", "Expected Name, found <EOF>"),
            ("{ customer { email ", "Expected Name, found <EOF>"),
            ("{ }", "Expected Name, found }"),
            ("}", "Unexpected }"),
            ("customer", "Unexpected Name \"customer\""),
            ("{ customer(: 5) { email } }", "Expected Name, found :"),
            ("{ a(b: \"x) }", "Unterminated string."),
        ] {
            assert_eq!(error(text), format!("Syntax Error: {message}"), "{text}");
        }
    }

    #[test]
    fn a_string_is_not_repeated() {
        assert!(!error("\"hunter2\" hunter3").contains("hunter2"));
        assert!(!error("{ a(b \"hunter2\") }").contains("hunter2"));
    }
}
