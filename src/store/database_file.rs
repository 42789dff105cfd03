//! `tokenward.db` when a folder is opened: made, checked, and brought up to date.
//!
//! It knows neither the folder's lock nor whose the folder is: whoever calls it has the folder to itself. What always
//! holds: a file that is there is ours and whole; one that is damaged, empty or newer than this program is refused, and
//! nothing is served from it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use crate::clock::UnixSeconds;
use crate::store::folder::{FolderError, INITIALISED, create, own_file, sync_name, unusable, warn_of_others};
use crate::store::ledger::{self, Ledger, Seal};
use crate::store::log::{self, Log};
use crate::store::{audit, backup, connection, schema};
use crate::token::DigestKey;

/// What a file holds that is up to date.
pub(super) struct Prepared {
    pub(super) fresh: bool,
    pub(super) key: DigestKey,
    pub(super) ledger: Ledger,
    pub(super) restored: Option<UnixSeconds>,
}

/// Brings the file up to date.
pub(super) fn prepare(path: &Path, tell: &dyn Fn(&'static str)) -> Result<Prepared, FolderError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::DataFolder;
    use crate::store::folder::DATABASE;

    fn home() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
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
}
