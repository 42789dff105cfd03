//! Customers' tokens for administrators who assist them (fact sheet 2.3).

use crate::accounts::Customer;
use crate::audit::{Channel, Origin};
use crate::http::error::Failure;
use crate::http::graphql::context::Context;
use crate::http::graphql::identity::CurrentAdministrator;
use crate::http::graphql::operations::{Record, is_empty};
use crate::registry::{IssueToken, Issued, NewToken};
use crate::session::Subject;
use crate::token::Token;

/// What the role has to allow to sign in as a customer at all, and to do so from outside the admin panel.
const LOGIN: &str = "Magento_LoginAsCustomer::login";
const ASSISTANCE: &str = "Magento_LoginAsCustomer::allow_shopping_assistance";

/// `generateCustomerTokenAsAdmin`: a customer's token, like any other, without the customer's password. Nothing of a
/// sign-in is counted or checked, and the customer's consent is not looked at, as in Magento.
///
/// # Errors
/// The checks in Magento's order: [`Failure::ArgumentEmpty`], [`Failure::CustomerRequired`],
/// [`Failure::LoginAsCustomerDisabled`], [`Failure::AssistanceDisabled`], [`Failure::NoSuchCustomerEmail`];
/// [`Failure::Unavailable`] when there can be no token at the moment.
pub(super) async fn generate(context: &Context, email: &str) -> Result<Record, Failure> {
    if is_empty(email.trim_matches(' ')) {
        return Err(Failure::ArgumentEmpty("customer email"));
    }
    let administrator = context.administrator().await?;
    check_permission(context, administrator)?;
    let customer = find(context, email).await?.ok_or(Failure::NoSuchCustomerEmail)?;
    let token = issue(context, administrator, &customer).await?;
    Ok(Record::new("GenerateCustomerTokenAsAdminOutput").with("customer_token", token.expose()))
}

fn check_permission(context: &Context, administrator: CurrentAdministrator) -> Result<(), Failure> {
    if !context.allows(administrator, LOGIN) || !context.flag("login_as_customer/general/enabled") {
        return Err(Failure::LoginAsCustomerDisabled);
    }
    if context.allows(administrator, ASSISTANCE) { Ok(()) } else { Err(Failure::AssistanceDisabled) }
}

async fn find(context: &Context, email: &str) -> Result<Option<Customer>, Failure> {
    let accounts = &context.services.accounts;
    accounts.customer_by_email(email, context.website_of_accounts()).await.map_err(|error| {
        tracing::warn!(%error, "a customer could not be looked up");
        Failure::Unavailable
    })
}

/// Begins the session, and leaves a line in the log: somebody else than the customer holds this token.
async fn issue(context: &Context, administrator: CurrentAdministrator, customer: &Customer) -> Result<Token, Failure> {
    let registry = &context.services.registry;
    let subject = Subject::customer(customer.id);
    context.services.sign_in.prepare_session(customer.id).await.map_err(|_| Failure::Unavailable)?;
    let made = registry.reader().new_token(subject).ok_or(Failure::Unavailable)?;
    let NewToken { token, digest, fixed_end, begins } = made;
    let mirrored = context.services.accounts.mirror_token(subject, &token, digest, begins).await.map_err(|error| {
        tracing::warn!(%error, "a customer's token could not be written into the shop");
        Failure::Unavailable
    })?;
    let change = IssueToken {
        subject,
        website: customer.website,
        digest,
        fixed_end,
        role: None,
        along: mirrored.along().into_iter().collect(),
        origin: Origin::user(Subject::admin(administrator.id), Channel::Graphql, context.caller.address),
        typed: None,
    };
    let Issued { session } = registry.issue(change).await?;
    drop(mirrored);
    tracing::info!(
        administrator = administrator.id,
        customer = customer.id,
        session = %session.id,
        "an administrator was given a customer's token"
    );
    Ok(token)
}
