//! Saving what is whole of a damaged file.
//!
//! The damaged file is put aside, untouched, and its rows are copied into a new one as far as they can be read. Which
//! revocations were lost cannot be known, so all sessions end unless the operator decides otherwise.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};

use crate::audit::{Event, Head, Line, Origin};
use crate::clock::UnixSeconds;
use crate::session::SessionId;
use crate::store::folder::{self, DATABASE, FolderError};
use crate::store::ledger::{self, Ledger, Seal};
use crate::store::{DataFolder, Loader, SealedTable, audit, belonging, connection, jwts, log, schema, sessions};

/// The tables that are copied row by row, each with what its rows are ordered by. Parents before children.
const TABLES: [(&str, &str); 12] = [
    ("websites", "id"),
    ("stores", "id"),
    ("roles", "id"),
    ("role_rules", "role, resource"),
    ("administrators", "id"),
    ("second_factors", "administrator"),
    ("used_codes", "administrator"),
    ("customers", "id"),
    ("throttle", "kind, name"),
    ("settings", "path, scope, scope_id"),
    ("shop_outbox", "number"),
    ("shop_mirror", "row"),
];

/// How far the numbers of sessions jump: further than any that may have been lost.
const NUMBERS_SKIPPED: u64 = 1 << 32;

/// What became of a damaged file. It prints as the report for the operator.
#[derive(Debug, Default)]
pub struct Recovery {
    /// Where the damaged file was put.
    pub aside: PathBuf,
    /// Each table, and what was saved of it.
    pub tables: Vec<(&'static str, Saved)>,
    /// How many sessions were whole, and how many were not.
    pub sessions: (usize, usize),
    /// Whether the whole ones go on.
    pub sessions_kept: bool,
    /// How many commits of the log could still be read, and where it is damaged.
    pub log: (u64, Option<u64>),
    /// How many lines of the audit trail were saved, and whether the trail goes on from them.
    pub trail: (usize, bool),
}

/// What was saved of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// How many rows are in the new file.
    pub rows: usize,
    /// How many could be read, and were left out because they do not match their checksum.
    pub damaged: usize,
    /// Whether some could not be read.
    pub broken: bool,
    /// Whether the table as a whole does not match its checksum: a row may be wrong or missing.
    pub unsure: bool,
}

/// What is to be done with a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecoverOptions {
    /// The sessions that are whole go on.
    pub keep_sessions: bool,
    /// Also when nothing is damaged.
    pub force: bool,
}

/// Puts the file of this folder aside and a new one with everything that is whole in its place. No server may run on it.
/// The audit trail says that `origin` asked for it. A file that is not damaged is left alone, unless it is `force`d.
///
/// # Errors
/// [`FolderError::Undamaged`], and any other [`FolderError`]: the folder is as it was then, but for a copy of the file.
pub fn recover(
    path: &Path,
    RecoverOptions { keep_sessions, force }: RecoverOptions,
    now: UnixSeconds,
    origin: Origin,
) -> Result<Recovery, FolderError> {
    folder::make(path)?;
    let _lock = folder::lock(path)?;
    let database = path.join(DATABASE);
    let aside = unused(path.join(format!("damaged-{}", now.get())));
    let unreadable = |cause| FolderError::Unreadable { path: database.clone(), cause };
    let log = log::inspect(&database).map_err(|cause| folder::unusable(&database, cause))?;
    put_aside(&database, &aside).map_err(|cause| folder::unusable(&aside, cause))?;
    // SQLite empties the log when it opens a file, so it gets another copy.
    let work = tempfile::tempdir_in(path).map_err(|cause| folder::unusable(path, cause))?;
    put_aside(&database, work.path()).map_err(|cause| folder::unusable(work.path(), cause))?;
    let trial = work.path().join("trial");
    put_aside(&database, &trial).map_err(|cause| folder::unusable(&trial, cause))?;
    let starts = !path.join(folder::RECOVERING).exists() && would_start(&trial);
    let new = work.path().join("new.db");
    fs::File::create_new(&new).map_err(|cause| folder::unusable(&new, cause))?;
    let told = Line::new(now, Event::Recovered { sessions_kept: keep_sessions }, origin);
    let recovery = copy(&work.path().join(DATABASE), &new, keep_sessions, &told).map_err(unreadable)?;
    if starts && !force && recovery.lost_nothing() {
        fs::remove_dir_all(&aside).map_err(|cause| folder::unusable(&aside, cause))?;
        return Err(FolderError::Undamaged(path.to_owned()));
    }
    replace(&new, &database, &aside).map_err(|cause| folder::unusable(&database, cause))?;
    Ok(Recovery { aside, log: (log.commits, log.damaged_at), sessions_kept: keep_sessions, ..recovery })
}

/// Whether a server would start on this copy of a folder, and find all its sessions whole.
fn would_start(trial: &Path) -> bool {
    let Ok(folder) = DataFolder::open_restored(trial, &|_| {}) else { return false };
    Loader::new(&folder).run(|_| false, |_| true).is_ok()
}

