//! Whether the database user may write what has to be written: tried at the start without writing anything. `EXPLAIN` of
//! a statement needs the same rights as the statement, and carries nothing out.

use sqlx::mysql::MySqlDatabaseError;
use sqlx::{Error, MySqlConnection};
use thiserror::Error;
use tracing::debug;

use crate::accounts::magento::store::Tables;

/// What a server answers to whoever lacks a right: to a table, to a column of it, to the database.
const DENIED: [u16; 3] = [1142, 1143, 1044];

/// A right that is needed, and a statement that needs it.
struct Need {
    table: &'static str,
    /// The column without which nothing of this is written.
    column: Option<&'static str>,
    right: &'static str,
    sql: &'static str,
}

const fn need(table: &'static str, right: &'static str, sql: &'static str) -> Need {
    Need { table, column: None, right, sql }
}

/// Without these, sign-ins would fail, or what they leave behind would be lost.
const NEEDS: &[Need] = &[
    need(
        "customer_entity",
        "UPDATE (failures_num, first_failure, lock_expires)",
        "UPDATE {customer_entity} SET failures_num = 0, first_failure = NULL, lock_expires = NULL WHERE entity_id = 0",
    ),
    need(
        "customer_entity",
        "UPDATE (password_hash)",
        "UPDATE {customer_entity} SET password_hash = NULL WHERE entity_id = 0",
    ),
    Need {
        table: "customer_entity",
        column: Some("session_cutoff"),
        right: "UPDATE (session_cutoff)",
        sql: "UPDATE {customer_entity} SET session_cutoff = NULL WHERE entity_id = 0",
    },
    need(
        "admin_user",
        "UPDATE (logdate, lognum, is_active)",
        "UPDATE {admin_user} SET logdate = NULL, lognum = 0, is_active = 0 WHERE user_id = 0",
    ),
    need(
        "oauth_token_request_log",
        "INSERT",
        "INSERT INTO {oauth_token_request_log} (user_name, user_type, failures_count, lock_expires_at)
         VALUES ('', 0, 0, '2000-01-01')",
    ),
    need(
        "oauth_token_request_log",
        "UPDATE",
        "UPDATE {oauth_token_request_log} SET failures_count = 0, lock_expires_at = '2000-01-01' WHERE user_name = ''",
    ),
    need("oauth_token_request_log", "DELETE", "DELETE FROM {oauth_token_request_log} WHERE user_name = ''"),
    need(
        "jwt_auth_revoked",
        "INSERT",
        "INSERT INTO {jwt_auth_revoked} (user_type_id, user_id, revoke_before) VALUES (0, 0, 0)",
    ),
    need("jwt_auth_revoked", "UPDATE", "UPDATE {jwt_auth_revoked} SET revoke_before = 0 WHERE user_id = 0"),
    need("customer_log", "INSERT", "INSERT INTO {customer_log} (customer_id, last_login_at) VALUES (0, '2000-01-01')"),
    need("customer_log", "UPDATE", "UPDATE {customer_log} SET last_login_at = '2000-01-01' WHERE customer_id = 0"),
];

/// Without these, settings cannot be changed from here, which an operator may want.
const NEEDS_OF_SETTINGS: &[Need] = &[
    need(
        "core_config_data",
        "INSERT",
        "INSERT INTO {core_config_data} (scope, scope_id, path, value) VALUES ('default', 0, '', '')",
    ),
    need("core_config_data", "UPDATE", "UPDATE {core_config_data} SET value = '' WHERE path = ''"),
    need("core_config_data", "DELETE", "DELETE FROM {core_config_data} WHERE path = ''"),
];

/// Rights that the database user does not have, such as `INSERT on customer_log`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "the database user may not write what magento.write = true writes: it lacks {0}. Grant that \
     (deploy/magento/grants.sql), or set magento.write = false, with which the shop's database is only read"
)]
pub(super) struct MissingRights(pub(super) String);

/// What is missing of the rights to write.
#[derive(Debug, Default)]
pub(super) struct Lacking {
    /// Those without which the server must not start.
    pub(super) necessary: Vec<String>,
    /// Those without which settings can only be changed in Magento.
    pub(super) of_settings: Vec<String>,
}

/// Tries the rights.
pub(super) async fn lacking(connection: &mut MySqlConnection, tables: &Tables) -> Result<Lacking, Error> {
    Ok(Lacking {
        necessary: lacking_of(connection, tables, NEEDS).await?,
        of_settings: lacking_of(connection, tables, NEEDS_OF_SETTINGS).await?,
    })
}

async fn lacking_of(connection: &mut MySqlConnection, tables: &Tables, needs: &[Need]) -> Result<Vec<String>, Error> {
    let mut lacking = Vec::new();
    for need in needs.iter().filter(|need| is_there(need, tables)) {
        let sql = tables.sql(&format!("EXPLAIN {}", need.sql));
        match sqlx::raw_sql(sql).execute(&mut *connection).await {
            Ok(_) => {}
            Err(error) if is_denied(&error) => {
                lacking.push(format!("{} on {}", need.right, tables.name(need.table)));
            }
            // A server, or something before it, that does not explain such a statement says nothing about rights.
            Err(error @ Error::Database(_)) => debug!(%error, table = need.table, "a right could not be tried"),
            Err(error) => return Err(error),
        }
    }
    Ok(lacking)
}

fn is_there(need: &Need, tables: &Tables) -> bool {
    tables.schema.has_table(need.table) && need.column.is_none_or(|column| tables.schema.has_column(need.table, column))
}

/// Whether the server has refused a statement because a right is missing.
fn is_denied(error: &Error) -> bool {
    let number = error.as_database_error().and_then(|error| error.try_downcast_ref::<MySqlDatabaseError>());
    number.is_some_and(|error| DENIED.contains(&error.number()))
}
