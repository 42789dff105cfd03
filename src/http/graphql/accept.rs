//! Which of the two media types an answer has: Magento's, or that of the GraphQL-over-HTTP draft.

use actix_web::http::header::{ACCEPT, HeaderMap};
use mime::Mime;

/// The media type of the draft.
const GRAPHQL_RESPONSE: &str = "application/graphql-response+json";

/// How an answer is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `application/json` with Magento's statuses.
    Magento,
    /// `application/graphql-response+json` with the statuses of the draft.
    Draft,
}

impl Form {
    /// The form that a client prefers: of the media types in its `Accept` headers the one with the greatest weight, and
    /// of several the first. Magento does not look at `Accept`, so whatever names neither gets Magento's form.
    pub(super) fn preferred(headers: &HeaderMap) -> Self {
        let elements = headers.get_all(ACCEPT).filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(','));
        let mut best = (0, Self::Magento);
        for (weight, form) in elements.filter_map(element) {
            if weight > best.0 {
                best = (weight, form);
            }
        }
        best.1
    }

    /// The `Content-Type` of an answer.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Magento => "application/json",
            Self::Draft => "application/graphql-response+json; charset=utf-8",
        }
    }
}

/// The weight, in thousandths, and the form that one media type stands for. A media range stands for Magento's form.
fn element(text: &str) -> Option<(u16, Form)> {
    let media_type: Mime = text.trim().parse().ok()?;
    let form = match media_type.essence_str() {
        GRAPHQL_RESPONSE => Form::Draft,
        "application/json" | "application/*" | "*/*" => Form::Magento,
        _ => return None,
    };
    let weight: f32 = media_type.get_param("q").map_or(Some(1.0), |weight| weight.as_str().parse().ok())?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is clamped")]
    let weight = (weight.clamp(0.0, 1.0) * 1000.0) as u16;
    Some((weight, form))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn preferred(values: &[&str]) -> Form {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT, HeaderValue::from_str(value).unwrap());
        }
        Form::preferred(&headers)
    }

    #[test]
    fn the_drafts_form_has_to_be_asked_for_by_name() {
        for names in [
            &["application/graphql-response+json"][..],
            &["Application/GraphQL-Response+JSON; charset=utf-8"],
            &["application/graphql-response+json, application/json"],
            &["application/graphql-response+json, application/json;q=0.9, */*;q=0.1"],
            &["text/html", "application/graphql-response+json;q=0.5"],
        ] {
            assert_eq!(preferred(names), Form::Draft, "{names:?}");
        }
    }

    #[test]
    fn everything_else_is_answered_as_magento_answers() {
        for others in [
            &[][..],
            &[""],
            &["*/*"],
            &["application/*"],
            &["application/json"],
            &["text/html"],
            &["no media type"],
            &["application/json, application/graphql-response+json"],
            &["*/*, application/graphql-response+json;q=0.5"],
            &["application/graphql-response+json;q=0"],
            &["application/graphql-response+json;q=x"],
            &["application/graphql-response+json;q=NaN"],
        ] {
            assert_eq!(preferred(others), Form::Magento, "{others:?}");
        }
    }
}
