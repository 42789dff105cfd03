//! Magento's REST API, as far as tokens need it (fact sheet 3).
//!
//! A request goes through four steps, in this order: [`route`] finds what it asks for, [`caller`] decides whether it
//! may, [`arguments`] reads the body, and a file per resource asks the services and words the answer. What always
//! holds: whether a caller may is decided before the body is looked at; a bad token is a guest, never an error; every
//! error is Magento's JSON ([`error`]).
//!
//! Bodies and answers are JSON; [`content::Format`] is the place for XML.

mod arguments;
mod body;
mod caller;
mod content;
mod customers;
mod error;
mod integration;
mod json;
mod route;
mod stores;

use std::sync::Arc;

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use crate::http::Services;
use crate::http::rest::error::RestError;
use crate::http::rest::route::Operation;
use crate::settings::{Snapshot, StoreView};

/// Mounts the routes. They expect `web::Data<Services>` and an `Addr<TokenValidator>` among the application's data.
pub fn configure(config: &mut ServiceConfig) {
    for path in ["/rest", "/rest/{tail:.*}", "/index.php/rest", "/index.php/rest/{tail:.*}"] {
        config.service(web::resource(path).route(web::route().to(handle)));
    }
}

/// A request on its way to the operation it asks for.
struct Call<'a> {
    request: &'a HttpRequest,
    services: &'a Services,
    snapshot: Arc<Snapshot>,
}

async fn handle(request: HttpRequest, body: web::Payload, services: web::Data<Services>) -> HttpResponse {
    let call = Call { request: &request, services: &services, snapshot: services.snapshot.load_full() };
    call.answer(body).await.unwrap_or_else(|error| error.response())
}

impl Call<'_> {
    async fn answer(&self, body: web::Payload) -> Result<HttpResponse, RestError> {
        let (operation, store) = self.find()?;
        content::accepted(self.request.headers())?;
        match operation {
            Operation::CustomerToken => integration::customer_token(self, body, store).await,
            Operation::AdminToken => integration::admin_token(self, body).await,
            Operation::RevokeCustomerToken => integration::revoke_customer_token(self, body).await,
            Operation::CustomersMe => customers::me(self).await,
            Operation::Websites => stores::websites(self).await,
        }
    }

    fn find(&self) -> Result<(Operation, &StoreView), RestError> {
        route::find(self.request.method(), self.request.path(), &self.snapshot.stores)
    }
}
