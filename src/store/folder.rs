//! The folder itself: made, locked, and its file brought up to date.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};
use thiserror::Error;

use crate::clock::UnixSeconds;
use crate::session::SessionId;
use crate::store::ledger::{self, Ledger, Seal};
use crate::store::log::{self, Log};
use crate::store::{audit, backup, belonging, connection, schema};
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

/// What a file holds that is up to date.
struct Prepared {
    fresh: bool,
    key: DigestKey,
    ledger: Ledger,
    restored: Option<UnixSeconds>,
}

/// Brings the file up to date.
fn prepare(path: &Path, tell: &dyn Fn(&'static str)) -> Result<Prepared, FolderError> {
    // SQLite gives its other files the mode of this one, so nobody but us reads any of them.
    if path.exists() {
        // SQLite would not say why it cannot open the file.
        let file = own_file().open(path).map_err(|cause| unusable(path, cause))?;
        warn_of_others(path);
        if file.metadata().map_err(|cause| unusable(path, cause))?.len() == 0 {
            return Err(FolderError::Empty(path.to_owned()));
        }
    } else {
        found(path)?;
    }
    tell("reading the log of the database file");
    let log = inspect_log(path)?;
    let unreadable = |cause| FolderError::Unreadable { path: path.to_owned(), cause };
    let mut connection = connection::writing(path).map_err(unreadable)?;
    tell("checking the database file");
    check(&connection, path, &log)?;
    tell("bringing the database file up to date");
    connection::settle(&connection).map_err(unreadable)?;
    let found = schema::version(&connection).map_err(unreadable)?;
    let version = usize::try_from(found).unwrap_or(usize::MAX);
    if version > schema::NEWEST && !is_understood(&connection).map_err(unreadable)? {
        return Err(FolderError::Newer { path: path.to_owned(), found, known: schema::NEWEST });
    }
    if version < schema::NEWEST {
        schema::migrate(&mut connection, version).map_err(unreadable)?;
    }
    tell("verifying accounts and settings");
    let key = ledger::digest_key(&connection).map_err(unreadable)?;
    let seal = Seal::new(&key);
    let ledger = Ledger::read(&connection, &seal).map_err(unreadable)?;
    audit::read_head(&connection, &seal.chain).map_err(unreadable)?;
    if let Some(problem) = seal.tables.verify(&connection).map_err(unreadable)? {
        return Err(FolderError::Damaged { path: path.to_owned(), problem });
    }
    seal.tables.fill_in(&connection).and_then(|()| seal.rows.fill_in(&mut connection)).map_err(unreadable)?;
    // Sessions are issued, and starts told of, after everything else is there, so a row that damage took away does not
    // make a folder fresh.
    let fresh = ledger.latest == UnixSeconds(0) && !is_initialised(&connection).map_err(unreadable)?;
    let restored = backup::note(&connection).map_err(unreadable)?;
    Ok(Prepared { fresh, key, ledger, restored })
}

/// Makes the file under another name and gives it its own when it is whole: one that is empty is none of ours then,
/// whatever happens in between.
fn found(path: &Path) -> Result<(), FolderError> {
    let new = path.with_extension("new");
    let named = |suffix: &str| PathBuf::from(format!("{}{suffix}", new.display()));
    for left in ["", "-wal", "-shm", "-journal"].map(named) {
        match fs::remove_file(&left) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unusable(&left, error)),
            Ok(()) | Err(_) => {}
        }
    }
    let file = create(&new)?;
    let made = || {
        let mut connection = connection::writing(&new)?;
        schema::migrate(&mut connection, 0)?;
        connection::settle(&connection)
    };
    made().map_err(|cause| FolderError::Unreadable { path: new.clone(), cause })?;
    file.sync_all().and_then(|()| fs::rename(&new, path)).map_err(|cause| unusable(path, cause))?;
    sync_name(path)
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
fn warn_of_others(path: &Path) {
    let Ok(mode) = path.metadata().map(|found| found.mode() & 0o777) else { return };
    if mode & 0o077 != 0 {
        tracing::warn!(
            path = %path.display(),
            mode = format!("{mode:o}"),
            "others than the owner may use this: take their rights away with chmod go="
        );
    }
}

fn inspect_log(database: &Path) -> Result<Log, FolderError> {
    let path = log::path_of(database);
    let log = log::inspect(database).map_err(|cause| unusable(&path, cause))?;
    match log.damaged_at {
        Some(at) => Err(FolderError::DamagedLog { path, at }),
        None => Ok(log),
    }
}

/// How long SQLite's own check may take after a stop that was not clean, and after a clean one.
const CHECK: [Duration; 2] = [Duration::from_secs(5), Duration::from_millis(100)];

