//! Who is locked out, and letting them in again (fact sheet 5).

use actix_web::web::{Data, Json, Path, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::clock::UnixSeconds;
use crate::http::Services;
use crate::http::admin::AdminServices;
use crate::http::admin::caller::Administrator;
use crate::http::admin::error::{AdminError, Problem, Problems};
use crate::http::admin::input::{UserKind, cut, page_length};
use crate::session::UserType;

/// A customer whose account is locked after too many wrong passwords.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LockedCustomer {
    /// The customer's number
    id: u32,
    /// The customer's e-mail address
    email: String,
    /// The code of the customer's website
    #[schema(required = true)]
    website: Option<String>,
    /// How many wrong passwords
    failures: u32,
    /// Until when the lock lasts (RFC 3339)
    #[schema(format = DateTime, required = true)]
    locked_until: Option<String>,
}

/// A page of locked customers, in the order of their numbers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LockedCustomerPage {
    customers: Vec<LockedCustomer>,
    /// `after` of the next page; `null` on the last one
    #[schema(required = true)]
    next: Option<u32>,
}

/// A name that has failed to sign in, known or not.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ThrottledName {
    kind: UserKind,
    /// The name, in lower case
    name: String,
    /// How often it has failed
    failures: u32,
    /// Whether that is so often that it is refused
    refused: bool,
    /// Until when the failures count (RFC 3339)
    #[schema(format = DateTime)]
    counts_until: String,
}

/// A page of names that have failed to sign in, in the order of their kinds and names.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ThrottledNamePage {
    names: Vec<ThrottledName>,
    /// `after` of the next page; `null` on the last one
    #[schema(required = true)]
    next: Option<String>,
}

/// What was lifted.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LocksLifted {
    /// 1 when the account was locked, or when failures of the name counted; else 0
    locks_lifted: u32,
}

/// Which locked customers to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LockedCustomerFilter {
    /// Only those with a greater number: `next` of the page before
    after: Option<u32>,
    /// At most so many
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// Which names to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ThrottledNameFilter {
    /// Only those that were meant for users of this kind
    kind: Option<UserKind>,
    /// Only those behind this one: `next` of the page before
    after: Option<String>,
    /// At most so many
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// Which name to clear.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct NamedUser {
    /// The kind of user that the name was meant for
    kind: UserKind,
    /// The name: an e-mail address or a user name, in upper or lower case
    name: String,
}

/// List customers who are locked out
#[utoipa::path(
    get,
    path = "/locks/customers",
    tag = "locks",
    params(LockedCustomerFilter),
    responses((status = 200, description = "A page of locked customers", body = LockedCustomerPage), Problems)
)]
pub(super) async fn list_locked_customers(
    services: Data<Services>,
    admin: Data<AdminServices>,
    filter: Query<LockedCustomerFilter>,
) -> Result<Json<LockedCustomerPage>, AdminError> {
    let limit = page_length(filter.limit)?;
    let mut found = admin.locks.locked_customers(filter.after.unwrap_or(0), limit + 1).await?;
    let more = cut(&mut found, limit as usize);
    let next = found.last().map(|customer| customer.id).filter(|_| more);
    let snapshot = services.snapshot.load();
    let customers = found.into_iter().map(|customer| LockedCustomer {
        id: customer.id,
        email: customer.email,
        website: snapshot.stores.website(customer.website).map(|website| website.code.clone()),
        failures: customer.failures,
        locked_until: customer.lock_expires.map(UnixSeconds::to_rfc3339),
    });
    Ok(Json(LockedCustomerPage { customers: customers.collect(), next }))
}

