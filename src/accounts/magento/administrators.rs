//! Statements about administrators (fact sheet 5.3, 8.2, 8.4).

use sqlx::mysql::MySqlRow;
use sqlx::{AssertSqlSafe, Error, MySqlConnection};

use crate::accounts::Administrator;
use crate::accounts::magento::row::{flag, moment, moment_of, number, optional_number, seconds_of, storable, text};
use crate::accounts::magento::store::Tables;
use crate::clock::UnixSeconds;
use crate::settings::RoleId;

/// An expression for the role of the administrator `u`: the group that the user's own row belongs to.
pub(super) const ROLE: &str = "(SELECT CAST(MIN(r.parent_id) AS SIGNED) FROM {authorization_role} r
    WHERE r.user_id = u.user_id AND r.user_type = '2' AND r.parent_id > 0)";

/// An expression for the moment at which the account of the administrator `u` ends.
pub(super) fn expires_at(tables: &Tables) -> &'static str {
    if tables.schema.has_table("admin_user_expiration") {
        concat!("(SELECT ", seconds_of!("e.expires_at"), " FROM {admin_user_expiration} e WHERE e.user_id = u.user_id)")
    } else {
        "CAST(NULL AS SIGNED)"
    }
}

fn select(tables: &Tables, condition: &str) -> AssertSqlSafe<String> {
    let ends = expires_at(tables);
    tables.sql(&format!(
        "SELECT CAST(u.user_id AS SIGNED) AS id, u.username, u.email, u.firstname, u.lastname, u.password,
            CAST(u.is_active AS SIGNED) AS is_active, {ROLE} AS role, {ends} AS expires_at
         FROM {{admin_user}} u WHERE {condition}"
    ))
}

fn to_administrator(row: &MySqlRow) -> Result<Administrator, Error> {
    Ok(Administrator {
        id: number(row, "id")?,
        username: text(row, "username")?.unwrap_or_default(),
        email: text(row, "email")?.unwrap_or_default(),
        firstname: text(row, "firstname")?,
        lastname: text(row, "lastname")?,
        password_hash: text(row, "password")?.unwrap_or_default(),
        is_active: flag(row, "is_active")?,
        role: optional_number(row, "role")?.map(RoleId),
        expires_at: moment_of(row, "expires_at")?,
    })
}

/// The administrator whose name the database takes for this one.
pub(super) async fn by_username(
    connection: &mut MySqlConnection,
    tables: &Tables,
    username: &str,
) -> Result<Option<Administrator>, Error> {
    let found = sqlx::query(select(tables, "u.username = ?")).bind(username).fetch_optional(connection).await?;
    found.as_ref().map(to_administrator).transpose()
}

/// The administrator with this number.
pub(super) async fn by_number(
    connection: &mut MySqlConnection,
    tables: &Tables,
    id: u32,
) -> Result<Option<Administrator>, Error> {
    let found = sqlx::query(select(tables, "u.user_id = ?")).bind(id).fetch_optional(connection).await?;
    found.as_ref().map(to_administrator).transpose()
}

/// Notes a sign-in.
pub(super) async fn signed_in(
    connection: &mut MySqlConnection,
    tables: &Tables,
    id: u32,
    at: UnixSeconds,
) -> Result<(), Error> {
    // The counter is a number of sixteen bits, and a full one must not keep anybody out.
    let sql = concat!(
        "UPDATE {admin_user} SET logdate = ",
        moment!(),
        ", lognum = LEAST(lognum + 1, 65535) WHERE user_id = ?"
    );
    sqlx::query(tables.sql(sql)).bind(storable(at)).bind(id).execute(connection).await.map(drop)
}

/// Switches an account off.
pub(super) async fn deactivate(connection: &mut MySqlConnection, tables: &Tables, id: u32) -> Result<(), Error> {
    let sql = tables.sql("UPDATE {admin_user} SET is_active = 0 WHERE user_id = ?");
    sqlx::query(sql).bind(id).execute(connection).await.map(drop)
}
