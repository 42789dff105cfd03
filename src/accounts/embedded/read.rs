//! The queries. Rows of accounts and of the throttle are verified against their checksums: a damaged one is an error.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use crate::accounts::{Administrator, Customer};
use crate::clock::UnixSeconds;
use crate::session::{Subject, SubjectChanged, UserType};
use crate::settings::{Role, RoleId, Roles, StoreDirectory, StoreId, StoreView, Website, WebsiteId};
use crate::store::{RowChecksums, SealedTable, ThrottleRow};

fn moment(row: &Row<'_>, column: &str) -> Result<Option<UnixSeconds>> {
    Ok(row.get::<_, Option<u32>>(column)?.map(UnixSeconds))
}

fn to_customer(row: &Row<'_>, checksums: &RowChecksums) -> Result<Customer> {
    checksums.verify(SealedTable::Customers, row)?;
    Ok(Customer {
        id: row.get("id")?,
        website: WebsiteId(row.get("website")?),
        store: StoreId(row.get("store")?),
        created_in: row.get("created_in")?,
        group_id: row.get("group_id")?,
        email: row.get("email")?,
        firstname: row.get("firstname")?,
        middlename: row.get("middlename")?,
        lastname: row.get("lastname")?,
        prefix: row.get("prefix")?,
        suffix: row.get("suffix")?,
        date_of_birth: row.get("date_of_birth")?,
        gender: row.get("gender")?,
        taxvat: row.get("taxvat")?,
        created_at: UnixSeconds(row.get("created_at")?),
        updated_at: UnixSeconds(row.get("updated_at")?),
        is_active: row.get("is_active")?,
        password_hash: row.get("password_hash")?,
        confirmation: row.get("confirmation")?,
        failures: row.get("failures")?,
        first_failure: moment(row, "first_failure")?,
        lock_expires: moment(row, "lock_expires")?,
        website_excluded: row.get("website_excluded")?,
    })
}

fn to_administrator(row: &Row<'_>, checksums: &RowChecksums) -> Result<Administrator> {
    checksums.verify(SealedTable::Administrators, row)?;
    Ok(Administrator {
        id: row.get("id")?,
        username: row.get("username")?,
        email: row.get("email")?,
        firstname: row.get("firstname")?,
        lastname: row.get("lastname")?,
        password_hash: row.get("password_hash")?,
        is_active: row.get("is_active")?,
        role: row.get::<_, Option<u32>>("role")?.map(RoleId),
        expires_at: moment(row, "expires_at")?,
    })
}

/// The customers with this folded address, in one website or in all, in the order of their numbers.
pub(super) fn customers_by_key(
    file: &Connection,
    checksums: &RowChecksums,
    key: &str,
    website: Option<WebsiteId>,
) -> Result<Vec<Customer>> {
    // Once through the index, and once in the row itself: a damaged index must not name somebody else.
    const QUESTION: &str = "SELECT * FROM customers
        WHERE email_key = ?1 AND +email_key = ?1 AND (?2 IS NULL OR website = ?2) ORDER BY id";
    file.prepare_cached(QUESTION)?
        .query_map(params![key, website.map(|website| website.0)], |row| to_customer(row, checksums))?
        .collect()
}

/// The numbers of the customers with these folded addresses in one website, in the same order.
pub(super) fn customer_numbers(file: &Connection, keys: &[String], website: WebsiteId) -> Result<Vec<Option<u32>>> {
    let mut statement = file.prepare_cached("SELECT id FROM customers WHERE email_key = ?1 AND website = ?2")?;
    keys.iter().map(|key| statement.query_row(params![key, website.0], |row| row.get("id")).optional()).collect()
}

pub(super) fn customer(file: &Connection, checksums: &RowChecksums, id: u32) -> Result<Option<Customer>> {
    file.prepare_cached("SELECT * FROM customers WHERE id = ?1")?
        .query_row([id], |row| to_customer(row, checksums))
        .optional()
}

