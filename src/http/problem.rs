//! Errors of our own routes, as RFC 9457 problem details.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use serde::Serialize;

#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
}

/// An answer with this status that says in `detail` what is wrong and what would be right.
pub fn problem(status: StatusCode, detail: &str) -> HttpResponse {
    HttpResponse::build(status)
        .content_type("application/problem+json")
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .json(Problem {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::to_bytes;
    use actix_web::http::header::CONTENT_TYPE;

    #[actix_web::test]
    async fn a_problem_has_its_own_media_type_and_says_what_is_wrong() {
        let response = problem(StatusCode::NOT_FOUND, "There is no such route.");
        assert_eq!(response.headers().get(CONTENT_TYPE).unwrap(), "application/problem+json");
        assert_eq!(
            to_bytes(response.into_body()).await.unwrap(),
            r#"{"type":"about:blank","title":"Not Found","status":404,"detail":"There is no such route."}"#
        );
    }
}
