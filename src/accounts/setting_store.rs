//! Where the values of settings are kept.

use async_trait::async_trait;

use crate::accounts::AccountError;
use crate::audit::Line;
use crate::settings::{Scope, Settings, StoreDirectory};
use crate::store::{Change, SettingRow, Store};

/// Where the values of settings are kept: beside the accounts.
#[async_trait]
pub trait SettingStore: std::fmt::Debug + Send + Sync + 'static {
    /// Writes a value, or takes it back, and the line of the audit trail that tells of it; `stores` names the scopes, and
    /// `after` is what all settings are then.
    ///
    /// # Errors
    /// [`AccountError::Conflict`], in words for whoever asked, when it may not be changed here;
    /// [`AccountError::Unavailable`] when it cannot be written.
    async fn write(
        &self,
        row: SettingRow,
        line: Line,
        stores: &StoreDirectory,
        after: &Settings,
    ) -> Result<(), AccountError>;

    /// Whether a value may be changed here at all, which [`SettingStore::write`] asks, too.
    ///
    /// # Errors
    /// [`AccountError::Conflict`], in words for whoever asked.
    fn may_change(&self, _path: &str, _scope: Scope, _stores: &StoreDirectory) -> Result<(), AccountError> {
        Ok(())
    }

    /// Writes lines of the audit trail about changes that somebody else has made where the values are kept; `after` is what
    /// all settings are by now.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`] when they cannot be written; none was.
    async fn tell(&self, lines: Vec<Line>, after: &Settings) -> Result<(), AccountError>;

    /// What else has to be done for a change to count everywhere, in words for whoever made it.
    fn advice(&self) -> Option<&'static str> {
        None
    }
}

/// In the data folder.
#[async_trait]
impl SettingStore for Store {
    async fn write(&self, row: SettingRow, line: Line, _: &StoreDirectory, _: &Settings) -> Result<(), AccountError> {
        // Without a limit of time, so that a snapshot never misses what reaches the disk late; the caller has one.
        self.write_untimed(vec![Change::Setting(row), Change::Audit(line)]).await?;
        Ok(())
    }

    async fn tell(&self, lines: Vec<Line>, _: &Settings) -> Result<(), AccountError> {
        self.write_untimed(lines.into_iter().map(Change::Audit).collect()).await?;
        Ok(())
    }
}
