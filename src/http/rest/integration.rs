//! The token routes (fact sheet 3.2).

use actix_web::{HttpResponse, web};

use crate::audit::{Channel, Origin};
use crate::http::client;
use crate::http::error::Failure;
use crate::http::rest::error::RestError;
use crate::http::rest::{Call, arguments, body};
use crate::registry::{Revocation, RevokeSessions};
use crate::secret::Password;
use crate::session::EndReason;
use crate::settings::StoreView;
use crate::sign_in::{AdministratorCredentials, Caller, CustomerCredentials, IssuedToken, Refusal, SignInError};

/// Signs a customer in: the token as a bare JSON string. Anybody may, with a garbage token too.
pub(super) async fn customer_token(
    call: &Call<'_>,
    payload: web::Payload,
    store: &StoreView,
) -> Result<HttpResponse, RestError> {
    let (email, password) = call.credentials(payload).await?;
    let credentials = CustomerCredentials { email, password, store: store.clone() };
    let outcome = call.services.sign_in.customer(credentials, call.caller()).await;
    call.hand_out(outcome)
}

/// Signs an administrator in whose password suffices; else says where the second factor is to be shown.
pub(super) async fn admin_token(call: &Call<'_>, payload: web::Payload) -> Result<HttpResponse, RestError> {
    let (username, password) = call.credentials(payload).await?;
    let credentials = AdministratorCredentials { username, password, code: None };
    match call.services.sign_in.administrator(credentials, call.caller()).await {
        // All that are required are active: otherwise the refusal is another one.
        Err(SignInError::Refused(Refusal::SecondFactorMissing)) => {
            Err(RestError::SecondFactorMissing(call.services.sign_in.required_providers()))
        }
        outcome => call.hand_out(outcome),
    }
}

/// Ends all sessions of the customer who calls. Whatever the body says, it is the caller's own.
pub(super) async fn revoke_customer_token(call: &Call<'_>, payload: web::Payload) -> Result<HttpResponse, RestError> {
    let session = call.customer().await?;
    let body = body::read(call.request, payload, call.services.options.max_body).await?;
    arguments::none(call.request, &body)?;
    let subject = session.subject;
    let origin = Origin::user(subject, Channel::Rest, call.caller().address);
    let change = RevokeSessions { which: Revocation::Subject(subject), reason: EndReason::SignedOut, origin };
    call.services.registry.revoke(change).await?;
    Ok(call.answer_with(&true))
}

impl Call<'_> {
    async fn credentials(&self, payload: web::Payload) -> Result<(String, Password), RestError> {
        let body = body::read(self.request, payload, self.services.options.max_body).await?;
        let [username, mut password] = arguments::required(["username", "password"], self.request, &body)?;
        // The text is moved into its new owner, which wipes it: a copy would be one more to wipe.
        let password = Password::new(std::mem::take(&mut *password));
        Ok((username.to_string(), password))
    }

    /// Who asks, for limits and for the log.
    pub(super) fn caller(&self) -> Caller {
        Caller { address: client::address(self.request, &self.services.options.trusted_proxies), protocol: "rest" }
    }

    pub(super) fn hand_out(&self, outcome: Result<IssuedToken, SignInError>) -> Result<HttpResponse, RestError> {
        let issued = outcome.map_err(|error| Failure::of_sign_in(error, self.services.options.version))?;
        Ok(self.answer_with(&issued.token.expose()))
    }
}
