//! What gateways and operators ask on the internal listener: may this request pass, is the server well, what did it do.
//!
//! It only translates: [`crate::decision`] decides. What always holds: an answer of `/check` and of anything below it
//! carries all six `X-Token-*` headers, whatever the status (except where the HTTP layer refuses a request that cannot be
//! read, or that has more than 96 header lines, before it comes here); the answer to a question that was not understood is never
//! yes; where a policy asks for the exchange, `Authorization` is there in every answer to it; and what a client may have added to the path or to the query of a named policy changes nothing.

mod answer;
mod check;
mod exchange;
mod health;
mod metrics;
mod question;

use actix_web::guard;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpResponse, Resource, Responder};

pub(in crate::http) use answer::cannot_tell;
pub(in crate::http) use health::answer_early;

use crate::http::problem::problem;

/// Mounts the routes. They expect `web::Data<Services>` and an `Addr<TokenValidator>` among the application's data.
pub fn configure(config: &mut ServiceConfig) {
    config
        .service(web::resource("/check").route(web::route().to(check::check)))
        .service(web::resource("/check/policy/{policy:.*}").route(web::route().to(check::check_policy)))
        .service(web::resource("/check{anything:.*}").route(web::route().to(check::refuse_path)))
        .service(
            web::resource("/{anything:.*}")
                .guard(guard::fn_guard(|context| means_check(context.head().uri.path())))
                .route(web::route().to(check::refuse_path)),
        )
        .service(readable("/health/live", health::live))
        .service(readable("/health/ready", health::ready))
        .service(readable("/metrics", metrics::metrics));
}

/// Whether a path is `/check` but for its case or for further slashes: the slip of a gateway's configuration, which is
/// answered as any other path at `/check` that is none.
fn means_check(path: &str) -> bool {
    let path = path.trim_start_matches('/').as_bytes();
    path.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"check"))
}

/// A resource that can only be read: other methods are told so, in words.
fn readable<F, Arguments>(path: &str, handler: F) -> Resource
where
    F: Handler<Arguments>,
    Arguments: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::resource(path)
        .route(web::get().to(handler.clone()))
        .route(web::head().to(handler))
        .default_service(web::route().to(method_not_allowed))
}

async fn method_not_allowed() -> HttpResponse {
    let mut response = problem(StatusCode::METHOD_NOT_ALLOWED, "This can only be read.");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}
