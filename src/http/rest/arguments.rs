//! The arguments of an operation: from the body, and from the query, which wins (fact sheet 3.2, 3.3).

use actix_web::HttpRequest;
use actix_web::web::Query;
use zeroize::Zeroizing;

use crate::http::rest::content::{self, Format};
use crate::http::rest::error::RestError;
use crate::http::rest::{json, xml};

/// The text of an argument. It may be a password, so all are wiped.
pub(super) type Text = Zeroizing<String>;

/// The arguments with these names, as they were sent. Names are accepted in camelCase, as they are given here, and in
/// `snake_case`; what has another name is ignored; an empty body is not decoded.
///
/// # Errors
/// The complaints about `Content-Type`; [`RestError::Undecodable`].
pub(super) fn sent<const N: usize>(
    names: [&'static str; N],
    request: &HttpRequest,
    body: &[u8],
) -> Result<[Argument; N], RestError> {
    let mut arguments = from_body(names, request, body)?;
    overwrite_from_query(&mut arguments, &names, request.query_string());
    Ok(arguments)
}

/// Texts that have to be there, empty or not. Numbers and booleans are cast to text.
///
/// # Errors
/// As [`sent`]; [`RestError::WrongType`]; then [`RestError::Required`] for what is missing or null.
pub(super) fn texts<const N: usize>(
    names: [&'static str; N],
    request: &HttpRequest,
    body: &[u8],
) -> Result<[Text; N], RestError> {
    demand(names, sent(names, request, body)?, |argument| *argument == Argument::Absent)
}

/// Texts that have to be there and not empty.
///
/// # Errors
/// As [`texts`], and [`RestError::Required`] for what is empty, too.
pub(super) fn required<const N: usize>(
    names: [&'static str; N],
    request: &HttpRequest,
    body: &[u8],
) -> Result<[Text; N], RestError> {
    demand(names, sent(names, request, body)?, Argument::is_empty)
}

fn demand<const N: usize>(
    names: [&'static str; N],
    arguments: [Argument; N],
    is_missing: impl Fn(&Argument) -> bool,
) -> Result<[Text; N], RestError> {
    if arguments.contains(&Argument::Structure) {
        return Err(RestError::WrongType { expected: "string" });
    }
    let missing: Vec<_> =
        names.into_iter().zip(&arguments).filter_map(|(name, argument)| is_missing(argument).then_some(name)).collect();
    if !missing.is_empty() {
        return Err(RestError::Required(missing));
    }
    Ok(arguments.map(Argument::into_text))
}

/// Decodes a body of which nothing is needed, so that a broken one is refused as everywhere else.
///
/// # Errors
/// As [`sent`].
pub(super) fn none(request: &HttpRequest, body: &[u8]) -> Result<(), RestError> {
    from_body([], request, body).map(|[]| ())
}

/// What was sent under a name.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(super) enum Argument {
    /// Nothing, or null.
    Absent,
    /// A string, or what is cast to one.
    Text(Text),
    /// An object or an array.
    Structure,
}

impl Argument {
    fn is_empty(&self) -> bool {
        match self {
            Self::Absent => true,
            Self::Text(text) => text.is_empty(),
            Self::Structure => false,
        }
    }

    /// The number that PHP casts it to: its leading digits, else 0; `None` when it is absent.
    ///
    /// # Errors
    /// [`RestError::WrongType`].
    pub(super) fn number(&self) -> Result<Option<u32>, RestError> {
        match self {
            Self::Absent => Ok(None),
            Self::Text(text) => {
                let text = text.trim();
                let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
                Ok(Some(if digits == 0 { 0 } else { text[..digits].parse().unwrap_or(u32::MAX) }))
            }
            Self::Structure => Err(RestError::WrongType { expected: "int" }),
        }
    }

    /// Its text; `None` when it is absent.
    ///
    /// # Errors
    /// [`RestError::WrongType`].
    pub(super) fn text(self) -> Result<Option<Text>, RestError> {
        match self {
            Self::Absent => Ok(None),
            Self::Text(text) => Ok(Some(text)),
            Self::Structure => Err(RestError::WrongType { expected: "string" }),
        }
    }

    fn into_text(self) -> Text {
        match self {
            Self::Text(text) => text,
            Self::Absent | Self::Structure => Text::default(),
        }
    }
}

fn from_body<const N: usize>(
    names: [&'static str; N],
    request: &HttpRequest,
    body: &[u8],
) -> Result<[Argument; N], RestError> {
    if body.is_empty() {
        return Ok([const { Argument::Absent }; N]);
    }
    match content::sent(request.headers())? {
        Format::Json => json::arguments(names, body),
        Format::Xml => xml::arguments(names, body),
    }
}

fn overwrite_from_query(arguments: &mut [Argument], names: &[&'static str], query: &str) {
    if query.is_empty() {
        return;
    }
    let pairs = Query::<Vec<(String, String)>>::from_query(query).map_or_else(|_| Vec::new(), Query::into_inner);
    for (key, value) in pairs {
        let (key, argument) = match key.split_once('[') {
            Some((key, _)) => (key, Argument::Structure),
            None => (key.as_str(), Argument::Text(Zeroizing::new(value))),
        };
        if let Some(index) = position(names, key) {
            arguments[index] = argument;
        }
    }
}

/// Which of the names a key is.
pub(super) fn position(names: &[&'static str], key: &str) -> Option<usize> {
    names.iter().position(|name| is_name(key, name))
}

/// Whether `key` is `name` in camelCase or in `snake_case`.
fn is_name(key: &str, name: &str) -> bool {
    key == name
        || key.chars().eq(name.chars().flat_map(|character| {
            let underscore = character.is_ascii_uppercase().then_some('_');
            underscore.into_iter().chain([character.to_ascii_lowercase()])
        }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;
    use proptest::prelude::*;

    fn credentials(query: &str, body: &str) -> Result<[String; 2], RestError> {
        let request = TestRequest::with_uri(&format!("/?{query}"))
            .insert_header(("content-type", "application/json"))
            .to_http_request();
        required(["username", "password"], &request, body.as_bytes()).map(|texts| texts.map(|text| text.to_string()))
    }

    #[expect(clippy::unnecessary_wraps, reason = "it is compared with results")]
    fn strings(one: &str, other: &str) -> Result<[String; 2], RestError> {
        Ok([one.to_owned(), other.to_owned()])
    }

    #[test]
    fn members_are_picked_and_cast_and_others_are_ignored() {
        assert_eq!(
            credentials("", r#"{"x":{"y":[1]},"username":"a@example.com","password":"p\u00e4ss"}"#),
            strings("a@example.com", "päss")
        );
        assert_eq!(credentials("", r#"{"username":5,"password":1.5}"#), strings("5", "1.5"));
        assert_eq!(credentials("", r#"{"username":true,"password":"0"}"#), strings("1", "0"));
        assert_eq!(credentials("", r#"{"username":-7,"password":2.0}"#), strings("-7", "2"));
    }

    #[test]
    fn the_query_wins_over_the_body() {
        assert_eq!(credentials("password=q%20r", r#"{"username":"a","password":"b"}"#), strings("a", "q r"));
        assert_eq!(
            credentials("password=", r#"{"username":"a","password":"b"}"#),
            Err(RestError::Required(vec!["password"]))
        );
        assert_eq!(
            credentials("password[]=x", r#"{"username":"a","password":"b"}"#),
            Err(RestError::WrongType { expected: "string" })
        );
    }

    #[test]
    fn what_is_missing_null_or_empty_is_required() {
        let both = || Err(RestError::Required(vec!["username", "password"]));
        for body in ["", "{}", "[]", "null", "5", "\"x\"", "true", "-1", "1.5", r#"{"username":null,"password":""}"#] {
            assert_eq!(credentials("", body), both(), "{body}");
        }
        assert_eq!(credentials("", r#"{"username":"a","password":false}"#), Err(RestError::Required(vec!["password"])));
    }

    #[test]
    fn a_structure_is_no_string_even_when_something_else_is_missing() {
        for body in [r#"{"username":["a"]}"#, r#"{"username":{"a":1},"password":"b"}"#] {
            assert_eq!(credentials("", body), Err(RestError::WrongType { expected: "string" }), "{body}");
        }
    }

    #[test]
    fn what_is_no_json_cannot_be_decoded() {
        let deep = "[".repeat(100_000);
        for body in ["{", "{}x", "username=a", "{\"username\":\"a\",}", " ", deep.as_str()] {
            assert_eq!(credentials("", body), Err(RestError::Undecodable));
        }
        let request = TestRequest::default().insert_header(("content-type", "application/json")).to_http_request();
        let outcome = required(["username"], &request, b"{\"username\":\"\xff\"}");
        assert_eq!(outcome.err(), Some(RestError::Undecodable));
    }

    #[test]
    fn what_is_empty_is_there_all_the_same_where_that_is_enough() {
        let request = TestRequest::default().insert_header(("content-type", "application/json")).to_http_request();
        let read = |body: &str| texts(["a", "b"], &request, body.as_bytes()).map(|texts| texts.map(|text| text.len()));
        assert_eq!(read(r#"{"a":"","b":"x"}"#), Ok([0, 1]));
        assert_eq!(read(r#"{"a":"","b":null}"#), Err(RestError::Required(vec!["b"])));
    }

    #[test]
    fn a_number_is_read_as_php_casts_it() {
        let text = |text: &str| Argument::Text(Zeroizing::new(text.to_owned())).number();
        assert_eq!(
            (text("12"), text(" 7x"), text("x"), text("")),
            (Ok(Some(12)), Ok(Some(7)), Ok(Some(0)), Ok(Some(0)))
        );
        assert_eq!(text("99999999999"), Ok(Some(u32::MAX)));
        assert_eq!(Argument::Absent.number(), Ok(None));
        assert_eq!(Argument::Structure.number(), Err(RestError::WrongType { expected: "int" }));
    }

    #[test]
    fn names_are_accepted_in_both_spellings() {
        assert!(is_name("currentPassword", "currentPassword"));
        assert!(is_name("current_password", "currentPassword"));
        assert!(!is_name("CurrentPassword", "currentPassword"));
        assert!(!is_name("current_passwords", "currentPassword"));
    }

    #[test]
    fn a_body_needs_a_content_type_and_no_body_needs_none() {
        let request = TestRequest::default().to_http_request();
        assert_eq!(none(&request, b""), Ok(()));
        assert_eq!(none(&request, b"{}"), Err(RestError::ContentTypeEmpty));
    }

    proptest! {
        #[test]
        fn any_text_arrives_as_it_was_sent(username in ".+", password in ".+") {
            let body = serde_json::json!({ "username": &username, "password": &password }).to_string();
            prop_assert_eq!(credentials("", &body), strings(&username, &password));
        }

        #[test]
        fn any_bytes_are_answered(body in proptest::collection::vec(any::<u8>(), 0..64)) {
            let request = TestRequest::default()
                .insert_header(("content-type", "application/json"))
                .to_http_request();
            let _answered = required(["username"], &request, &body);
        }
    }
}
