//! Nothing is answered on the public and the admin listener before the server is ready.
//!
//! While sessions are loaded an unknown token may be a good one, so nobody is told yes or no yet. The internal listener
//! needs no such middleware: health is answered from the first moment, and a gateway's question asks for itself.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, web};

use crate::http::{Services, gateway};

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
