//! Where the values of settings are kept.

use async_trait::async_trait;

use crate::accounts::AccountError;
use crate::audit::Line;
use crate::settings::StoreDirectory;
use crate::store::{Change, SettingRow, Store};

/// Where the values of settings are kept: beside the accounts.
#[async_trait]
pub trait SettingStore: std::fmt::Debug + Send + Sync + 'static {
    /// Writes a value, or takes it back, and the line of the audit trail that tells of it; `stores` names the scopes.
    ///
    /// # Errors
    /// [`AccountError::Conflict`], in words for whoever asked, when it may not be changed here;
    /// [`AccountError::Unavailable`] when it cannot be written.
    async fn write(&self, row: SettingRow, line: Line, stores: &StoreDirectory) -> Result<(), AccountError>;

    /// What else has to be done for a change to count everywhere, in words for whoever made it.
    fn advice(&self) -> Option<&'static str> {
        None
    }
}

/// In the data folder.
#[async_trait]
impl SettingStore for Store {
    async fn write(&self, row: SettingRow, line: Line, _: &StoreDirectory) -> Result<(), AccountError> {
        // Without a limit of time, so that a snapshot never misses what reaches the disk late; the caller has one.
        self.write_untimed(vec![Change::Setting(row), Change::Audit(line)]).await?;
        Ok(())
    }
}
