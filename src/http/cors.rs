//! Calls from browsers that run another origin's page (CORS).
//!
//! Without `http.cors.allowed_origins` there is no trace of it, as in Magento. With it, concrete origins are answered,
//! credentials allowed; an origin that is not in the list is treated as if it had not said where it comes from.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue, ORIGIN,
    VARY,
};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};

use crate::http::Services;

const METHODS: &str = "GET, POST, PUT, DELETE, OPTIONS";
const HEADERS: &str = "authorization, content-type, store, content-currency, x-magento-cache-id, x-recaptcha";

/// How long a browser may keep the answer to a pre-flight, in seconds.
const MAX_AGE: &str = "600";

/// Answers pre-flights, and marks the other answers for the origins that may read them.
pub async fn share(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let allowed_origins = match request.app_data::<web::Data<Services>>() {
        Some(services) => services.options.allowed_origins.as_slice(),
        None => &[],
    };
    let configured = !allowed_origins.is_empty();
    let origin = allowed(request.headers(), allowed_origins);
    if origin.is_some() && is_preflight(request.method(), request.headers()) {
        let mut response = request.into_response(preflight());
        mark(response.headers_mut(), origin);
        return Ok(response);
    }
    let mut response = next.call(request).await?.map_into_boxed_body();
    if configured {
        mark(response.headers_mut(), origin);
    }
    Ok(response)
}

/// The origin that a request names, when it is in the list.
fn allowed(headers: &HeaderMap, allowed_origins: &[String]) -> Option<HeaderValue> {
    let origin = headers.get(ORIGIN)?;
    let known = allowed_origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes());
    known.then(|| origin.clone())
}

fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight() -> HttpResponse {
    HttpResponse::build(StatusCode::NO_CONTENT)
        .insert_header((ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS)))
        .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(HEADERS)))
        .insert_header((ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE)))
        .finish()
}

/// Every answer says that it depends on the origin, so that no cache hands one origin's answer to another.
fn mark(headers: &mut HeaderMap, origin: Option<HeaderValue>) {
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(actix_web::http::header::HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn only_origins_of_the_list_are_allowed() {
        let list = ["https://shop.example".to_owned()];
        let asked = |origin| allowed(&headers(&[("origin", origin)]), &list).is_some();
        assert!(asked("https://shop.example"));
        for other in ["https://shop.example.evil.test", "http://shop.example", "null", "*", ""] {
            assert!(!asked(other), "{other}");
        }
        assert_eq!(allowed(&HeaderMap::new(), &list), None);
    }

    #[test]
    fn a_preflight_is_an_options_request_that_names_a_method() {
        let named = headers(&[("access-control-request-method", "POST")]);
        assert!(is_preflight(&Method::OPTIONS, &named));
        assert!(!is_preflight(&Method::POST, &named));
        assert!(!is_preflight(&Method::OPTIONS, &HeaderMap::new()));
    }
}
