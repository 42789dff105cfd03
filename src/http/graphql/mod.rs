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
//! - what two lines of Magento do differently is in [`mod@line`], and what a client may choose by `Accept` in [`accept`].

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

use actix_web::guard::{self, GuardContext};
use actix_web::web;

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

/// The routes of GraphQL: `/graphql` and `/<store>/graphql`, each also below `/index.php` and with anything behind a
/// further slash, with every method.
///
/// Expects [`crate::http::Services`] as `web::Data`, and uses the worker's `Addr<TokenValidator>` when there is one.
pub fn configure(config: &mut web::ServiceConfig) {
    engine::warm_up();
    for prefix in ["", "/index.php"] {
        for tail in ["", "/{tail:.*}"] {
            config
                .service(resource(&format!("{prefix}/graphql{tail}")))
                .service(resource(&format!("{prefix}/{STORE}/graphql{tail}")).guard(guard::fn_guard(is_not_rest)));
        }
    }
}

/// The code of a store view in a path.
const STORE: &str = "{store:[A-Za-z][A-Za-z0-9_]*}";

fn is_not_rest(context: &GuardContext<'_>) -> bool {
    let path = context.head().uri.path();
    !path.strip_prefix("/index.php").unwrap_or(path).starts_with("/rest/")
}

fn resource(path: &str) -> actix_web::Resource {
    web::resource(path).to(endpoint::answer)
}
