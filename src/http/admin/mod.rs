//! The admin API: what an administrator sees and changes, as JSON below `/admin/api/v1`.
//!
//! It only translates: the keeper changes settings, the registry ends sessions, the accounts know locks. What always
//! holds:
//!
//! - [`routes::ROUTES`] is all there is: what is not in the table is not mounted;
//! - who calls and whether they may is decided before anything else of a request is looked at ([`caller`]);
//! - every refusal is a problem of RFC 9457 ([`error`]);
//! - no answer holds a token or a digest, and none may be cached;
//! - every change says what it did, in numbers.
//!
//! [`openapi::document`] describes it for programs; `openapi.json` is its text.

#![expect(unused_qualifications, reason = "utoipa's macros repeat paths that are in scope")]

mod caller;
mod error;
mod input;
mod locks;
pub mod openapi;
pub mod routes;
mod sessions;
mod settings;
mod users;

use std::sync::Arc;

use actix_web::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use actix_web::middleware::{DefaultHeaders, from_fn};
use actix_web::web::{self, ServiceConfig};

use crate::accounts::AccountLocks;
use crate::http::admin::error::AdminError;
use crate::keeper::Keeper;

/// Where the API begins.
pub const BASE: &str = "/admin/api/v1";

/// What the admin API may use besides [`crate::http::Services`].
#[derive(Clone, Debug)]
pub struct AdminServices {
    /// The live settings.
    pub keeper: Keeper,
    /// Who is locked out.
    pub locks: Arc<dyn AccountLocks>,
}

/// Mounts the routes. They expect `web::Data<Services>`, `web::Data<AdminServices>` and an `Addr<TokenValidator>` among
/// the application's data.
pub fn configure(config: &mut ServiceConfig) {
    config.service(
        web::scope(BASE)
            .wrap(from_fn(caller::authenticate))
            .wrap(DefaultHeaders::new().add((CACHE_CONTROL, "no-store")).add((X_CONTENT_TYPE_OPTIONS, "nosniff")))
            .configure(input::configure)
            .configure(routes::mount)
            .default_service(web::route().to(no_such_route)),
    );
}

async fn no_such_route() -> Result<&'static str, AdminError> {
    Err(AdminError::NotFound("There is no such route.".to_owned()))
}
