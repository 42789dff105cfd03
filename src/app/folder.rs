//! The data folder, as far as it is the program's: opened in time, filled once, accepted or saved by its operator.
//!
//! It knows nothing of what works on an open folder. What always holds: a folder that has been used before is never
//! filled, and nothing here makes one where an operator only looks.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::oneshot;
use tracing::{info, warn};

use crate::accounts::EmbeddedAccounts;
use crate::accounts::seed::{self, Seed};
use crate::app::house::OpenError;
use crate::app::options;
use crate::app::shop::Installation;
use crate::audit::Origin;
use crate::clock::{Clock, SharedClock, SystemClock};
use crate::config::{AccountSource, Config};
use crate::secret::Password;
use crate::session::SessionId;
use crate::settings::{Scope, Settings};
use crate::sign_in::password;
use crate::store::{self, Accepted, DataFolder, FolderError, RecoverOptions, Recovery};
use crate::telemetry::Readiness;

/// Opens the folder on a thread of its own, because that may take long: others are answered meanwhile, and a process that
/// is to end does not wait for it. Says which number the first session of this run gets.
pub(super) async fn open_folder(
    config: &Config,
    readiness: Arc<Readiness>,
) -> Result<(DataFolder, SessionId), FolderError> {
    let durability = options::durability(config);
    let is_shops = config.accounts.source == AccountSource::Magento;
    on_own_thread(&config.data.dir, move |path| {
        let mut folder = DataFolder::open_telling(path, &|step| readiness.begin(step))?;
        let first_id = folder.first_session(durability)?;
        if is_shops {
            folder.expect_unstored(durability)?;
        }
        readiness.begin("reading accounts and settings");
        Ok((folder, first_id))
    })
    .await
}

/// Whether the data folder at this path could be opened. It is closed again, and nobody of its users is asked for.
///
/// # Errors
/// Any [`FolderError`].
pub async fn try_folder(path: &Path) -> Result<(), FolderError> {
    on_own_thread(path, |path| DataFolder::open(path).map(drop)).await
}

async fn on_own_thread<T: Send + 'static>(
    path: &Path,
    open: impl FnOnce(&Path) -> Result<T, FolderError> + Send + 'static,
) -> Result<T, FolderError> {
    let unusable = |cause| FolderError::Unusable { path: path.to_owned(), cause };
    let (answer, opened) = oneshot::channel();
    let path = path.to_owned();
    // Whoever has given up does not want the answer.
    let open = move || drop(answer.send(open(&path)));
    let thread = std::thread::Builder::new().name("folder-opener".to_owned()).spawn(open);
    thread.map_err(unusable)?;
    opened.await.unwrap_or_else(|_| Err(unusable(std::io::Error::other("the thread that opens it has panicked"))))
}

/// How far the wall clock may be behind the last stored stamp without a word.
const UNREMARKABLE_SECONDS: u32 = 60;

/// Session time, which does not start before the last moment that was stored.
pub(super) fn clock(folder: &DataFolder) -> SharedClock {
    let clock = SystemClock::starting_at(folder.latest_moment());
    let behind = folder.latest_moment().since(clock.wall());
    if behind > UNREMARKABLE_SECONDS {
        warn!(
            behind_seconds = behind,
            "the system's clock is behind the last moment that was stored: the time of sessions goes on from there"
        );
    }
    Arc::new(clock)
}

/// Whether a data folder is there that has been used before. It makes none.
///
/// # Errors
/// [`FolderError::NotAFolder`].
pub fn is_there(folder: &Path) -> Result<bool, FolderError> {
    if folder.exists() && !folder.is_dir() {
        return Err(FolderError::NotAFolder(folder.to_owned()));
    }
    Ok(store::holds_data(folder))
}

/// Accepts a data folder that was restored from a copy, or whose users are of other accounts than those of `config`; says
/// which of them it was.
///
/// # Errors
/// [`OpenError`]: nothing was accepted.
pub fn accept_restored(config: &Config, keep_sessions: bool) -> Result<Option<Accepted>, OpenError> {
    let accounts = Installation::read(&config.magento)?.accounts_of(config)?;
    let now = SystemClock::default().now();
    let accepted = store::accept_restored(&config.data.dir, &accounts, keep_sessions, now, operator())?;
    match (accepted, keep_sessions) {
        (Some(Accepted::Accounts), false) => {
            warn!(accounts, "the data folder is used with other accounts: all its sessions have ended");
        }
        (Some(Accepted::Accounts), true) => {
            warn!(accounts, "the data folder is used with other accounts, and its sessions go on");
        }
        (None, _) => info!("the data folder is not a restored one, so there is nothing to accept"),
        (Some(Accepted::Copy), false) => warn!("the data folder was restored from a copy: all its sessions have ended"),
        (Some(Accepted::Copy), true) => warn!(
            "the data folder was restored from a copy, and its sessions go on: what was revoked after the copy was made \
             is good again"
        ),
    }
    Ok(accepted)
}

/// Saves what is whole of a damaged data folder that no house stands on. One that is not damaged is left alone, unless that is
/// forced.
///
/// # Errors
/// [`FolderError`]: the folder is as it was then.
pub fn recover(folder: &Path, options: RecoverOptions) -> Result<Recovery, FolderError> {
    store::recover(folder, options, SystemClock::default().now(), operator())
}

/// Whoever runs this process.
pub fn operator() -> Origin {
    Origin::operator(Some(rustix::process::getuid().as_raw()))
}

/// Fills a folder that is still fresh with the `[settings]` of the configuration and the seed file.
pub(super) async fn fill(
    folder: &DataFolder,
    config: &Config,
    file: Option<&Path>,
    accounts: &EmbeddedAccounts,
) -> Result<(), OpenError> {
    if !folder.is_fresh() {
        if let Some(file) = file {
            warn!(
                file = %file.display(),
                folder = %folder.path().display(),
                "the seed file is left alone: the data folder has been used before, by a server or by a command, and \
                 only a fresh one is filled"
            );
        }
        return Ok(());
    }
    let wrong = |problem| OpenError::Seed { file: file.map(Path::to_owned), problem };
    let seed = file.map(Seed::read).transpose().map_err(wrong)?.unwrap_or_default();
    let initial = config.settings.iter().map(|(path, value)| (path.to_owned(), value.to_owned()));
    seed::apply(accounts, seed, initial, hash_apart).await.map_err(wrong)?;
    if let Some(file) = file {
        info!(file = %file.display(), "the data folder is filled from the seed file");
    }
    Ok(())
}

/// Names the initial settings of the configuration that are none any more: the data folder has another value.
pub(super) fn warn_of_other_settings(config: &Config, settings: &Settings) {
    for (path, configured) in config.settings.iter() {
        let stored = settings.text(path, Scope::Default);
        if stored != configured {
            warn!(
                path,
                configured,
                stored,
                "the configuration's [settings] fill a fresh data folder only, and this one has another value, which \
                 counts: change it with `tokenward setting set`, or take the line out of the configuration"
            );
        }
    }
}

/// Hashes away from the thread that runs the actors; before there is a pool of hashers.
async fn hash_apart(password: Password) -> Result<String, String> {
    let hashed = tokio::task::spawn_blocking(move || password::hash(&password)).await;
    hashed.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}
