//! The folder itself: made, locked, and its file brought up to date.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension};
use thiserror::Error;

use crate::store::{connection, schema};

/// The key in `meta` that says that a folder has got what it starts with.
pub(super) const INITIALISED: &str = "initialised";

/// Why a data folder cannot be used.
#[derive(Debug, Error)]
pub enum FolderError {
    /// Somebody else holds its lock.
    #[error("the data folder {0} is in use by another tokenward: one folder belongs to one server")]
    InUse(PathBuf),
    /// Something in it cannot be made, opened or locked.
    #[error("the data folder cannot be used: {path}: {cause}")]
    Unusable {
        /// What.
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
    /// The file is damaged, or not ours.
    #[error("{path} cannot be read as tokenward's data: {cause}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        cause: rusqlite::Error,
    },
}

/// A data folder that belongs to this process as long as the value lives.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    fresh: bool,
    /// Closing it gives the lock back.
    _lock: File,
}

impl DataFolder {
    /// Opens the folder, or makes it (mode 0700), locks it, and brings `tokenward.db` up to date.
    ///
    /// # Errors
    /// Any [`FolderError`]. Nothing was changed then, except that folder and empty files may be there.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        make(path)?;
        let lock = lock(path)?;
        let fresh = prepare(&path.join(DATABASE))?;
        Ok(Self { path: path.to_owned(), fresh, _lock: lock })
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
}

const DATABASE: &str = "tokenward.db";

fn make(path: &Path) -> Result<(), FolderError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|cause| unusable(path, cause))
}

fn lock(folder: &Path) -> Result<File, FolderError> {
    let path = folder.join("lock");
    let file = create(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(FolderError::InUse(folder.to_owned())),
        Err(TryLockError::Error(cause)) => Err(unusable(&path, cause)),
    }
}

/// Brings the file up to date and says whether it is still fresh.
fn prepare(path: &Path) -> Result<bool, FolderError> {
    // SQLite gives its other files the mode of this one, so nobody but us reads any of them.
    drop(create(path)?);
    let unreadable = |cause| FolderError::Unreadable { path: path.to_owned(), cause };
    let mut connection = connection::writing(path).map_err(unreadable)?;
    let found = schema::version(&connection).map_err(unreadable)?;
    let version = usize::try_from(found).unwrap_or(usize::MAX);
    if version > schema::NEWEST {
        return Err(FolderError::Newer { path: path.to_owned(), found, known: schema::NEWEST });
    }
    if version < schema::NEWEST {
        schema::migrate(&mut connection, version).map_err(unreadable)?;
    }
    is_fresh(&connection).map_err(unreadable)
}

fn is_fresh(connection: &Connection) -> rusqlite::Result<bool> {
    let row = connection.query_row("SELECT 1 FROM meta WHERE key = ?1", [INITIALISED], |_| Ok(())).optional()?;
    Ok(row.is_none())
}

fn create(path: &Path) -> Result<File, FolderError> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(|cause| unusable(path, cause))
}

fn unusable(path: &Path, cause: io::Error) -> FolderError {
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
    fn only_the_owner_reads_a_fresh_folder() {
        let home = home();
        let path = home.path().join("new/data");
        let folder = DataFolder::open(&path).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert!(folder.is_fresh());
        assert_eq!(mode(&path), 0o700);
        assert_eq!(mode(&folder.database()), 0o600);
    }

    #[test]
    fn a_second_server_on_the_same_folder_is_refused() {
        let home = home();
        let first = DataFolder::open(home.path()).unwrap();
        let refused = DataFolder::open(home.path()).unwrap_err();
        assert!(matches!(refused, FolderError::InUse(_)));
        assert!(refused.to_string().contains("in use by another tokenward"), "{refused}");
        drop(first);
        DataFolder::open(home.path()).unwrap();
    }

    #[test]
    fn a_file_of_a_newer_version_is_refused_and_both_versions_are_named() {
        let home = home();
        let database = DataFolder::open(home.path()).unwrap().database();
        Connection::open(database).unwrap().pragma_update(None, "user_version", 9001).unwrap();
        let refused = DataFolder::open(home.path()).unwrap_err().to_string();
        assert!(refused.contains("9001") && refused.contains("up to version 1"), "{refused}");
    }

    #[test]
    fn a_file_that_is_something_else_is_refused() {
        let home = home();
        std::fs::write(home.path().join(DATABASE), "something else altogether".repeat(100)).unwrap();
        let refused = DataFolder::open(home.path()).unwrap_err();
        assert!(matches!(refused, FolderError::Unreadable { .. }), "{refused}");
    }

    #[test]
    fn a_path_that_is_no_folder_is_refused() {
        let home = home();
        let path = home.path().join("file");
        std::fs::write(&path, "").unwrap();
        assert!(matches!(DataFolder::open(&path), Err(FolderError::Unusable { .. })));
    }
}
