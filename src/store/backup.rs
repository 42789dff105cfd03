//! A consistent copy of the file while the server runs, and what a start from such a copy has to ask.
//!
//! An old copy knows nothing of what was revoked since, so a copy carries a note. A folder with the note is not opened
//! before somebody has said what is to become of its sessions. The same is asked, and answered the same way, of a folder
//! whose users are of other accounts.

use std::fs::{self, File};
use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::audit::{Event, Line, Origin};
use crate::clock::UnixSeconds;
use crate::session::{SessionId, UserType};
use crate::store::folder::{self, DATABASE, FolderError, NUMBERS_OF_A_RUN};
use crate::store::ledger::{self, Seal};
use crate::store::sessions::Books;
use crate::store::{DataFolder, audit, belonging, connection, jwts};

/// The key in `meta` of the note: when the copy was made, in Unix seconds, as text.
const NOTE: &str = "backup_of";

/// What there was to accept of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It was restored from a copy.
    Copy,
    /// Its users are of other accounts.
    Accounts,
}

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

/// Accepts a folder that was restored from a copy, or whose users are of other accounts than `accounts`; from then on it
/// is like any other. All its sessions end, and all JWTs that were issued until `now`, unless they are kept: then a token
/// that was revoked after the copy was made is good again. Says what there was to accept. The audit trail learns of it, at
/// `now`, and that `origin` asked for it.
///
/// # Errors
/// [`FolderError`]: nothing was accepted.
pub fn accept_restored(
    path: &Path,
    accounts: &str,
    keep_sessions: bool,
    now: UnixSeconds,
    origin: Origin,
) -> Result<Option<Accepted>, FolderError> {
    let folder = DataFolder::open_restored(path, &|_| {})?;
    let database = path.join(DATABASE);
    accept(&database, &Seal::new(folder.digest_key()), accounts, keep_sessions, now, origin)
        .map_err(|cause| FolderError::Unreadable { path: database, cause })
}

fn accept(
    database: &Path,
    seal: &Seal,
    accounts: &str,
    sessions_kept: bool,
    now: UnixSeconds,
    origin: Origin,
) -> rusqlite::Result<Option<Accepted>> {
    let mut connection = connection::writing(database)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (copied, others) = (note(&transaction)?, belonging::others(&transaction, accounts)?);
    let accepted = match (copied, &others) {
        (Some(_), _) => Accepted::Copy,
        (None, Some(_)) => Accepted::Accounts,
        (None, None) => return Ok(None),
    };
    let mut books = Books::open(&transaction, seal.clone())?;
    if !sessions_kept {
        let through = SessionId(books.ledger.last);
        for kind in UserType::ALL {
            books.end_kind(&transaction, kind, through)?;
        }
        jwts::revoke_everything(&transaction, seal, now)?;
        if others.is_some() {
            belonging::forget_outbox(&transaction)?;
        }
    }
    // Numbers that were given out after the copy was made must not come again.
    books.ledger.last += NUMBERS_OF_A_RUN;
    books.ledger.write(&transaction, seal)?;
    let restored = copied.map(|made_at| Event::RestoredAccepted { made_at, sessions_kept });
    let moved = others.map(|from| Event::AccountsAccepted { from, to: accounts.to_owned(), sessions_kept });
    for event in restored.into_iter().chain(moved) {
        books.append_line(&transaction, &Line::new(now, event, origin), &[])?;
    }
    audit::write_head(&transaction, &seal.chain, books.head)?;
    transaction.execute("DELETE FROM meta WHERE key = ?1", [NOTE])?;
    belonging::settle(&transaction, accounts)?;
    transaction.commit()?;
    Ok(Some(accepted))
}