/// A page of customers, in the order of their numbers.
pub(super) fn customers(file: &Connection, checksums: &RowChecksums, after: u32, limit: u32) -> Result<Vec<Customer>> {
    file.prepare_cached("SELECT * FROM customers WHERE id > ?1 ORDER BY id LIMIT ?2")?
        .query_map(params![after, limit], |row| to_customer(row, checksums))?
        .collect()
}

pub(super) fn administrator_by_key(
    file: &Connection,
    checksums: &RowChecksums,
    key: &str,
) -> Result<Option<Administrator>> {
    file.prepare_cached("SELECT * FROM administrators WHERE username_key = ?1 AND +username_key = ?1")?
        .query_row([key], |row| to_administrator(row, checksums))
        .optional()
}

pub(super) fn administrator(file: &Connection, checksums: &RowChecksums, id: u32) -> Result<Option<Administrator>> {
    file.prepare_cached("SELECT * FROM administrators WHERE id = ?1")?
        .query_row([id], |row| to_administrator(row, checksums))
        .optional()
}

pub(super) fn administrators(file: &Connection, checksums: &RowChecksums) -> Result<Vec<Administrator>> {
    file.prepare_cached("SELECT * FROM administrators ORDER BY id")?
        .query_map((), |row| to_administrator(row, checksums))?
        .collect()
}

/// The secret of an administrator's authenticator app.
pub(super) fn second_factor(file: &Connection, administrator: u32) -> Result<Option<String>> {
    file.prepare_cached("SELECT secret FROM second_factors WHERE administrator = ?1")?
        .query_row([administrator], |row| row.get("secret"))
        .optional()
}

/// The numbers of the administrators whose authenticator app has a secret here.
pub(super) fn with_second_factor(file: &Connection) -> Result<HashSet<u32>> {
    file.prepare_cached("SELECT administrator FROM second_factors")?
        .query_map((), |row| row.get("administrator"))?
        .collect()
}

/// A page of the customers who are locked, in the order of their numbers.
pub(super) fn locked_customers(
    file: &Connection,
    checksums: &RowChecksums,
    now: UnixSeconds,
    after: u32,
    limit: u32,
) -> Result<Vec<Customer>> {
    file.prepare_cached("SELECT * FROM customers WHERE id > ?1 AND lock_expires > ?2 ORDER BY id LIMIT ?3")?
        .query_map(params![after, now.get(), limit], |row| to_customer(row, checksums))?
        .collect()
}

/// The throttle's rows whose lock has not ended.
pub(super) fn throttle_rows(file: &Connection, checksums: &RowChecksums, now: UnixSeconds) -> Result<Vec<ThrottleRow>> {
    let mut statement = file.prepare_cached("SELECT * FROM throttle WHERE lock_expires > ?1")?;
    let rows = statement.query_map([now.get()], |row| to_throttle_row(row, checksums))?;
    rows.filter_map(Result::transpose).collect()
}

/// A page of the throttle's rows whose lock has not ended, in the order of kind and name.
pub(super) fn throttle_page(
    file: &Connection,
    checksums: &RowChecksums,
    now: UnixSeconds,
    after: UserType,
    name: &str,
    limit: u32,
) -> Result<Vec<ThrottleRow>> {
    let mut statement = file.prepare_cached(
        "SELECT * FROM throttle
         WHERE (kind, name) > (?1, ?2) AND lock_expires > ?3 ORDER BY kind, name LIMIT ?4",
    )?;
    let rows =
        statement.query_map(params![after.number(), name, now.get(), limit], |row| to_throttle_row(row, checksums))?;
    rows.filter_map(Result::transpose).collect()
}

/// Names of administrators that have failed so often that they are refused, and until when.
pub(super) fn refused_administrators(file: &Connection, now: UnixSeconds, most: u32) -> Result<Refused> {
    let question = "SELECT name, lock_expires FROM throttle WHERE kind = ?1 AND failures >= ?2 AND lock_expires > ?3
                    AND name IN (SELECT username_key FROM administrators)";
    let mut statement = file.prepare_cached(question)?;
    let rows = statement.query_map(params![UserType::Admin.number(), most, now.get()], |row| {
        Ok((row.get(0)?, UnixSeconds(row.get(1)?)))
    })?;
    rows.collect()
}

