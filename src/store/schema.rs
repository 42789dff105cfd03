//! The tables of `tokenward.db`, and how an older file becomes a newer one.
//!
//! Text is compared byte for byte: names that are compared otherwise have a folded copy (`…_key`) beside them. Times
//! are Unix seconds.

use rusqlite::{Connection, TransactionBehavior};

use crate::audit::ChainKey;
use crate::settings::StoreDirectory;
use crate::store::{apply, audit, jwts, ledger, mirror, outbox};

/// What each version adds, oldest first, a script for each subject. A new version appends its own; none is ever changed.
const MIGRATIONS: &[&[&str]] = &[&[VERSION_1], &[VERSION_2], VERSION_3];

/// The version that this program writes.
pub(super) const NEWEST: usize = MIGRATIONS.len();

/// `AUTOINCREMENT` because a session names an account by its number: a number must never come back for somebody else.
const VERSION_1: &str = "
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE websites (
    id INTEGER PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    is_default INTEGER NOT NULL,
    default_group_id INTEGER NOT NULL,
    default_store INTEGER NOT NULL
) STRICT;

CREATE TABLE stores (
    id INTEGER PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    website INTEGER NOT NULL REFERENCES websites (id),
    group_id INTEGER NOT NULL,
    group_code TEXT NOT NULL,
    is_active INTEGER NOT NULL
) STRICT;

CREATE TABLE customers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    website INTEGER NOT NULL REFERENCES websites (id),
    store INTEGER NOT NULL,
    created_in TEXT,
    group_id INTEGER NOT NULL,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    firstname TEXT,
    middlename TEXT,
    lastname TEXT,
    prefix TEXT,
    suffix TEXT,
    date_of_birth TEXT,
    gender INTEGER,
    taxvat TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    is_active INTEGER NOT NULL,
    password_hash TEXT,
    confirmation TEXT,
    website_excluded INTEGER NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    first_failure INTEGER,
    lock_expires INTEGER,
    last_signed_in INTEGER,
    UNIQUE (email_key, website)
) STRICT;

CREATE INDEX locked_customers ON customers (lock_expires) WHERE lock_expires IS NOT NULL;

