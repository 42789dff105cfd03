//! What is said on the wire: Magento's GraphQL and REST, the gateway's questions, and the admin API.
//!
//! Protocol code only translates: it takes a request apart, asks [`Services`], and words the answer. `graphql`, `rest`,
//! `gateway` and `admin` do not import one another: what two of them need is here. Only this folder knows statuses; the words
//! and statuses of every failure are in one table, [`error`].
//!
//! [`public`], [`internal`] and [`admin()`] mount the routes of a listener. They expect among the application's data
//! `web::Data<Services>`, and, one for each worker and made on its thread, an `Addr<TokenValidator>`.

pub mod admin;
pub mod bearer;
pub mod body;
pub mod client;
pub mod cors;
pub mod error;
pub mod gateway;
pub mod graphql;
pub mod holder;
pub mod latency;
pub mod problem;
pub mod rest;
mod slashes;
mod starting;
pub mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::X_CONTENT_TYPE_OPTIONS;
use actix_web::middleware::{DefaultHeaders, from_fn};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};

use crate::accounts::AccountStore;
use crate::clock::SharedClock;
use crate::registry::{Registry, TokensElsewhere};
use crate::settings::SharedSnapshot;
use crate::sign_in::SignIn;
use crate::telemetry::Metrics;

pub use starting::{health_before_opening, refuse_before_opening};

/// Whose statuses and messages are spoken: `magento.version`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum MagentoVersion {
    /// 2.4.7 and older.
    #[serde(rename = "2.4.7")]
    V247,
    /// 2.4.8 and newer.
    #[default]
    #[serde(rename = "2.4.8")]
    V248,
}

/// How the listeners behave.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whose statuses and messages are spoken.
    pub version: MagentoVersion,
    /// The largest request body in bytes: `http.max_body`.
    pub max_body: usize,
    /// Networks whose `X-Forwarded-For` and `Forwarded` are believed: `http.trusted_proxies`.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// Origins that browsers may call from: `http.cors.allowed_origins`.
    pub allowed_origins: Vec<String>,
    /// The policies of the configuration by name, built-in ones included.
    pub policies: std::collections::HashMap<String, crate::decision::Policy>,
    /// What GraphQL shows of itself.
    pub graphql: graphql::Options,
    /// Whether a locked customer's token is refused at the gateway: `check.locked`.
    pub refuse_locked: bool,
    /// The JWT that Magento receives in place of the client's token; `None` without the installation's key.
    pub exchange: Option<Exchange>,
}

/// The JWT that Magento receives in place of the client's token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// How many seconds it lives, at most as long as the session: `exchange.lifetime`.
    pub seconds: u32,
    /// For whom it is minted: `exchange.kinds`.
    pub kinds: Vec<crate::session::UserType>,
}

/// What protocol code may use. One value, shared by all workers.
#[derive(Debug)]
pub struct Services {
    /// The time.
    pub clock: SharedClock,
    /// Settings, websites and roles.
    pub snapshot: SharedSnapshot,
    /// The sessions.
    pub registry: Registry,
    /// Signing in.
    pub sign_in: SignIn,
    /// Customers and administrators.
    pub accounts: Arc<dyn AccountStore>,
    /// Who is behind tokens that have no sessions to tell.
    pub holders: Arc<holder::Holders>,
    /// Where a token is looked for that has no session here; `None` when there is no such place.
    pub elsewhere: Option<Arc<dyn TokensElsewhere>>,
    /// Counters and histograms.
    pub metrics: Arc<Metrics>,
    /// Whether requests should be sent here.
    pub readiness: Arc<crate::telemetry::Readiness>,
    /// How the listeners behave.
    pub options: Options,
}

/// Mounts what the public listener answers: Magento's API.
pub fn public(config: &mut ServiceConfig) {
    config.service(
        web::scope("")
            .wrap(from_fn(starting::refuse_until_ready))
            .wrap(from_fn(cors::share))
            .wrap(DefaultHeaders::new().add((X_CONTENT_TYPE_OPTIONS, "nosniff")))
            .wrap(from_fn(latency::measure))
            .wrap(from_fn(slashes::merge_leading))
            .configure(graphql::configure)
            .configure(rest::configure)
            .default_service(web::route().to(no_public_route)),
    );
}

/// Mounts what the internal listener answers: gateways' questions, health, metrics. Without any middleware, because it
/// is the hot path.
pub fn internal(config: &mut ServiceConfig) {
    config.configure(gateway::configure).default_service(web::route().to(no_internal_route));
}

/// Mounts what the admin listener answers: the admin API. It also expects `web::Data<admin::AdminServices>`.
pub fn admin(config: &mut ServiceConfig) {
    config.service(
        web::scope("")
            .wrap(from_fn(starting::refuse_until_ready))
            .configure(admin::configure)
            .default_service(web::route().to(no_internal_route)),
    );
}

/// In the form of Magento's REST errors, which is what clients of this listener can read.
async fn no_public_route() -> HttpResponse {
    HttpResponse::NotFound().json(serde_json::json!({ "message": "Request does not match any route." }))
}

async fn no_internal_route(request: HttpRequest) -> HttpResponse {
    tracing::debug!(method = %request.method(), "a request to the internal or admin listener matches no route");
    problem::problem(StatusCode::NOT_FOUND, "There is no such route.")
}
