//! Magento's GraphQL over HTTP (fact sheet 1 and 2).
//!
//! [`endpoint`] takes a request apart in Magento's order of checks, [`engine`] reads and executes documents against
//! `schema.graphql`, [`operations`] has a file per group of operations, [`answer`] writes the answer. It knows Magento's
//! words for what the engine finds; the words and statuses of everything else are in [`crate::http::error`]. What
//! always holds:
//!
//! - a bearer token that is not good ends the request before its document is read (2.4.8);
//! - what a document costs is limited before it is validated, and what a validated one costs before it is executed;
//! - a document that may hold a password (any with a string literal) is not kept;
//! - only the first error is told, unless the developer mode is on;
//! - what two lines of Magento do differently is in [`line`], and what a client may choose by `Accept` in [`accept`].

mod accept;
mod answer;
mod context;
mod endpoint;
mod engine;
mod identity;
mod line;
mod operations;
mod request;
#[cfg(test)]
mod tests;

use actix_web::{guard, web};

pub use engine::schema_text;

/// What GraphQL shows of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether the schema can be asked for: `graphql.introspection`.
    pub introspection: bool,
    /// Whether all errors are told and Magento's limits are off: `graphql.developer_mode`.
    pub developer_mode: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { introspection: true, developer_mode: false }
    }
}

/// The routes of GraphQL: `/graphql`, `/index.php/graphql` and `/<store>/graphql`, with every method.
///
/// Expects [`crate::http::Services`] as `web::Data`, and uses the worker's `Addr<TokenValidator>` when there is one.
pub fn configure(config: &mut web::ServiceConfig) {
    engine::warm_up();
    config
        .service(resource("/graphql"))
        .service(resource("/graphql/{tail:.*}"))
        .service(resource("/index.php/graphql"))
        .service(
            resource("/{store:[A-Za-z][A-Za-z0-9_]*}/graphql")
                .guard(guard::fn_guard(|context| !context.head().uri.path().starts_with("/rest/"))),
        );
}

fn resource(path: &str) -> actix_web::Resource {
    web::resource(path).to(endpoint::answer)
}
