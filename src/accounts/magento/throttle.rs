//! Statements about the throttle's rows, in `oauth_token_request_log` (fact sheet 5.1, 8.3).

use sqlx::mysql::MySqlRow;
use sqlx::{Error, MySqlConnection};

use crate::accounts::folded;
use crate::accounts::magento::row::{moment, moment_of, number, seconds_of, storable, text};
use crate::accounts::magento::store::Tables;
use crate::clock::UnixSeconds;
use crate::session::UserType;
use crate::store::ThrottleRow;

/// The number of a kind in this table alone, which has its own (fact sheet 0.2).
fn number_of(kind: UserType) -> Option<u8> {
    match kind {
        UserType::Customer => Some(2),
        UserType::Admin => Some(3),
        UserType::Integration => None,
    }
}

fn kind_of(number: u32) -> Option<UserType> {
    UserType::ALL.into_iter().find(|kind| number_of(*kind).is_some_and(|own| u32::from(own) == number))
}

const SELECT: &str = concat!(
    "SELECT user_name, CAST(user_type AS SIGNED) AS user_type, CAST(failures_count AS SIGNED) AS failures, ",
    seconds_of!("lock_expires_at"),
    " AS lock_expires FROM {oauth_token_request_log} WHERE lock_expires_at > ",
    moment!()
);

fn to_row(row: &MySqlRow) -> Result<Option<ThrottleRow>, Error> {
    let Some(kind) = kind_of(number(row, "user_type")?) else { return Ok(None) };
    Ok(Some(ThrottleRow {
        kind,
        name: folded(&text(row, "user_name")?.unwrap_or_default()),
        failures: number(row, "failures")?,
        lock_expires: moment_of(row, "lock_expires")?.unwrap_or_default(),
    }))
}

/// The rows that count.
pub(super) async fn rows(
    connection: &mut MySqlConnection,
    tables: &Tables,
    now: UnixSeconds,
) -> Result<Vec<ThrottleRow>, Error> {
    let found = sqlx::query(tables.sql(SELECT)).bind(now.get()).fetch_all(connection).await?;
    found.iter().filter_map(|row| to_row(row).transpose()).collect()
}

/// The row that the database finds for a name, as Magento finds it, if it counts.
pub(super) async fn row(
    connection: &mut MySqlConnection,
    tables: &Tables,
    (kind, name): (UserType, &str),
    now: UnixSeconds,
) -> Result<Option<ThrottleRow>, Error> {
    let Some(number) = number_of(kind) else { return Ok(None) };
    let sql = format!("{SELECT} AND user_name = ? AND user_type = ?");
    let query = sqlx::query(tables.sql(&sql)).bind(now.get()).bind(name).bind(number);
    query.fetch_optional(connection).await?.map_or(Ok(None), |row| to_row(&row))
}

/// Counts a failure that the caller has counted as the `failures`th. Where the shop itself has counted some in the
/// meantime, it is one more than that.
pub(super) async fn set(
    connection: &mut MySqlConnection,
    tables: &Tables,
    row: &ThrottleRow,
    now: UnixSeconds,
) -> Result<(), Error> {
    let Some(kind) = number_of(row.kind) else { return Ok(()) };
    let sql = concat!(
        "INSERT INTO {oauth_token_request_log} (user_name, user_type, failures_count, lock_expires_at) VALUES (?, ?, ?, ",
        moment!(),
        ") ON DUPLICATE KEY UPDATE failures_count = LEAST(65535,
             GREATEST(IF(lock_expires_at > ",
        moment!(),
        ", failures_count, 0) + 1, VALUES(failures_count))), lock_expires_at = VALUES(lock_expires_at)"
    );
    sqlx::query(tables.sql(sql))
        .bind(&row.name)
        .bind(kind)
        .bind(row.failures.min(u32::from(u16::MAX)))
        .bind(storable(row.lock_expires))
        .bind(now.get())
        .execute(connection)
        .await
        .map(drop)
}

/// Removes the row of a name, and says whether there was one.
pub(super) async fn clear(
    connection: &mut MySqlConnection,
    tables: &Tables,
    kind: UserType,
    name: &str,
) -> Result<bool, Error> {
    let Some(kind) = number_of(kind) else { return Ok(false) };
    let sql = tables.sql("DELETE FROM {oauth_token_request_log} WHERE user_name = ? AND user_type = ?");
    let removed = sqlx::query(sql).bind(name).bind(kind).execute(connection).await?;
    Ok(removed.rows_affected() > 0)
}

/// Removes the rows that no longer count, as Magento's own job does (fact sheet 4.5).
pub(super) async fn clean(connection: &mut MySqlConnection, tables: &Tables, now: UnixSeconds) -> Result<(), Error> {
    let sql = concat!("DELETE FROM {oauth_token_request_log} WHERE lock_expires_at <= ", moment!());
    sqlx::query(tables.sql(sql)).bind(now.get()).execute(connection).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_table_swaps_the_numbers_of_customers_and_administrators() {
        assert_eq!((number_of(UserType::Customer), number_of(UserType::Admin)), (Some(2), Some(3)));
        assert_eq!((kind_of(2), kind_of(3), kind_of(1)), (Some(UserType::Customer), Some(UserType::Admin), None));
    }
}
