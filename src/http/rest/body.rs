//! The bytes of a body, with REST's idea of one that breaks off.

use actix_web::{HttpRequest, web};
use zeroize::Zeroizing;

use crate::http::body;
use crate::http::error::Failure;
use crate::http::rest::error::RestError;

/// Reads the body to its end, or up to `limit` bytes.
///
/// # Errors
/// [`Failure::BodyTooLarge`], [`Failure::BodyTooSlow`]; [`RestError::Undecodable`] when it breaks off.
pub(super) async fn read(
    request: &HttpRequest,
    payload: web::Payload,
    limit: usize,
) -> Result<Zeroizing<Vec<u8>>, RestError> {
    body::read(request, payload, limit).await.map_err(|failure| match failure {
        Failure::RequestUnparsable => RestError::Undecodable,
        other => other.into(),
    })
}