impl Recovery {
    /// Whether every row that there was is in the new file.
    fn lost_nothing(&self) -> bool {
        let is_whole = |saved: &Saved| saved.damaged == 0 && !saved.broken && !saved.unsure;
        self.tables.iter().all(|(_, saved)| is_whole(saved)) && self.sessions.1 == 0 && self.trail.1
    }
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

/// The new file and the copy of the old one are on the disk before the old one goes, and the old one's log goes before it.
/// In between there is a file without its log, which is whole but older: a mark keeps everybody from starting on that.
fn replace(new: &Path, database: &Path, aside: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(new, fs::Permissions::from_mode(0o600))?;
    fs::File::open(new)?.sync_all()?;
    for copy in fs::read_dir(aside)? {
        fs::File::open(copy?.path())?.sync_all()?;
    }
    fs::File::open(aside)?.sync_all()?;
    let folder = database.parent().unwrap_or(Path::new("."));
    let mark = folder.join(folder::RECOVERING);
    fs::write(&mark, "")?;
    fs::File::open(folder)?.sync_all()?;
    for suffix in ["-wal", "-shm"] {
        let mut name = database.as_os_str().to_owned();
        name.push(suffix);
        match fs::remove_file(PathBuf::from(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    fs::rename(new, database)?;
    fs::File::open(folder)?.sync_all()?;
    fs::remove_file(mark)?;
    fs::File::open(folder)?.sync_all()
}

/// A path at which nothing is yet: this one, or this one with a number.
fn unused(path: PathBuf) -> PathBuf {
    let numbered = |number: u32| PathBuf::from(format!("{}-{number}", path.display()));
    if path.exists() { (2..1000).map(numbered).find(|path| !path.exists()).unwrap_or(path) } else { path }
}

fn copy(from: &Path, to: &Path, keep_sessions: bool, told: &Line) -> rusqlite::Result<Recovery> {
    let old = connection::writing(from)?;
    let mut new = connection::writing(to)?;
    schema::migrate(&mut new, 0)?;
    new.pragma_update(None, "foreign_keys", false)?;
    new.execute_batch("BEGIN; DELETE FROM stores; DELETE FROM websites; DELETE FROM role_rules; DELETE FROM roles;")?;
    let mut recovery = Recovery::default();
    let seal = ledger::digest_key(&old).ok().map(|key| Seal::new(&key));
    for (table, order) in TABLES.into_iter().filter(|(table, _)| !is_missing(&old, table)) {
        let mut saved = copy_table(&old, &new, (table, order), seal.as_ref())?;
        saved.unsure = seal.as_ref().is_some_and(|seal| !seal.tables.is_whole(&old, table));
        recovery.tables.push((table, saved));
    }
    for key in [folder::INITIALISED, belonging::ACCOUNTS] {
        if let Ok(Some(value)) = ledger::meta(&old, key) {
            ledger::set_meta(&new, key, &value)?;
        }
    }
    recovery.sessions = copy_sessions(&old, &new, keep_sessions)?;
    copy_jwts(&old, &new, (!keep_sessions).then_some(told.at))?;
    recovery.trail = copy_trail(&old, &new, told)?;
    new.execute_batch("COMMIT")?;
    connection::put_away(new);
    Ok(recovery)
}

/// Whether an older version wrote the file, which does not have this table yet. Not when that cannot be read.
fn is_missing(old: &Connection, table: &str) -> bool {
    old.table_exists(None, table).is_ok_and(|there| !there)
}

/// Copies the rows from the first one on as far as they can be read, then from the last one back. Rows that do not match
/// their checksum are left out; the others get a new one at the next start.
fn copy_table(
    old: &Connection,
    new: &Connection,
    (table, order): (&str, &str),
    seal: Option<&Seal>,
) -> rusqlite::Result<Saved> {
    let had = columns(old, table)?;
    let mut columns = columns(new, table)?;
    columns.retain(|column| column != "checksum" && had.contains(column));
    let places = vec!["?"; columns.len()].join(", ");
    let list = columns.join(", ");
    let mut insert = new.prepare(&format!("INSERT OR IGNORE INTO {table} ({list}) VALUES ({places})"))?;
    let sealed = SealedTable::named(table).filter(|_| had.iter().any(|column| column == "checksum"));
    let is_whole = |row: &Row<'_>| match (sealed, seal) {
        (Some(table), Some(seal)) => seal.rows.verify(table, row).is_ok() || is_unsealed(row),
        _ => true,
    };
    let backwards = order.split(", ").map(|column| format!("{column} DESC")).collect::<Vec<_>>().join(", ");
    let mut saved = Saved::default();
    for order in [order, &backwards] {
        let mut damaged = 0;
        let ended = each_row(old, &format!("SELECT * FROM {table} ORDER BY {order}"), |row| {
            if !is_whole(row) {
                damaged += 1;
                return Ok(());
            }
            let values: Vec<Value> = columns.iter().map(|column| row.get(&**column)).collect::<Result<_, _>>()?;
            // A row that breaks a rule of the table is damaged, too.
            saved.rows += insert.execute(params_from_iter(values)).unwrap_or(0);
            Ok(())
        });
        saved.damaged = saved.damaged.max(damaged);
        if ended.is_ok() {
            break;
        }
        saved.broken = true;
    }
    Ok(saved)
}

/// Whether a program of the version before wrote this row.
fn is_unsealed(row: &Row<'_>) -> bool {
    row.get::<_, Option<i64>>("checksum").is_ok_and(|checksum| checksum.is_none())
}

fn columns(file: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    file.prepare(&format!("SELECT name FROM pragma_table_info('{table}')"))?.query_map((), |row| row.get(0))?.collect()
}

fn each_row(
    from: &Connection,
    question: &str,
    mut row: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut statement = from.prepare(question)?;
    let mut rows = statement.query(())?;
    while let Some(next) = rows.next()? {
        row(next)?;
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
    let Ledger { mut last, latest, .. } = Ledger::read(old, &seal).unwrap_or_default();
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
    let mut books = sessions::Books {
        seal: seal.clone(),
        ledger: Ledger { last, latest, ..Ledger::default() },
        head: Head::default(),
        is_repeated: false,
    };
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

/// Keeps what is whole of what ends JWTs. What was lost cannot be known, so all that were issued until `end` end as well.
fn copy_jwts(old: &Connection, new: &Connection, end: Option<UnixSeconds>) -> rusqlite::Result<()> {
    let seal = Seal::new(&ledger::digest_key(new)?);
    jwts::copy_whole(old, new, &seal)?;
    end.map_or(Ok(()), |end| jwts::revoke_everything(new, &seal, end))
}

/// Copies the audit trail, and adds the line that says so. Lines that are lost show for as long as those around them are
/// kept: nobody can tell whether it was damage that took them. When its head is lost, or the key that it was written
/// under, a new trail begins, and the old lines stay in the file that was put aside.
fn copy_trail(old: &Connection, new: &Connection, told: &Line) -> rusqlite::Result<(usize, bool)> {
    let seal = Seal::new(&ledger::digest_key(new)?);
    let goes_on = audit::read_head(old, &seal.chain);
    let mut saved = 0;
    if goes_on.is_ok() {
        for (table, order) in [("audit_lines", "number"), ("audit_keys", "account"), ("audit_names", "id")] {
            let rows = copy_table(old, new, (table, order), None)?.rows;
            saved += if table == "audit_lines" { rows } else { 0 };
        }
    }
    if let Ok(head) = &goes_on {
        // What a damaged page brings back behind the end must not stand in the way.
        saved -= new.execute("DELETE FROM audit_lines WHERE number > ?1", [head.last.cast_signed()])?;
    }
    let mut books = sessions::Books {
        ledger: Ledger::default(),
        head: goes_on.as_ref().copied().unwrap_or_default(),
        seal,
        is_repeated: false,
    };
    books.append_line(new, told, &[])?;
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
        for (table, saved) in &self.tables {
            write!(formatter, "{table}: {} rows saved", saved.rows)?;
            if saved.damaged > 0 {
                write!(formatter, ", {} damaged ones left out", saved.damaged)?;
            }
            if saved.broken {
                formatter.write_str(", others could not be read")?;
            }
            if saved.unsure {
                formatter
                    .write_str("; they are not all that were stored, or not as they were stored: look through them")?;
            }
            writeln!(formatter)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    const FORCED: RecoverOptions = RecoverOptions { keep_sessions: false, force: true };

    #[test]
    fn a_whole_folder_is_left_as_it_is_unless_that_is_forced() {
        let home = tempfile::tempdir().unwrap();
        let database = DataFolder::open(home.path()).unwrap().database();
        let before = fs::read(&database).unwrap();
        let recover = |options| recover(home.path(), options, UnixSeconds(1_700_000_000), Origin::SERVER);
        let refused = recover(RecoverOptions::default()).unwrap_err();
        assert!(matches!(refused, FolderError::Undamaged(_)), "{refused}");
        assert!(fs::read(&database).unwrap() == before);
        let left = home.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name());
        assert!(left.into_iter().all(|name| name == DATABASE || name == "lock"));
        assert!(recover(FORCED).unwrap().aside.exists());
    }

    #[test]
    fn a_file_of_an_older_version_has_lost_nothing_that_it_could_not_have() {
        let home = tempfile::tempdir().unwrap();
        let database = home.path().join(DATABASE);
        fs::File::create_new(&database).unwrap();
        let mut file = connection::writing(&database).unwrap();
        schema::found_version(&mut file, 1);
        file.execute("INSERT INTO throttle VALUES (3, 'jane', 1, 2)", ()).unwrap();
        connection::put_away(file);
        let recovery = recover(home.path(), FORCED, UnixSeconds(1_700_000_000), Origin::SERVER).unwrap();
        assert!(recovery.tables.contains(&("throttle", Saved { rows: 1, ..Saved::default() })), "{recovery:?}");
        assert!(recovery.tables.iter().all(|(_, saved)| !saved.broken), "{recovery:?}");
    }
}
