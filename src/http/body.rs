//! The bytes of a request's body: so many and no more, and not for ever.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::web::Payload;
use futures_util::StreamExt;
use zeroize::Zeroizing;

use crate::http::error::Failure;

/// How long a client may take to send a body. A megabyte takes a poor mobile connection about 20 seconds; a client that
/// sends a byte now and then must not hold a connection and its memory for ever.
const SLOWEST_BODY: Duration = Duration::from_secs(30);

/// At most so many bytes are set aside because a client announces them.
const LARGEST_PROMISE: usize = 64 * 1024;

/// Reads the body to its end, or up to `limit` bytes, into memory that is wiped.
///
/// # Errors
/// [`Failure::BodyTooLarge`]; [`Failure::BodyTooSlow`] after 30 seconds; [`Failure::RequestUnparsable`] when it breaks
/// off.
pub async fn read(request: &HttpRequest, payload: Payload, limit: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let reading = collect(payload, limit, announced_length(request));
    tokio::time::timeout(SLOWEST_BODY, reading).await.unwrap_or(Err(Failure::BodyTooSlow))
}

async fn collect(mut payload: Payload, limit: usize, announced: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if announced > limit {
        return Err(Failure::BodyTooLarge);
    }
    let mut body = Zeroizing::new(Vec::with_capacity(announced.min(LARGEST_PROMISE)));
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Failure::RequestUnparsable)?;
        if chunk.len() > limit - body.len() {
            return Err(Failure::BodyTooLarge);
        }
        append(&mut body, &chunk);
    }
    Ok(body)
}

/// Appends without leaving a copy behind: a vector that grows by itself does not wipe its old memory.
fn append(body: &mut Zeroizing<Vec<u8>>, chunk: &[u8]) {
    let needed = body.len() + chunk.len();
    if needed > body.capacity() {
        let mut larger = Vec::with_capacity(needed.max(2 * body.capacity()));
        larger.extend_from_slice(body);
        *body = Zeroizing::new(larger);
    }
    body.extend_from_slice(chunk);
}

fn announced_length(request: &HttpRequest) -> usize {
    let value = request.headers().get(CONTENT_LENGTH);
    value.and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::FromRequest;
    use actix_web::dev;
    use actix_web::error::PayloadError;
    use actix_web::test::TestRequest;
    use actix_web::web::Bytes;
    use futures_util::stream;

    async fn read_all(length: Option<usize>, chunks: Vec<Chunk>) -> Result<String, Failure> {
        read_from(length, dev::Payload::Stream { payload: Box::pin(stream::iter(chunks)) }).await
    }

    async fn read_from(length: Option<usize>, mut payload: dev::Payload) -> Result<String, Failure> {
        let mut request = TestRequest::post();
        if let Some(length) = length {
            request = request.insert_header((CONTENT_LENGTH, length));
        }
        let request = request.to_http_request();
        let payload = Payload::from_request(&request, &mut payload).await.unwrap();
        read(&request, payload, 8).await.map(|body| String::from_utf8(body.to_vec()).unwrap())
    }

    type Chunk = Result<Bytes, PayloadError>;

    fn chunks(texts: &[&'static str]) -> Vec<Chunk> {
        texts.iter().map(|text| Ok(Bytes::from_static(text.as_bytes()))).collect()
    }

    #[actix_web::test]
    async fn a_body_is_read_to_its_end_or_to_the_limit() {
        for length in [None, Some(8)] {
            assert_eq!(read_all(length, chunks(&["four", "more"])).await, Ok("fourmore".to_owned()));
        }
        assert_eq!(read_all(None, chunks(&["four", "more", "!"])).await, Err(Failure::BodyTooLarge));
        assert_eq!(read_all(Some(9), vec![]).await, Err(Failure::BodyTooLarge), "announced");
        let mut broken = chunks(&["four"]);
        broken.push(Err(PayloadError::Incomplete(None)));
        assert_eq!(read_all(None, broken).await, Err(Failure::RequestUnparsable));
    }

    #[actix_web::test]
    async fn a_body_that_does_not_end_is_not_waited_for() {
        tokio::time::pause();
        let drip = Box::pin(stream::iter(chunks(&["four"])).chain(stream::pending()));
        let began = tokio::time::Instant::now();
        assert_eq!(read_from(None, dev::Payload::Stream { payload: drip }).await, Err(Failure::BodyTooSlow));
        assert_eq!(began.elapsed().as_secs(), 30);
    }
}
