//! Follows `crypt/key` of the shop's `env.php`: Magento rotates it by writing another one behind it.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use tracing::{info, warn};

use crate::app::shop::{Installation, ShopError};
use crate::config::{Config, Magento};
use crate::magento::{InstallationKey, SharedInstallationKey};
use crate::token::jwt::{JwtKey, SharedJwtKey};

/// What changes when a file is written.
type Stamp = (Option<SystemTime>, u64, u64);

/// The key that is in force, and where a newer one may come from.
#[derive(Debug)]
pub(in crate::app) struct KeyWatch {
    configured: Magento,
    key: SharedInstallationKey,
    jwt_key: SharedJwtKey,
    /// The file as it was when it was last read as a whole.
    seen: Option<Stamp>,
    /// Whether it could not be used the last time.
    failed: bool,
}

impl KeyWatch {
    /// A watch that replaces these keys. A key of the configuration's own is never replaced.
    pub(in crate::app) fn new(config: &Config, key: SharedInstallationKey, jwt_key: SharedJwtKey) -> Self {
        Self { configured: config.magento.clone(), key, jwt_key, seen: None, failed: false }
    }

    /// Looks at the file, and takes its key when it is another one. As long as there is none to be read the old one stays.
    pub(super) async fn look(&mut self) {
        let Some(file) = self.configured.env_php.clone().filter(|_| self.configured.crypt_key.is_none()) else {
            return;
        };
        let (seen, configured) = (self.seen, self.configured.clone());
        // A file may lie on a disk of the network.
        let read = tokio::task::spawn_blocking(move || read_again(&file, seen, &configured)).await;
        match read {
            Ok(Ok(None)) | Err(_) => {}
            Ok(Ok(Some((stamp, key)))) => {
                (self.seen, self.failed) = (Some(stamp), false);
                self.take(key);
            }
            Ok(Err(problem)) => {
                if !std::mem::replace(&mut self.failed, true) {
                    warn!(%problem, "the shop's key cannot be read again: the one before stays");
                }
            }
        }
    }

    fn take(&self, key: Option<InstallationKey>) {
        let before = self.key.load_full();
        let Some(key) = key.map(Arc::new) else {
            if before.is_some() {
                warn!("crypt/key is gone from the shop's env.php: the one before stays");
            }
            return;
        };
        if before.as_ref() == Some(&key) {
            return;
        }
        if before.is_none_or(|before| before.signing_text() != key.signing_text()) {
            self.jwt_key.store(Some(Arc::new(JwtKey::new(&key))));
            info!("the shop's key is another one: JWTs are signed under it, and those under the old one have ended");
        }
        self.key.store(Some(key));
    }
}

/// The key and the file's stamp, when it is not the one that was seen.
fn read_again(
    file: &Path,
    seen: Option<Stamp>,
    configured: &Magento,
) -> Result<Option<(Stamp, Option<InstallationKey>)>, ShopError> {
    let found = fs::metadata(file).map_err(|source| ShopError::Unreadable { file: file.to_owned(), source })?;
    // Taken before reading: what is written meanwhile is read the next time.
    let stamp = stamp(&found);
    if seen == Some(stamp) {
        return Ok(None);
    }
    let installation = Installation::read(configured)?;
    Ok(Some((stamp, installation.installation_key(configured))))
}

fn stamp(file: &Metadata) -> Stamp {
    (file.modified().ok(), file.len(), file.ino())
}
