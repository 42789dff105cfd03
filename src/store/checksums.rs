//! Checksums of accounts, of the throttle and of what concerns a shop: one a row, under a key that follows from the digest key.
//!
//! They are verified whenever a row is read to decide something, and computed anew with every change. A program of the
//! version before does not know them: triggers take the checksum away from a row that it changes, and the next start of
//! this version fills in what is missing. Times and counters of sign-ins decide nothing and are left out, so that a
//! sign-in costs no checksum.

use rusqlite::types::{Type, Value, ValueRef};
use rusqlite::{Connection, Row, ToSql, params_from_iter};

use crate::token::DigestKey;

/// How many rows get their missing checksums in one transaction.
const SLICE: usize = 10_000;

/// A table each row of which carries a checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedTable {
    /// The customers.
    Customers,
    /// The administrators.
    Administrators,
    /// The throttle.
    Throttle,
    /// What a shop is still to be told.
    ShopOutbox,
    /// Tokens issued here that stand in a shop's table.
    ShopMirror,
}

impl SealedTable {
    pub(super) const ALL: [Self; 5] =
        [Self::Customers, Self::Administrators, Self::Throttle, Self::ShopOutbox, Self::ShopMirror];

    /// The table of this name, when it is one of these.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::Administrators => "administrators",
            Self::Throttle => "throttle",
            Self::ShopOutbox => "shop_outbox",
            Self::ShopMirror => "shop_mirror",
        }
    }

    /// What a row is found by.
    fn key(self) -> &'static [&'static str] {
        match self {
            Self::Customers | Self::Administrators => &["id"],
            Self::Throttle => &["kind", "name"],
            Self::ShopOutbox => &["kind", "user"],
            Self::ShopMirror => &["row"],
        }
    }

    /// What the checksum covers, in its order. A column that a later version adds needs another checksum: a program that
    /// does not know the column could not verify this one any more.
    pub(super) fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Customers => &[
                "id",
                "website",
                "store",
                "created_in",
                "group_id",
                "email",
                "email_key",
                "firstname",
                "middlename",
                "lastname",
                "prefix",
                "suffix",
                "date_of_birth",
                "gender",
                "taxvat",
                "created_at",
                "updated_at",
                "is_active",
                "password_hash",
                "confirmation",
                "website_excluded",
                "failures",
                "first_failure",
                "lock_expires",
            ],
            Self::Administrators => &[
                "id",
                "username",
                "username_key",
                "email",
                "firstname",
                "lastname",
                "password_hash",
                "is_active",
                "role",
                "expires_at",
                "created_at",
            ],
            Self::Throttle => &["kind", "name", "failures", "lock_expires"],
            Self::ShopOutbox => &["kind", "user", "through"],
            Self::ShopMirror => &["row", "digest"],
        }
    }

    fn condition(self) -> String {
        self.key()
            .iter()
            .enumerate()
            .map(|(place, column)| format!("{column} = ?{}", place + 1))
            .collect::<Vec<_>>()
            .join(" AND ")
    }
}

/// Computes and verifies the checksums of rows. Cheap to clone.
#[derive(Clone)]
pub struct RowChecksums {
    customers: [u8; 32],
    administrators: [u8; 32],
    throttle: [u8; 32],
    shop_outbox: [u8; 32],
    shop_mirror: [u8; 32],
}

impl std::fmt::Debug for RowChecksums {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("RowChecksums(…)")
    }
}

impl RowChecksums {
    /// The checksums of a file with this digest key.
    pub(super) fn new(key: &DigestKey) -> Self {
        Self {
            customers: key.derive("tokenward 2026 checksum of a customer's row"),
            administrators: key.derive("tokenward 2026 checksum of an administrator's row"),
            throttle: key.derive("tokenward 2026 checksum of a row of the throttle"),
            shop_outbox: key.derive("tokenward 2026 checksum of a row of the shop's outbox"),
            shop_mirror: key.derive("tokenward 2026 checksum of a row about a token in the shop"),
        }
    }

    /// Fails unless this row, which has all columns of its table, is as it was written.
    ///
    /// # Errors
    /// An error in words for the operator, with what to do.
    pub fn verify(&self, table: SealedTable, row: &Row<'_>) -> rusqlite::Result<()> {
        // What is no number is damaged, too.
        let stored: Option<i64> = row.get("checksum").unwrap_or(None);
        if stored == Some(self.of_row(table, row)?) {
            return Ok(());
        }
        let key: Vec<_> = table.key().iter().map(|column| row.get::<_, Value>(*column)).collect::<Result<_, _>>()?;
        Err(damaged(&format!("the row {} of {}", shown(&key), table.name())))
    }

    /// The checksum of a row whose values are these, in the order of [`SealedTable::columns`].
    pub(super) fn of_values(&self, table: SealedTable, values: &[Value]) -> i64 {
        self.compute(table, values.iter().map(ValueRef::from))
    }

