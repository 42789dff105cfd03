//! Each change as statements.

use rusqlite::{Connection, params};

use crate::clock::UnixSeconds;
use crate::settings::{Scope, StoreDirectory};
use crate::store::folder::INITIALISED;
use crate::store::sessions::Books;
use crate::store::{AdministratorRow, Change, CustomerLock, CustomerRow, RoleRow, SettingRow, ThrottleRow};

/// Carries out one change inside a transaction: counts sessions in `books`, adds the numbers of new accounts to `ids`.
pub(super) fn apply(to: &Connection, change: &Change, books: &mut Books, ids: &mut Vec<u32>) -> rusqlite::Result<()> {
    match change {
        Change::Session(event) => books.apply(to, event),
        Change::SessionsForgotten(ids) => books.delete(to, ids),
        Change::CustomerLock(lock) => lock_customer(to, lock),
        Change::ThrottleSet(row) => set_throttle(to, row),
        Change::ThrottleCleared { kind, name } => to
            .prepare_cached("DELETE FROM throttle WHERE kind = ?1 AND name = ?2")?
            .execute(params![kind.number(), name])
            .map(drop),
        Change::ThrottleOutdated { at } => {
            to.prepare_cached("DELETE FROM throttle WHERE lock_expires <= ?1")?.execute([at.get()]).map(drop)
        }
        Change::CustomerSignedIn { customer, at } => to
            .prepare_cached("UPDATE customers SET last_signed_in = ?2 WHERE id = ?1")?
            .execute([*customer, at.get()])
            .map(drop),
        Change::AdministratorSignedIn { administrator, at } => to
            .prepare_cached("UPDATE administrators SET last_signed_in = ?2, sign_ins = sign_ins + 1 WHERE id = ?1")?
            .execute([*administrator, at.get()])
            .map(drop),
        Change::Setting(row) => set_setting(to, row),
        Change::CreateCustomers(rows) => create_customers(to, rows, ids),
        Change::CustomerPassword { customer, hash, at } => to
            .prepare_cached("UPDATE customers SET password_hash = ?2, updated_at = ?3 WHERE id = ?1")?
            .execute(params![customer, hash, at.get()])
            .map(drop),
        Change::CreateAdministrator(row) => create_administrator(to, row, ids),
        Change::AdministratorPassword { administrator, hash } => to
            .prepare_cached("UPDATE administrators SET password_hash = ?2 WHERE id = ?1")?
            .execute(params![administrator, hash])
            .map(drop),
        Change::AdministratorActive { administrator, active } => to
            .prepare_cached("UPDATE administrators SET is_active = ?2 WHERE id = ?1")?
            .execute(params![administrator, active])
            .map(drop),
        Change::CreateRole(row) => create_role(to, row),
        Change::Directory(directory) => replace_directory(to, directory),
        Change::FolderInitialised => {
            to.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, x'01')", [INITIALISED]).map(drop)
        }
        Change::Audit(line) => books.append_line(to, line, ids),
        Change::AuditOutdated { before } => books.prune(to, *before),
        Change::Erase(erasure) => books.erase(to, erasure),
    }
}

fn seconds(moment: Option<UnixSeconds>) -> Option<u32> {
    moment.map(UnixSeconds::get)
}

fn lock_customer(to: &Connection, lock: &CustomerLock) -> rusqlite::Result<()> {
    to.prepare_cached("UPDATE customers SET failures = ?2, first_failure = ?3, lock_expires = ?4 WHERE id = ?1")?
        .execute(params![lock.customer, lock.failures, seconds(lock.first_failure), seconds(lock.lock_expires)])
        .map(drop)
}

