//! The folder itself: made, locked, and told who its users are.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rusqlite::TransactionBehavior;
use thiserror::Error;

use crate::clock::UnixSeconds;
use crate::session::SessionId;
use crate::store::database_file::{Prepared, prepare};
use crate::store::ledger::{Ledger, Seal};
use crate::store::{belonging, connection};
use crate::token::DigestKey;

/// The key in `meta` that says that a folder has got what it starts with.
pub(super) const INITIALISED: &str = "initialised";

/// Why a data folder cannot be used.
#[derive(Debug, Error)]
pub enum FolderError {
    /// Somebody else holds its lock.
    #[error(
        "the data folder {folder} is in use by another tokenward{}: one folder belongs to one server",
        .holder.map(|id| format!(" (process {id})")).unwrap_or_default()
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The number of the process that holds the lock, if the lock's file says it.
        holder: Option<u32>,
    },
    /// There is something else at this path.
    #[error("{0} is not a folder: data.dir (--data-dir) names the folder that tokenward.db is in")]
    NotAFolder(PathBuf),
    /// Something in it cannot be made, opened or locked.
    #[error("the data folder cannot be used: {path}: {cause}")]
    Unusable {
        /// What.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Root would begin a folder of another user.
    #[error(
        "{path} is empty and belongs to user number {owner}, who could not open what root puts there: run the command as \
         that user, or let the server make the folder's files first"
    )]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// A copy cannot be made where it was asked for.
    #[error("the copy cannot be written to {path}: {cause}")]
    CopyRefused {
        /// Where it was to be.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A newer tokenward wrote the file.
    #[error("{path} has the schema version {found}, and this tokenward knows up to version {known}: use a newer one")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version that this program knows.
        known: usize,
    },
    /// The log of the last changes is damaged: what lies behind the damage would be lost without a word.
    #[error(
        "{path} is damaged at byte {at}, and changes that were acknowledged lie behind that. Nothing is served from it, \
         because a revoked token might come back to life. Restore a backup, or save what is whole with `tokenward \
         recover`"
    )]
    DamagedLog {
        /// The log.
        path: PathBuf,
        /// Where.
        at: u64,
    },
    /// `tokenward recover` was cut short.
    #[error(
        "a recovery of the data folder was cut short. Nothing is served from it, because a revoked token might come back \
         to life: run `tokenward recover` again, or restore a backup and remove {0}"
    )]
    HalfRecovered(PathBuf),
    /// The file itself is damaged.
    #[error(
        "{path} is damaged: {problem}. Nothing is served from it. Restore a backup, or save what is whole with \
         `tokenward recover`"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite found.
        problem: String,
    },
    /// It was started from a copy.
    #[error(
        "{path} was restored from a copy that was made at {made_at}: what was revoked since is good in it again. Run \
         `tokenward accept-restored end-sessions`, and everybody signs in anew, or `tokenward accept-restored \
         keep-sessions`; or start with `--accept-restored end-sessions` or `--accept-restored keep-sessions`"
    )]
    Restored {
        /// The file.
        path: PathBuf,
        /// When the copy was made.
        made_at: UnixSeconds,
    },
    /// Its users are of other accounts.
    #[error(
        "the sessions in {path} are of users of {was}, and not of {now}, where the same numbers mean other people: take \
         another data.dir; or run `tokenward accept-restored end-sessions`, and everybody signs in anew; or, if these are \
         the same people after a move, `tokenward accept-restored keep-sessions` (both also with `serve \
         --accept-restored …`)"
    )]
    OtherAccounts {
        /// The file.
        path: PathBuf,
        /// The accounts that it was used with.
        was: String,
        /// Those that it is to be used with.
        now: String,
    },
    /// The file is there and empty. Ours never are, not even when they have just been made.
    #[error(
        "{0} is empty: it was cut off, or something else has made it. Nothing is served from it, because everybody would \
         be signed out and every account gone. Restore a backup (docs/runbook.md); if the folder has never been used, \
         remove the file"
    )]
    Empty(PathBuf),
    /// Nothing has to be saved.
    #[error(
        "nothing in {0} is damaged that keeps a server from starting, so nothing was done. `tokenward recover --force` writes the file anew all the same, \
         and ends all sessions unless --keep-sessions is there, too"
    )]
    Undamaged(PathBuf),
    /// The file is damaged, or not ours.
    #[error("{path} cannot be read as tokenward's data: {cause}{}", what_to_do(.cause))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        cause: rusqlite::Error,
    },
}

