//! Follows the shop's `env.php`, and `config.php` beside it: Magento rotates `crypt/key` by writing another one behind
//! it, and its operators fix settings in the `system` section (fact sheet 8.6).

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use tracing::{info, warn};

use crate::accounts::MagentoAccounts;
use crate::app::shop::{Installation, ShopError};
use crate::config::{Config, Magento, ShopFileError};
use crate::magento::{InstallationKey, SharedInstallationKey};
use crate::token::jwt::{JwtKey, SharedJwtKey};

/// What changes when a file is written, for each file.
type Stamp = Vec<(PathBuf, Option<SystemTime>, u64, u64)>;

/// The key and the fixed settings that are in force, and where newer ones may come from.
#[derive(Debug)]
pub(in crate::app) struct KeyWatch {
    configured: Magento,
    accounts: Arc<MagentoAccounts>,
    key: SharedInstallationKey,
    jwt_key: SharedJwtKey,
    /// The files as they were when they were last read as a whole.
    seen: Option<Stamp>,
    /// Whether they could not be used the last time.
    failed: bool,
}

impl KeyWatch {
    /// A watch that replaces these keys, and what is fixed for these accounts. A key of the configuration's own is never
    /// replaced.
    pub(in crate::app) fn new(
        config: &Config,
        accounts: Arc<MagentoAccounts>,
        key: SharedInstallationKey,
        jwt_key: SharedJwtKey,
    ) -> Self {
        Self { configured: config.magento.clone(), accounts, key, jwt_key, seen: None, failed: false }
    }

    /// Looks at the files, and takes what they say when they are other ones. As long as they cannot be read whole, what
    /// held before stays.
    pub(super) async fn look(&mut self) {
        if self.configured.env_php.is_none() {
            return;
        }
        let (seen, configured) = (self.seen.clone(), self.configured.clone());
        // A file may lie on a disk of the network.
        let read = tokio::task::spawn_blocking(move || read_again(seen.as_ref(), &configured)).await;
        match read {
            Ok(Ok(None)) | Err(_) => {}
            Ok(Ok(Some((stamp, installation)))) => {
                (self.seen, self.failed) = (Some(stamp), false);
                // The keeper compares and tells, as it does for what the database says.
                self.accounts.fix(installation.fixed_settings());
                if self.configured.crypt_key.is_none() {
                    self.take(installation.installation_key(&self.configured));
                }
            }
            Ok(Err(problem)) => {
                if !std::mem::replace(&mut self.failed, true) {
                    warn!(%problem, "the shop's key and fixed settings cannot be read again: those before stay");
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

/// What the files say, and their stamp, when they are not the ones that were seen.
fn read_again(seen: Option<&Stamp>, configured: &Magento) -> Result<Option<(Stamp, Installation)>, ShopError> {
    // Taken before reading: what is written meanwhile is read the next time.
    let stamp = stamp(configured)?;
    if seen == Some(&stamp) {
        return Ok(None);
    }
    Ok(Some((stamp, Installation::read(configured)?)))
}

fn stamp(configured: &Magento) -> Result<Stamp, ShopFileError> {
    let of_file = |file: PathBuf| match fs::metadata(&file) {
        Ok(found) => Ok((file, found.modified().ok(), found.len(), found.ino())),
        Err(source) => Err(ShopFileError::Unreadable { file, source }),
    };
    configured.files().into_iter().map(of_file).collect()
}
