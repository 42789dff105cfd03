//! Signing customers in and out (fact sheet 2.1, 2.2).

use crate::audit::{Channel, Origin};
use crate::clock::UnixSeconds;
use crate::http::error::Failure;
use crate::http::graphql::context::Context;
use crate::http::graphql::operations::{Record, is_empty};
use crate::registry::{Revocation, RevokeSessions};
use crate::secret::Password;
use crate::session::EndReason;
use crate::sign_in::CustomerCredentials;

/// `generateCustomerToken`: a new token, in addition to the earlier ones.
///
/// # Errors
/// [`Failure::ArgumentEmpty`], and what [`Failure::of_sign_in`] tells of a refusal.
pub(super) async fn generate(context: &Context, email: &str, password: &str) -> Result<Record, Failure> {
    let (email, password) = check_arguments(email, password)?;
    let store = context.store.clone();
    let credentials = CustomerCredentials { email, password, store };
    let version = context.services.options.version;
    let issued = context
        .services
        .sign_in
        .customer(credentials, context.caller)
        .await
        .map_err(|error| Failure::of_sign_in(error, version))?;
    let left = issued.session.expires_in(context.now());
    Ok(Record::new("CustomerToken")
        .with("token", issued.token.expose())
        .with("expires_at", issued.session.ends.map(UnixSeconds::to_rfc3339))
        .with("expires_in", left.map(|seconds| i32::try_from(seconds).unwrap_or(i32::MAX))))
}

fn check_arguments(email: &str, password: &str) -> Result<(String, Password), Failure> {
    if is_empty(email) {
        return Err(Failure::ArgumentEmpty("email"));
    }
    if is_empty(password) {
        return Err(Failure::ArgumentEmpty("password"));
    }
    Ok((email.to_owned(), Password::new(password.to_owned())))
}

/// `revokeCustomerToken`: ends all sessions of the customer, or the one that asks. Ending none is no error.
///
/// # Errors
/// [`Failure::CustomerRequired`]; [`Failure::Unavailable`] when it could not be stored.
pub(super) async fn revoke(context: &Context, scope: &str) -> Result<Record, Failure> {
    let customer = context.leaving_customer().await?;
    let which = if scope == "CURRENT" { customer.alone } else { Revocation::Subject(customer.session.subject) };
    let reason = EndReason::SignedOut;
    let origin = Origin::user(customer.session.subject, Channel::Graphql, context.caller.address);
    context.services.registry.revoke(RevokeSessions { which, reason, origin }).await?;
    Ok(Record::new("RevokeCustomerTokenOutput").with("result", true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_is_what_php_calls_empty() {
        let check = |email, password| check_arguments(email, password).map(|_| ());
        for empty in ["", "0"] {
            assert_eq!(check(empty, empty), Err(Failure::ArgumentEmpty("email")));
            assert_eq!(check("a", empty), Err(Failure::ArgumentEmpty("password")));
        }
        assert_eq!(check("5", "1"), Ok(()));
        assert_eq!(check(" ", "00"), Ok(()));
    }
}
