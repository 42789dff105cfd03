//! Slashes before a path (fact sheet 3.1): many count as one. An address is easily put together of a base that ends with
//! one and a path that begins with one.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Uri;
use actix_web::middleware::Next;

/// Middleware: passes the request on as if it had been asked with one slash.
///
/// # Errors
/// Those of what answers the request.
pub(super) async fn merge_leading(
    mut request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    if let Some(uri) = merged(request.uri()) {
        request.match_info_mut().get_mut().update(&uri);
        request.head_mut().uri = uri;
    }
    next.call(request).await
}

/// The address with one slash in front; `None` when it has one.
fn merged(uri: &Uri) -> Option<Uri> {
    let path = uri.path_and_query()?.as_str();
    if !path.starts_with("//") {
        return None;
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(format!("/{}", path.trim_start_matches('/')).parse().ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_in_front_become_one_and_others_stay() {
        let merged = |text: &str| merged(&text.parse().unwrap()).map(|uri| uri.to_string());
        assert_eq!(merged("//rest/V1//a?b=//c"), Some("/rest/V1//a?b=//c".to_owned()));
        assert_eq!(merged("///"), Some("/".to_owned()));
        assert_eq!(merged("http://shop.example//graphql"), Some("http://shop.example/graphql".to_owned()));
        assert_eq!(merged("/rest//V1"), None);
        assert_eq!(merged("/"), None);
    }
}
