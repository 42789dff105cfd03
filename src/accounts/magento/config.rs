//! Settings: `core_config_data`, and what files and environment fix (fact sheet 8.6).

use sqlx::mysql::MySqlRow;
use sqlx::{Error, MySqlConnection};

use crate::accounts::magento::row::{optional_number, text};
use crate::accounts::magento::store::Tables;
use crate::magento::env_php::{ScopeCode, SystemValue};
use crate::settings::{DEFINITIONS, Definition, Roles, Scope, Settings, StoreDirectory, StoreId, WebsiteId};
use crate::store::SettingRow;

/// Everything that a snapshot is made of, as the shop has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShopSettings {
    /// The settings, those that files and environment fix included.
    pub settings: Settings,
    /// Websites and store views.
    pub stores: StoreDirectory,
    /// Roles of administrators.
    pub roles: Roles,
}

/// Settings that the shop's files and its environment fix: they win over the database, and cannot be changed there.
#[derive(Clone, Debug, Default)]
pub struct FixedSettings(Vec<SystemValue>);

impl FixedSettings {
    /// These, those that win last.
    pub fn new(values: Vec<SystemValue>) -> Self {
        Self(values.into_iter().filter(|value| Definition::of(&value.path).is_some()).collect())
    }

    /// Lays them over what the database has.
    pub(super) fn lay_over(&self, settings: &mut Settings, stores: &StoreDirectory) {
        for value in &self.0 {
            if let Some(scope) = scope_of(&value.scope, stores) {
                settings.set(&value.path, scope, Some(value.value.to_string()));
            }
        }
    }

    /// Whether a setting is fixed at this scope.
    pub(super) fn fix(&self, path: &str, scope: Scope, stores: &StoreDirectory) -> bool {
        self.0.iter().any(|value| value.path == path && scope_of(&value.scope, stores) == Some(scope))
    }
}

/// The names of variables have no small letters, so upper and lower case are the same here; the database keeps codes
/// apart by more than that, since its collation ignores case (fact sheet 8.5).
fn scope_of(code: &ScopeCode, stores: &StoreDirectory) -> Option<Scope> {
    match code {
        ScopeCode::Default => Some(Scope::Default),
        ScopeCode::Website(code) => {
            let found = stores.websites().iter().find(|website| website.code.eq_ignore_ascii_case(code));
            found.map(|website| Scope::Website(website.id))
        }
        ScopeCode::Store(code) => {
            let found = stores.stores().iter().find(|store| store.code.eq_ignore_ascii_case(code));
            found.map(|store| Scope::Store(store.id))
        }
    }
}

/// The values of the settings that are known here. An empty value, or none, overrides the built-in default.
pub(super) async fn read(connection: &mut MySqlConnection, tables: &Tables) -> Result<Settings, Error> {
    let paths: Vec<_> = DEFINITIONS.iter().map(|definition| format!("'{}'", definition.path)).collect();
    let sql = format!(
        "SELECT scope, CAST(scope_id AS SIGNED) AS scope_id, path, value FROM {{core_config_data}} WHERE path IN ({})",
        paths.join(", ")
    );
    let mut settings = Settings::default();
    for row in sqlx::query(tables.sql(&sql)).fetch_all(connection).await? {
        if let (Some(scope), Some(path)) = (scope(&row)?, text(&row, "path")?) {
            settings.set(&path, scope, Some(text(&row, "value")?.unwrap_or_default()));
        }
    }
    Ok(settings)
}

fn scope(row: &MySqlRow) -> Result<Option<Scope>, Error> {
    let id = optional_number(row, "scope_id")?.and_then(|id| u16::try_from(id).ok()).unwrap_or_default();
    Ok(match text(row, "scope")?.as_deref() {
        Some("default") => Some(Scope::Default),
        Some("websites") => Some(Scope::Website(WebsiteId(id))),
        Some("stores") => Some(Scope::Store(StoreId(id))),
        _ => None,
    })
}

/// Writes a value, or takes it back.
pub(super) async fn write(connection: &mut MySqlConnection, tables: &Tables, row: &SettingRow) -> Result<(), Error> {
    let (scope, id) = match row.scope {
        Scope::Default => ("default", 0),
        Scope::Website(id) => ("websites", id.0),
        Scope::Store(id) => ("stores", id.0),
    };
    let sql = match row.value {
        Some(_) => {
            "INSERT INTO {core_config_data} (scope, scope_id, path, value) VALUES (?, ?, ?, ?)
             ON DUPLICATE KEY UPDATE value = VALUES(value)"
        }
        None => "DELETE FROM {core_config_data} WHERE scope = ? AND scope_id = ? AND path = ?",
    };
    let mut query = sqlx::query(tables.sql(sql)).bind(scope).bind(id).bind(&row.path);
    if let Some(value) = &row.value {
        query = query.bind(value);
    }
    query.execute(connection).await.map(drop)
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    #[test]
    fn what_is_fixed_wins_over_the_database_where_it_is_fixed() {
        let path = "customer/create_account/confirm";
        let value = |scope, path: &str, text: &str| SystemValue {
            scope,
            path: path.to_owned(),
            value: Zeroizing::new(text.to_owned()),
        };
        let fixed = FixedSettings::new(vec![
            // The code is `base`: in the name of a variable it has capitals, and the reverse may be so.
            value(ScopeCode::Website("BASE".to_owned()), path, "1"),
            value(ScopeCode::Website("elsewhere".to_owned()), path, "1"),
            value(ScopeCode::Default, "no/such/path", "1"),
        ]);
        let (stores, website) = (StoreDirectory::fresh(), Scope::Website(WebsiteId(1)));
        let mut settings = Settings::default();
        settings.set(path, website, Some("0".to_owned()));
        settings.set(path, Scope::Default, Some("0".to_owned()));
        fixed.lay_over(&mut settings, &stores);
        assert_eq!((settings.text(path, website), settings.text(path, Scope::Default)), ("1", "0"));
        assert!(fixed.fix(path, website, &stores) && !fixed.fix(path, Scope::Default, &stores));
    }
}
