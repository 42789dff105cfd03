//! The routes of second factors (fact sheet 9.2, 9.6).

use actix_web::{HttpResponse, web};

use crate::http::error::Failure;
use crate::http::rest::error::RestError;
use crate::http::rest::{Call, arguments, body};
use crate::secret::{Password, Secret};
use crate::sign_in::AdministratorCredentials;

/// Signs an administrator in with password and code. All three have to be there; empty may only be the code, which is
/// then a wrong one.
pub(super) async fn authenticate(call: &Call<'_>, payload: web::Payload) -> Result<HttpResponse, RestError> {
    let body = body::read(call.request, payload, call.services.options.max_body).await?;
    let [username, mut password, mut code] = arguments::texts(["username", "password", "otp"], call.request, &body)?;
    let named = [("username", username.is_empty()), ("password", password.is_empty())];
    let empty: Vec<_> = named.into_iter().filter_map(|(name, is_empty)| is_empty.then_some(name)).collect();
    if !empty.is_empty() {
        return Err(RestError::Required(empty));
    }
    // The texts are moved into their new owners, which wipe them.
    let credentials = AdministratorCredentials {
        username: username.to_string(),
        password: Password::new(std::mem::take(&mut *password)),
        code: Some(Secret::new(std::mem::take(&mut *code))),
    };
    let outcome = call.services.sign_in.administrator(credentials, call.caller()).await;
    call.hand_out(outcome)
}

/// What tokenward does not serve: setting an authenticator app up by mail, and other providers.
pub(super) async fn not_allowed(call: &Call<'_>, payload: web::Payload) -> Result<HttpResponse, RestError> {
    let body = body::read(call.request, payload, call.services.options.max_body).await?;
    arguments::none(call.request, &body)?;
    Err(Failure::ProviderNotAllowed.into())
}
