//! How long the public listener takes to answer.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, web};
use tokio::time::Instant;

use crate::http::Services;
use crate::telemetry::RouteGroup;

/// Observes the time between the head of a request and the head of its answer. `/check` does this by itself: it spares
/// the middleware.
pub async fn measure(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let started = Instant::now();
    let group = group_of(request.path());
    let response = next.call(request).await?;
    if let Some(services) = response.request().app_data::<web::Data<Services>>() {
        services.metrics.observe_request(group, started.elapsed());
    }
    Ok(response)
}

fn group_of(path: &str) -> RouteGroup {
    let path = path.strip_prefix("/index.php").unwrap_or(path);
    if path.starts_with("/rest") {
        RouteGroup::Rest
    } else if path.starts_with("/graphql") || path.ends_with("/graphql") {
        RouteGroup::GraphQl
    } else {
        RouteGroup::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_belongs_to_the_protocol_that_answers_it() {
        for (path, group) in [
            ("/graphql", RouteGroup::GraphQl),
            ("/french/graphql", RouteGroup::GraphQl),
            ("/index.php/graphql", RouteGroup::GraphQl),
            ("/rest/V1/customers/me", RouteGroup::Rest),
            ("/index.php/rest/all/V1/x", RouteGroup::Rest),
            ("/favicon.ico", RouteGroup::Other),
        ] {
            assert_eq!(group_of(path), group, "{path}");
        }
    }
}
