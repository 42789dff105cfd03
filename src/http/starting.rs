//! Nothing is answered on the public and the admin listener before the server is ready.
//!
//! While sessions are loaded an unknown token may be a good one, so nobody is told yes or no yet. The internal listener
//! needs no such middleware: health is answered from the first moment, and a gateway's question asks for itself.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderValue, X_CONTENT_TYPE_OPTIONS};
use actix_web::http::{Method, Uri};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};

use crate::http::{Services, gateway};
use crate::telemetry::Readiness;

/// The answer of the internal listener to a question about health before there are any [`Services`]; `None` when it is
/// another question.
pub fn health_before_opening(method: &Method, uri: &Uri, readiness: &Readiness) -> Option<HttpResponse> {
    gateway::answer_early(method, uri.path(), readiness)
}

/// The answer of any listener to any other request before there are any [`Services`]: 503.
pub fn refuse_before_opening() -> HttpResponse {
    let mut response = gateway::cannot_tell();
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Refuses with 503 until the server is ready. Where requests may wait for that, the answer does.
pub(super) async fn refuse_until_ready<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let services = request.app_data::<web::Data<Services>>();
    let starting = services.filter(|services| services.readiness.is_starting()).cloned();
    if let Some(services) = starting
        && !Box::pin(services.readiness.has_started()).await
    {
        return Ok(request.into_response(gateway::cannot_tell()));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}
