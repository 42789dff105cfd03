//! A shop beside which the server runs: how its database is found, how it is watched, what it is told, how its opaque
//! tokens are known, how those issued here get there and are taken out again, and how its key and what its files fix are
//! followed.

mod clocks;
mod differences;
mod figures;
mod key;
mod mirror;
mod parts;
mod patience;
mod revocations;
mod tokens;
mod users;
mod watch;

#[cfg(test)]
mod tests;

pub(super) use figures::Figures;
pub(super) use key::KeyWatch;
pub(super) use mirror::Mirror;
pub(super) use patience::Patience;
pub(super) use revocations::Revocations;
pub(super) use tokens::ShopTokens;
pub(super) use watch::Watcher;

use std::sync::Arc;

use thiserror::Error;
use tracing::{info, warn};

use crate::accounts::magento::{DatabaseOptions, FixedSettings, ShopDatabase};
use crate::accounts::{AccountError, MagentoAccounts};
use crate::clock::SharedClock;
use crate::config::{self, AccountSource, Config, Magento, ShopFileError};
use crate::magento::env_php::{ConnectionError, Deployment};
use crate::magento::{InstallationKey, KeyError, SharedInstallationKey};
use crate::store::{EMBEDDED_ACCOUNTS, Store};

/// Why there is no shop beside which the server could run.
#[derive(Debug, Error)]
pub enum ShopError {
    /// A file of the shop cannot be used.
    #[error(transparent)]
    File(#[from] ShopFileError),
    /// Nothing says where the database is.
    #[error(
        "accounts.source = \"magento\" needs magento.env_php, magento.database_url or the shop's own variables \
         (MAGENTO_DC_DB__CONNECTION__DEFAULT__HOST …): {0}"
    )]
    Connection(#[from] ConnectionError),
    /// The database.
    #[error(transparent)]
    Accounts(#[from] AccountError),
}

/// What is known of an installation before its database is asked.
#[derive(Debug)]
pub(super) struct Installation {
    deployment: Deployment,
}

impl Installation {
    /// Reads what the configuration names, with the environment of this process on top.
    pub(super) fn read(configured: &Magento) -> Result<Self, ShopError> {
        Ok(Self { deployment: configured.deployment(config::process_environment())? })
    }

    /// The key: what is configured here wins. One that cannot be read is as good as none, with a warning.
    pub(super) fn installation_key(&self, configured: &Magento) -> Option<InstallationKey> {
        self.usable_key(configured).unwrap_or_else(|problem| {
            warn!(%problem, "crypt/key of the shop is left alone");
            None
        })
    }

    /// The same for those who have a key already.
    fn usable_key(&self, configured: &Magento) -> Result<Option<InstallationKey>, KeyError> {
        configured.installation_key(&self.deployment)
    }

    /// The settings that files and environment fix.
    pub(super) fn fixed_settings(&self) -> FixedSettings {
        FixedSettings::new(self.deployment.settings())
    }

    /// Whether GraphQL must not tell its schema.
    pub(super) fn disables_introspection(&self) -> bool {
        self.deployment.disables_introspection()
    }

    /// Whose accounts these are, in words that stay the same when the database moves to another host or gets another
    /// password.
    pub(super) fn accounts_of(&self, config: &Config) -> Result<String, ShopError> {
        if config.accounts.source == AccountSource::Embedded {
            return Ok(EMBEDDED_ACCOUNTS.to_owned());
        }
        let options = self.database(config)?;
        let prefix = Some(options.table_prefix.as_str()).filter(|prefix| !prefix.is_empty());
        let prefix = prefix.map(|prefix| format!(" with the table prefix {prefix}")).unwrap_or_default();
        Ok(format!("the shop's database {}{prefix}", options.name()))
    }

    /// Where the database is, and how its tables are named.
    fn database(&self, config: &Config) -> Result<DatabaseOptions, ShopError> {
        let mut options = match &config.magento.database_url {
            Some(url) => DatabaseOptions::from_url(url)?,
            None => DatabaseOptions::from_connection(&self.deployment.connection()?),
        };
        let prefix = config.magento.table_prefix.clone();
        options.table_prefix = prefix.unwrap_or_else(|| self.deployment.table_prefix());
        Ok(options)
    }

    /// Reaches the database, when accounts are there; waits for it with this much patience.
    pub(super) async fn open(
        &self,
        config: &Config,
        patience: Patience,
        clock: &SharedClock,
        store: &Store,
        key: &SharedInstallationKey,
    ) -> Result<Option<Arc<MagentoAccounts>>, ShopError> {
        if config.accounts.source != AccountSource::Magento {
            return Ok(None);
        }
        let mut options = self.database(config)?;
        options.named_by = named_by(&config.magento);
        options.write = config.magento.write;
        options.connections = config.magento.connections;
        options.timeout = config.magento.timeout;
        let database = ShopDatabase::connect(options)?;
        let schema = patience.until(async || database.inspect().await).await?;
        let accounts = MagentoAccounts::new(database, schema, self.fixed_settings(), Arc::clone(clock), store.clone());
        patience.until(async || accounts.try_rights().await).await?;
        if config.magento.rehash {
            patience.until(async || accounts.try_renewing_hashes().await).await?;
        }
        let mut accounts = accounts.with_key(Arc::clone(key));
        if config.magento.mirror_tokens {
            patience.until(async || accounts.try_mirroring().await).await?;
            accounts = accounts.with_mirrored_tokens();
        }
        if config.settings.iter().next().is_some() {
            warn!("[settings] is left alone: beside a shop, its own settings count");
        }
        info!(write = config.magento.write, "accounts and settings are the shop's");
        Ok(Some(Arc::new(accounts)))
    }
}

/// What names the database, so that whoever reads that it cannot be reached knows where to look.
fn named_by(configured: &Magento) -> String {
    if configured.database_url.is_some() {
        return "magento.database_url or magento.database_url_file".to_owned();
    }
    let variables = "variables MAGENTO_DC_DB__CONNECTION__DEFAULT__…";
    let is_overridden = config::process_environment()
        .any(|(name, _)| name.to_string_lossy().to_ascii_uppercase().starts_with("MAGENTO_DC_DB"));
    match &configured.env_php {
        Some(file) if is_overridden => format!("magento.env_php {} and the {variables}", file.display()),
        Some(file) => format!("magento.env_php {}", file.display()),
        None => format!("the {variables}"),
    }
}