/// Words for whoever finds a file that is damaged, or another program's; a fault of the disk, say, ends by itself.
fn what_to_do(cause: &rusqlite::Error) -> &'static str {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    let of_content = matches!(cause, rusqlite::Error::FromSqlConversionFailure(..));
    if of_content || matches!(cause.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase)) {
        ". Nothing is served from it. Restore a backup, or save what is whole with `tokenward recover`"
    } else {
        ""
    }
}

/// A data folder that belongs to this process as long as the value lives.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    fresh: bool,
    key: DigestKey,
    ledger: Ledger,
    restored: Option<UnixSeconds>,
    /// Closing it gives the lock back.
    _lock: File,
}

impl DataFolder {
    /// Opens the folder, or makes it (mode 0700), locks it, and brings `tokenward.db` up to date.
    ///
    /// # Errors
    /// Any [`FolderError`]. Nothing was changed then, except that folder and empty files may be there.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        Self::open_telling(path, &|_| {})
    }

    /// The same, and says each step that may take long before it is begun, in words for an operator.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_telling(path: &Path, tell: &dyn Fn(&'static str)) -> Result<Self, FolderError> {
        let folder = Self::open_restored(path, tell)?;
        match folder.restored {
            Some(made_at) => Err(FolderError::Restored { path: folder.database(), made_at }),
            None => Ok(folder),
        }
    }

    /// The same, also when the folder was restored from a copy and nobody has accepted that yet.
    pub(super) fn open_restored(path: &Path, tell: &dyn Fn(&'static str)) -> Result<Self, FolderError> {
        make(path)?;
        look_at_owner(path)?;
        let lock = lock(path)?;
        let mark = path.join(RECOVERING);
        if mark.exists() {
            return Err(FolderError::HalfRecovered(mark));
        }
        let Prepared { fresh, key, ledger, restored } = prepare(&path.join(DATABASE), tell)?;
        Ok(Self { path: path.to_owned(), fresh, key, ledger, restored, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file with everything in it.
    pub fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// Whether it still has to get what it starts with: a seed, initial settings. It is fresh until
    /// [`crate::store::Change::FolderInitialised`] was written, so that a start that failed half-way can be repeated.
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// The key of all digests in it.
    pub fn digest_key(&self) -> &DigestKey {
        &self.key
    }

    /// How many sessions were stored when it was opened.
    pub fn sessions(&self) -> u64 {
        self.ledger.sessions
    }

    /// The latest moment that is stored of a session or in the audit trail; session time must not start before it.
    pub fn latest_moment(&self) -> UnixSeconds {
        self.ledger.latest
    }

    /// Notes that its users are of `accounts`, by words that name them and are never shown to clients.
    ///
    /// # Errors
    /// [`FolderError::OtherAccounts`] when it holds sessions of users of others; [`FolderError::Unreadable`] when the file
    /// cannot be used.
    pub fn claim_for(&self, accounts: &str) -> Result<(), FolderError> {
        let path = self.database();
        let unreadable = |cause| FolderError::Unreadable { path: self.database(), cause };
        let connection = connection::writing(&path).map_err(unreadable)?;
        match belonging::others(&connection, accounts).map_err(unreadable)? {
            Some(was) => Err(FolderError::OtherAccounts { path, was, now: accounts.to_owned() }),
            None => belonging::settle(&connection, accounts).map_err(unreadable),
        }
    }

    /// The number of the first session of this run: none is ever given twice. Without any durability everything that is
    /// stored of sessions is deleted, because what is revoked in this run would come back to life in the next.
    ///
    /// # Errors
    /// [`FolderError::Unreadable`] when the file cannot be used.
    pub fn first_session(&mut self, durability: Durability) -> Result<SessionId, FolderError> {
        let first = SessionId(self.ledger.last + 1);
        if durability != Durability::Sync {
            let path = self.database();
            self.claim_numbers(durability).map_err(|cause| FolderError::Unreadable { path, cause })?;
        }
        Ok(first)
    }

    /// Notes that sessions of this run are not going to be stored, whatever the durability: their numbers are not given
    /// away again in the next. After [`Self::first_session`].
    ///
    /// # Errors
    /// [`FolderError::Unreadable`] when the file cannot be used.
    pub fn expect_unstored(&mut self, durability: Durability) -> Result<(), FolderError> {
        if durability == Durability::Sync {
            let path = self.database();
            self.claim_numbers(durability).map_err(|cause| FolderError::Unreadable { path, cause })?;
        }
        Ok(())
    }

    /// Sessions that may not be stored must not have their numbers given away again either.
    fn claim_numbers(&mut self, durability: Durability) -> rusqlite::Result<()> {
        let mut connection = connection::writing(&self.database())?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        self.ledger.last += NUMBERS_OF_A_RUN;
        if durability == Durability::None {
            if self.ledger.sessions > 0 {
                tracing::warn!(
                    sessions = self.ledger.sessions,
                    "data.durability is \"none\": the sessions that were stored end, and whoever had them signs in anew"
                );
            }
            transaction.execute_batch("DELETE FROM sessions; DELETE FROM kind_revocations;")?;
            self.ledger = Ledger { sessions: 0, sum: 0, ..self.ledger };
        }
        self.ledger.write(&transaction, &Seal::new(&self.key))?;
        transaction.commit()
    }
}

/// How many numbers a run claims at its start when sessions may be lost: more than it can issue.
pub(super) const NUMBERS_OF_A_RUN: u64 = 1 << 32;

/// When a change of a session counts as stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// It is answered after it is on the disk.
    #[default]
    Sync,
    /// A new session is answered first: at most 100 ms of them are lost in a power cut. Revocations always wait.
    Async,
    /// Sessions are in memory only.
    None,
}

pub(super) const DATABASE: &str = "tokenward.db";

/// The file that is there while a recovery takes the place of the database.
pub(super) const RECOVERING: &str = "recovering";

/// Whether there is a data folder at this path that has been used before.
pub fn holds_data(path: &Path) -> bool {
    path.join(DATABASE).exists()
}

pub(super) fn make(path: &Path) -> Result<(), FolderError> {
    if path.exists() && !path.is_dir() {
        return Err(FolderError::NotAFolder(path.to_owned()));
    }
    let new: Vec<_> =
        path.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|cause| unusable(path, cause))?;
    new.into_iter().try_for_each(sync_name)
}

/// Makes the name of a file or folder last: syncing what is in it does not do that.
pub(super) fn sync_name(path: &Path) -> Result<(), FolderError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // Who may write to a folder need not be able to read it, and without reading it cannot be synced.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        outcome => outcome.map_err(|cause| unusable(folder, cause)),
    }
}

