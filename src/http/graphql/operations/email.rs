//! Whether an e-mail address is free (fact sheet 2.5).

use crate::accounts::is_email_address;
use crate::http::error::Failure;
use crate::http::graphql::context::Context;
use crate::http::graphql::operations::{Record, is_empty};

/// `isEmailAvailable`: always yes, unless the shop lets guests sign in at the checkout, so that nobody can find out who
/// has an account.
///
/// # Errors
/// [`Failure::EmailMissing`], [`Failure::EmailInvalid`]; [`Failure::Unavailable`] when the accounts cannot be read.
pub(super) async fn is_email_available(context: &Context, email: &str) -> Result<Record, Failure> {
    check(email)?;
    let is_told = context.flag("checkout/options/enable_guest_checkout_login");
    let is_available = !is_told || !is_taken(context, email).await?;
    Ok(Record::new("IsEmailAvailableOutput").with("is_email_available", is_available))
}

fn check(email: &str) -> Result<(), Failure> {
    if is_empty(email) {
        return Err(Failure::EmailMissing);
    }
    if is_email_address(email) { Ok(()) } else { Err(Failure::EmailInvalid) }
}

async fn is_taken(context: &Context, email: &str) -> Result<bool, Failure> {
    let accounts = &context.services.accounts;
    let found = accounts.customer_by_email(email, context.website_of_accounts()).await;
    found.map(|customer| customer.is_some()).map_err(|error| {
        tracing::warn!(%error, "a customer could not be looked up");
        Failure::Unavailable
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_address_is_told_from_a_wrong_one() {
        assert_eq!(check("customer@example.com"), Ok(()));
        assert_eq!(check("customer"), Err(Failure::EmailInvalid));
        assert_eq!(check(&format!("{}@example.com", "a".repeat(1000))), Err(Failure::EmailInvalid));
        for empty in ["", "0"] {
            assert_eq!(check(empty), Err(Failure::EmailMissing));
        }
    }
}
