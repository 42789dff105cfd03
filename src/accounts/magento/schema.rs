//! What the database has (fact sheet 8).

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AssertSqlSafe, MySqlConnection, Row};
use thiserror::Error;

/// Tables that have to be there, with the columns that have to be.
const NECESSARY: &[(&str, &[&str])] = &[
    ("store_website", &["website_id", "code", "name", "default_group_id", "is_default"]),
    ("store_group", &["group_id", "website_id", "default_store_id", "code"]),
    ("store", &["store_id", "code", "website_id", "group_id", "name", "is_active"]),
    (
        "customer_entity",
        &[
            "entity_id",
            "website_id",
            "email",
            "group_id",
            "store_id",
            "created_in",
            "prefix",
            "firstname",
            "middlename",
            "lastname",
            "suffix",
            "dob",
            "gender",
            "taxvat",
            "password_hash",
            "is_active",
            "confirmation",
            "failures_num",
            "first_failure",
            "lock_expires",
            "created_at",
            "updated_at",
        ],
    ),
    (
        "admin_user",
        &["user_id", "username", "email", "firstname", "lastname", "password", "is_active", "logdate", "lognum"],
    ),
    ("authorization_role", &["role_id", "parent_id", "role_type", "user_id", "user_type", "role_name"]),
    ("authorization_rule", &["role_id", "resource_id", "permission"]),
    ("oauth_token_request_log", &["user_name", "user_type", "failures_count", "lock_expires_at"]),
    ("core_config_data", &["scope", "scope_id", "path", "value"]),
];

/// Tables and columns that newer or larger shops have, and what is not done without them.
const OPTIONAL: &[(&str, Option<&str>, &str)] = &[
    ("customer_entity", Some("session_cutoff"), "a changed password does not end the shop's own sessions"),
    ("customer_group_excluded_website", None, "no customer group is excluded from a website"),
    ("customer_log", None, "the time of a customer's sign-in is not kept in the shop"),
    ("admin_user_expiration", None, "no administrator's account ends by itself"),
    ("oauth_token", None, "opaque tokens that the shop issued are not known here"),
    ("integration", None, "tokens of the shop's integrations are not known here"),
    ("jwt_auth_revoked", None, "the shop revokes no JWTs"),
    ("tfa_user_config", None, "the shop keeps no second factors"),
];

/// A table, or a column of one, that has to be there and is not.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the shop's database has no {0}: is it Magento's, and is magento.table_prefix right?")]
pub struct MissingTable(pub String);

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaReport {
    columns: BTreeMap<String, BTreeSet<String>>,
    /// Columns that hold three bytes a character at the most.
    narrow: BTreeSet<String>,
}

impl SchemaReport {
    /// Looks at the database.
    pub(super) async fn read(connection: &mut MySqlConnection, prefix: &str) -> Result<Self, sqlx::Error> {
        let names: BTreeSet<_> =
            NECESSARY.iter().map(|(table, _)| *table).chain(OPTIONAL.iter().map(|row| row.0)).collect();
        let marks = vec!["?"; names.len()].join(", ");
        let sql = format!(
            "SELECT TABLE_NAME AS table_name, COLUMN_NAME AS column_name, CHARACTER_SET_NAME AS charset
             FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ({marks})"
        );
        let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
        for name in &names {
            query = query.bind(format!("{prefix}{name}"));
        }
        let mut report = Self::default();
        for row in query.fetch_all(connection).await? {
            let (table, column): (String, String) = (row.try_get("table_name")?, row.try_get("column_name")?);
            let charset: Option<String> = row.try_get("charset")?;
            let table = table.strip_prefix(prefix).unwrap_or(&table).to_owned();
            if charset.is_some_and(|charset| matches!(charset.as_str(), "utf8" | "utf8mb3")) {
                report.narrow.insert(format!("{table}.{column}"));
            }
            report.columns.entry(table).or_default().insert(column);
        }
        Ok(report)
    }

    /// The first necessary thing that is missing.
    pub(super) fn first_missing(&self, prefix: &str) -> Option<MissingTable> {
        NECESSARY.iter().find_map(|(table, columns)| {
            if !self.has_table(table) {
                return Some(MissingTable(format!("table {prefix}{table}")));
            }
            let column = columns.iter().find(|column| !self.has_column(table, column))?;
            Some(MissingTable(format!("column {prefix}{table}.{column}")))
        })
    }

    /// What is done without, each with what that means.
    pub fn done_without(&self) -> Vec<(String, &'static str)> {
        let missing = OPTIONAL.iter().filter(|(table, column, _)| match column {
            Some(column) => !self.has_column(table, column),
            None => !self.has_table(table),
        });
        missing
            .map(|(table, column, meaning)| {
                (column.map_or_else(|| (*table).to_owned(), |column| format!("{table}.{column}")), *meaning)
            })
            .collect()
    }

    /// Whether there is this table, by its name without prefix.
    pub fn has_table(&self, table: &str) -> bool {
        self.columns.contains_key(table)
    }

    /// Whether there is this column.
    pub fn has_column(&self, table: &str, column: &str) -> bool {
        self.columns.get(table).is_some_and(|columns| columns.contains(column))
    }

    /// Whether the column can hold this text at all. Asking for one that it cannot hold would cost a search through the
    /// whole table.
    pub(super) fn can_hold(&self, column: &str, text: &str) -> bool {
        !self.narrow.contains(column) || text.chars().all(|character| character.len_utf8() <= 3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete() -> SchemaReport {
        let columns = |columns: &[&str]| columns.iter().map(|column| (*column).to_owned()).collect();
        let columns = NECESSARY.iter().map(|(table, names)| ((*table).to_owned(), columns(names))).collect();
        SchemaReport { columns, narrow: BTreeSet::new() }
    }

    #[test]
    fn what_is_necessary_is_named_with_its_prefix() {
        assert_eq!(complete().first_missing("m_"), None);
        let mut report = complete();
        report.columns.get_mut("admin_user").unwrap().remove("lognum");
        let missing = report.first_missing("m_").unwrap();
        assert!(missing.to_string().starts_with("the shop's database has no column m_admin_user.lognum"), "{missing}");
        report.columns.remove("store");
        assert_eq!(report.first_missing(""), Some(MissingTable("table store".to_owned())));
    }

    #[test]
    fn what_is_optional_is_done_without() {
        let without: Vec<_> = complete().done_without().into_iter().map(|(name, _)| name).collect();
        assert_eq!(without.len(), OPTIONAL.len());
        assert_eq!(without[0], "customer_entity.session_cutoff");
    }

    #[test]
    fn a_column_of_three_bytes_holds_no_emoji() {
        let mut report = complete();
        assert!(report.can_hold("customer_entity.email", "🦀"));
        report.narrow.insert("customer_entity.email".to_owned());
        assert!(!report.can_hold("customer_entity.email", "🦀") && report.can_hold("customer_entity.email", "日本"));
    }
}