/// SQLite's own check; what it has not reached in time stays unchecked, and the log says so.
fn check(connection: &Connection, path: &Path, log: &Log) -> Result<(), FolderError> {
    let limit = CHECK[usize::from(!log.is_used)];
    match connection::check(connection, limit) {
        Ok(Some(problem)) => Err(FolderError::Damaged { path: path.to_owned(), problem }),
        Ok(None) => Ok(()),
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) => {
            tracing::info!(file = %path.display(), ?limit, "the check of the file was not finished in time");
            Ok(())
        }
        Err(cause) => Err(FolderError::Unreadable { path: path.to_owned(), cause }),
    }
}

/// Whether a newer program has left the file so that this one can still use it.
fn is_understood(connection: &Connection) -> rusqlite::Result<bool> {
    let oldest = schema::oldest_program(connection)?;
    Ok(oldest.is_some_and(|oldest| oldest <= schema::NEWEST))
}

fn is_initialised(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(ledger::meta(connection, INITIALISED)?.is_some())
}

pub(super) fn create(path: &Path) -> Result<File, FolderError> {
    own_file().create(true).open(path).map_err(|cause| unusable(path, cause))
}

pub(super) fn create_new(path: &Path) -> io::Result<File> {
    own_file().create_new(true).open(path)
}

/// A file that nobody but its owner may read.
fn own_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.truncate(false).read(true).write(true).mode(0o600);
    options
}

pub(super) fn unusable(path: &Path, cause: io::Error) -> FolderError {
    FolderError::Unusable { path: path.to_owned(), cause }
}

#[cfg(test)]
mod tests {
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
    fn a_file_of_a_newer_version_is_refused_and_both_versions_are_named() {
        let home = home();
        let database = DataFolder::open(home.path()).unwrap().database();
        let file = Connection::open(database).unwrap();
        file.pragma_update(None, "user_version", 9001).unwrap();
        file.execute("UPDATE meta SET value = CAST('9000' AS BLOB) WHERE key = 'oldest_program'", ()).unwrap();
        let refused = DataFolder::open(home.path()).unwrap_err().to_string();
        assert!(refused.contains("9001") && refused.contains("up to version 3"), "{refused}");
    }

    #[test]
    fn a_file_of_a_newer_version_that_only_adds_is_opened_and_left_at_its_version() {
        let home = home();
        let database = DataFolder::open(home.path()).unwrap().database();
        let file = Connection::open(database).unwrap();
        let newer = i64::try_from(schema::NEWEST).unwrap() + 1;
        file.pragma_update(None, "user_version", newer).unwrap();
        file.execute_batch("ALTER TABLE roles ADD COLUMN added INTEGER").unwrap();
        DataFolder::open(home.path()).unwrap();
        assert_eq!(schema::version(&file).unwrap(), newer);
    }

    #[test]
    fn a_file_of_the_version_before_gets_its_key_and_keeps_what_it_has() {
        let home = home();
        drop(create(&home.path().join(DATABASE)).unwrap());
        let mut file = connection::writing(&home.path().join(DATABASE)).unwrap();
        schema::found_version(&mut file, 1);
        file.execute("INSERT INTO throttle VALUES (3, 'jane', 1, 2)", ()).unwrap();
        let key = DataFolder::open(home.path()).unwrap().digest_key().clone();
        let kept: u32 = file.query_row("SELECT count(*) FROM throttle", (), |row| row.get(0)).unwrap();
        assert_eq!(kept, 1);
        let again = DataFolder::open(home.path()).unwrap();
        assert_eq!(again.digest_key().expose(), key.expose());
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
    fn a_file_that_is_something_else_is_refused() {
        let home = home();
        fs::write(home.path().join(DATABASE), "something else altogether".repeat(100)).unwrap();
        let refused = DataFolder::open(home.path()).unwrap_err();
        assert!(matches!(refused, FolderError::Unreadable { .. }), "{refused}");
        assert!(refused.to_string().contains("Restore a backup, or save what is whole"), "{refused}");
    }

    #[test]
    fn a_file_that_was_cut_off_is_no_fresh_one() {
        let home = home();
        drop(DataFolder::open(home.path()).unwrap());
        fs::write(home.path().join(DATABASE), "").unwrap();
        let refused = DataFolder::open(home.path()).unwrap_err();
        assert!(matches!(refused, FolderError::Empty(_)), "{refused}");
        assert!(refused.to_string().contains("Restore a backup"), "{refused}");
        assert_eq!(fs::read(home.path().join(DATABASE)).unwrap(), b"", "it is left as it is");
    }

    #[test]
    fn a_start_that_was_cut_short_before_the_file_was_whole_is_repeated() {
        let home = home();
        for left in ["tokenward.new", "tokenward.new-wal"] {
            fs::write(home.path().join(left), "half").unwrap();
        }
        assert!(DataFolder::open(home.path()).unwrap().is_fresh());
        let mut names: Vec<_> = home.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["lock", DATABASE]);
    }

    #[test]
    fn a_path_that_is_no_folder_is_refused() {
        let home = home();
        let path = home.path().join("file");
        fs::write(&path, "").unwrap();
        assert!(matches!(DataFolder::open(&path), Err(FolderError::NotAFolder(_))));
    }
}
