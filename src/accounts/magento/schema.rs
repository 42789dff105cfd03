//! What the database has (fact sheet 8).

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AssertSqlSafe, MySqlConnection, Row};
use thiserror::Error;
use tracing::{info, warn};

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

/// A table, or a column of one, that newer or larger shops have.
#[derive(Clone, Copy, Debug)]
struct Optional {
    table: &'static str,
    column: Option<&'static str>,
    /// What is not done without it.
    meaning: &'static str,
    weight: Weight,
}

/// How much it matters that something is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Less is done.
    Less,
    /// More is allowed than the shop may mean: somebody who should be kept out may get in.
    Looser,
}

/// With per-table rights a server tells nobody whether a table is missing or may not be read, so that a right that was
/// forgotten looks like an older shop: what would make an answer looser has to be told louder.
const OPTIONAL: &[Optional] = &[
    of("customer_entity", "a changed password does not end the shop's own sessions", Weight::Looser)
        .column("session_cutoff"),
    of("customer_group_excluded_website", "no customer group is kept out of a website", Weight::Looser),
    of("customer_log", "the time of a customer's sign-in is not kept in the shop", Weight::Less),
    of("admin_user_expiration", "no administrator's account ends by itself", Weight::Looser),
    of("oauth_token", "opaque tokens that the shop issued are not known here", Weight::Less),
    of("integration", "tokens of the shop's integrations are not known here", Weight::Less),
    of("jwt_auth_revoked", "the shop's revocations, of JWTs and by Force Sign-In, are not heard of", Weight::Looser),
    of("tfa_user_config", "no administrator has a second factor of the shop", Weight::Looser),
];

/// What only a server that writes needs.
const ONLY_TO_WRITE: [(&str, Option<&str>); 2] = [("customer_entity", Some("session_cutoff")), ("customer_log", None)];

const fn of(table: &'static str, meaning: &'static str, weight: Weight) -> Optional {
    Optional { table, column: None, meaning, weight }
}

impl Optional {
    const fn column(self, name: &'static str) -> Self {
        Self { column: Some(name), ..self }
    }

    fn name(&self) -> String {
        self.column.map_or_else(|| self.table.to_owned(), |column| format!("{}.{column}", self.table))
    }

    fn matters(&self, write: bool) -> bool {
        write || !ONLY_TO_WRITE.contains(&(self.table, self.column))
    }
}

/// A table, or a column of one, that has to be there and is not.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "the shop's database has no {0}, or the database user may not read it (GRANT SELECT: deploy/magento/grants.sql): is \
     it Magento's, and is magento.table_prefix right?"
)]
pub struct MissingTable(pub String);

/// Something that is done without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoneWithout {
    /// The table, or the column behind its table, without prefix.
    pub name: String,
    /// What that means.
    pub meaning: &'static str,
    /// How much it matters.
    pub weight: Weight,
}

impl DoneWithout {
    /// Says so in the log.
    pub(super) fn tell(&self) {
        const WHAT: &str =
            "this is not there in the shop's database, or the database user may not read it (GRANT SELECT)";
        let Self { name, meaning, weight } = self;
        match weight {
            Weight::Looser => warn!(missing = name, meaning, "{WHAT}"),
            Weight::Less => info!(missing = name, meaning, "{WHAT}"),
        }
    }
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaReport {
    columns: BTreeMap<String, BTreeSet<String>>,
    /// Columns that hold three bytes a character at the most.
    narrow: BTreeSet<String>,
    /// How many characters columns of text hold.
    lengths: BTreeMap<String, u64>,
}

impl SchemaReport {
    /// Looks at the database.
    pub(super) async fn read(connection: &mut MySqlConnection, prefix: &str) -> Result<Self, sqlx::Error> {
        let names: BTreeSet<_> =
            NECESSARY.iter().map(|(table, _)| *table).chain(OPTIONAL.iter().map(|optional| optional.table)).collect();
        let marks = vec!["?"; names.len()].join(", ");
        let sql = format!(
            "SELECT TABLE_NAME AS table_name, COLUMN_NAME AS column_name, CHARACTER_SET_NAME AS charset,
                CAST(CHARACTER_MAXIMUM_LENGTH AS UNSIGNED) AS length
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
            if let Some(length) = row.try_get("length")? {
                report.lengths.insert(format!("{table}.{column}"), length);
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

    /// What is done without by a server that writes, or by one that only reads.
    pub fn done_without(&self, write: bool) -> Vec<DoneWithout> {
        let is_missing = |optional: &&Optional| match optional.column {
            Some(column) => !self.has_column(optional.table, column),
            None => !self.has_table(optional.table),
        };
        let missing = OPTIONAL.iter().filter(|optional| optional.matters(write)).filter(is_missing);
        missing
            .map(|optional| DoneWithout { name: optional.name(), meaning: optional.meaning, weight: optional.weight })
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

    /// How many characters the column holds; `None` for one that is no text.
    pub(super) fn length(&self, column: &str) -> Option<u64> {
        self.lengths.get(column).copied()
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
        SchemaReport { columns, ..SchemaReport::default() }
    }

    #[test]
    fn what_is_necessary_is_named_with_its_prefix() {
        assert_eq!(complete().first_missing("m_"), None);
        let mut report = complete();
        report.columns.get_mut("admin_user").unwrap().remove("lognum");
        let missing = report.first_missing("m_").unwrap();
        let told = missing.to_string();
        assert!(
            told.starts_with("the shop's database has no column m_admin_user.lognum, or the database user"),
            "{told}"
        );
        report.columns.remove("store");
        assert_eq!(report.first_missing(""), Some(MissingTable("table store".to_owned())));
    }

    #[test]
    fn what_is_optional_is_done_without() {
        let without = complete().done_without(true);
        assert_eq!(without.len(), OPTIONAL.len());
        assert_eq!(without[0].name, "customer_entity.session_cutoff");
    }

    #[test]
    fn what_lets_somebody_in_weighs_more_and_what_is_only_written_does_not_matter_to_who_reads() {
        let named = |write, weight| -> Vec<_> {
            let without = complete().done_without(write).into_iter();
            without.filter(|one| one.weight == weight).map(|one| one.name).collect()
        };
        let loosening =
            ["customer_group_excluded_website", "admin_user_expiration", "jwt_auth_revoked", "tfa_user_config"];
        assert_eq!(named(false, Weight::Looser), loosening);
        assert_eq!(named(false, Weight::Less), ["oauth_token", "integration"]);
        assert!(named(true, Weight::Less).contains(&"customer_log".to_owned()));
    }

    #[test]
    fn a_column_of_three_bytes_holds_no_emoji() {
        let mut report = complete();
        assert!(report.can_hold("customer_entity.email", "🦀"));
        report.narrow.insert("customer_entity.email".to_owned());
        assert!(!report.can_hold("customer_entity.email", "🦀") && report.can_hold("customer_entity.email", "日本"));
    }
}
