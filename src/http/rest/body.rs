//! The bytes of a body.

use actix_web::http::header::CONTENT_LENGTH;
use actix_web::{HttpRequest, web};
use futures_util::StreamExt;
use zeroize::Zeroizing;

use crate::http::error::Failure;
use crate::http::rest::error::RestError;

/// Reads the body to its end, or up to `limit` bytes.
///
/// # Errors
/// [`Failure::BodyTooLarge`]; [`RestError::Undecodable`] when it breaks off.
pub(super) async fn read(
    request: &HttpRequest,
    mut payload: web::Payload,
    limit: usize,
) -> Result<Zeroizing<Vec<u8>>, RestError> {
    let mut body = Zeroizing::new(Vec::with_capacity(announced_length(request).min(limit)));
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| RestError::Undecodable)?;
        if chunk.len() > limit - body.len() {
            return Err(Failure::BodyTooLarge.into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// One allocation for the whole body: a vector that grows leaves copies behind that are not wiped.
fn announced_length(request: &HttpRequest) -> usize {
    let value = request.headers().get(CONTENT_LENGTH);
    value.and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or_default()
}
