//! A shop beside which the server runs: how its database is found, how it is watched, what it is told, how its opaque
//! tokens are known, and how its key is followed.

mod gatherer;
mod key;
mod parts;
mod revocations;
mod tokens;
mod watch;

pub(super) use key::KeyWatch;
pub(super) use parts::Parts;
pub(super) use revocations::Revocations;
pub(super) use tokens::ShopTokens;
pub(super) use watch::{Figures, Watcher};

use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;
use tracing::{info, warn};

use crate::accounts::magento::{DatabaseOptions, FixedSettings};
use crate::accounts::{AccountError, MagentoAccounts};
use crate::clock::SharedClock;
use crate::config::{self, AccountSource, Config, Magento};
use crate::magento::env_php::{self, ConnectionError, Deployment, EnvPhpError, Environment, Value};
use crate::magento::{InstallationKey, SharedInstallationKey};
use crate::store::Store;

/// Why there is no shop beside which the server could run.
#[derive(Debug, Error)]
pub enum ShopError {
    /// A file cannot be read.
    #[error("{file} cannot be read: {source}")]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file is not what Magento writes.
    #[error("{file}, {source}")]
    File {
        /// The file.
        file: PathBuf,
        /// Where, and what is wrong.
        source: EnvPhpError,
    },
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
        let mut files = Vec::new();
        if let Some(file) = &configured.env_php {
            let beside = file.with_file_name("config.php");
            if beside.exists() {
                files.push(read(&beside)?);
            }
            files.push(read(file)?);
        }
        let variables = config::process_environment();
        let variables =
            variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Ok(Self { deployment: Deployment::new(files, Environment::new(variables)) })
    }

    /// The key: what is configured here wins. One that cannot be read is as good as none, with a warning.
    pub(super) fn installation_key(&self, configured: &Magento) -> Option<InstallationKey> {
        configured.installation_key().or_else(|| {
            let key = InstallationKey::parse(self.deployment.crypt_key()?.expose());
            key.inspect_err(|problem| warn!(%problem, "crypt/key of the shop is left alone")).ok()
        })
    }

    /// Whether GraphQL must not tell its schema.
    pub(super) fn disables_introspection(&self) -> bool {
        self.deployment.disables_introspection()
    }

    /// Reaches the database, when accounts are there.
    pub(super) async fn open(
        &self,
        config: &Config,
        clock: &SharedClock,
        store: &Store,
        key: &SharedInstallationKey,
    ) -> Result<Option<Arc<MagentoAccounts>>, ShopError> {
        if config.accounts.source != AccountSource::Magento {
            return Ok(None);
        }
        let mut options = match &config.magento.database_url {
            Some(url) => DatabaseOptions::from_url(url)?,
            None => DatabaseOptions::from_connection(&self.deployment.connection()?),
        };
        options.named_by = named_by(&config.magento);
        let prefix = config.magento.table_prefix.clone();
        options.table_prefix = prefix.unwrap_or_else(|| self.deployment.table_prefix());
        options.write = config.magento.write;
        options.connections = config.magento.connections;
        options.timeout = config.magento.timeout;
        let fixed = FixedSettings::new(self.deployment.settings());
        let accounts = MagentoAccounts::open(options, fixed, Arc::clone(clock), store.clone()).await?;
        let accounts = accounts.with_key(Arc::clone(key));
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

fn read(file: &Path) -> Result<Value, ShopError> {
    let text = std::fs::read(file).map_err(|source| ShopError::Unreadable { file: file.to_owned(), source })?;
    env_php::parse(&text).map_err(|source| ShopError::File { file: file.to_owned(), source })
}
