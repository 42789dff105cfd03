//! What the shop's own files and variables say: where its database is, and which key it has.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::config::{AccountSource, Config, ConfigError, Exchange, Magento, TokenFormat};
use crate::magento::env_php::{self, Deployment, EnvPhpError, Environment, Value};
use crate::magento::{InstallationKey, KeyError};

/// What to do where a key is needed and none is found.
const KEY_WANTED: &str = "needs the key of the Magento installation, and there is none: set magento.crypt_key (or \
                          crypt_key_file), name an env.php that has crypt/key with magento.env_php, or set \
                          MAGENTO_DC_CRYPT__KEY";

/// What to do where the shop's database is wanted and nothing names it.
const DATABASE_WANTED: &str = "= \"magento\" needs magento.env_php, magento.database_url or the shop's own variables \
                               (MAGENTO_DC_DB__CONNECTION__DEFAULT__HOST …)";

/// What an address of a database looks like.
const ADDRESS_WANTED: &str = "must look like mysql://user:password@host/database, with / @ # : and % in user and \
                              password %-encoded (p@ss/word is p%40ss%2Fword)";

/// Why a file of the shop cannot be used.
#[derive(Debug, Error)]
pub enum ShopFileError {
    /// It cannot be read.
    #[error("{file} cannot be read: {source}")]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is not what Magento writes.
    #[error("{file}, {source}")]
    Malformed {
        /// The file.
        file: PathBuf,
        /// Where, and what is wrong.
        source: EnvPhpError,
    },
}

impl Magento {
    /// The shop's files, `env.php` last, since it wins over `config.php` (fact sheet 8.6). Both need not be there.
    pub fn files(&self) -> Vec<PathBuf> {
        let Some(file) = &self.env_php else { return Vec::new() };
        let beside = file.with_file_name("config.php");
        let beside = beside.exists().then_some(beside);
        beside.into_iter().chain([file.clone()]).collect()
    }

    /// Reads the shop's files, and lays `variables` on top.
    ///
    /// # Errors
    /// [`ShopFileError`].
    pub fn deployment(
        &self,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Deployment, ShopFileError> {
        let files = self.files().iter().map(|file| read(file)).collect::<Result<Vec<_>, _>>()?;
        let variables = variables.into_iter();
        let variables =
            variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Ok(Deployment::new(files, Environment::new(variables)))
    }

    /// The installation's key: what is configured here wins over what the shop's files and variables say.
    ///
    /// # Errors
    /// [`KeyError`] when the shop's own cannot be one.
    pub fn installation_key(&self, deployment: &Deployment) -> Result<Option<InstallationKey>, KeyError> {
        let configured = self.crypt_key.as_ref().and_then(|key| InstallationKey::parse(key.expose()).ok());
        if configured.is_some() {
            return Ok(configured);
        }
        deployment.crypt_key().map(|key| InstallationKey::parse(key.expose())).transpose()
    }
}

impl Config {
    /// What is wrong with the shop's files, and what needs a key that is not in them either.
    pub(super) fn shop_problems(&self, variables: impl IntoIterator<Item = (OsString, OsString)>) -> Vec<ConfigError> {
        let deployment = match self.magento.deployment(variables) {
            Ok(deployment) => deployment,
            Err(problem) => {
                let (key, problem) = ("magento.env_php", format!("names a file that cannot be used: {problem}"));
                return vec![ConfigError::invalid(self.places.of(key), key, problem)];
            }
        };
        self.database_problem(&deployment).into_iter().chain(self.key_problems(&deployment)).collect()
    }

    /// Nothing says where the shop's database is, or what says it can be no address.
    fn database_problem(&self, deployment: &Deployment) -> Option<ConfigError> {
        if self.accounts.source != AccountSource::Magento {
            return None;
        }
        let (key, problem) = match &self.magento.database_url {
            Some(url) if is_address(url.expose()) => return None,
            Some(_) => ("magento.database_url", ADDRESS_WANTED.to_owned()),
            None => ("accounts.source", format!("{DATABASE_WANTED}: {}", deployment.connection().err()?)),
        };
        Some(ConfigError::invalid(self.places.of(key), key, problem))
    }

    fn key_problems(&self, deployment: &Deployment) -> Vec<ConfigError> {
        let problem = match self.magento.installation_key(deployment) {
            Ok(Some(key)) => return self.cannot_encrypt(&key).into_iter().collect(),
            Ok(None) => KEY_WANTED.to_owned(),
            Err(problem) => format!("needs the key of the Magento installation, and crypt/key of the shop {problem}"),
        };
        let wanting = self.what_wants_a_key();
        wanting.iter().map(|key| ConfigError::invalid(self.places.of(key), key, problem.clone())).collect()
    }

    /// Any key signs; only one of the right length encrypts.
    fn cannot_encrypt(&self, key: &InstallationKey) -> Option<ConfigError> {
        let mirrors = "magento.mirror_tokens";
        let problem = key.encrypt("").err().filter(|_| self.magento.mirror_tokens)?;
        let problem = format!("encrypts as the shop does, and {problem}");
        Some(ConfigError::invalid(self.places.of(mirrors), mirrors, problem))
    }

    /// What signs JWTs, or encrypts as the shop does.
    fn what_wants_a_key(&self) -> Vec<String> {
        let exchange = Exchange::default();
        let policies = (0..self.policies.iter().count()).map(|index| format!("policies[{index}].exchange"));
        // There is one value, so that a policy in which the key is set asks for it.
        let mut wanting: Vec<String> = policies.filter(|key| self.places.is_set(key)).collect();
        for (key, wants) in [
            ("tokens.format", self.tokens.format == TokenFormat::Jwt),
            ("exchange.lifetime", self.exchange.lifetime != exchange.lifetime),
            ("exchange.kinds", self.exchange.kinds != exchange.kinds),
            ("magento.mirror_tokens", self.magento.mirror_tokens),
        ] {
            wanting.extend(wants.then(|| key.to_owned()));
        }
        wanting
    }
}

/// Whether it has the form of an address; the driver reads it to the letter. What stands in it unencoded, though it
/// separates the parts of an address, would make another host of a password.
fn is_address(url: &str) -> bool {
    let rest = url.strip_prefix("mysql://").or_else(|| url.strip_prefix("mariadb://"));
    let Some((server, path)) = rest.and_then(|rest| rest.split_once('/')) else { return false };
    let database = path.split('?').next().unwrap_or_default();
    !server.contains(['#', '?']) && !database.is_empty() && !database.contains(['@', '#', '/'])
}

fn read(file: &Path) -> Result<Value, ShopFileError> {
    let text = fs::read(file).map_err(|source| ShopFileError::Unreadable { file: file.to_owned(), source })?;
    env_php::parse(&text).map_err(|source| ShopFileError::Malformed { file: file.to_owned(), source })
}