    fn of_row(&self, table: SealedTable, row: &Row<'_>) -> rusqlite::Result<i64> {
        let values: Vec<_> = table.columns().iter().map(|column| row.get_ref(*column)).collect::<Result<_, _>>()?;
        Ok(self.compute(table, values.into_iter()))
    }

    fn compute<'a>(&self, table: SealedTable, values: impl Iterator<Item = ValueRef<'a>>) -> i64 {
        let key = match table {
            SealedTable::Customers => &self.customers,
            SealedTable::Administrators => &self.administrators,
            SealedTable::Throttle => &self.throttle,
            SealedTable::ShopOutbox => &self.shop_outbox,
            SealedTable::ShopMirror => &self.shop_mirror,
        };
        let mut sum = Sum::new(key);
        values.for_each(|value| sum.add(value));
        sum.finish()
    }

    /// Carries out `change`, which is about the row with this key, and gives the row its new checksum. A row that is
    /// damaged is left as it is, and the change fails; a row that is not there is no mistake.
    pub(super) fn change(
        &self,
        to: &Connection,
        table: SealedTable,
        key: &[&dyn ToSql],
        change: impl FnOnce() -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        if look_at(to, table, key, |row| self.verify(table, row))?.is_none() {
            return Ok(());
        }
        change()?;
        self.renew(to, table, key)
    }

    /// Gives the row with this key its checksum.
    pub(super) fn renew(&self, to: &Connection, table: SealedTable, key: &[&dyn ToSql]) -> rusqlite::Result<()> {
        let Some(checksum) = look_at(to, table, key, |row| self.of_row(table, row))? else { return Ok(()) };
        let condition = table.condition();
        let statement = format!("UPDATE {} SET checksum = ?{} WHERE {condition}", table.name(), key.len() + 1);
        let parameters = key.iter().copied().chain([&checksum as &dyn ToSql]);
        to.prepare_cached(&statement)?.execute(params_from_iter(parameters)).map(drop)
    }

    /// Gives every row that has none its checksum: rows of an older file, and those that an older program changed.
    pub(super) fn fill_in(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        for table in SealedTable::ALL {
            while self.fill_in_slice(connection, table)? == SLICE {}
        }
        Ok(())
    }

    fn fill_in_slice(&self, connection: &mut Connection, table: SealedTable) -> rusqlite::Result<usize> {
        let keys: Vec<Vec<Value>> = {
            let columns = table.key().join(", ");
            let question = format!("SELECT {columns} FROM {} WHERE checksum IS NULL LIMIT {SLICE}", table.name());
            let mut statement = connection.prepare(&question)?;
            let read = |row: &Row<'_>| (0..table.key().len()).map(|column| row.get(column)).collect();
            statement.query_map((), read)?.collect::<Result<_, _>>()?
        };
        if keys.is_empty() {
            return Ok(0);
        }
        let transaction = connection.transaction()?;
        for key in &keys {
            let key: Vec<_> = key.iter().map(|value| value as &dyn ToSql).collect();
            self.renew(&transaction, table, &key)?;
        }
        transaction.commit()?;
        Ok(keys.len())
    }
}

/// Looks at the row with this key, if it is there.
fn look_at<T>(
    file: &Connection,
    table: SealedTable,
    key: &[&dyn ToSql],
    look: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Option<T>> {
    let question = format!("SELECT * FROM {} WHERE {}", table.name(), table.condition());
    let mut statement = file.prepare_cached(&question)?;
    let mut rows = statement.query(params_from_iter(key))?;
    rows.next()?.map(look).transpose()
}

/// A checksum over values of a file, of which no two sequences look alike.
pub(super) struct Sum(blake3::Hasher);

impl Sum {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self(blake3::Hasher::new_keyed(key))
    }

    pub(super) fn add(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Null => self.part(0, &[]),
            ValueRef::Integer(number) => self.part(1, &number.to_le_bytes()),
            ValueRef::Real(number) => self.part(2, &number.to_le_bytes()),
            ValueRef::Text(text) => self.part(3, text),
            ValueRef::Blob(bytes) => self.part(4, bytes),
        }
    }

    fn part(&mut self, kind: u8, bytes: &[u8]) {
        self.0.update(&[kind]);
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    pub(super) fn finish(self) -> i64 {
        let mut first = [0; 8];
        first.copy_from_slice(&self.0.finalize().as_bytes()[..8]);
        i64::from_le_bytes(first)
    }
}

/// What a row is found by, for the operator.
fn shown(key: &[Value]) -> String {
    let one = |value: &Value| match value {
        Value::Integer(number) => number.to_string(),
        // A name that somebody typed does not belong into the log.
        _ => "…".to_owned(),
    };
    key.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Something does not match its checksum.
pub(super) fn damaged(what: &str) -> rusqlite::Error {
    let words = format!(
        "{what} in tokenward.db is damaged: what is there does not match its checksum. Restore a backup, or save what is \
         whole with `tokenward recover`"
    );
    rusqlite::Error::FromSqlConversionFailure(0, Type::Integer, words.into())
}
