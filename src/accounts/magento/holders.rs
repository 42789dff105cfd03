//! What a check has to know of users whose tokens have no sessions of their own: asked by primary key, as in `states`.

use std::collections::HashMap;

use sqlx::mysql::MySqlRow;
use sqlx::{Error, MySqlConnection};

use crate::accounts::UserState;
use crate::accounts::magento::AdministratorState;
use crate::accounts::magento::row::{moment_of, number, seconds_of, small};
use crate::accounts::magento::states::{self, list};
use crate::accounts::magento::store::Tables;
use crate::session::UserType;
use crate::settings::{RoleId, WebsiteId};

/// Those of these users who are there. Of integrations all are: whether there is one says its token.
pub(super) async fn read(
    connection: &mut MySqlConnection,
    tables: &Tables,
    kind: UserType,
    ids: &[u32],
) -> Result<Vec<(u32, UserState)>, Error> {
    match kind {
        UserType::Customer => customers(connection, tables, ids).await,
        UserType::Admin => {
            let found = states::administrators(connection, tables, ids).await?;
            Ok(found.into_iter().map(|state| (state.id, state.into())).collect())
        }
        UserType::Integration => integrations(connection, tables, ids).await,
    }
}

async fn customers(
    connection: &mut MySqlConnection,
    tables: &Tables,
    ids: &[u32],
) -> Result<Vec<(u32, UserState)>, Error> {
    let sql = format!(
        "SELECT CAST(entity_id AS SIGNED) AS id, CAST(website_id AS SIGNED) AS website, {} AS lock_expires
         FROM {{customer_entity}} WHERE entity_id IN ({})",
        seconds_of!("lock_expires"),
        list(ids)
    );
    let to_state = |row: &MySqlRow| {
        let state = UserState {
            website: WebsiteId(small(row, "website")?),
            role: None,
            locked_until: moment_of(row, "lock_expires")?,
            is_active: true,
            ends: None,
        };
        Ok((number(row, "id")?, state))
    };
    sqlx::query(tables.sql(&sql)).persistent(false).fetch_all(connection).await?.iter().map(to_state).collect()
}

/// An integration's role is its own row, to which the rules belong; the first one counts (fact sheet 8.4). One that was
/// put below a group has what the group has.
async fn integrations(
    connection: &mut MySqlConnection,
    tables: &Tables,
    ids: &[u32],
) -> Result<Vec<(u32, UserState)>, Error> {
    let sql = format!(
        "SELECT CAST(user_id AS SIGNED) AS id, CAST(role_id AS SIGNED) AS own, CAST(parent_id AS SIGNED) AS parent
         FROM {{authorization_role}} WHERE user_type = '1' AND user_id IN ({}) ORDER BY role_id",
        list(ids)
    );
    let mut roles = HashMap::new();
    for row in sqlx::query(tables.sql(&sql)).persistent(false).fetch_all(connection).await? {
        let (own, parent) = (number(&row, "own")?, number(&row, "parent")?);
        roles.entry(number(&row, "id")?).or_insert(RoleId(if parent > 0 { parent } else { own }));
    }
    Ok(ids.iter().map(|id| (*id, UserState::of_integration(roles.get(id).copied()))).collect())
}

impl From<AdministratorState> for UserState {
    fn from(administrator: AdministratorState) -> Self {
        let AdministratorState { role, is_active, expires_at: ends, .. } = administrator;
        Self { website: WebsiteId::ADMIN, role, locked_until: None, is_active, ends }
    }
}
