//! Each change as statements.

use rusqlite::types::Value;
use rusqlite::{Connection, ToSql, params, params_from_iter};

use crate::clock::UnixSeconds;
use crate::secret::Secret;
use crate::settings::{Scope, StoreDirectory};
use crate::store::folder::INITIALISED;
use crate::store::sessions::Books;
use crate::store::table_seals::Table;
use crate::store::{
    AdministratorRow, Change, CustomerLock, CustomerRow, RoleRow, RowChecksums, SealedTable, SettingRow, ThrottleRow,
    UsedCode,
};
use crate::store::{mirror, outbox, seen_settings};

/// Carries out one change inside a transaction: counts sessions in `books`, adds the numbers of new accounts to `ids`.
pub(super) fn apply(to: &Connection, change: &Change, books: &mut Books, ids: &mut Vec<u32>) -> rusqlite::Result<()> {
    match change {
        Change::Session(event) => books.apply(to, event),
        Change::SessionsForgotten(ids) => books.delete(to, ids),
        Change::CustomerLock(lock) => {
            let (rows, key) = (&books.seal.rows, &[&lock.customer as &dyn ToSql]);
            rows.change(to, SealedTable::Customers, key, || lock_customer(to, lock))
        }
        Change::ThrottleSet(row) => set_throttle(to, row, &books.seal.rows),
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
        Change::Setting(row) => {
            set_setting(to, row)?;
            books.seal.tables.renew(to, Table::Settings)
        }
        Change::SettingsSeen(rows) => seen_settings::note(to, rows),
        Change::CreateCustomers(rows) => create_customers(to, rows, &books.seal.rows, ids),
        Change::CustomerPassword { customer, hash, at } => {
            books.seal.rows.change(to, SealedTable::Customers, &[customer], || {
                to.prepare_cached("UPDATE customers SET password_hash = ?2, updated_at = ?3 WHERE id = ?1")?
                    .execute(params![customer, hash, at.get()])
                    .map(drop)
            })
        }
        Change::CreateAdministrator(row) => create_administrator(to, row, &books.seal.rows, ids),
        Change::AdministratorPassword { administrator, hash } => {
            books.seal.rows.change(to, SealedTable::Administrators, &[administrator], || {
                to.prepare_cached("UPDATE administrators SET password_hash = ?2 WHERE id = ?1")?
                    .execute(params![administrator, hash])
                    .map(drop)
            })
        }
        Change::AdministratorActive { administrator, active } => {
            books.seal.rows.change(to, SealedTable::Administrators, &[administrator], || {
                to.prepare_cached("UPDATE administrators SET is_active = ?2 WHERE id = ?1")?
                    .execute(params![administrator, active])
                    .map(drop)
            })
        }
        Change::SecondFactor { administrator, secret } => {
            set_second_factor(to, *administrator, secret.as_ref())?;
            books.seal.tables.renew(to, Table::SecondFactors)
        }
        Change::CodeUsed(UsedCode { administrator, period }) => {
            to.prepare_cached("INSERT OR REPLACE INTO used_codes (administrator, period) VALUES (?1, ?2)")?
                .execute([administrator, period])?;
            books.seal.tables.renew(to, Table::UsedCodes)
        }
        Change::CreateRole(row) => {
            create_role(to, row)?;
            [Table::Roles, Table::RoleRules].into_iter().try_for_each(|table| books.seal.tables.renew(to, table))
        }
        Change::Directory(directory) => {
            replace_directory(to, directory)?;
            [Table::Websites, Table::Stores].into_iter().try_for_each(|table| books.seal.tables.renew(to, table))
        }
        Change::FolderInitialised => {
            to.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, x'01')", [INITIALISED]).map(drop)
        }
        Change::Audit(line) => {
            books.ledger.latest = books.ledger.latest.max(line.at);
            books.append_line(to, line, ids)
        }
        Change::OutboxAdded(revocation) => outbox::add(to, *revocation, &books.seal.rows),
        Change::OutboxDelivered(revocations) => outbox::remove(to, revocations),
        Change::MirrorAdded(token) => mirror::add(to, token, &books.seal.rows),
        Change::MirrorRemoved(tokens) => mirror::remove(to, tokens),
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

fn set_throttle(to: &Connection, row: &ThrottleRow, checksums: &RowChecksums) -> rusqlite::Result<()> {
    let values: [Value; 4] =
        [row.kind.number().into(), row.name.clone().into(), row.failures.into(), row.lock_expires.get().into()];
    insert_sealed(to, "INSERT OR REPLACE INTO", SealedTable::Throttle, &values, checksums)
}

/// Writes a row whose values are these, in the order of [`SealedTable::columns`], with its checksum.
fn insert_sealed(
    to: &Connection,
    verb: &str,
    table: SealedTable,
    values: &[Value],
    checksums: &RowChecksums,
) -> rusqlite::Result<()> {
    let places = vec!["?"; values.len() + 1].join(", ");
    let statement = format!("{verb} {} ({}, checksum) VALUES ({places})", table.name(), table.columns().join(", "));
    let checksum = Value::from(checksums.of_values(table, values));
    to.prepare_cached(&statement)?.execute(params_from_iter(values.iter().chain([&checksum]))).map(drop)
}

/// The number that SQLite itself would give to the next row of this table, needed before the row is written. None comes
/// twice.
fn next_number(to: &Connection, table: SealedTable) -> rusqlite::Result<u32> {
    let name = table.name();
    let question = format!(
        "SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = '{name}'), 0),
                    coalesce((SELECT max(id) FROM {name}), 0)) + 1"
    );
    to.prepare_cached(&question)?.query_row((), |row| row.get(0))
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

fn create_customers(
    to: &Connection,
    rows: &[CustomerRow],
    checksums: &RowChecksums,
    ids: &mut Vec<u32>,
) -> rusqlite::Result<()> {
    let first = next_number(to, SealedTable::Customers)?;
    for (id, row) in (first..).zip(rows) {
        // By place and not by name: a load test creates a million customers, and names would be looked up for each.
        let values: [Value; 24] = [
            id.into(),
            row.website.0.into(),
            row.store.0.into(),
            row.created_in.clone().into(),
            row.group_id.into(),
            row.email.clone().into(),
            row.email_key.clone().into(),
            row.firstname.clone().into(),
            row.middlename.clone().into(),
            row.lastname.clone().into(),
            row.prefix.clone().into(),
            row.suffix.clone().into(),
            row.date_of_birth.clone().into(),
            row.gender.into(),
            row.taxvat.clone().into(),
            row.created_at.get().into(),
            row.created_at.get().into(),
            row.is_active.into(),
            row.password_hash.clone().into(),
            row.confirmation.clone().into(),
            row.website_excluded.into(),
            0.into(),
            Value::Null,
            Value::Null,
        ];
        insert_sealed(to, "INSERT INTO", SealedTable::Customers, &values, checksums)?;
        ids.push(id);
    }
    Ok(())
}

fn create_administrator(
    to: &Connection,
    row: &AdministratorRow,
    checksums: &RowChecksums,
    ids: &mut Vec<u32>,
) -> rusqlite::Result<()> {
    let id = next_number(to, SealedTable::Administrators)?;
    let values: [Value; 11] = [
        id.into(),
        row.username.clone().into(),
        row.username_key.clone().into(),
        row.email.clone().into(),
        row.firstname.clone().into(),
        row.lastname.clone().into(),
        row.password_hash.clone().into(),
        row.is_active.into(),
        row.role.map(|role| role.0).into(),
        seconds(row.expires_at).into(),
        row.created_at.get().into(),
    ];
    insert_sealed(to, "INSERT INTO", SealedTable::Administrators, &values, checksums)?;
    ids.push(id);
    Ok(())
}

fn set_second_factor(to: &Connection, administrator: u32, secret: Option<&Secret>) -> rusqlite::Result<()> {
    match secret {
        Some(secret) => to
            .prepare_cached("INSERT OR REPLACE INTO second_factors (administrator, secret) VALUES (?1, ?2)")?
            .execute(params![administrator, secret.expose()]),
        None => to.prepare_cached("DELETE FROM second_factors WHERE administrator = ?1")?.execute([administrator]),
    }
    .map(drop)
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
