//! Which formats a request and its answer have (fact sheet 3.3).

use actix_web::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap};

use crate::http::rest::error::RestError;

/// A format of bodies and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// JSON.
    Json,
    /// XML.
    Xml,
}

impl Format {
    /// The `Content-Type` of an answer in this format.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::Xml => "application/xml; charset=utf-8",
        }
    }
}

/// What can be written, in Magento's order: the first that a range of `Accept` covers is taken.
const WRITTEN: [(&str, Format); 4] = [
    ("application/json", Format::Json),
    ("text/xml", Format::Xml),
    ("application/xml", Format::Xml),
    ("application/xhtml+xml", Format::Xml),
];

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
    let (media_type, charset) = parts(text).ok_or(RestError::ContentTypeInvalid)?;
    if charset.is_some_and(|charset| !charset.eq_ignore_ascii_case("utf-8")) {
        return Err(RestError::CharsetUnsupported);
    }
    match media_type {
        "application/json" => Ok(Format::Json),
        "application/xml" | "application/xhtml+xml" | "text/xml" => Ok(Format::Xml),
        other => Err(RestError::MediaTypeUnsupported(other.to_owned())),
    }
}

/// Media type and charset; `None` when there is anything else. As in Magento, a slash is not needed, quotes belong to the
/// charset, and the media type is compared as it is written.
fn parts(text: &str) -> Option<(&str, Option<&str>)> {
    let (media_type, charset) = match text.split_once(';') {
        None => (text, None),
        Some((media_type, rest)) => {
            let (name, charset) = rest.trim_start_matches(' ').split_at_checked("charset=".len())?;
            (media_type, Some(charset).filter(|charset| name.eq_ignore_ascii_case("charset=") && !charset.is_empty()))
        }
    };
    let is_charset_missing = charset.is_none() && media_type.len() < text.len();
    let is_name = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "/-+.".contains(c));
    (!media_type.is_empty() && is_name(media_type) && !is_charset_missing).then_some((media_type, charset))
}

/// The format that the client wants: its ranges are tried by weight, equal ones as they stand. JSON when it does not say,
/// or says nothing that is a range. A weight of 0 is the last choice, not a refusal.
///
/// # Errors
/// [`RestError::NotAcceptable`] when nothing that can be written is in the list.
pub(super) fn accepted(headers: &HeaderMap) -> Result<Format, RestError> {
    let lines: Vec<_> = headers.get_all(ACCEPT).map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    let text = lines.join(", ");
    let mut ranges: Vec<(f32, &str)> = text.split(',').map(weighted).filter(|(_, range)| is_range(range)).collect();
    if ranges.is_empty() {
        return Ok(Format::Json);
    }
    ranges.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    ranges
        .into_iter()
        .find_map(|(_, range)| written(range))
        .ok_or_else(|| RestError::NotAcceptable(text.trim().to_owned()))
}

/// The first format that is written as what the range covers.
fn written(range: &str) -> Option<Format> {
    let covers = |name: &str| match range.strip_suffix("/*") {
        Some("*") => true,
        Some(prefix) => name.split('/').next().is_some_and(|kind| kind.eq_ignore_ascii_case(prefix)),
        None => name.eq_ignore_ascii_case(range),
    };
    WRITTEN.iter().find_map(|(name, format)| covers(name).then_some(*format))
}

fn weighted(entry: &str) -> (f32, &str) {
    let mut parts = entry.split(';').map(str::trim);
    let range = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    let weight = weight.map_or(1.0, |weight| weight.trim().parse().unwrap_or(0.0));
    (if f32::is_finite(weight) { weight } else { 0.0 }, range)
}

/// Whether it has the form of a media type or a range, be it a known one or not.
fn is_range(text: &str) -> bool {
    let is_part = |part: &str, others: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
    };
    match text.split_once('/') {
        Some((kind, subtype)) => is_part(kind, "*+-") && is_part(subtype, "*+-."),
        None => is_part(text, "*+-"),
    }
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
        for good in ["application/json", "application/json; charset=utf-8", " application/json;  CHARSET=UTF-8 "] {
            assert_eq!(sent(&with(CONTENT_TYPE, good)), Ok(Format::Json), "{good}");
        }
    }

    #[test]
    fn xml_has_three_names() {
        for good in ["application/xml", "application/xhtml+xml", "text/xml", "text/xml; charset=UTF-8"] {
            assert_eq!(sent(&with(CONTENT_TYPE, good)), Ok(Format::Xml), "{good}");
        }
    }

    #[test]
    fn each_problem_of_a_content_type_has_its_own_words() {
        let unsupported = RestError::MediaTypeUnsupported("text/plain".to_owned());
        for (value, error) in [
            ("", RestError::ContentTypeEmpty),
            ("application json", RestError::ContentTypeInvalid),
            ("application/json;", RestError::ContentTypeInvalid),
            ("application/json; charset=", RestError::ContentTypeInvalid),
            ("application/json ; charset=utf-8", RestError::ContentTypeInvalid),
            ("application/json; boundary=x", RestError::ContentTypeInvalid),
            ("application/json; charset=\"utf-8\"", RestError::CharsetUnsupported),
            ("Application/JSON", RestError::MediaTypeUnsupported("Application/JSON".to_owned())),
            ("json", RestError::MediaTypeUnsupported("json".to_owned())),
            ("application/json; charset=latin1", RestError::CharsetUnsupported),
            ("text/plain; charset=latin1", RestError::CharsetUnsupported),
            ("text/plain", unsupported),
        ] {
            assert_eq!(sent(&with(CONTENT_TYPE, value)), Err(error), "{value}");
        }
        assert_eq!(sent(&HeaderMap::new()), Err(RestError::ContentTypeEmpty));
    }

    #[test]
    fn the_heaviest_range_that_can_be_written_decides() {
        for (text, format) in [
            ("", Format::Json),
            ("*/*", Format::Json),
            ("application/*", Format::Json),
            ("text/*", Format::Xml),
            ("application/xhtml+xml", Format::Xml),
            ("Application/XML", Format::Xml),
            ("text/html, application/*;q=0.1", Format::Json),
            ("text/xml, */*;q=0.01", Format::Xml),
            ("text/xml;q=0.01, */*", Format::Json),
            ("application/xml;q=0.5, application/json;q=0.5", Format::Xml),
            ("application/json;q=0", Format::Json),
            ("application/json;q=x, text/xml;q=0.1", Format::Xml),
            ("application/json;q=NaN, text/xml;q=0.1", Format::Xml),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Format::Xml),
            ("no range, @", Format::Json),
        ] {
            assert_eq!(accepted(&with(ACCEPT, text)), Ok(format), "{text}");
        }
        assert_eq!(accepted(&HeaderMap::new()), Ok(Format::Json));
    }

    #[test]
    fn what_cannot_be_written_is_not_acceptable() {
        for text in ["image/png", "image/*, text/html;q=0.9", "json"] {
            assert_eq!(accepted(&with(ACCEPT, text)), Err(RestError::NotAcceptable(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn several_lines_are_one_list() {
        let mut headers = with(ACCEPT, "application/json;q=0.1");
        headers.append(ACCEPT, HeaderValue::from_static("text/xml"));
        assert_eq!(accepted(&headers), Ok(Format::Xml));
    }
}
