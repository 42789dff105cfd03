//! A consistent copy of the file while the server runs, and what a start from such a copy has to ask.
//!
//! An old copy knows nothing of what was revoked since, so a copy carries a note. A folder with the note is not opened
//! before somebody has said what is to become of its sessions.

use std::fs::{self, File};
use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::audit::{Event, Line, Origin};
use crate::clock::UnixSeconds;
use crate::session::{SessionId, UserType};
use crate::store::folder::{self, DATABASE, FolderError, NUMBERS_OF_A_RUN};
use crate::store::ledger::{self, Seal};
use crate::store::sessions::Books;
use crate::store::{DataFolder, audit, connection, jwts};

/// The key in `meta` of the note: when the copy was made, in Unix seconds, as text.
const NOTE: &str = "backup_of";

/// Copies the file of `folder` to `to`, which must not be there yet. It may take a while, and may block.
///
/// # Errors
/// [`FolderError`]; nothing is at `to` then.
pub fn back_up(database: &Path, to: &Path, now: UnixSeconds) -> Result<(), FolderError> {
    let refused = |cause| FolderError::CopyRefused { path: to.to_owned(), cause };
    drop(folder::create_new(to).map_err(refused)?);
    let unreadable = |cause| FolderError::Unreadable { path: to.to_owned(), cause };
    let copied = copy(database, to, now).map_err(unreadable);
    let synced = copied
        .and_then(|()| File::open(to).and_then(|file| file.sync_all()).map_err(refused))
        .and_then(|()| folder::sync_name(to));
    if synced.is_err() {
        drop(fs::remove_file(to));
    }
    synced
}

fn copy(database: &Path, to: &Path, now: UnixSeconds) -> rusqlite::Result<()> {
    let path = to.to_str().ok_or_else(|| rusqlite::Error::InvalidPath(to.to_owned()))?;
    connection::reading(database)?.execute("VACUUM INTO ?1", [path])?;
    ledger::set_meta(&Connection::open(to)?, NOTE, now.get().to_string().as_bytes())
}

/// When the copy was made that this file was started from; `None` when it is no copy, or one that was accepted.
pub(super) fn note(connection: &Connection) -> rusqlite::Result<Option<UnixSeconds>> {
    let note = ledger::meta(connection, NOTE)?;
    Ok(note.map(|text| UnixSeconds(String::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(0))))
}

/// Accepts a folder that was restored from a copy; from then on it is like any other. All its sessions end, and all JWTs
/// that were issued until `now`, unless they are kept: then a token that was revoked after the copy was made is good
/// again. False when it was no restored folder. The audit trail learns of it, at `now`, and that `origin` asked for it.
///
/// # Errors
/// [`FolderError`]: nothing was accepted.
pub fn accept_restored(
    path: &Path,
    keep_sessions: bool,
    now: UnixSeconds,
    origin: Origin,
) -> Result<bool, FolderError> {
    let folder = DataFolder::open_restored(path, &|_| {})?;
    let database = path.join(DATABASE);
    let told = |made_at| Line::new(now, Event::RestoredAccepted { made_at, sessions_kept: keep_sessions }, origin);
    accept(&database, &Seal::new(folder.digest_key()), keep_sessions, now, told)
        .map_err(|cause| FolderError::Unreadable { path: database, cause })
}

fn accept(
    database: &Path,
    seal: &Seal,
    sessions_kept: bool,
    now: UnixSeconds,
    told: impl FnOnce(UnixSeconds) -> Line,
) -> rusqlite::Result<bool> {
    let mut connection = connection::writing(database)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let Some(made_at) = note(&transaction)? else { return Ok(false) };
    let mut books = Books::open(&transaction, seal.clone())?;
    if !sessions_kept {
        let through = SessionId(books.ledger.last);
        for kind in UserType::ALL {
            books.end_kind(&transaction, kind, through)?;
        }
        jwts::revoke_everything(&transaction, seal, now)?;
    }
    // Numbers that were given out after the copy was made must not come again.
    books.ledger.last += NUMBERS_OF_A_RUN;
    books.ledger.write(&transaction, seal)?;
    books.append_line(&transaction, &told(made_at), &[])?;
    audit::write_head(&transaction, &seal.chain, books.head)?;
    transaction.execute("DELETE FROM meta WHERE key = ?1", [NOTE])?;
    transaction.commit()?;
    Ok(true)
}
