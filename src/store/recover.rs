//! Saving what is whole of a damaged file.
//!
//! The damaged file is put aside, untouched, and its rows are copied into a new one as far as they can be read. Which
//! revocations were lost cannot be known, so all sessions end unless the operator decides otherwise.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::audit::{Event, Head, Line, Origin};
use crate::clock::UnixSeconds;
use crate::session::SessionId;
use crate::store::folder::{self, DATABASE, FolderError};
use crate::store::ledger::{self, Ledger, Seal};
use crate::store::{audit, connection, log, schema, sessions};

/// The tables that are copied row by row, each with what its rows are ordered by. Parents before children.
const TABLES: [(&str, &str); 8] = [
    ("websites", "id"),
    ("stores", "id"),
    ("roles", "id"),
    ("role_rules", "role, resource"),
    ("administrators", "id"),
    ("customers", "id"),
    ("throttle", "kind, name"),
    ("settings", "path, scope, scope_id"),
];

/// How far the numbers of sessions jump: further than any that may have been lost.
const NUMBERS_SKIPPED: u64 = 1 << 32;

/// What became of a damaged file. It prints as the report for the operator.
#[derive(Debug, Default)]
pub struct Recovery {
    /// Where the damaged file was put.
    pub aside: PathBuf,
    /// Each table, how many rows were saved, and whether some could not be read.
    pub tables: Vec<(&'static str, usize, bool)>,
    /// How many sessions were whole, and how many were not.
    pub sessions: (usize, usize),
    /// Whether the whole ones go on.
    pub sessions_kept: bool,
    /// How many commits of the log could still be read, and where it is damaged.
    pub log: (u64, Option<u64>),
    /// How many lines of the audit trail were saved, and whether the trail goes on from them.
    pub trail: (usize, bool),
}

/// Puts the file of this folder aside and a new one with everything that is whole in its place. No server may run on it.
///
/// # Errors
/// [`FolderError`]: the folder is as it was then, but for a copy of the file.
pub fn recover(path: &Path, keep_sessions: bool, now: UnixSeconds) -> Result<Recovery, FolderError> {
    folder::make(path)?;
    let _lock = folder::lock(path)?;
    let database = path.join(DATABASE);
    let aside = path.join(format!("damaged-{}", now.get()));
    let unreadable = |cause| FolderError::Unreadable { path: database.clone(), cause };
    let log = log::inspect(&database).map_err(|cause| folder::unusable(&database, cause))?;
    put_aside(&database, &aside).map_err(|cause| folder::unusable(&aside, cause))?;
    // SQLite empties the log when it opens a file, so it gets another copy.
    let work = tempfile::tempdir_in(path).map_err(|cause| folder::unusable(path, cause))?;
    put_aside(&database, work.path()).map_err(|cause| folder::unusable(work.path(), cause))?;
    let new = work.path().join("new.db");
    fs::File::create_new(&new).map_err(|cause| folder::unusable(&new, cause))?;
    let recovery = copy(&work.path().join(DATABASE), &new, keep_sessions, now).map_err(unreadable)?;
    replace(&new, &database).map_err(|cause| folder::unusable(&database, cause))?;
    Ok(Recovery { aside, log: (log.commits, log.damaged_at), sessions_kept: keep_sessions, ..recovery })
}

/// Copies the file and its log.
fn put_aside(database: &Path, folder: &Path) -> std::io::Result<()> {
    folder::make(folder).map_err(std::io::Error::other)?;
    let copy = folder.join(DATABASE);
    fs::copy(database, &copy)?;
    let log = log::path_of(database);
    if log.exists() {
        fs::copy(&log, log::path_of(&copy))?;
    }
    Ok(())
}

/// The new file is whole and on the disk before the old one goes, and the old one's log goes before it.
fn replace(new: &Path, database: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(new, fs::Permissions::from_mode(0o600))?;
    fs::File::open(new)?.sync_all()?;
    for suffix in ["-wal", "-shm"] {
        let mut name = database.as_os_str().to_owned();
        name.push(suffix);
        match fs::remove_file(PathBuf::from(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    fs::rename(new, database)?;
    fs::File::open(database.parent().unwrap_or(Path::new(".")))?.sync_all()
}

fn copy(from: &Path, to: &Path, keep_sessions: bool, now: UnixSeconds) -> rusqlite::Result<Recovery> {
    let old = connection::writing(from)?;
    let mut new = connection::writing(to)?;
    schema::migrate(&mut new, 0)?;
    new.pragma_update(None, "foreign_keys", false)?;
    new.execute_batch("BEGIN; DELETE FROM stores; DELETE FROM websites; DELETE FROM role_rules; DELETE FROM roles;")?;
    let mut recovery = Recovery::default();
    for (table, order) in TABLES {
        let (saved, broken) = copy_table(&old, &new, table, order)?;
        recovery.tables.push((table, saved, broken));
    }
    if let Ok(Some(initialised)) = ledger::meta(&old, folder::INITIALISED) {
        ledger::set_meta(&new, folder::INITIALISED, &initialised)?;
    }
    recovery.sessions = copy_sessions(&old, &new, keep_sessions)?;
    recovery.trail = copy_trail(&old, &new, keep_sessions, now)?;
    new.execute_batch("COMMIT")?;
    connection::put_away(new);
    Ok(recovery)
}

/// Copies the rows from the first one on as far as they can be read, then from the last one back. How many there are, and
/// whether some could not be read.
fn copy_table(old: &Connection, new: &Connection, table: &str, order: &str) -> rusqlite::Result<(usize, bool)> {
    let columns: Vec<String> = new
        .prepare(&format!("SELECT name FROM pragma_table_info('{table}')"))?
        .query_map((), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let places = vec!["?"; columns.len()].join(", ");
    let list = columns.join(", ");
    let mut insert = new.prepare(&format!("INSERT OR IGNORE INTO {table} ({list}) VALUES ({places})"))?;
    let backwards = order.split(", ").map(|column| format!("{column} DESC")).collect::<Vec<_>>().join(", ");
    let (mut saved, mut broken) = (0, false);
    for order in [order, &backwards] {
        let question = format!("SELECT {list} FROM {table} ORDER BY {order}");
        let ended = each_row(old, &question, columns.len(), |values| {
            // A row that breaks a rule of the table is damaged, too.
            saved += insert.execute(params_from_iter(values)).unwrap_or(0);
        });
        if ended.is_ok() {
            break;
        }
        broken = true;
    }
    Ok((saved, broken))
}

fn each_row(from: &Connection, question: &str, width: usize, mut row: impl FnMut(Vec<Value>)) -> rusqlite::Result<()> {
    let mut statement = from.prepare(question)?;
    let mut rows = statement.query(())?;
    while let Some(next) = rows.next()? {
        row((0..width).map(|column| next.get(column)).collect::<rusqlite::Result<_>>()?);
    }
    Ok(())
}

/// Keeps the key, so that tokens stay what they are, and the whole sessions when they are wanted. How many are whole, and
/// how many are not.
fn copy_sessions(old: &Connection, new: &Connection, keep: bool) -> rusqlite::Result<(usize, usize)> {
    let Ok(key) = ledger::digest_key(old) else {
        // A fresh key: no token of before is known any more.
        return Ok((0, count(old)));
    };
    let seal = Seal::new(&key);
    ledger::set_meta(new, ledger::DIGEST_KEY, key.expose())?;
    let mut whole = Vec::new();
    let mut last = Ledger::read(old, &seal).map_or(0, |ledger| ledger.last);
    for order in ["id", "id DESC"] {
        if each_session(old, order, |session, checksum| {
            if seal.session(&session) == checksum {
                last = last.max(session.id.0);
                whole.push(session);
            }
        })
        .is_ok()
        {
            break;
        }
    }
    whole.sort_unstable_by_key(|session| session.id);
    whole.dedup_by_key(|session| session.id);
    let mut books =
        sessions::Books { seal: seal.clone(), ledger: Ledger { last, ..Ledger::default() }, head: Head::default() };
    if keep {
        let kinds = kind_revocations(old, &seal);
        let revoked = |id: SessionId, kind| kinds.iter().any(|&(ended, through)| ended == kind && id <= through);
        for session in whole.iter().filter(|session| !revoked(session.id, session.subject.kind)) {
            books.append(new, session)?;
        }
    }
    books.ledger.last += NUMBERS_SKIPPED;
    books.ledger.write(new, &seal)?;
    Ok((whole.len(), count(old).saturating_sub(whole.len())))
}

/// Copies the audit trail, and adds a line that says so. Lines that are lost show for as long as those around them are
/// kept: nobody can tell whether it was damage that took them. When its head is lost, or the key that it was written
/// under, a new trail begins, and the old lines stay in the file that was put aside.
fn copy_trail(old: &Connection, new: &Connection, keep: bool, now: UnixSeconds) -> rusqlite::Result<(usize, bool)> {
    let seal = Seal::new(&ledger::digest_key(new)?);
    let goes_on = audit::read_head(old, &seal.chain);
    let mut saved = 0;
    if goes_on.is_ok() {
        for (table, order) in [("audit_lines", "number"), ("audit_keys", "account"), ("audit_names", "id")] {
            let (rows, _) = copy_table(old, new, table, order)?;
            saved += if table == "audit_lines" { rows } else { 0 };
        }
    }
    if let Ok(head) = &goes_on {
        // What a damaged page brings back behind the end must not stand in the way.
        saved -= new.execute("DELETE FROM audit_lines WHERE number > ?1", [head.last.cast_signed()])?;
    }
    let mut books =
        sessions::Books { ledger: Ledger::default(), head: goes_on.as_ref().copied().unwrap_or_default(), seal };
    books.append_line(new, &Line::new(now, Event::Recovered { sessions_kept: keep }, Origin::SERVER), &[])?;
    audit::write_head(new, &books.seal.chain, books.head)?;
    Ok((saved, goes_on.is_ok()))
}

fn each_session(
    from: &Connection,
    order: &str,
    mut session: impl FnMut(sessions::StoredSession, i64),
) -> rusqlite::Result<()> {
    let mut statement = from.prepare(&format!("{} ORDER BY {order}", sessions::SELECT))?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        if let Ok((read, checksum)) = sessions::read(row) {
            session(read, checksum);
        }
    }
    Ok(())
}

/// The revocations of whole kinds that are whole themselves.
fn kind_revocations(from: &Connection, seal: &Seal) -> Vec<(crate::session::UserType, SessionId)> {
    let mut found = Vec::new();
    for kind in crate::session::UserType::ALL {
        let question = "SELECT through, checksum FROM kind_revocations WHERE kind = ?1";
        let row = from.query_row(question, [kind.number()], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
        if let Ok((through, checksum)) = row {
            let through = SessionId(through.cast_unsigned());
            if seal.kind_revocation(kind, through) == checksum {
                found.push((kind, through));
            }
        }
    }
    found
}

fn count(sessions: &Connection) -> usize {
    let counted: rusqlite::Result<u32> = sessions.query_row("SELECT count(*) FROM sessions", (), |row| row.get(0));
    counted.map_or(0, |counted| counted as usize)
}

impl fmt::Display for Recovery {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "The damaged file is kept in {}.", self.aside.display())?;
        let (commits, damage) = self.log;
        if let Some(at) = damage {
            writeln!(
                formatter,
                "Its log is damaged at byte {at}: {commits} commits before that were saved, and what was changed after \
                 them is lost."
            )?;
        }
        for (table, saved, broken) in &self.tables {
            let rest = if *broken { ", others could not be read" } else { "" };
            writeln!(formatter, "{table}: {saved} rows saved{rest}")?;
        }
        let (whole, lost) = self.sessions;
        writeln!(formatter, "sessions: {whole} whole, {lost} damaged")?;
        let (lines, goes_on) = self.trail;
        let rest = if goes_on {
            "`audit verify` names those that are lost"
        } else {
            "its end is lost, so a new trail begins, and the damaged file holds the old one"
        };
        writeln!(formatter, "audit trail: {lines} lines saved; {rest}")?;
        if self.sessions_kept {
            formatter.write_str("The whole sessions go on; a revocation that was lost does not hold any more.")
        } else {
            formatter
                .write_str("All sessions have ended, because a revocation may have been lost: everybody signs in anew.")
        }
    }
}
