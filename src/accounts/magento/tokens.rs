//! Statements about opaque tokens that the shop issued (fact sheet 4.2, 4.3, 8.3).
//!
//! The secret that belongs to a token is never read.

use sqlx::mysql::MySqlRow;
use sqlx::{Error, MySqlConnection, Row};

use crate::accounts::magento::administrators::{ROLE, expires_at};
use crate::accounts::magento::row::{flag, moment_of, number, optional_number, seconds_of, small};
use crate::accounts::magento::states::list;
use crate::accounts::magento::store::Tables;
use crate::clock::UnixSeconds;
use crate::secret::Secret;
use crate::session::{Subject, UserType};
use crate::settings::{RoleId, WebsiteId};

/// A token of the shop.
#[derive(Clone, Debug)]
pub struct ShopToken {
    /// The number of its row.
    pub row: u32,
    /// Its text as it stands there: to be compared exactly, since the database takes letters of either case for the same.
    pub text: Secret,
    /// When the shop issued it.
    pub issued: UnixSeconds,
    /// Whose it is; `None` when it is revoked, or nobody's.
    pub holder: Option<TokenHolder>,
}

/// Whose a token of the shop is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenHolder {
    /// The user.
    pub subject: Subject,
    /// The customer's website.
    pub website: WebsiteId,
    /// Whether the account is active.
    pub is_active: bool,
    /// Until when the account is locked.
    pub locked_until: Option<UnixSeconds>,
    /// The role of an administrator.
    pub role: Option<RoleId>,
    /// When the account of an administrator ends by itself.
    pub ends: Option<UnixSeconds>,
}

/// A row that is there and not revoked: its number and its token.
pub type TokenRow = (u32, Secret);

/// The rows that the database takes for these texts, which must have the shape of tokens.
pub(super) async fn by_text(
    connection: &mut MySqlConnection,
    tables: &Tables,
    texts: &[Secret],
) -> Result<Vec<ShopToken>, Error> {
    if texts.is_empty() {
        return Ok(Vec::new());
    }
    let marks = vec!["?"; texts.len()].join(",");
    let (integration, join) = if tables.schema.has_table("integration") {
        ("i.integration_id", "LEFT JOIN {integration} i ON i.consumer_id = t.consumer_id")
    } else {
        ("NULL", "")
    };
    let created = seconds_of!("t.created_at");
    let locked = seconds_of!("c.lock_expires");
    let ends = expires_at(tables);
    let sql = format!(
        "SELECT CAST(t.entity_id AS SIGNED) AS id, t.token, CAST(t.revoked AS SIGNED) AS revoked,
            CAST(t.user_type AS SIGNED) AS kind, {created} AS created_at, CAST(c.entity_id AS SIGNED) AS customer,
            CAST(c.website_id AS SIGNED) AS website, CAST(c.is_active AS SIGNED) AS customer_active,
            {locked} AS lock_expires, CAST(u.user_id AS SIGNED) AS administrator,
            CAST(u.is_active AS SIGNED) AS administrator_active, {ROLE} AS role, {ends} AS expires_at,
            CAST({integration} AS SIGNED) AS integration
         FROM {{oauth_token}} t LEFT JOIN {{customer_entity}} c ON c.entity_id = t.customer_id
            LEFT JOIN {{admin_user}} u ON u.user_id = t.admin_id {join}
         WHERE t.token IN ({marks})"
    );
    let mut query = sqlx::query(tables.sql(&sql)).persistent(false);
    for text in texts {
        query = query.bind(text.expose());
    }
    query.fetch_all(connection).await?.iter().map(to_token).collect()
}

fn to_token(row: &MySqlRow) -> Result<ShopToken, Error> {
    let holder = if flag(row, "revoked")? { None } else { holder(row)? };
    Ok(ShopToken {
        row: number(row, "id")?,
        text: Secret::new(row.try_get("token")?),
        issued: moment_of(row, "created_at")?.unwrap_or_default(),
        holder,
    })
}

/// The user in the column that belongs to the kind; nobody when that is empty.
fn holder(row: &MySqlRow) -> Result<Option<TokenHolder>, Error> {
    let kind = u8::try_from(number(row, "kind")?).ok().and_then(UserType::from_number);
    let Some(kind) = kind else { return Ok(None) };
    let (column, active) = match kind {
        UserType::Customer => ("customer", Some("customer_active")),
        UserType::Admin => ("administrator", Some("administrator_active")),
        UserType::Integration => ("integration", None),
    };
    let Some(id) = optional_number(row, column)?.filter(|id| *id != 0) else { return Ok(None) };
    let is_active = active.map(|active| flag(row, active)).transpose()?.unwrap_or(true);
    let mut holder = TokenHolder {
        subject: Subject { kind, id },
        website: WebsiteId::ADMIN,
        is_active,
        locked_until: None,
        role: None,
        ends: None,
    };
    match kind {
        UserType::Customer => {
            holder.website = WebsiteId(small(row, "website")?);
            holder.locked_until = moment_of(row, "lock_expires")?;
        }
        UserType::Admin => {
            holder.role = optional_number(row, "role")?.map(RoleId);
            holder.ends = moment_of(row, "expires_at")?;
        }
        UserType::Integration => {}
    }
    Ok(Some(holder))
}

/// Those of these rows that are there and not revoked.
pub(super) async fn standing(
    connection: &mut MySqlConnection,
    tables: &Tables,
    rows: &[u32],
) -> Result<Vec<TokenRow>, Error> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT CAST(entity_id AS SIGNED) AS id, token FROM {{oauth_token}} WHERE revoked = 0 AND entity_id IN ({})",
        list(rows)
    );
    sqlx::query(tables.sql(&sql)).persistent(false).fetch_all(connection).await?.iter().map(to_row).collect()
}

/// The rows after this one in the order of their numbers, at most `limit`.
pub(super) async fn after(
    connection: &mut MySqlConnection,
    tables: &Tables,
    row: u32,
    limit: u32,
) -> Result<Vec<TokenRow>, Error> {
    let sql = tables.sql(
        "SELECT CAST(entity_id AS SIGNED) AS id, token FROM {oauth_token} WHERE entity_id > ?
         ORDER BY entity_id LIMIT ?",
    );
    sqlx::query(sql).bind(row).bind(limit).fetch_all(connection).await?.iter().map(to_row).collect()
}

/// The number of the last row; 0 when there is none.
pub(super) async fn last(connection: &mut MySqlConnection, tables: &Tables) -> Result<u32, Error> {
    let sql = tables.sql("SELECT CAST(MAX(entity_id) AS SIGNED) AS id FROM {oauth_token}");
    number(&sqlx::query(sql).fetch_one(connection).await?, "id")
}

fn to_row(row: &MySqlRow) -> Result<TokenRow, Error> {
    Ok((number(row, "id")?, Secret::new(row.try_get("token")?)))
}
