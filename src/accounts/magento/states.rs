//! What became of users who have sessions: asked by primary key, since `updated_at` has no index and a deletion leaves no
//! trace.

use sqlx::mysql::MySqlRow;
use sqlx::{Error, MySqlConnection};

use crate::accounts::magento::administrators::{ROLE, expires_at};
use crate::accounts::magento::row::{flag, moment_of, number, optional_number, seconds_of};
use crate::accounts::magento::store::Tables;
use crate::clock::UnixSeconds;
use crate::settings::RoleId;

/// What a check has to know of a customer who is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CustomerState {
    /// Magento's number.
    pub id: u32,
    /// Whether the account is active.
    pub is_active: bool,
    /// Until when it is locked.
    pub locked_until: Option<UnixSeconds>,
}

/// What a check has to know of an administrator who is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdministratorState {
    /// Magento's number.
    pub id: u32,
    /// Whether the account is active.
    pub is_active: bool,
    /// The role.
    pub role: Option<RoleId>,
    /// When the account ends by itself.
    pub expires_at: Option<UnixSeconds>,
}

/// Numbers as a list of SQL; they are no text, so there is nothing to escape.
pub(super) fn list(ids: &[u32]) -> String {
    ids.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

/// Those of these customers who are there.
pub(super) async fn customers(
    connection: &mut MySqlConnection,
    tables: &Tables,
    ids: &[u32],
) -> Result<Vec<CustomerState>, Error> {
    let sql = format!(
        "SELECT CAST(entity_id AS SIGNED) AS id, CAST(is_active AS SIGNED) AS is_active, {} AS lock_expires
         FROM {{customer_entity}} WHERE entity_id IN ({})",
        seconds_of!("lock_expires"),
        list(ids)
    );
    let to_state = |row: &MySqlRow| {
        Ok(CustomerState {
            id: number(row, "id")?,
            is_active: flag(row, "is_active")?,
            locked_until: moment_of(row, "lock_expires")?,
        })
    };
    sqlx::query(tables.sql(&sql)).persistent(false).fetch_all(connection).await?.iter().map(to_state).collect()
}

/// Those of these administrators who are there.
pub(super) async fn administrators(
    connection: &mut MySqlConnection,
    tables: &Tables,
    ids: &[u32],
) -> Result<Vec<AdministratorState>, Error> {
    let sql = format!(
        "SELECT CAST(u.user_id AS SIGNED) AS id, CAST(u.is_active AS SIGNED) AS is_active, {ROLE} AS role,
            {} AS expires_at FROM {{admin_user}} u WHERE u.user_id IN ({})",
        expires_at(tables),
        list(ids)
    );
    let to_state = |row: &MySqlRow| {
        Ok(AdministratorState {
            id: number(row, "id")?,
            is_active: flag(row, "is_active")?,
            role: optional_number(row, "role")?.map(RoleId),
            expires_at: moment_of(row, "expires_at")?,
        })
    };
    sqlx::query(tables.sql(&sql)).persistent(false).fetch_all(connection).await?.iter().map(to_state).collect()
}
