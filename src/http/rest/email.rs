//! `POST /V1/customers/isEmailAvailable` (fact sheet 2.5, 3.2).

use actix_web::{HttpResponse, web};

use crate::http::rest::error::RestError;
use crate::http::rest::{Call, arguments, body};
use crate::settings::{Scope, StoreView, WebsiteId};

/// Whether nobody has the address: in the website that the body names, else in that of the store view. Always yes, unless
/// the shop lets guests sign in at the checkout, so that nobody can find out who has an account. What is no address is
/// free. Anybody may ask.
pub(super) async fn is_available(
    call: &Call<'_>,
    payload: web::Payload,
    store: &StoreView,
) -> Result<HttpResponse, RestError> {
    let body = body::read(call.request, payload, call.services.options.max_body).await?;
    let [email, website] = arguments::sent(["customerEmail", "websiteId"], call.request, &body)?;
    let email = email.text()?.ok_or_else(|| RestError::Required(vec!["customerEmail"]))?;
    let website = match website.number()? {
        None | Some(0) => store.website,
        // A number beyond those of websites is that of none.
        Some(number) => WebsiteId(u16::try_from(number).unwrap_or(u16::MAX)),
    };
    let is_available = !call.tells(website) || !call.is_taken(&email, website).await?;
    Ok(call.answer_with(&is_available))
}

impl Call<'_> {
    /// Whether the shop tells guests who has an account.
    fn tells(&self, website: WebsiteId) -> bool {
        let path = "checkout/options/enable_guest_checkout_login";
        let value = self.snapshot.settings.inherited(path, Scope::Website(website), &self.snapshot.stores);
        !matches!(value, "" | "0")
    }

    async fn is_taken(&self, email: &str, website: WebsiteId) -> Result<bool, RestError> {
        let within = self.snapshot.settings.flag("customer/account_share/scope").then_some(website);
        Ok(self.services.accounts.customer_by_email(email, within).await?.is_some())
    }
}
