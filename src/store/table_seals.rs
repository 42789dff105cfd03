//! Checksums of whole tables: the small ones, settings above all.
//!
//! In them a row that is missing, or that damage brought back, is as bad as one that is changed: without its row, a setting
//! that makes tokens short-lived has its default, and a code that was used is good once more. So one checksum covers a table with all its rows, in `meta`. Triggers remove it when the table is
//! changed, so that a change by a program of the version before, which does not know it, is no damage; whoever knows it
//! writes it anew in the same transaction.

use rusqlite::Connection;

use crate::store::checksums::Sum;
use crate::store::ledger;
use crate::token::DigestKey;

/// A small table, and what its rows are read by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    Settings,
    Websites,
    Stores,
    Roles,
    RoleRules,
    SecondFactors,
    UsedCodes,
}

impl Table {
    const ALL: [Self; 7] = [
        Self::Settings,
        Self::Websites,
        Self::Stores,
        Self::Roles,
        Self::RoleRules,
        Self::SecondFactors,
        Self::UsedCodes,
    ];

    /// The key of its checksum in `meta`; the triggers of the schema know it, too.
    fn key(self) -> &'static str {
        match self {
            Self::Settings => "seal_settings",
            Self::Websites => "seal_websites",
            Self::Stores => "seal_stores",
            Self::Roles => "seal_roles",
            Self::RoleRules => "seal_role_rules",
            Self::SecondFactors => "seal_second_factors",
            Self::UsedCodes => "seal_used_codes",
        }
    }

    /// The columns by name: one that a later version adds must not change the checksum.
    fn rows(self) -> &'static str {
        match self {
            Self::Settings => "SELECT path, scope, scope_id, value FROM settings ORDER BY path, scope, scope_id",
            Self::Websites => {
                "SELECT id, code, name, is_default, default_group_id, default_store FROM websites ORDER BY id"
            }
            Self::Stores => "SELECT id, code, name, website, group_id, group_code, is_active FROM stores ORDER BY id",
            Self::Roles => "SELECT id, name FROM roles ORDER BY id",
            Self::RoleRules => "SELECT role, resource, allowed FROM role_rules ORDER BY role, resource",
            Self::SecondFactors => "SELECT administrator, secret FROM second_factors ORDER BY administrator",
            Self::UsedCodes => "SELECT administrator, period FROM used_codes ORDER BY administrator",
        }
    }

    fn name(self) -> &'static str {
        self.key().trim_start_matches("seal_")
    }
}

/// Computes and verifies the checksums of tables.
#[derive(Clone)]
pub(super) struct TableSeals([u8; 32]);

impl TableSeals {
    /// The checksums of a file with this digest key.
    pub(super) fn new(key: &DigestKey) -> Self {
        Self(key.derive("tokenward 2026 checksum of a small table"))
    }

    /// Writes the checksum of a table that was just changed.
    pub(super) fn renew(&self, to: &Connection, table: Table) -> rusqlite::Result<()> {
        ledger::set_meta(to, table.key(), &self.compute(to, table)?.to_le_bytes())
    }

    /// Writes the checksums that are missing: in a file of an older version, and after an older program changed a table.
    pub(super) fn fill_in(&self, to: &Connection) -> rusqlite::Result<()> {
        for table in Table::ALL {
            if ledger::meta(to, table.key())?.is_none() {
                self.renew(to, table)?;
            }
        }
        Ok(())
    }

    /// The first table that does not match its checksum, in words.
    pub(super) fn verify(&self, file: &Connection) -> rusqlite::Result<Option<String>> {
        for table in Table::ALL {
            if !self.matches(file, table)? {
                return Ok(Some(format!("the table {} does not match its checksum", table.name())));
            }
        }
        Ok(None)
    }

    /// Whether the table of this name matches its checksum, if it has one.
    pub(super) fn is_whole(&self, file: &Connection, name: &str) -> bool {
        let table = Table::ALL.into_iter().find(|table| table.name() == name);
        table.is_none_or(|table| self.matches(file, table).unwrap_or(false))
    }

    fn matches(&self, file: &Connection, table: Table) -> rusqlite::Result<bool> {
        match ledger::meta(file, table.key())? {
            Some(stored) => Ok(stored == self.compute(file, table)?.to_le_bytes()),
            None => Ok(true),
        }
    }

    fn compute(&self, file: &Connection, table: Table) -> rusqlite::Result<i64> {
        let mut sum = Sum::new(&self.0);
        sum.add(table.key().into());
        let mut statement = file.prepare(table.rows())?;
        let width = statement.column_count();
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            for column in 0..width {
                sum.add(row.get_ref(column)?);
            }
        }
        Ok(sum.finish())
    }
}
