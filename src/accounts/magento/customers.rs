//! Statements about customers (fact sheet 5.2, 8.1).

use sqlx::mysql::MySqlRow;
use sqlx::{AssertSqlSafe, Error, MySqlConnection};

use crate::accounts::Customer;
use crate::accounts::magento::row::{
    flag, moment, moment_of, number, optional_number, seconds_of, small, storable, text,
};
use crate::accounts::magento::store::Tables;
use crate::clock::UnixSeconds;
use crate::settings::{StoreId, WebsiteId};
use crate::store::CustomerLock;

/// Everything that is wanted of a customer, with the exclusion from the customer's own website.
fn select(tables: &Tables, condition: &str) -> AssertSqlSafe<String> {
    select_in(tables, "c.website_id", condition)
}

/// The same with the exclusion from this website, which is an expression; group 0 is never excluded.
fn select_in(tables: &Tables, website: &str, condition: &str) -> AssertSqlSafe<String> {
    let excluded = if tables.schema.has_table("customer_group_excluded_website") {
        format!(
            "c.group_id <> 0 AND EXISTS (SELECT 1 FROM {{customer_group_excluded_website}} x
                WHERE x.customer_group_id = c.group_id AND x.website_id = {website})"
        )
    } else {
        "0".to_owned()
    };
    let sql = concat!(
        "SELECT CAST(c.entity_id AS SIGNED) AS id, CAST(c.website_id AS SIGNED) AS website,
            CAST(c.store_id AS SIGNED) AS store, c.created_in, CAST(c.group_id AS SIGNED) AS group_id, c.email,
            c.firstname, c.middlename, c.lastname, c.prefix, c.suffix, DATE_FORMAT(c.dob, '%Y-%m-%d') AS dob,
            CAST(c.gender AS SIGNED) AS gender, c.taxvat, ",
        seconds_of!("c.created_at"),
        " AS created_at, ",
        seconds_of!("c.updated_at"),
        " AS updated_at, CAST(c.is_active AS SIGNED) AS is_active, c.password_hash, c.confirmation,
            CAST(c.failures_num AS SIGNED) AS failures, ",
        seconds_of!("c.first_failure"),
        " AS first_failure, ",
        seconds_of!("c.lock_expires"),
        " AS lock_expires, "
    );
    tables.sql(&format!("{sql} CAST({excluded} AS SIGNED) AS excluded FROM {{customer_entity}} c WHERE {condition}"))
}

fn to_customer(row: &MySqlRow) -> Result<Customer, Error> {
    Ok(Customer {
        id: number(row, "id")?,
        website: WebsiteId(small(row, "website")?),
        store: StoreId(small(row, "store")?),
        created_in: text(row, "created_in")?,
        group_id: number(row, "group_id")?,
        email: text(row, "email")?.unwrap_or_default(),
        firstname: text(row, "firstname")?,
        middlename: text(row, "middlename")?,
        lastname: text(row, "lastname")?,
        prefix: text(row, "prefix")?,
        suffix: text(row, "suffix")?,
        date_of_birth: text(row, "dob")?,
        gender: optional_number(row, "gender")?.and_then(|gender| u16::try_from(gender).ok()),
        taxvat: text(row, "taxvat")?,
        created_at: moment_of(row, "created_at")?.unwrap_or_default(),
        updated_at: moment_of(row, "updated_at")?.unwrap_or_default(),
        is_active: flag(row, "is_active")?,
        password_hash: text(row, "password_hash")?,
        confirmation: text(row, "confirmation")?,
        failures: number(row, "failures")?,
        first_failure: moment_of(row, "first_failure")?,
        lock_expires: moment_of(row, "lock_expires")?,
        website_excluded: flag(row, "excluded")?,
    })
}

/// The customers whose address the database takes for this one, in the order of their numbers.
pub(super) async fn by_email(
    connection: &mut MySqlConnection,
    tables: &Tables,
    email: &str,
    website: Option<WebsiteId>,
) -> Result<Vec<Customer>, Error> {
    let of_website = if website.is_some() { " AND c.website_id = ?" } else { "" };
    let sql = select(tables, &format!("c.email = ?{of_website} ORDER BY c.entity_id"));
    let mut query = sqlx::query(sql).bind(email);
    if let Some(website) = website {
        query = query.bind(website.0);
    }
    query.fetch_all(connection).await?.iter().map(to_customer).collect()
}

