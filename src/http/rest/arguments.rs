//! The arguments of an operation: from the body, and from the query, which wins (fact sheet 3.2, 3.3).

use actix_web::HttpRequest;
use actix_web::web::Query;
use zeroize::Zeroizing;

use crate::http::rest::content::{self, Format};
use crate::http::rest::error::RestError;
use crate::http::rest::json;

/// The text of an argument. It may be a password, so all are wiped.
pub(super) type Text = Zeroizing<String>;

/// The arguments with these names. Names are accepted in camelCase, as they are given here, and in `snake_case`; numbers
/// and booleans are cast to text; what has another name is ignored; an empty body is not decoded.
///
/// # Errors
/// The complaints about `Content-Type`; [`RestError::Undecodable`]; [`RestError::NotAString`]; then
/// [`RestError::Required`] for what is missing, null or empty.
pub(super) fn required<const N: usize>(
    names: [&'static str; N],
    request: &HttpRequest,
    body: &[u8],
) -> Result<[Text; N], RestError> {
    let mut arguments = from_body(names, request, body)?;
    overwrite_from_query(&mut arguments, &names, request.query_string());
    if arguments.contains(&Argument::Structure) {
        return Err(RestError::NotAString);
    }
    let missing: Vec<_> =
        names.into_iter().zip(&arguments).filter_map(|(name, argument)| argument.is_empty().then_some(name)).collect();
    if !missing.is_empty() {
        return Err(RestError::Required(missing));
    }
    Ok(arguments.map(Argument::into_text))
}

/// Decodes a body of which nothing is needed, so that a broken one is refused as everywhere else.
///
/// # Errors
/// As [`required`], but nothing is missing.
pub(super) fn none(request: &HttpRequest, body: &[u8]) -> Result<(), RestError> {
    from_body([], request, body).map(|[]| ())
}

/// What was sent under a name.
#[derive(Clone, PartialEq, Eq)]
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
        assert_eq!(credentials("password[]=x", r#"{"username":"a","password":"b"}"#), Err(RestError::NotAString));
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
            assert_eq!(credentials("", body), Err(RestError::NotAString), "{body}");
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