fn set_throttle(to: &Connection, row: &ThrottleRow) -> rusqlite::Result<()> {
    to.prepare_cached("INSERT OR REPLACE INTO throttle (kind, name, failures, lock_expires) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![row.kind.number(), row.name, row.failures, row.lock_expires.get()])
        .map(drop)
}

/// How a scope is written: its name in Magento's table, and a number (fact sheet 8.6).
pub(super) fn scope_columns(scope: Scope) -> (&'static str, u16) {
    match scope {
        Scope::Default => ("default", 0),
        Scope::Website(id) => ("websites", id.0),
        Scope::Store(id) => ("stores", id.0),
    }
}

fn set_setting(to: &Connection, row: &SettingRow) -> rusqlite::Result<()> {
    let (scope, id) = scope_columns(row.scope);
    match &row.value {
        Some(value) => to
            .prepare_cached("INSERT OR REPLACE INTO settings (path, scope, scope_id, value) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![row.path, scope, id, value]),
        None => to
            .prepare_cached("DELETE FROM settings WHERE path = ?1 AND scope = ?2 AND scope_id = ?3")?
            .execute(params![row.path, scope, id]),
    }
    .map(drop)
}

/// By place and not by name: a load test creates a million customers, and names would be looked up for each.
const CREATE_CUSTOMER: &str = "
INSERT INTO customers (
    website, store, created_in, group_id, email, email_key, firstname, middlename, lastname, prefix, suffix,
    date_of_birth, gender, taxvat, created_at, updated_at, is_active, password_hash, confirmation, website_excluded
) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?15, ?16, ?17, ?18, ?19)
RETURNING id";

fn create_customers(to: &Connection, rows: &[CustomerRow], ids: &mut Vec<u32>) -> rusqlite::Result<()> {
    let mut statement = to.prepare_cached(CREATE_CUSTOMER)?;
    for row in rows {
        let values = params![
            row.website.0,
            row.store.0,
            row.created_in,
            row.group_id,
            row.email,
            row.email_key,
            row.firstname,
            row.middlename,
            row.lastname,
            row.prefix,
            row.suffix,
            row.date_of_birth,
            row.gender,
            row.taxvat,
            row.created_at.get(),
            row.is_active,
            row.password_hash,
            row.confirmation,
            row.website_excluded,
        ];
        ids.push(statement.query_row(values, |row| row.get(0))?);
    }
    Ok(())
}

const CREATE_ADMINISTRATOR: &str = "
INSERT INTO administrators (
    username, username_key, email, firstname, lastname, password_hash, is_active, role, expires_at, created_at
) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) RETURNING id";

fn create_administrator(to: &Connection, row: &AdministratorRow, ids: &mut Vec<u32>) -> rusqlite::Result<()> {
    let id = to.prepare_cached(CREATE_ADMINISTRATOR)?.query_row(
        params![
            row.username,
            row.username_key,
            row.email,
            row.firstname,
            row.lastname,
            row.password_hash,
            row.is_active,
            row.role.map(|role| role.0),
            seconds(row.expires_at),
            row.created_at.get(),
        ],
        |row| row.get(0),
    )?;
    ids.push(id);
    Ok(())
}

fn create_role(to: &Connection, row: &RoleRow) -> rusqlite::Result<()> {
    to.execute("INSERT INTO roles (id, name) VALUES (?1, ?2)", params![row.id.0, row.name])?;
    let mut statement = to.prepare_cached("INSERT INTO role_rules (role, resource, allowed) VALUES (?1, ?2, ?3)")?;
    for (resource, allowed) in &row.rules {
        statement.execute(params![row.id.0, resource, allowed])?;
    }
    Ok(())
}

/// Writes these websites and store views in place of all that there are. A conflict when customers are there already.
pub(super) fn replace_directory(to: &Connection, directory: &StoreDirectory) -> rusqlite::Result<()> {
    to.execute_batch("DELETE FROM stores; DELETE FROM websites;")?;
    for website in directory.websites() {
        to.execute(
            "INSERT INTO websites (id, code, name, is_default, default_group_id, default_store)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                website.id.0,
                website.code,
                website.name,
                website.is_default,
                website.default_group_id,
                website.default_store.0
            ],
        )?;
    }
    for store in directory.stores() {
        to.execute(
            "INSERT INTO stores (id, code, name, website, group_id, group_code, is_active)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                store.id.0,
                store.code,
                store.name,
                store.website.0,
                store.group_id,
                store.group_code,
                store.is_active
            ],
        )?;
    }
    Ok(())
}