pub(super) fn lock(folder: &Path) -> Result<File, FolderError> {
    let path = folder.join("lock");
    let file = create(&path)?;
    match file.try_lock() {
        Ok(()) => {
            note_holder(&file);
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let holder = io::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok());
            Err(FolderError::InUse { folder: folder.to_owned(), holder })
        }
        Err(TryLockError::Error(cause)) => Err(unusable(&path, cause)),
    }
}

/// Writes down who holds the lock. It helps whoever finds the folder in use, and a full disk must not prevent a start.
fn note_holder(mut file: &File) {
    let noted = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
    if let Err(error) = noted {
        tracing::debug!(%error, "the number of this process cannot be written into the lock");
    }
}

/// A folder that the server's user owns must not be filled with files of root, which the server could not open. Other
/// users may have a folder by its group, as in a container.
fn look_at_owner(path: &Path) -> Result<(), FolderError> {
    let owner = path.metadata().map_err(|cause| unusable(path, cause))?.uid();
    warn_of_others(path);
    if rustix::process::geteuid().is_root() && owner != 0 && !path.join(DATABASE).exists() {
        return Err(FolderError::Foreign { path: path.to_owned(), owner });
    }
    Ok(())
}

/// Says when others than the owner may use what is here: who may read it knows the key, who may write it commands the
/// server.
pub(super) fn warn_of_others(path: &Path) {
    let Ok(mode) = path.metadata().map(|found| found.mode() & 0o777) else { return };
    if mode & 0o077 != 0 {
        tracing::warn!(
            path = %path.display(),
            mode = format!("{mode:o}"),
            "others than the owner may use this: take their rights away with chmod go="
        );
    }
}

