//! Whether an e-mail address is free (fact sheet 2.5).

use crate::http::error::Failure;
use crate::http::graphql::context::Context;
use crate::http::graphql::operations::{Record, is_empty};

/// The longest address that is looked at, in bytes (RFC 5321, with room for what PHP counts in characters).
const LONGEST: usize = 320;

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
    if is_address(email) { Ok(()) } else { Err(Failure::EmailInvalid) }
}

async fn is_taken(context: &Context, email: &str) -> Result<bool, Failure> {
    let accounts = &context.services.accounts;
    let found = accounts.customer_by_email(email, context.website_of_accounts()).await;
    found.map(|customer| customer.is_some()).map_err(|error| {
        tracing::warn!(%error, "a customer could not be looked up");
        Failure::Unavailable
    })
}

/// A local part, and a domain of at least two labels.
fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    text.len() <= LONGEST && local.split('.').all(is_atom) && domain.contains('.') && domain.split('.').all(is_label)
}

fn is_atom(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c))
}

fn is_label(text: &str) -> bool {
    let is_allowed = text.chars().all(|c| c.is_alphanumeric() || c == '-');
    !text.is_empty() && is_allowed && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_other_texts() {
        for good in ["a@b.c", "customer@example.com", "o'neil+x@mail.example.co.uk", "jürgen@exämple.de"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in ["a", "a@b", "@b.c", "a@", "a@.c", "a b@c.d", "a..b@c.d", "a@b@c.d", "a@-b.c", "a@b.c "] {
            assert_eq!(check(bad), Err(Failure::EmailInvalid), "{bad}");
        }
        for empty in ["", "0"] {
            assert_eq!(check(empty), Err(Failure::EmailMissing));
        }
        assert_eq!(check(&format!("{}@b.c", "a".repeat(LONGEST))), Err(Failure::EmailInvalid));
    }
}
