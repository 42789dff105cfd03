//! Whether the database user may write what has to be written: tried at the start without writing anything. `EXPLAIN` of
//! a statement needs the same rights as the statement, and carries nothing out.

use sqlx::mysql::MySqlDatabaseError;
use sqlx::{Error, MySqlConnection};
use thiserror::Error;
use tracing::debug;

use crate::accounts::AccountError;
use crate::accounts::magento::store::Tables;

/// What a server answers to whoever lacks a right: to a table, to a column of it, to the database.
const DENIED: [u16; 3] = [1142, 1143, 1044];

/// A right that is needed, and a statement that needs it.
#[derive(Debug)]
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

/// Something that is wanted, and what it writes.
#[derive(Debug)]
pub(super) struct Feature {
    setting: &'static str,
    /// Where the rights are, in `deploy/magento`.
    grants: &'static str,
    /// What to do without them.
    otherwise: &'static str,
    needs: &'static [Need],
}

/// Writing at all.
pub(super) const WRITING: Feature = Feature {
    setting: "magento.write",
    grants: "grants.sql",
    otherwise: "set magento.write = false, with which the shop's database is only read",
    needs: NEEDS,
};

/// Tokens that are issued here, in the shop's table.
pub(super) const MIRRORING: Feature = Feature {
    setting: "magento.mirror_tokens",
    grants: "grants-mirror.sql",
    otherwise: "leave that setting out",
    needs: &[
        need(
            "oauth_token",
            "INSERT",
            "INSERT INTO {oauth_token} (customer_id, type, token, secret, callback_url, revoked, authorized, user_type,
                created_at) VALUES (NULL, 'access', '', '', '', 0, 0, 3, '2000-01-01')",
        ),
        need("oauth_token", "DELETE", "DELETE FROM {oauth_token} WHERE entity_id = 0"),
    ],
};

/// Hashes that are renewed: those of customers are among the [`NEEDS`].
pub(super) const RENEWING: Feature = Feature {
    setting: "magento.rehash",
    grants: "grants-mirror.sql",
    otherwise: "leave that setting out",
    needs: &[need("admin_user", "UPDATE (password)", "UPDATE {admin_user} SET password = '' WHERE user_id = 0")],
};

impl Feature {
    /// The refusal when rights, such as `INSERT on customer_log`, are missing.
    pub(super) fn check(&self, lacking: &[String]) -> Result<(), MissingRights> {
        let Self { setting, grants, otherwise, .. } = *self;
        if lacking.is_empty() {
            return Ok(());
        }
        Err(MissingRights { setting, grants, otherwise, lacking: lacking.join("; ") })
    }
}

/// Rights that the database user does not have.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "the database user may not write what {setting} = true writes: it lacks {lacking}. Grant that \
     (deploy/magento/{grants}), or {otherwise}"
)]
pub(super) struct MissingRights {
    setting: &'static str,
    grants: &'static str,
    otherwise: &'static str,
    lacking: String,
}

impl From<MissingRights> for AccountError {
    fn from(missing: MissingRights) -> Self {
        Self::Conflict(missing.to_string())
    }
}

/// What is missing of the rights without which a feature must not be begun with.
pub(super) async fn lacking(
    connection: &mut MySqlConnection,
    tables: &Tables,
    feature: &Feature,
) -> Result<Vec<String>, Error> {
    lacking_of(connection, tables, feature.needs).await
}

/// What is missing of the rights without which settings can only be changed in Magento.
pub(super) async fn lacking_for_settings(
    connection: &mut MySqlConnection,
    tables: &Tables,
) -> Result<Vec<String>, Error> {
    lacking_of(connection, tables, NEEDS_OF_SETTINGS).await
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
