//! How the file is opened.

use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

/// How long SQLite waits for somebody else's lock on the file. Shorter than anybody waits for an answer, so that
/// everything that is queued hears "unavailable" in time.
const BUSY: Duration = Duration::from_secs(1);

/// How large the log may stay after a checkpoint; a load of a million customers makes it grow beyond for a while.
const LOG_BYTES: i64 = 64 * 1024 * 1024;

/// The connection that writes. The file has to be there: a vanished folder must not silently become an empty one.
pub(super) fn writing(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What is deleted, and what is left of a row that moves to another page, is overwritten: names stand in clear in some
    // tables, and a key of the audit trail that is to be destroyed must not have a copy that nobody knows of.
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES, |_| Ok(()))?;
    Ok(connection)
}

/// Asks SQLite what is wrong with the structure of the file: the first problem, if there is any. It is interrupted after
/// `limit`.
pub(super) fn check(connection: &Connection, limit: Duration) -> rusqlite::Result<Option<String>> {
    let handle = connection.get_interrupt_handle();
    let (done, waiting) = mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        if waiting.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            handle.interrupt();
        }
    });
    let answer = connection.query_row("PRAGMA quick_check(1)", (), |row| row.get::<_, String>(0));
    drop(done);
    // It has nothing to say, and ends at once.
    drop(watch.join());
    answer.map(|answer| (answer != "ok").then_some(answer))
}

/// Brings everything that the log holds into the file itself, and begins the log anew.
///
/// To be done before anything is written to a file that somebody else left behind or whose last commit failed. A system
/// that could not sync a file may hold its content for written from then on: it shows it to whoever reads, and reports the
/// next sync as good, but the content is not on the disk. So the log may hold commits that were never acknowledged, that
/// SQLite finds whole, and that a power cut takes away together with everything behind them. A checkpoint writes their
/// pages anew, to another file, and syncs that. It also removes what failed commits left, which a later start could take
/// for damage.
///
/// Fails when that is not possible at the moment, also when somebody reads for longer than SQLite waits.
pub(super) fn settle(connection: &Connection) -> rusqlite::Result<()> {
    let is_busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get(0))?;
    if is_busy {
        let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
        return Err(rusqlite::Error::SqliteFailure(busy, Some("the log is in use".to_owned())));
    }
    Ok(())
}

/// Closes the connection that writes after a last checkpoint, so that the log is empty: that is what a clean stop looks
/// like. Somebody who reads at the moment only keeps the next start from seeing that it was clean.
pub(super) fn put_away(connection: Connection) {
    if let Err(error) = settle(&connection) {
        tracing::warn!(%error, "the log of the store cannot be emptied; nothing is lost by that");
    }
    drop(connection);
}

/// A connection that only reads.
pub(super) fn reading(path: &Path) -> rusqlite::Result<Connection> {
    open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn open(path: &Path, mode: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}
