//! What a table is made of.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::http::MagentoVersion;
use crate::http::tests::Seen;

/// The length of a token in characters.
const TOKEN: usize = 32;

/// A file of cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    /// Settings of the default scope beside those of the shop.
    #[serde(default)]
    pub(super) settings: BTreeMap<String, String>,
    /// Keys of the configuration.
    #[serde(default)]
    pub(super) config: BTreeMap<String, String>,
    /// Who has an authenticator app: administrators by their user names.
    #[serde(default)]
    pub(super) apps: Vec<String>,
    /// The cases, in order: what one leaves behind is there for the next.
    #[serde(rename = "case")]
    pub(super) cases: Vec<Case>,
}

/// A request and its answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    /// What is true.
    pub(super) says: String,
    /// The versions it is true for; both when it does not say.
    #[serde(default = "both")]
    pub(super) versions: Vec<MagentoVersion>,
    /// How many seconds pass before the request is sent.
    #[serde(default)]
    pub(super) after: u32,
    /// Method and address.
    pub(super) request: String,
    /// Whose token comes along: a customer's address, an administrator's user name, or what an earlier case has kept with
    /// `keep`. The same name has the same token throughout the table. `gone` is a customer who was removed.
    #[serde(rename = "as")]
    pub(super) caller: Option<String>,
    /// Headers as they stand in a request.
    #[serde(default)]
    pub(super) headers: Vec<String>,
    /// The body. `{code}` stands for what the authenticator app shows, `{wrong code}` for what it does not show.
    #[serde(default)]
    pub(super) body: String,
    /// The body's `Content-Type`; JSON when there is a body and nothing is said, none when it is empty.
    #[serde(rename = "type")]
    pub(super) content_type: Option<String>,
    /// How often the request is sent, without time passing between; each time the answer is the same.
    #[serde(default = "once")]
    pub(super) times: u32,
    /// The status of the answer.
    status: u16,
    /// Headers of the answer that matter.
    #[serde(default)]
    answer_headers: Vec<String>,
    /// The body of the answer: compared as JSON when it is JSON, else as text without the last line's end. `{token}`
    /// stands for any token, `{time}` for any time. Only where the status says that all is well it may be left out, and
    /// is not compared then.
    answer: Option<String>,
    /// The name under which the token in the answer is kept.
    pub(super) keep: Option<String>,
}

fn both() -> Vec<MagentoVersion> {
    vec![MagentoVersion::V247, MagentoVersion::V248]
}

fn once() -> u32 {
    1
}

impl Table {
    pub(super) fn parse(text: &str) -> Self {
        let table: Self = toml::from_str(text).unwrap_or_else(|error| panic!("{error}"));
        for case in &table.cases {
            assert!(case.has_body() || case.status == 200, "{}: what the answer says is missing", case.says);
        }
        table
    }

    /// The cases that are true for a version.
    pub(super) fn cases_of(&self, version: MagentoVersion) -> impl Iterator<Item = &Case> {
        self.cases.iter().filter(move |case| case.versions.contains(&version))
    }
}

impl Case {
    /// Whether it says what is in the body of the answer.
    pub(super) fn has_body(&self) -> bool {
        self.answer.is_some()
    }

    /// The `Content-Type` to send, if any.
    pub(super) fn content_type(&self) -> Option<&str> {
        let default = (!self.body.is_empty()).then_some("application/json");
        self.content_type.as_deref().or(default).filter(|value| !value.is_empty())
    }

    /// How what was answered differs from what is true.
    pub(super) fn differences(&self, seen: &Seen) -> impl Iterator<Item = String> {
        let status = (seen.status != self.status).then(|| format!("status {} instead of {}", seen.status, self.status));
        let headers = self.answer_headers.iter().filter_map(|line| {
            let (name, value) = split(line);
            (seen.header(name) != value).then(|| format!("{name}: {} instead of {value}", seen.header(name)))
        });
        let body = self.answer.as_deref().filter(|answer| !is_body(answer, &seen.body));
        let body = body.map(|answer| format!("body\n{}\ninstead of\n{answer}", seen.body));
        let wrong: Vec<_> = status.into_iter().chain(headers).chain(body).collect();
        wrong.into_iter()
    }
}

/// Name and value of a header.
pub(super) fn split(line: &str) -> (&str, &str) {
    let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("{line} is no header"));
    (name.trim(), value.trim())
}

fn is_body(expected: &str, seen: &str) -> bool {
    match serde_json::from_str::<Value>(expected) {
        Ok(expected) => serde_json::from_str(seen).is_ok_and(|seen| is_value(&expected, &seen)),
        Err(_) => is_text(expected.trim_end(), seen.trim_end()),
    }
}

fn is_value(expected: &Value, seen: &Value) -> bool {
    match (expected, seen) {
        (Value::String(expected), Value::String(seen)) => is_text(expected, seen),
        (Value::Array(expected), Value::Array(seen)) => {
            expected.len() == seen.len() && expected.iter().zip(seen).all(|(expected, seen)| is_value(expected, seen))
        }
        (Value::Object(expected), Value::Object(seen)) => {
            expected.len() == seen.len()
                && expected.iter().all(|(name, expected)| seen.get(name).is_some_and(|seen| is_value(expected, seen)))
        }
        (expected, seen) => expected == seen,
    }
}

/// Compares text up to each placeholder, and what stands there with the placeholder's form.
fn is_text(expected: &str, seen: &str) -> bool {
    let Some(place) = expected.find("{t") else {
        return expected == seen;
    };
    let (before, rest) = expected.split_at(place);
    let Some(seen) = seen.strip_prefix(before) else {
        return false;
    };
    let (length, is_form, rest): (usize, fn(&str) -> bool, &str) = if let Some(rest) = rest.strip_prefix("{token}") {
        (TOKEN, is_token, rest)
    } else if let Some(rest) = rest.strip_prefix("{time}") {
        ("0000-00-00 00:00:00".len(), is_time, rest)
    } else {
        panic!("{rest} begins with no known placeholder");
    };
    seen.split_at_checked(length).is_some_and(|(value, seen)| is_form(value) && is_text(rest, seen))
}

fn is_token(text: &str) -> bool {
    text.chars().all(|character| character.is_ascii_digit() || character.is_ascii_lowercase())
}

fn is_time(text: &str) -> bool {
    text.bytes().zip(b"0000-00-00 00:00:00").all(|(seen, form)| seen == *form || seen.is_ascii_digit() && *form == b'0')
}

#[test]
#[should_panic(expected = "what the answer says is missing")]
fn a_case_of_a_refusal_says_in_which_words() {
    Table::parse("[[case]]\nsays = 'no'\nrequest = 'GET /'\nstatus = 401");
}

#[test]
fn a_body_is_compared_by_value_and_placeholders_by_form() {
    let token = "0123456789abcdefghijklmnopqrstuv";
    assert!(is_body(r#"{"a":1,"b":["{token}"]}"#, &format!(r#"{{"b":["{token}"],"a":1}}"#)));
    assert!(is_body("<a>{token}</a>{time}\n", &format!("<a>{token}</a>2026-01-01 00:00:00")));
    for (expected, seen) in [
        (r#"{"a":1}"#, r#"{"a":1,"b":2}"#),
        (r#"{"a":1}"#, "x"),
        ("[1]", "[1,2]"),
        (r#""{token}""#, r#""short""#),
        ("{time}", "2026-01-01T00:00:00"),
        ("", "something"),
    ] {
        assert!(!is_body(expected, seen), "{expected} {seen}");
    }
}
