//! Answers in the format that the client wants.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

use crate::http::rest::Call;
use crate::http::rest::content::Format;
use crate::http::rest::xml;

impl Call<'_> {
    /// Success, with what was asked for. Nothing here may be kept by a cache.
    pub(super) fn answer_with(&self, value: &impl Serialize) -> HttpResponse {
        write(begin(StatusCode::OK, self.format), self.format, value)
    }
}

/// An answer to which headers may be added, before [`fn@write`] ends it.
pub(super) fn begin(status: StatusCode, format: Format) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response.content_type(format.content_type()).insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
    response
}

/// Ends an answer with its body.
pub(super) fn write(mut response: HttpResponseBuilder, format: Format, value: &impl Serialize) -> HttpResponse {
    match format {
        Format::Json => response.json(value),
        Format::Xml => {
            let value = serde_json::to_value(value).expect("answers have text as keys and fail nowhere");
            response.body(xml::document(&value))
        }
    }
}