pub(super) fn create(path: &Path) -> Result<File, FolderError> {
    own_file().create(true).open(path).map_err(|cause| unusable(path, cause))
}

pub(super) fn create_new(path: &Path) -> io::Result<File> {
    own_file().create_new(true).open(path)
}

/// A file that nobody but its owner may read.
pub(super) fn own_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.truncate(false).read(true).write(true).mode(0o600);
    options
}

pub(super) fn unusable(path: &Path, cause: io::Error) -> FolderError {
    FolderError::Unusable { path: path.to_owned(), cause }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn home() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn nobody_begins_the_empty_folder_of_somebody_else() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("data");
        make(&folder).unwrap();
        let nobody = 65_534;
        if std::os::unix::fs::chown(&folder, Some(nobody), None).is_err() {
            // Only root can give a folder away, so nobody else can come into this.
            return;
        }
        let refused = DataFolder::open(&folder).map(drop).unwrap_err();
        assert!(matches!(refused, FolderError::Foreign { owner: 65_534, .. }), "{refused}");
        assert_eq!(folder.read_dir().unwrap().count(), 0, "nothing was left there");
    }

    #[test]
    fn only_the_owner_reads_a_fresh_folder() {
        let home = home();
        let path = home.path().join("new/data");
        let folder = DataFolder::open(&path).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert!(folder.is_fresh());
        assert_eq!(mode(&path), 0o700);
        assert_eq!(mode(&folder.database()), 0o600);
    }

    #[test]
    fn a_second_server_on_the_same_folder_is_refused() {
        let home = home();
        let first = DataFolder::open(home.path()).unwrap();
        let refused = DataFolder::open(home.path()).unwrap_err();
        let this = Some(std::process::id());
        assert!(matches!(refused, FolderError::InUse { holder, .. } if holder == this));
        assert!(refused.to_string().contains("in use by another tokenward"), "{refused}");
        drop(first);
        DataFolder::open(home.path()).unwrap();
    }

    #[test]
    fn numbers_of_a_run_that_may_lose_sessions_are_not_given_away_again() {
        let home = home();
        let number = |durability| DataFolder::open(home.path()).unwrap().first_session(durability).unwrap().0;
        assert_eq!(number(Durability::Sync), 1);
        assert_eq!(number(Durability::Async), 1);
        assert_eq!(number(Durability::None), 1 + NUMBERS_OF_A_RUN);
        assert_eq!(number(Durability::Sync), 1 + 2 * NUMBERS_OF_A_RUN);
    }

    #[test]
    fn a_path_that_is_no_folder_is_refused() {
        let home = home();
        let path = home.path().join("file");
        fs::write(&path, "").unwrap();
        assert!(matches!(DataFolder::open(&path), Err(FolderError::NotAFolder(_))));
    }
}
