//! A shop's settings, websites and roles: read as they are now, and written where the shop's files let them be.
//!
//! It knows rows and paths, and not what a setting means. What always holds: what the shop's files or its environment fix
//! lies over what the database says, and is never written.

use std::sync::Arc;

use async_trait::async_trait;

use crate::accounts::magento::store::ask;
use crate::accounts::magento::{FixedSettings, MagentoAccounts, ShopSettings, config, directory};
use crate::accounts::{AccountError, DirectorySource, SettingStore};
use crate::audit::Line;
use crate::settings::{Difference, Roles, Scope, Settings, StoreDirectory};
use crate::store::{Change, SettingRow};

impl MagentoAccounts {
    /// Takes what the shop's files and its environment fix of the settings now.
    pub fn fix(&self, fixed: FixedSettings) {
        self.fixed.store(Arc::new(fixed));
    }

    /// Settings, websites and roles as they are now.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`].
    pub async fn settings(&self) -> Result<ShopSettings, AccountError> {
        let (mut settings, (stores, roles)) = ask!(self, |connection, tables| {
            Ok((config::read(connection, &tables).await?, directory::read(connection, &tables).await?))
        })?;
        let stores = stores.ok_or_else(no_default_website)?;
        self.fixed.load().lay_over(&mut settings, &stores);
        Ok(ShopSettings { settings, stores, roles })
    }
}

#[async_trait]
impl DirectorySource for MagentoAccounts {
    async fn directory(&self) -> Result<(StoreDirectory, Roles), AccountError> {
        let (stores, roles) = ask!(self, |connection, tables| directory::read(connection, &tables).await)?;
        Ok((stores.ok_or_else(no_default_website)?, roles))
    }

    async fn everything(&self) -> Result<(Option<Settings>, StoreDirectory, Roles), AccountError> {
        let ShopSettings { settings, stores, roles } = self.settings().await?;
        Ok((Some(settings), stores, roles))
    }
}

#[async_trait]
impl SettingStore for MagentoAccounts {
    async fn write(
        &self,
        row: SettingRow,
        line: Line,
        stores: &StoreDirectory,
        after: &Settings,
    ) -> Result<(), AccountError> {
        self.may_change(&row.path, row.scope, stores)?;
        ask!(self, |connection, tables| config::write(connection, &tables, &row).await)?;
        self.tell(vec![seen(after), Change::Audit(line)]).await
    }

    fn may_change(&self, path: &str, scope: Scope, stores: &StoreDirectory) -> Result<(), AccountError> {
        self.may_write()?;
        if self.fixed.load().fix(path, scope, stores) {
            let refusal = format!("{path} is fixed by the shop's env.php, config.php or environment: change it there");
            return Err(AccountError::Conflict(refusal));
        }
        Ok(())
    }

    async fn tell(&self, lines: Vec<Line>, after: &Settings) -> Result<(), AccountError> {
        let changes = std::iter::once(seen(after)).chain(lines.into_iter().map(Change::Audit));
        // Without a limit of time: a line whose writer gave up waiting may be written later, and then stand there twice.
        self.store.write_untimed(changes.collect()).await?;
        Ok(())
    }

    fn advice(&self) -> Option<&'static str> {
        Some("Magento itself sees the change after its cache was flushed: bin/magento cache:clean config")
    }
}

/// That these are all settings, so that the next start knows what was changed before it.
fn seen(settings: &Settings) -> Change {
    let built_in = Settings::default();
    let rows = built_in.differences(settings).into_iter().map(|Difference { path, scope, to, .. }| SettingRow {
        path: path.to_owned(),
        scope,
        value: to.map(str::to_owned),
    });
    Change::SettingsSeen(rows.collect())
}

fn no_default_website() -> AccountError {
    AccountError::Faulty("no website with a store view is the default one".to_owned())
}
