//! Websites, store views and roles (fact sheet 8.4, 8.5).

use std::collections::{HashMap, HashSet};

use sqlx::mysql::MySqlRow;
use sqlx::{Error, MySqlConnection};

use crate::accounts::magento::row::{flag, number, small, text};
use crate::accounts::magento::store::Tables;
use crate::settings::{Role, RoleId, Roles, StoreDirectory, StoreId, StoreView, Website, WebsiteId};

/// All of them; the directory is `None` when no website with a store view is the default one. Number 0, which stands
/// for the administration, is none of a customer's websites.
pub(super) async fn read(
    connection: &mut MySqlConnection,
    tables: &Tables,
) -> Result<(Option<StoreDirectory>, Roles), Error> {
    let websites = websites(connection, tables).await?;
    let stores = stores(connection, tables).await?;
    Ok((StoreDirectory::new(websites, stores), roles(connection, tables).await?))
}

async fn websites(connection: &mut MySqlConnection, tables: &Tables) -> Result<Vec<Website>, Error> {
    let sql = tables.sql(
        "SELECT CAST(w.website_id AS SIGNED) AS id, w.code, w.name, CAST(w.is_default AS SIGNED) AS is_default,
            CAST(w.default_group_id AS SIGNED) AS group_id, CAST(g.default_store_id AS SIGNED) AS default_store
         FROM {store_website} w LEFT JOIN {store_group} g ON g.group_id = w.default_group_id
         WHERE w.website_id <> 0 ORDER BY w.website_id",
    );
    let to_website = |row: &MySqlRow| {
        Ok(Website {
            id: WebsiteId(small(row, "id")?),
            code: text(row, "code")?.unwrap_or_default(),
            name: text(row, "name")?.unwrap_or_default(),
            is_default: flag(row, "is_default")?,
            default_group_id: small(row, "group_id")?,
            default_store: StoreId(small(row, "default_store")?),
        })
    };
    sqlx::query(sql).fetch_all(connection).await?.iter().map(to_website).collect()
}

async fn stores(connection: &mut MySqlConnection, tables: &Tables) -> Result<Vec<StoreView>, Error> {
    let sql = tables.sql(
        "SELECT CAST(s.store_id AS SIGNED) AS id, s.code, s.name, CAST(s.website_id AS SIGNED) AS website,
            CAST(s.group_id AS SIGNED) AS group_id, g.code AS group_code, CAST(s.is_active AS SIGNED) AS is_active
         FROM {store} s LEFT JOIN {store_group} g ON g.group_id = s.group_id
         WHERE s.store_id <> 0 ORDER BY s.store_id",
    );
    let to_store = |row: &MySqlRow| {
        Ok(StoreView {
            id: StoreId(small(row, "id")?),
            code: text(row, "code")?.unwrap_or_default(),
            name: text(row, "name")?.unwrap_or_default(),
            website: WebsiteId(small(row, "website")?),
            group_id: small(row, "group_id")?,
            group_code: text(row, "group_code")?.unwrap_or_default(),
            is_active: flag(row, "is_active")?,
        })
    };
    sqlx::query(sql).fetch_all(connection).await?.iter().map(to_store).collect()
}

async fn roles(connection: &mut MySqlConnection, tables: &Tables) -> Result<Roles, Error> {
    let mut allowed: HashMap<u32, HashSet<String>> = HashMap::new();
    let rules = tables.sql(
        "SELECT CAST(role_id AS SIGNED) AS role, resource_id FROM {authorization_rule} WHERE permission = 'allow'",
    );
    for row in sqlx::query(rules).fetch_all(&mut *connection).await? {
        if let Some(resource) = text(&row, "resource_id")? {
            allowed.entry(number(&row, "role")?).or_default().insert(resource);
        }
    }
    // Those of administrators are groups; that of an integration is its own row.
    let groups = tables.sql(
        "SELECT CAST(role_id AS SIGNED) AS id, role_name FROM {authorization_role}
         WHERE role_type = 'G' OR user_type = '1'",
    );
    let found = sqlx::query(groups).fetch_all(connection).await?;
    let to_role = |row: &MySqlRow| {
        let id = number(row, "id")?;
        let name = text(row, "role_name")?.unwrap_or_default();
        Ok(Role { id: RoleId(id), name, allowed: allowed.remove(&id).unwrap_or_default() })
    };
    found.iter().map(to_role).collect()
}