/// Names, and until when they are refused.
pub(super) type Refused = HashMap<String, UnixSeconds>;

/// Whether the throttle has a row of this folded name whose lock has not ended.
pub(super) fn is_throttled(file: &Connection, now: UnixSeconds, kind: UserType, name: &str) -> Result<bool> {
    file.prepare_cached("SELECT 1 FROM throttle WHERE kind = ?1 AND name = ?2 AND lock_expires > ?3")?.exists(params![
        kind.number(),
        name,
        now.get()
    ])
}

fn to_throttle_row(row: &Row<'_>, checksums: &RowChecksums) -> Result<Option<ThrottleRow>> {
    checksums.verify(SealedTable::Throttle, row)?;
    let Some(kind) = UserType::from_number(row.get("kind")?) else {
        return Ok(None);
    };
    Ok(Some(ThrottleRow {
        kind,
        name: row.get("name")?,
        failures: row.get("failures")?,
        lock_expires: UnixSeconds(row.get("lock_expires")?),
    }))
}

/// The locks that hold at `now`, and the role of every administrator.
pub(super) fn announcements(
    file: &Connection,
    checksums: &RowChecksums,
    now: UnixSeconds,
) -> Result<Vec<SubjectChanged>> {
    let mut locks = file.prepare_cached("SELECT * FROM customers WHERE lock_expires > ?1")?;
    let locks = locks.query_map([now.get()], |row| {
        checksums.verify(SealedTable::Customers, row)?;
        Ok(SubjectChanged {
            subject: Subject::customer(row.get("id")?),
            locked_until: moment(row, "lock_expires")?,
            role: None,
        })
    })?;
    let roles = administrators(file, checksums)?.into_iter().map(|administrator| {
        Ok(SubjectChanged { subject: Subject::admin(administrator.id), locked_until: None, role: administrator.role })
    });
    locks.chain(roles).collect()
}

/// Websites and store views, when they make a directory, and roles.
pub(super) fn directory(file: &Connection) -> Result<(Option<StoreDirectory>, Roles)> {
    // One transaction, so that the three are of one moment.
    let file = file.unchecked_transaction()?;
    Ok((StoreDirectory::new(websites(&file)?, stores(&file)?), roles(&file)?))
}

fn websites(file: &Connection) -> Result<Vec<Website>> {
    file.prepare_cached("SELECT * FROM websites ORDER BY id")?
        .query_map((), |row| {
            Ok(Website {
                id: WebsiteId(row.get("id")?),
                code: row.get("code")?,
                name: row.get("name")?,
                is_default: row.get("is_default")?,
                default_group_id: row.get("default_group_id")?,
                default_store: StoreId(row.get("default_store")?),
            })
        })?
        .collect()
}

fn stores(file: &Connection) -> Result<Vec<StoreView>> {
    file.prepare_cached("SELECT * FROM stores ORDER BY id")?
        .query_map((), |row| {
            Ok(StoreView {
                id: StoreId(row.get("id")?),
                code: row.get("code")?,
                name: row.get("name")?,
                website: WebsiteId(row.get("website")?),
                group_id: row.get("group_id")?,
                group_code: row.get("group_code")?,
                is_active: row.get("is_active")?,
            })
        })?
        .collect()
}

fn roles(file: &Connection) -> Result<Roles> {
    let mut allowed: HashMap<u32, HashSet<String>> = HashMap::new();
    let mut rules = file.prepare_cached("SELECT role, resource FROM role_rules WHERE allowed")?;
    let mut rows = rules.query(())?;
    while let Some(row) = rows.next()? {
        allowed.entry(row.get("role")?).or_default().insert(row.get("resource")?);
    }
    file.prepare_cached("SELECT id, name FROM roles")?
        .query_map((), |row| {
            let id = row.get("id")?;
            Ok(Role { id: RoleId(id), name: row.get("name")?, allowed: allowed.remove(&id).unwrap_or_default() })
        })?
        .collect()
}
