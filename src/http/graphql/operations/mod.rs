//! What GraphQL offers, a file per group of operations.
//!
//! An operation takes the request's [`Context`] and its arguments and gives a value or a [`Failure`]. It knows neither
//! documents nor statuses. To add one: a function in its group's file, its field in `schema.graphql`, its arm in
//! [`QueryRoot`] or [`MutationRoot`].

mod as_admin;
mod customer;
mod customer_token;
mod email;
mod record;
mod store_config;

use apollo_compiler::resolvers::{AsyncObjectValue, AsyncResolvedValue, FieldError, ResolveInfo};
use futures_util::future::BoxFuture;

use crate::http::error::Failure;
use crate::http::graphql::context::Context;

use record::Record;

/// The fields of `Query`.
pub(super) struct QueryRoot<'a>(pub(super) &'a Context);

/// The fields of `Mutation`.
pub(super) struct MutationRoot<'a>(pub(super) &'a Context);

impl AsyncObjectValue for QueryRoot<'_> {
    fn type_name(&self) -> &'static str {
        "Query"
    }

    fn resolve_field<'a>(
        &'a self,
        info: &'a ResolveInfo<'a>,
    ) -> BoxFuture<'a, Result<AsyncResolvedValue<'a>, FieldError>> {
        Box::pin(async move {
            if info.field_name() != "storeConfig" {
                self.0.personal.mark();
            }
            let outcome = match info.field_name() {
                "customer" => customer::customer(self.0).await,
                "isEmailAvailable" => email::is_email_available(self.0, text(info, "email")).await,
                "storeConfig" => Ok(store_config::store_config(self.0)),
                _ => return Err(self.unknown_field_error(info)),
            };
            resolved(self.0, outcome)
        })
    }
}

impl AsyncObjectValue for MutationRoot<'_> {
    fn type_name(&self) -> &'static str {
        "Mutation"
    }

    fn resolve_field<'a>(
        &'a self,
        info: &'a ResolveInfo<'a>,
    ) -> BoxFuture<'a, Result<AsyncResolvedValue<'a>, FieldError>> {
        Box::pin(async move {
            self.0.personal.mark();
            let outcome = match info.field_name() {
                "generateCustomerToken" => {
                    customer_token::generate(self.0, text(info, "email"), text(info, "password")).await
                }
                "generateCustomerTokenAsAdmin" => {
                    as_admin::generate(self.0, text_of(info, "input", "customer_email")).await
                }
                "revokeCustomerToken" => customer_token::revoke(self.0, text(info, "scope")).await,
                _ => return Err(self.unknown_field_error(info)),
            };
            resolved(self.0, outcome)
        })
    }
}

/// A failure travels as the text that stands for it.
fn resolved<'a>(context: &Context, outcome: Result<Record, Failure>) -> Result<AsyncResolvedValue<'a>, FieldError> {
    match outcome {
        Ok(record) => Ok(AsyncResolvedValue::object(record)),
        Err(failure) => Err(FieldError { message: context.failures.record(failure) }),
    }
}

/// The text of an argument; empty when it is null or missing.
fn text<'a>(info: &'a ResolveInfo<'a>, argument: &str) -> &'a str {
    info.arguments().get(argument).and_then(|value| value.as_str()).unwrap_or_default()
}

/// The text of a field of an argument; empty when it is null or missing.
fn text_of<'a>(info: &'a ResolveInfo<'a>, argument: &str, field: &str) -> &'a str {
    let value = info.arguments().get(argument).and_then(|value| value.as_object()?.get(field)?.as_str());
    value.unwrap_or_default()
}

/// PHP's idea of an empty text (fact sheet 2).
fn is_empty(text: &str) -> bool {
    matches!(text, "" | "0")
}