/// The customer with this number.
pub(super) async fn by_number(
    connection: &mut MySqlConnection,
    tables: &Tables,
    id: u32,
) -> Result<Option<Customer>, Error> {
    let found = sqlx::query(select(tables, "c.entity_id = ?")).bind(id).fetch_optional(connection).await?;
    found.as_ref().map(to_customer).transpose()
}

/// The customer with this number, with the exclusion from this website.
pub(super) async fn by_number_in(
    connection: &mut MySqlConnection,
    tables: &Tables,
    id: u32,
    website: WebsiteId,
) -> Result<Option<Customer>, Error> {
    // A number is no text, so there is nothing to escape.
    let sql = select_in(tables, &website.0.to_string(), "c.entity_id = ?");
    let found = sqlx::query(sql).bind(id).fetch_optional(connection).await?;
    found.as_ref().map(to_customer).transpose()
}

/// A page of the customers who are locked, in the order of their numbers.
pub(super) async fn locked(
    connection: &mut MySqlConnection,
    tables: &Tables,
    now: UnixSeconds,
    after: u32,
    limit: u32,
) -> Result<Vec<Customer>, Error> {
    let condition = concat!("c.entity_id > ? AND c.lock_expires > ", moment!(), " ORDER BY c.entity_id LIMIT ?");
    let query = sqlx::query(select(tables, condition)).bind(after).bind(now.get()).bind(limit);
    query.fetch_all(connection).await?.iter().map(to_customer).collect()
}

/// Writes counters and lock.
pub(super) async fn set_lock(
    connection: &mut MySqlConnection,
    tables: &Tables,
    lock: CustomerLock,
) -> Result<(), Error> {
    let sql = concat!(
        "UPDATE {customer_entity} SET failures_num = ?, first_failure = ",
        moment!(),
        ", lock_expires = ",
        moment!(),
        " WHERE entity_id = ?"
    );
    // The column is a signed number of sixteen bits.
    let failures = lock.failures.min(u32::from(i16::MAX.unsigned_abs()));
    sqlx::query(tables.sql(sql))
        .bind(failures)
        .bind(lock.first_failure.map(storable))
        .bind(lock.lock_expires.map(storable))
        .bind(lock.customer)
        .execute(connection)
        .await
        .map(drop)
}

/// Whether the account is active.
pub(super) async fn is_active(connection: &mut MySqlConnection, tables: &Tables, id: u32) -> Result<bool, Error> {
    let sql = tables.sql("SELECT CAST(is_active AS SIGNED) AS is_active FROM {customer_entity} WHERE entity_id = ?");
    let found = sqlx::query(sql).bind(id).fetch_optional(connection).await?;
    found.as_ref().map_or(Ok(false), |row| flag(row, "is_active"))
}

/// Notes a sign-in.
pub(super) async fn signed_in(
    connection: &mut MySqlConnection,
    tables: &Tables,
    customer: u32,
    at: UnixSeconds,
) -> Result<(), Error> {
    if !tables.schema.has_table("customer_log") {
        return Ok(());
    }
    let sql = concat!(
        "INSERT INTO {customer_log} (customer_id, last_login_at) VALUES (?, ",
        moment!(),
        ") ON DUPLICATE KEY UPDATE last_login_at = VALUES(last_login_at)"
    );
    sqlx::query(tables.sql(sql)).bind(customer).bind(storable(at)).execute(connection).await.map(drop)
}

/// Sets a password, and ends the shop's own sessions, as Magento does (fact sheet 2.7).
pub(super) async fn set_password(
    connection: &mut MySqlConnection,
    tables: &Tables,
    customer: u32,
    hash: &str,
    at: UnixSeconds,
) -> Result<(), Error> {
    let cutoff = tables.schema.has_column("customer_entity", "session_cutoff");
    let cut = if cutoff { concat!(", session_cutoff = ", moment!()) } else { "" };
    let sql = format!("UPDATE {{customer_entity}} SET password_hash = ?{cut} WHERE entity_id = ?");
    let mut query = sqlx::query(tables.sql(&sql)).bind(hash);
    if cutoff {
        query = query.bind(storable(at));
    }
    query.bind(customer).execute(connection).await.map(drop)
}
