//! Who the token belongs to (fact sheet 2.4).

use apollo_compiler::response::JsonValue;

use crate::accounts::Customer;
use crate::http::error::Failure;
use crate::http::graphql::context::Context;
use crate::http::graphql::operations::Record;
use crate::settings::Snapshot;

/// `customer`: the account behind the token.
///
/// # Errors
/// [`Failure::CustomerRequired`], [`Failure::NoSuchCustomer`], [`Failure::AccountLocked`], [`Failure::NotConfirmed`], in
/// this order; [`Failure::Unavailable`] when the accounts cannot be read.
pub(super) async fn customer(context: &Context) -> Result<Record, Failure> {
    let id = context.customer().await?.session.subject.id;
    let found = context.services.accounts.customer(id).await.map_err(|error| {
        tracing::warn!(%error, "a customer could not be read");
        Failure::Unavailable
    })?;
    let customer = found.ok_or(Failure::NoSuchCustomer(id))?;
    if customer.is_locked_at(context.now()) {
        return Err(Failure::AccountLocked);
    }
    let is_required = confirmation_is_required(context, &customer);
    if customer.confirmation.is_some() && is_required {
        return Err(Failure::NotConfirmed);
    }
    Ok(record(customer, is_required))
}

/// Whether e-mail addresses have to be confirmed in the customer's website: those of new accounts, or changed ones.
fn confirmation_is_required(context: &Context, customer: &Customer) -> bool {
    let Snapshot { settings, stores, .. } = &*context.snapshot;
    let default_store = stores.website(customer.website).map(|website| website.default_store);
    let store = stores.stores().iter().find(|store| Some(store.id) == default_store);
    let store = store.unwrap_or(&context.store);
    ["customer/create_account/confirm", "customer/account_information/confirm"]
        .into_iter()
        .any(|path| settings.flag_for(path, store))
}

/// `id`, `group_id` and the default addresses are always null, the addresses always empty.
fn record(customer: Customer, confirmation_is_required: bool) -> Record {
    let status = if confirmation_is_required { "ACCOUNT_CONFIRMED" } else { "ACCOUNT_CONFIRMATION_NOT_REQUIRED" };
    Record::new("Customer")
        .with("firstname", customer.firstname)
        .with("lastname", customer.lastname)
        .with("middlename", customer.middlename)
        .with("prefix", customer.prefix)
        .with("suffix", customer.suffix)
        .with("email", customer.email)
        .with("created_at", customer.created_at.to_magento())
        .with("date_of_birth", customer.date_of_birth.clone())
        .with("dob", customer.date_of_birth)
        .with("gender", customer.gender)
        .with("taxvat", customer.taxvat)
        .with("is_subscribed", false)
        .with("confirmation_status", status)
        .with("is_confirmed", customer.confirmation.is_none())
        .with("allow_remote_shopping_assistance", false)
        .with("addresses", JsonValue::Array(Vec::new()))
        .with("custom_attributes", JsonValue::Array(Vec::new()))
}