/// Let a customer in again
///
/// Ends the account's lock, and clears its counter and the throttle of its address.
#[utoipa::path(
    delete,
    path = "/locks/customers/{id}",
    tag = "locks",
    params(("id" = u32, Path, description = "The customer's number")),
    responses(
        (status = 200, description = "Nothing is counted any more. Of the throttle `locks_lifted` says nothing", body = LocksLifted),
        (status = 404, description = "There is no such customer", body = Problem,
         content_type = "application/problem+json"),
        Problems
    )
)]
pub(super) async fn unlock_customer(
    administrator: Administrator,
    services: Data<Services>,
    admin: Data<AdminServices>,
    id: Path<u32>,
) -> Result<Json<LocksLifted>, AdminError> {
    let found = admin.locks.lift_lock(*id, administrator.origin()).await?;
    let customer = found.ok_or_else(|| AdminError::NotFound(format!("There is no customer with the number {id}.")))?;
    services.sign_in.clear_throttle(UserType::Customer, &customer.email);
    let by = administrator.session.subject.id;
    tracing::info!(administrator = by, customer = customer.id, "a customer's lock was lifted by an administrator");
    Ok(Json(LocksLifted { locks_lifted: customer.is_locked_at(services.clock.now()).into() }))
}

/// List names that have failed to sign in
#[utoipa::path(
    get,
    path = "/locks/throttle",
    tag = "locks",
    params(ThrottledNameFilter),
    responses((status = 200, description = "A page of names", body = ThrottledNamePage), Problems)
)]
pub(super) async fn list_throttled_names(
    services: Data<Services>,
    admin: Data<AdminServices>,
    filter: Query<ThrottledNameFilter>,
) -> Result<Json<ThrottledNamePage>, AdminError> {
    let limit = page_length(filter.limit)?;
    let kind = filter.kind.map(UserType::from);
    let after = match &filter.after {
        Some(cursor) => read_cursor(cursor, kind)?,
        None => (kind.unwrap_or(UserType::Integration), String::new()),
    };
    let stored = admin.locks.throttled_names(after.clone(), limit + 1).await?;
    let mut rows = services.sign_in.throttled_names(stored, &after, limit as usize + 1);
    // Names of one kind lie together, so the first one of another kind ends the list.
    rows.truncate(rows.iter().take_while(|row| kind.is_none_or(|kind| row.kind == kind)).count());
    let more = cut(&mut rows, limit as usize);
    let next = rows.last().map(|row| format!("{}:{}", row.kind, row.name)).filter(|_| more);
    let most = services.snapshot.load().settings.number("oauth/authentication_lock/max_failures_count");
    let names = rows.into_iter().map(|row| ThrottledName {
        kind: row.kind.into(),
        name: row.name,
        failures: row.failures,
        refused: row.failures >= most,
        counts_until: row.lock_expires.to_rfc3339(),
    });
    Ok(Json(ThrottledNamePage { names: names.collect(), next }))
}

/// Let a name try again
#[utoipa::path(
    delete,
    path = "/locks/throttle",
    tag = "locks",
    params(NamedUser),
    responses(
        (status = 200, description = "Its failures are forgotten", body = LocksLifted),
        (status = 404, description = "No failures of this name count", body = Problem,
         content_type = "application/problem+json"),
        Problems
    )
)]
pub(super) async fn clear_throttled_name(
    administrator: Administrator,
    services: Data<Services>,
    admin: Data<AdminServices>,
    user: Query<NamedUser>,
) -> Result<Json<LocksLifted>, AdminError> {
    let kind = user.kind.into();
    let counted = admin.locks.clear_throttled_name(kind, &user.name, administrator.origin()).await?;
    let remembered = services.sign_in.clear_throttle(kind, &user.name);
    if !counted && !remembered {
        return Err(AdminError::NotFound(format!("No failures of this {kind} count.")));
    }
    let by = administrator.session.subject.id;
    tracing::info!(administrator = by, kind = kind.name(), "the throttle of a name was cleared by an administrator");
    Ok(Json(LocksLifted { locks_lifted: 1 }))
}

fn read_cursor(cursor: &str, wanted: Option<UserType>) -> Result<(UserType, String), AdminError> {
    let read = cursor.split_once(':').and_then(|(kind, name)| {
        let kind = UserType::ALL.into_iter().find(|candidate| candidate.name() == kind)?;
        wanted.is_none_or(|wanted| wanted == kind).then(|| (kind, name.to_owned()))
    });
    read.ok_or_else(|| AdminError::Unreadable("after has to be what `next` of the page before was.".to_owned()))
}
