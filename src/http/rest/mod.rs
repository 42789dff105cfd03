//! Magento's REST API, as far as tokens need it (fact sheet 3).
//!
//! Before all, [`content`] finds what the answer is to be written in. A request then goes through four steps, in this
//! order: [`route`] finds what it asks for, [`caller`] decides whether it
//! may, [`arguments`] reads the body, and a file per resource asks the services and words the answer. What always
//! holds: whether a caller may is decided before the body is looked at; a bad token is a guest, never an error; every
//! error is Magento's body ([`error`]).
//!
//! Bodies are read, and answers written, in JSON or XML ([`content`]); nothing behind that knows which.

mod answer;
mod arguments;
mod body;
mod caller;
mod content;
mod customers;
mod email;
mod error;
mod integration;
mod json;
mod password;
mod route;
mod stores;
mod tfa;
mod xml;

use std::sync::Arc;

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use crate::http::Services;
use crate::http::rest::content::Format;
use crate::http::rest::error::RestError;
use crate::http::rest::route::Operation;
use crate::settings::{Snapshot, StoreView};

/// Mounts the routes. They expect `web::Data<Services>` and an `Addr<TokenValidator>` among the application's data.
pub fn configure(config: &mut ServiceConfig) {
    for path in ["/rest", "/rest/{tail:.*}", "/index.php/rest", "/index.php/rest/{tail:.*}"] {
        config.service(web::resource(path).route(web::route().to(handle)));
    }
}

/// Method and path of every route, below the base path.
pub fn routes() -> impl Iterator<Item = (&'static str, String)> {
    route::ROUTES.iter().map(|route| (route.method, format!("/rest/{}", route.path)))
}

/// A request on its way to the operation it asks for.
struct Call<'a> {
    request: &'a HttpRequest,
    services: &'a Services,
    snapshot: Arc<Snapshot>,
    /// What the answer is written in.
    format: Format,
}

async fn handle(request: HttpRequest, body: web::Payload, services: web::Data<Services>) -> HttpResponse {
    let format = match content::accepted(request.headers()) {
        Ok(format) => format,
        Err(error) => return error.response(Format::Json),
    };
    let call = Call { request: &request, services: &services, snapshot: services.snapshot.load_full(), format };
    call.answer(body).await.unwrap_or_else(|error| error.response(format))
}

impl Call<'_> {
    async fn answer(&self, body: web::Payload) -> Result<HttpResponse, RestError> {
        let (operation, store) = self.find()?;
        match operation {
            Operation::CustomerToken => integration::customer_token(self, body, store).await,
            Operation::AdminToken => integration::admin_token(self, body).await,
            Operation::AdminTokenWithCode => tfa::authenticate(self, body).await,
            Operation::ProviderNotServed => tfa::not_allowed(self, body).await,
            Operation::RevokeCustomerToken => integration::revoke_customer_token(self, body).await,
            Operation::CustomersMe => customers::me(self).await,
            Operation::ChangePassword => password::change(self, body).await,
            Operation::IsEmailAvailable => email::is_available(self, body, store).await,
            Operation::Websites => stores::websites(self).await,
            Operation::StoreViews => stores::store_views(self).await,
            Operation::StoreConfigs => stores::store_configs(self).await,
        }
    }

    fn find(&self) -> Result<(Operation, &StoreView), RestError> {
        route::find(self.request.method(), self.request.path(), &self.snapshot.stores)
    }
}
