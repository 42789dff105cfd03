//! What gateways and operators ask on the internal listener: may this request pass, is the server well, what did it do.
//!
//! It only translates: [`crate::decision`] decides. What always holds: an answer of `/check` and of anything below it
//! carries all six `X-Token-*` headers, whatever the status; the answer to a question that was not understood is never
//! yes; and what a client may have added to the path or to the query of a named policy changes nothing.

mod answer;
mod check;
mod health;
mod metrics;
mod question;

use actix_web::web::{self, ServiceConfig};

/// Mounts the routes. They expect `web::Data<Services>` and an `Addr<TokenValidator>` among the application's data.
pub fn configure(config: &mut ServiceConfig) {
    config
        .service(web::resource("/check").route(web::route().to(check::check)))
        .service(web::resource("/check/policy/{policy:.*}").route(web::route().to(check::check_policy)))
        .service(web::resource("/check{anything:.*}").route(web::route().to(check::refuse_path)))
        .route("/health/live", web::get().to(health::live))
        .route("/health/ready", web::get().to(health::ready))
        .route("/metrics", web::get().to(metrics::metrics));
}
