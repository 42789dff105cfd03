//! Follows the shop's `env.php`, and `config.php` beside it: Magento rotates `crypt/key` by writing another one behind
//! it, and its operators fix settings in the `system` section (fact sheet 8.6).

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::{info, warn};

use crate::accounts::MagentoAccounts;
use crate::app::shop::watch::{Look, Notes};
use crate::app::shop::{Installation, ShopError};
use crate::config::{Config, Magento, ShopFileError};
use crate::magento::{InstallationKey, SharedInstallationKey};
use crate::token::jwt::{JwtKey, SharedJwtKey};

/// How long the files may take to be read without a word.
const SLOW: Duration = Duration::from_secs(3);

/// What is told when a file cannot be used.
const UNREADABLE: &str = "the shop's key and fixed settings cannot be read again: those before stay";

/// What is told when there is no key in the files.
const NO_KEY: &str = "the shop's key cannot be read again: the one before stays";

/// What changes when a file is written, for each file: when it and its place in the folder were last changed, its length and
/// its number.
type Stamp = Vec<(PathBuf, [i64; 4], u64, u64)>;

/// What the files say, with their stamp from before that was read; `None` when nothing has to be read.
type Read = Result<Option<(Stamp, Installation)>, ShopError>;

/// The key and the fixed settings that are in force, and where newer ones may come from.
#[derive(Debug)]
pub(in crate::app) struct KeyWatch {
    configured: Magento,
    accounts: Arc<MagentoAccounts>,
    key: SharedInstallationKey,
    jwt_key: SharedJwtKey,
    /// The files as they were when they were last read as a whole.
    seen: Option<Stamp>,
    /// Whether they have been read once more since they were last changed: of two changes within one tick of the file
    /// system's clock the second leaves no trace in the stamp.
    is_settled: bool,
    /// What is wrong with them, as it was told.
    problem: Option<(&'static str, String)>,
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
        Self {
            configured: config.magento.clone(),
            accounts,
            key,
            jwt_key,
            seen: None,
            is_settled: false,
            problem: None,
        }
    }

    fn use_it(&mut self, stamp: Stamp, installation: &Installation) -> Result<(), (&'static str, String)> {
        self.is_settled = self.seen.as_ref() == Some(&stamp);
        self.seen = Some(stamp);
        // The keeper compares and tells, as it does for what the database says.
        self.accounts.fix(installation.fixed_settings());
        if self.configured.crypt_key.is_some() {
            return Ok(());
        }
        match installation.usable_key(&self.configured) {
            Ok(Some(key)) => self.take(Arc::new(key)),
            Ok(None) if self.key.load().is_some() => {
                return Err((NO_KEY, "crypt/key is gone from the shop's env.php".to_owned()));
            }
            Ok(None) => {}
            Err(problem) => return Err((NO_KEY, format!("crypt/key of the shop {problem}"))),
        }
        Ok(())
    }

    fn take(&self, key: Arc<InstallationKey>) {
        let before = self.key.load_full();
        if before.as_ref() == Some(&key) {
            return;
        }
        if before.is_none_or(|before| before.signing_text() != key.signing_text()) {
            self.jwt_key.store(Some(Arc::new(JwtKey::new(&key))));
            info!("the shop's key is another one: JWTs are signed under it, and those under the old one have ended");
        }
        self.key.store(Some(key));
    }

    /// Each problem once.
    fn tell(&mut self, problem: Option<(&'static str, String)>) {
        if let Some((what, problem)) = problem.as_ref().filter(|_| self.problem != problem) {
            warn!(problem, "{what}");
        }
        self.problem = problem;
    }
}

impl Look for KeyWatch {
    /// Takes what the files say when they are other ones. As long as they cannot be read whole, what held before stays.
    async fn look(&mut self, _notes: &Notes) {
        if self.configured.env_php.is_none() {
            return;
        }
        let (seen, configured) = (self.seen.clone().filter(|_| self.is_settled), self.configured.clone());
        match apart(move || read_again(seen.as_ref(), &configured)).await {
            None => {}
            Some(Ok(None)) => self.problem = self.problem.take().filter(|(what, _)| *what == NO_KEY),
            Some(Ok(Some((stamp, installation)))) => {
                let used = self.use_it(stamp, &installation);
                self.tell(used.err());
            }
            Some(Err(problem)) => self.tell(Some((UNREADABLE, problem.to_string()))),
        }
    }
}

/// Reads on a thread of its own: a file may lie on a disk of the network that does not answer, and a process that is to end
/// does not wait for it.
async fn apart(read: impl FnOnce() -> Read + Send + 'static) -> Option<Read> {
    let (sender, mut answer) = oneshot::channel();
    // Whoever has gone does not want the answer.
    let read = move || drop(sender.send(read()));
    thread::Builder::new().name("shop-files".to_owned()).spawn(read).ok()?;
    if let Ok(answer) = timeout(SLOW, &mut answer).await {
        return answer.ok();
    }
    warn!("the shop's env.php takes long to read: its key and fixed settings from before stay meanwhile");
    answer.await.ok()
}

/// What the files say, and their stamp, when they are not the ones that were seen.
fn read_again(seen: Option<&Stamp>, configured: &Magento) -> Read {
    // Taken before reading: what is written meanwhile is read the next time.
    let stamp = stamp(configured)?;
    if seen == Some(&stamp) {
        return Ok(None);
    }
    Ok(Some((stamp, Installation::read(configured)?)))
}

fn stamp(configured: &Magento) -> Result<Stamp, ShopFileError> {
    let of_file = |file: PathBuf| match fs::metadata(&file) {
        Ok(found) => {
            let changed = [found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec()];
            Ok((file, changed, found.len(), found.ino()))
        }
        Err(source) => Err(ShopFileError::Unreadable { file, source }),
    };
    configured.files().into_iter().map(of_file).collect()
}
