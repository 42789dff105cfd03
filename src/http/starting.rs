//! Nothing but health is answered before the server is ready.
//!
//! While sessions are loaded an unknown token may be a good one, so nobody is told yes or no yet. Once the server is
//! ready this costs one atomic read a request.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::Error;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use futures_util::TryFutureExt;
use futures_util::future::{Either, MapOk};

use crate::http::gateway;
use crate::telemetry::Readiness;

/// Refuses everything but `/health/…` with 503 until the server is ready.
#[derive(Clone, Debug)]
pub struct UntilReady(pub Arc<Readiness>);

impl<S, B> Transform<S, ServiceRequest> for UntilReady
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type InitError = ();
    type Transform = Refusing<S>;
    type Future = Ready<Result<Self::Transform, Self::InitError>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(Refusing { inner, readiness: Arc::clone(&self.0) }))
    }
}

/// The service behind [`UntilReady`].
#[derive(Debug)]
pub struct Refusing<S> {
    inner: S,
    readiness: Arc<Readiness>,
}

type Answered<B> = Result<ServiceResponse<EitherBody<B>>, Error>;

impl<S, B> Service<ServiceRequest> for Refusing<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = Either<Ready<Answered<B>>, MapOk<S::Future, fn(ServiceResponse<B>) -> Self::Response>>;

    forward_ready!(inner);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        if self.readiness.is_starting() && !request.path().starts_with("/health/") {
            let answer = gateway::cannot_tell(request.path());
            return Either::Left(ready(Ok(request.into_response(answer).map_into_right_body())));
        }
        let untouched: fn(ServiceResponse<B>) -> Self::Response = ServiceResponse::map_into_left_body;
        Either::Right(self.inner.call(request).map_ok(untouched))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::{TestRequest, call_service, init_service, read_body};
    use actix_web::{App, HttpResponse, web};

    use super::*;

    #[actix_web::test]
    async fn before_it_is_ready_only_health_is_answered_and_a_gateway_hears_that_nothing_can_be_told() {
        let readiness = Arc::<Readiness>::default();
        let everything = web::route().to(async || HttpResponse::Ok());
        let app = App::new().wrap(UntilReady(Arc::clone(&readiness))).default_service(everything);
        let app = init_service(app).await;
        let ask = async |path: &str| call_service(&app, TestRequest::with_uri(path).to_request()).await;
        assert_eq!(ask("/health/live").await.status(), 200);
        assert_eq!(ask("/graphql").await.status(), 503);
        let check = ask("/check?require=customer").await;
        assert_eq!(check.status(), 503);
        let header = |name: &str| check.headers().get(name).unwrap().to_str().unwrap().to_owned();
        assert_eq!([header("retry-after"), header("x-token-decision"), header("x-token-user-id")], ["1", "deny", ""]);
        assert!(read_body(check).await.starts_with(br#"{"message":"The service is temporarily unavailable."#));
        readiness.set_ready();
        assert_eq!(ask("/check").await.status(), 200);
    }
}
