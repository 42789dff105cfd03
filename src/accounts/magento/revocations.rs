//! Statements about revoked JWTs, in `jwt_auth_revoked` (fact sheet 6.5, 8.3). A shop may have none: the table is optional.

use sqlx::mysql::MySqlRow;
use sqlx::{Error, MySqlConnection};

use crate::accounts::magento::row::number;
use crate::accounts::magento::store::Tables;
use crate::clock::UnixSeconds;
use crate::session::{Subject, UserType};
use crate::store::UserRevocation;

/// The table.
pub(super) const TABLE: &str = "jwt_auth_revoked";

/// How many rows are read at once.
pub(super) const PAGE: usize = 10_000;

/// Those of at least `since` that follow `after` in the order of the table, at most [`PAGE`]. There is no index of moments
/// and no stamp of a change, so that each look goes through the table; what comes back of it is little.
pub(super) async fn page(
    connection: &mut MySqlConnection,
    tables: &Tables,
    after: Option<Subject>,
    since: UnixSeconds,
) -> Result<Vec<UserRevocation>, Error> {
    let (kind, id) = after.map_or((0, 0), |subject| (subject.kind.number(), subject.id));
    let sql = format!(
        "SELECT CAST(user_type_id AS SIGNED) AS kind, CAST(user_id AS SIGNED) AS id,
            CAST(revoke_before AS SIGNED) AS through
         FROM {{{TABLE}}} WHERE (user_type_id > ? OR (user_type_id = ? AND user_id > ?)) AND user_type_id IN ({}, {})
         AND revoke_before >= ? ORDER BY user_type_id, user_id LIMIT {PAGE}",
        UserType::Admin.number(),
        UserType::Customer.number()
    );
    let rows = sqlx::query(tables.sql(&sql)).bind(kind).bind(kind).bind(id).bind(since.get());
    rows.fetch_all(connection).await?.iter().filter_map(|row| to_revocation(row).transpose()).collect()
}

fn to_revocation(row: &MySqlRow) -> Result<Option<UserRevocation>, Error> {
    let kind = u8::try_from(number(row, "kind")?).ok().and_then(UserType::from_number);
    let (id, through) = (number(row, "id")?, UnixSeconds(number(row, "through")?));
    Ok(kind.map(|kind| UserRevocation { subject: Subject { kind, id }, through }))
}

/// Writes these, of which there is at least one. A later moment that stands there already stays, so that doing it again
/// changes nothing.
pub(super) async fn write(
    connection: &mut MySqlConnection,
    tables: &Tables,
    revocations: &[UserRevocation],
) -> Result<(), Error> {
    // Numbers are no text, so there is nothing to escape.
    let row = |&UserRevocation { subject, through }: &UserRevocation| {
        format!("({}, {}, {})", subject.kind.number(), subject.id, through.get())
    };
    let sql = format!(
        "INSERT INTO {{{TABLE}}} (user_type_id, user_id, revoke_before) VALUES {}
         ON DUPLICATE KEY UPDATE revoke_before = GREATEST(revoke_before, VALUES(revoke_before))",
        revocations.iter().map(row).collect::<Vec<_>>().join(", ")
    );
    sqlx::query(tables.sql(&sql)).persistent(false).execute(connection).await.map(drop)
}
