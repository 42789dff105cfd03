//! Which formats a request and its answer have (fact sheet 3.3).

use actix_web::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use mime::Mime;

use crate::http::rest::error::RestError;

/// A format of bodies and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// JSON.
    Json,
}

/// The format of a body that is there.
///
/// # Errors
/// One of the four complaints about `Content-Type`.
pub(super) fn sent(headers: &HeaderMap) -> Result<Format, RestError> {
    let value = headers.get(CONTENT_TYPE).ok_or(RestError::ContentTypeEmpty)?;
    let text = value.to_str().map_err(|_| RestError::ContentTypeInvalid)?.trim();
    if text.is_empty() {
        return Err(RestError::ContentTypeEmpty);
    }
    let media_type: Mime = text.parse().map_err(|_| RestError::ContentTypeInvalid)?;
    if media_type.get_param(mime::CHARSET).is_some_and(|charset| charset != mime::UTF_8) {
        return Err(RestError::CharsetUnsupported);
    }
    match media_type.essence_str() {
        "application/json" => Ok(Format::Json),
        other => Err(RestError::MediaTypeUnsupported(other.to_owned())),
    }
}

/// The format that the client wants, by the weights of `Accept`; JSON when it does not say.
///
/// # Errors
/// [`RestError::NotAcceptable`] when nothing that can be written is in the list.
pub(super) fn accepted(headers: &HeaderMap) -> Result<Format, RestError> {
    let Some(value) = headers.get(ACCEPT) else {
        return Ok(Format::Json);
    };
    let text = String::from_utf8_lossy(value.as_bytes());
    let mut ranges: Vec<(f32, &str)> = text.split(',').map(weighted).collect();
    ranges.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    ranges
        .into_iter()
        .find_map(|(_, range)| written(range))
        .ok_or_else(|| RestError::NotAcceptable(text.trim().to_owned()))
}

/// Only JSON can be written, so that the weights do not matter yet.
fn written(range: &str) -> Option<Format> {
    ["*/*", "application/*", "application/json"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(range))
        .then_some(Format::Json)
}

fn weighted(entry: &str) -> (f32, &str) {
    let mut parts = entry.split(';').map(str::trim);
    let range = parts.next().unwrap_or_default();
    let weight =
        parts.find_map(|part| part.strip_prefix("q=")).map_or(1.0, |weight| weight.trim().parse().unwrap_or(0.0));
    (weight, range)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    fn with(name: HeaderName, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        headers
    }

    #[test]
    fn json_is_understood_with_and_without_its_charset() {
        for good in ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=\"UTF-8\""] {
            assert_eq!(sent(&with(CONTENT_TYPE, good)), Ok(Format::Json), "{good}");
        }
    }

    #[test]
    fn each_problem_of_a_content_type_has_its_own_words() {
        let unsupported = RestError::MediaTypeUnsupported("text/plain".to_owned());
        for (value, error) in [
            ("", RestError::ContentTypeEmpty),
            ("nonsense", RestError::ContentTypeInvalid),
            ("application/json; charset=latin1", RestError::CharsetUnsupported),
            ("text/plain; charset=latin1", RestError::CharsetUnsupported),
            ("text/plain", unsupported),
        ] {
            assert_eq!(sent(&with(CONTENT_TYPE, value)), Err(error), "{value}");
        }
        assert_eq!(sent(&HeaderMap::new()), Err(RestError::ContentTypeEmpty));
    }

    #[test]
    fn json_is_written_when_the_client_takes_it() {
        for good in ["*/*", "application/json", "text/html, application/*;q=0.1", "text/xml, */*;q=0.01"] {
            assert_eq!(accepted(&with(ACCEPT, good)), Ok(Format::Json), "{good}");
        }
        assert_eq!(accepted(&HeaderMap::new()), Ok(Format::Json));
        assert_eq!(accepted(&with(ACCEPT, "image/png")), Err(RestError::NotAcceptable("image/png".to_owned())));
    }
}