CREATE TABLE roles (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE role_rules (
    role INTEGER NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    resource TEXT NOT NULL,
    allowed INTEGER NOT NULL,
    PRIMARY KEY (role, resource)
) STRICT, WITHOUT ROWID;

CREATE TABLE administrators (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    username TEXT NOT NULL,
    username_key TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL,
    firstname TEXT,
    lastname TEXT,
    password_hash TEXT NOT NULL,
    is_active INTEGER NOT NULL,
    role INTEGER REFERENCES roles (id) ON DELETE SET NULL,
    expires_at INTEGER,
    created_at INTEGER NOT NULL,
    last_signed_in INTEGER,
    sign_ins INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE throttle (
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
    failures INTEGER NOT NULL,
    lock_expires INTEGER NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX outdated_throttle ON throttle (lock_expires);

CREATE TABLE settings (
    path TEXT NOT NULL,
    scope TEXT NOT NULL,
    scope_id INTEGER NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (path, scope, scope_id)
) STRICT, WITHOUT ROWID;

INSERT INTO roles (id, name) VALUES (1, 'Administrators');
INSERT INTO role_rules (role, resource, allowed) VALUES (1, 'Magento_Backend::all', 1);
";

/// Sessions, by number and nothing else: a second index would cost a random page a session.
const VERSION_2: &str = "
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    user INTEGER NOT NULL,
    website INTEGER NOT NULL,
    issued INTEGER NOT NULL,
    fixed_end INTEGER NOT NULL,
    digest BLOB NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;

CREATE TABLE kind_revocations (
    kind INTEGER PRIMARY KEY,
    through INTEGER NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;
";

/// What version 3 adds. A program of version 2 can still use the file.
const VERSION_3: &[&str] =
    &[CHECKSUMS, SECOND_FACTORS, audit::AUDIT_TRAIL, jwts::JWT_REVOCATIONS, outbox::SHOP_OUTBOX, mirror::SHOP_MIRROR];

/// What administrators show besides their passwords. The codes that were used stand apart: they count wherever the
/// accounts are kept, and the secret may be there. Each table has a checksum; a program of version 2 knows neither, but a
/// secret goes with its administrator, whoever removes that one.
const SECOND_FACTORS: &str = "
CREATE TABLE second_factors (
    administrator INTEGER PRIMARY KEY REFERENCES administrators (id) ON DELETE CASCADE,
    secret TEXT NOT NULL
) STRICT;

CREATE TABLE used_codes (
    administrator INTEGER PRIMARY KEY,
    period INTEGER NOT NULL
) STRICT;

CREATE TRIGGER second_factors_removed AFTER DELETE ON second_factors
BEGIN DELETE FROM meta WHERE key = 'seal_second_factors'; END;
";

/// Checksums of accounts, throttle, settings, websites, store views and roles. What a program of version 2 changes, it
/// changes without them, so triggers take them away and the next start of a newer program fills them in. A program that
/// knows them writes them after its change, in the same transaction.
const CHECKSUMS: &str = "
ALTER TABLE customers ADD COLUMN checksum INTEGER;
ALTER TABLE administrators ADD COLUMN checksum INTEGER;
ALTER TABLE throttle ADD COLUMN checksum INTEGER;

CREATE INDEX customers_without_checksum ON customers (id) WHERE checksum IS NULL;

CREATE TRIGGER customer_changed AFTER UPDATE OF
    website, store, created_in, group_id, email, email_key, firstname, middlename, lastname, prefix, suffix,
    date_of_birth, gender, taxvat, created_at, updated_at, is_active, password_hash, confirmation, website_excluded,
    failures, first_failure, lock_expires
ON customers WHEN NEW.checksum IS OLD.checksum
BEGIN UPDATE customers SET checksum = NULL WHERE id = NEW.id; END;

CREATE TRIGGER administrator_changed AFTER UPDATE OF
    username, username_key, email, firstname, lastname, password_hash, is_active, role, expires_at,
    created_at
ON administrators WHEN NEW.checksum IS OLD.checksum
BEGIN UPDATE administrators SET checksum = NULL WHERE id = NEW.id; END;

CREATE TRIGGER throttle_changed AFTER UPDATE OF failures, lock_expires ON throttle WHEN NEW.checksum IS OLD.checksum
BEGIN UPDATE throttle SET checksum = NULL WHERE kind = NEW.kind AND name = NEW.name; END;

CREATE TRIGGER settings_added AFTER INSERT ON settings BEGIN DELETE FROM meta WHERE key = 'seal_settings'; END;
CREATE TRIGGER settings_changed AFTER UPDATE ON settings BEGIN DELETE FROM meta WHERE key = 'seal_settings'; END;
CREATE TRIGGER settings_removed AFTER DELETE ON settings BEGIN DELETE FROM meta WHERE key = 'seal_settings'; END;
CREATE TRIGGER websites_added AFTER INSERT ON websites BEGIN DELETE FROM meta WHERE key = 'seal_websites'; END;
CREATE TRIGGER websites_changed AFTER UPDATE ON websites BEGIN DELETE FROM meta WHERE key = 'seal_websites'; END;
CREATE TRIGGER websites_removed AFTER DELETE ON websites BEGIN DELETE FROM meta WHERE key = 'seal_websites'; END;
CREATE TRIGGER stores_added AFTER INSERT ON stores BEGIN DELETE FROM meta WHERE key = 'seal_stores'; END;
CREATE TRIGGER stores_changed AFTER UPDATE ON stores BEGIN DELETE FROM meta WHERE key = 'seal_stores'; END;
CREATE TRIGGER stores_removed AFTER DELETE ON stores BEGIN DELETE FROM meta WHERE key = 'seal_stores'; END;
CREATE TRIGGER roles_added AFTER INSERT ON roles BEGIN DELETE FROM meta WHERE key = 'seal_roles'; END;
CREATE TRIGGER roles_changed AFTER UPDATE ON roles BEGIN DELETE FROM meta WHERE key = 'seal_roles'; END;
CREATE TRIGGER roles_removed AFTER DELETE ON roles BEGIN DELETE FROM meta WHERE key = 'seal_roles'; END;
CREATE TRIGGER role_rules_added AFTER INSERT ON role_rules BEGIN DELETE FROM meta WHERE key = 'seal_role_rules'; END;
CREATE TRIGGER role_rules_changed AFTER UPDATE ON role_rules BEGIN DELETE FROM meta WHERE key = 'seal_role_rules'; END;
CREATE TRIGGER role_rules_removed AFTER DELETE ON role_rules BEGIN DELETE FROM meta WHERE key = 'seal_role_rules'; END;
";

/// The key in `meta` that says which version a program has to know at least to use the file. A version that only adds
/// keeps the one before, so that a program that is one version older still opens it.
const OLDEST_PROGRAM: &str = "oldest_program";

/// What this version writes there: sessions are in the file since version 2, and a program that does not know them
/// would give their numbers away again.
const OLDEST_PROGRAM_VERSION: usize = 2;

/// The version that a program has to know at least to use this file.
pub(super) fn oldest_program(connection: &Connection) -> rusqlite::Result<Option<usize>> {
    let row = ledger::meta(connection, OLDEST_PROGRAM)?;
    Ok(row.and_then(|text| String::from_utf8(text).ok()?.parse().ok()))
}

/// The version of a file; 0 is an empty one.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", (), |row| row.get(0))
}

/// Brings a file from `version` to [`NEWEST`], in one transaction: a crash in between leaves the old version.
pub(super) fn migrate(connection: &mut Connection, version: usize) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for script in MIGRATIONS[version.min(NEWEST)..].iter().copied().flatten() {
        transaction.execute_batch(script)?;
    }
    if version == 0 {
        apply::replace_directory(&transaction, &StoreDirectory::fresh())?;
    }
    if version < 2 {
        ledger::found(&transaction)?;
    }
    if version < 3 {
        audit::found(&transaction, &ChainKey::new(&ledger::digest_key(&transaction)?))?;
    }
    ledger::set_meta(&transaction, OLDEST_PROGRAM, OLDEST_PROGRAM_VERSION.to_string().as_bytes())?;
    transaction.pragma_update(None, "user_version", i64::try_from(NEWEST).unwrap_or(i64::MAX))?;
    transaction.commit()
}

/// An empty file of an older version.
#[cfg(test)]
pub(super) fn found_version(connection: &mut Connection, version: usize) {
    for script in MIGRATIONS[..version].iter().copied().flatten() {
        connection.execute_batch(script).expect("the script is sound");
    }
    apply::replace_directory(connection, &StoreDirectory::fresh()).expect("the tables are there");
    if version >= 2 {
        ledger::found(connection).expect("the tables are there");
    }
    connection
        .pragma_update(None, "user_version", i64::try_from(version).expect("it is small"))
        .expect("the pragma is known");
}
