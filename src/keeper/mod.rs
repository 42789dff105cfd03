//! Keeps the live settings: stores a change, then publishes a new snapshot.
//!
//! [`SettingsKeeper`] is one actor and the only writer of the shared snapshot. It knows the rules of a value
//! ([`crate::settings`]) and the store, not who asks. What always holds: a change that was answered is on disk and in
//! the snapshot; changes are carried out one after the other; whoever listens is told after the snapshot was swapped.

mod actor;
mod handle;

pub use actor::{ChangeSetting, ReloadDirectory, SettingsKeeper};
pub use handle::Keeper;

use thiserror::Error;

use crate::accounts::{AccountError, DirectorySource};
use crate::settings::{Definition, Roles, SettingError, Settings, StoreDirectory};
use crate::store::{Readers, StoreError};

/// Why a setting was not changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeeperError {
    /// It cannot be changed like that.
    #[error(transparent)]
    Refused(#[from] SettingError),
    /// It may not be changed here, in words for whoever asked.
    #[error("{0}")]
    Conflict(String),
    /// Too many changes wait.
    #[error("too many changes of settings are waiting")]
    Busy,
    /// It cannot be stored or read at the moment, or takes too long; the text is for the log only.
    #[error("the settings cannot be reached: {0}")]
    Unavailable(String),
}

impl From<StoreError> for KeeperError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<AccountError> for KeeperError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Unavailable(cause) | AccountError::Faulty(cause) => Self::Unavailable(cause),
            AccountError::Conflict(problem) => Self::Conflict(problem),
        }
    }
}

/// What the settings of a shop were when they were last seen; `now` when they never were.
///
/// # Errors
/// [`StoreError::Unavailable`] when that cannot be read.
pub async fn seen(readers: &Readers, now: &Settings) -> Result<Settings, StoreError> {
    let Some(rows) = readers.seen_settings().await? else { return Ok(now.clone()) };
    let mut seen = Settings::default();
    for row in rows {
        seen.set(&row.path, row.scope, row.value);
    }
    Ok(seen)
}

/// What a server starts with: the stored settings, and websites and roles as they are.
///
/// # Errors
/// [`AccountError`] when something cannot be read.
pub async fn load(
    readers: &Readers,
    source: &dyn DirectorySource,
) -> Result<(Settings, StoreDirectory, Roles), AccountError> {
    let (settings, stores, roles) = source.everything().await?;
    if let Some(settings) = settings {
        return Ok((settings, stores, roles));
    }
    let mut settings = Settings::default();
    for row in readers.settings().await? {
        if Definition::of(&row.path).is_none() {
            tracing::warn!(path = %row.path, "a stored setting is not known and does not count");
        }
        settings.set(&row.path, row.scope, row.value);
    }
    Ok((settings, stores, roles))
}
