//! Reading the audit trail: also while a server writes to it.
//!
//! A page at a time, each in a transaction of its own, so that nothing is held up and memory stays small. Lines that a
//! server deletes meanwhile because of their age are no gap: the head of the same transaction says so.

use std::fmt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Value, json};
use thiserror::Error;

use crate::audit::{ChainKey, Entry, Head, KeyName, LineHash, PersonKey, Personal, Sealed, view};
use crate::clock::UnixSeconds;
use crate::store::folder::{self, DATABASE, FolderError};
use crate::store::{audit, connection, ledger, log};

/// How many lines are read at a time.
const PAGE: u32 = 1000;

/// How many lines are looked at in one transaction for those of a span: while it lasts, a server's log only grows.
const LOOKED_AT: u32 = 20_000;

/// Reads the audit trail of a folder.
pub struct TrailReader {
    path: PathBuf,
    connection: Connection,
    key: ChainKey,
}

/// What became of a check of the trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every line is the one that was written, and none is missing.
    Whole {
        /// How many lines there are.
        lines: u64,
        /// The number of the last one.
        last: u64,
        /// Its hash.
        hash: LineHash,
    },
    /// The line behind which it was to be checked is beyond the end.
    Beyond {
        /// The number of the last line.
        last: u64,
    },
    /// Something was done to it.
    Broken {
        /// The first line that is not as it was.
        line: u64,
        /// What is wrong with it.
        fault: TrailFault,
    },
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TrailFault {
    /// The line is not there.
    #[error("is missing")]
    Missing,
    /// The line is not the one that was written.
    #[error("is not the one that was written there")]
    Changed,
    /// Nobody has written this line.
    #[error("was put there by somebody else")]
    Added,
    /// What says where the trail begins and ends is not as it was written.
    #[error("cannot be checked: what says where the trail begins and ends was changed")]
    Head,
}

/// Which lines to export: from `since` on, before `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first moment.
    pub since: UnixSeconds,
    /// The first moment that is too late.
    pub until: UnixSeconds,
}

/// A line as it lies in the file.
struct Kept {
    number: u64,
    at: UnixSeconds,
    bytes: Vec<u8>,
    hash: LineHash,
}

const SELECT: &str = "SELECT number, at, entry, hash FROM audit_lines WHERE number > ?1";

impl TrailReader {
    /// Opens the trail of the data folder at `path`.
    ///
    /// # Errors
    /// [`FolderError`], also when nobody uses the folder and the log of its file is damaged: lines may be lost then.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let database = path.join(DATABASE);
        // A running server has looked at its log, and goes on writing to it: what is read of it then may look damaged.
        if !is_in_use(path)? {
            let log = log::inspect(&database).map_err(|cause| folder::unusable(&database, cause))?;
            if let Some(at) = log.damaged_at.filter(|_| !is_in_use(path).unwrap_or(false)) {
                return Err(FolderError::DamagedLog { path: log::path_of(&database), at });
            }
        }
        let unreadable = |cause| FolderError::Unreadable { path: database.clone(), cause };
        let connection = connection::reading(&database).map_err(unreadable)?;
        let key = ledger::digest_key(&connection).map_err(unreadable)?;
        // A file of a version that knew no trail says so here, instead of looking tampered with.
        connection.prepare(SELECT).map_err(unreadable)?;
        Ok(Self { key: ChainKey::new(&key), path: database, connection })
    }

    /// Checks every line; with `after` only those behind that one, which is taken for granted.
    ///
    /// # Errors
    /// [`FolderError::Unreadable`] when the file cannot be read.
    pub fn verify(&self, after: Option<u64>) -> Result<Verdict, FolderError> {
        self.check(after).map_err(|cause| self.unreadable(cause))
    }

    /// The hash of a line; `None` when the line is not there, or no longer.
    ///
    /// # Errors
    /// [`FolderError::Unreadable`] when the file cannot be read.
    pub fn hash_of(&self, line: u64) -> Result<Option<LineHash>, FolderError> {
        self.line_hash(line).map_err(|cause| self.unreadable(cause))
    }

    fn line_hash(&self, line: u64) -> rusqlite::Result<Option<LineHash>> {
        let question = "SELECT hash FROM audit_lines WHERE number = ?1";
        self.connection.query_row(question, [line.cast_signed()], |row| row.get(0).map(LineHash)).optional()
    }

    fn check(&self, after: Option<u64>) -> rusqlite::Result<Verdict> {
        let mut before: Option<Head> = None;
        if let Some(after) = after {
            before = match self.line_hash(after)? {
                Some(hash) => Some(Head { last: after, hash, ..Head::default() }),
                // It has gone because of its age: what is checked is everything.
                None => match audit::read_head(&self.connection, &self.key) {
                    Ok(head) if after <= head.pruned => None,
                    Ok(head) if after > head.last => return Ok(Verdict::Beyond { last: head.last }),
                    _ => return Ok(Verdict::Broken { line: after, fault: TrailFault::Missing }),
                },
            };
        }
        loop {
            let page = self.connection.unchecked_transaction()?;
            let Ok(head) = audit::read_head(&page, &self.key) else {
                return Ok(Verdict::Broken { line: before.map_or(1, |head| head.last + 1), fault: TrailFault::Head });
            };
            let begin = Head { last: head.pruned, hash: head.anchor, ..head };
            let mut reached = before.filter(|before| before.last >= head.pruned).unwrap_or(begin);
            if let Some(line) = stray(&page, head.pruned)? {
                return Ok(Verdict::Broken { line, fault: TrailFault::Added });
            }
            let mut statement = page.prepare_cached(&format!("{SELECT} ORDER BY number LIMIT ?2"))?;
            let mut rows = statement.query(params![reached.last.cast_signed(), PAGE])?;
            let mut read: u32 = 0;
            while let Some(row) = rows.next()? {
                let line = kept(row)?;
                read += 1;
                if let Some(fault) = self.fault(&line, &reached, &head) {
                    let number = if fault == TrailFault::Missing { reached.last + 1 } else { line.number };
                    return Ok(Verdict::Broken { line: number, fault });
                }
                reached = Head { last: line.number, hash: line.hash, ..reached };
            }
            if read < PAGE {
                return Ok(ending(&reached, &head));
            }
            before = Some(reached);
        }
    }

    fn fault(&self, line: &Kept, before: &Head, head: &Head) -> Option<TrailFault> {
        if line.number > head.last {
            Some(if before.last < head.last { TrailFault::Missing } else { TrailFault::Added })
        } else if line.number != before.last + 1 {
            Some(TrailFault::Missing)
        } else if self.key.link(before.hash, line.number, line.at, &line.bytes) != line.hash {
            Some(TrailFault::Changed)
        } else {
            None
        }
    }

    /// Hands every line of `span` to `hand` as a JSON object, in the order of their numbers.
    ///
    /// # Errors
    /// [`ExportError`].
    pub fn export<E>(&self, span: Span, mut hand: impl FnMut(&Value) -> Result<(), E>) -> Result<(), ExportError<E>> {
        let unreadable = |cause| ExportError::Folder(self.unreadable(cause));
        let mut after = self.before(span).map_err(unreadable)?;
        while let Some((through, lines)) = self.page(after, span).map_err(unreadable)? {
            lines.iter().try_for_each(&mut hand).map_err(ExportError::Handed)?;
            after = through;
        }
        Ok(())
    }

    /// The number before that of the first line of `span`. Lines are nearly in the order of time and not quite: one that had
    /// to be stored again later has the moment of what it tells of.
    fn before(&self, Span { since, until }: Span) -> rusqlite::Result<u64> {
        let question = "SELECT min(number) FROM audit_lines WHERE at >= ?1 AND at < ?2";
        let first: Option<i64> = self.connection.query_row(question, [since.get(), until.get()], |row| row.get(0))?;
        Ok(first.map_or(i64::MAX, |first| first - 1).cast_unsigned())
    }

    /// The lines of `span` among the next ones, and the number through which these were looked at; `None` behind the end.
    fn page(&self, after: u64, Span { since, until }: Span) -> rusqlite::Result<Option<(u64, Vec<Value>)>> {
        let page = self.connection.unchecked_transaction()?;
        let mut statement = page.prepare_cached(&format!("{SELECT} ORDER BY number LIMIT ?2"))?;
        let mut rows = statement.query(params![after.cast_signed(), LOOKED_AT])?;
        let (mut through, mut lines) = (None, Vec::new());
        while lines.len() < PAGE as usize
            && let Some(row) = rows.next()?
        {
            through = Some(row.get::<_, i64>(0)?.cast_unsigned());
            if (since..until).contains(&UnixSeconds(row.get(1)?)) {
                lines.push(show(&page, &kept(row)?)?);
            }
        }
        Ok(through.map(|through| (through, lines)))
    }

    fn unreadable(&self, cause: rusqlite::Error) -> FolderError {
        FolderError::Unreadable { path: self.path.clone(), cause }
    }
}

impl fmt::Debug for TrailReader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TrailReader").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Why an export did not come to its end.
#[derive(Debug)]
pub enum ExportError<E> {
    /// The trail cannot be read.
    Folder(FolderError),
    /// Whoever was handed a line did not take it.
    Handed(E),
}

/// Whether a server or a command works on this folder. The lock is given back at once, so that no start finds it taken.
fn is_in_use(path: &Path) -> Result<bool, FolderError> {
    match folder::lock(path) {
        Ok(lock) => {
            drop(lock);
            Ok(false)
        }
        Err(FolderError::InUse { .. }) => Ok(true),
        Err(error) => Err(error),
    }
}

/// A line that should have been deleted because of its age.
fn stray(connection: &Connection, pruned: u64) -> rusqlite::Result<Option<u64>> {
    let question = "SELECT number FROM audit_lines WHERE number <= ?1 ORDER BY number LIMIT 1";
    let found: Option<i64> =
        connection.prepare_cached(question)?.query_row([pruned.cast_signed()], |row| row.get(0)).optional()?;
    Ok(found.map(i64::cast_unsigned))
}

/// There are no more lines: has the end been reached?
fn ending(reached: &Head, head: &Head) -> Verdict {
    if reached.last < head.last {
        return Verdict::Broken { line: reached.last + 1, fault: TrailFault::Missing };
    }
    if reached.hash != head.hash {
        return Verdict::Broken { line: reached.last, fault: TrailFault::Changed };
    }
    Verdict::Whole { lines: head.last - head.pruned, last: head.last, hash: head.hash }
}

fn kept(row: &Row<'_>) -> rusqlite::Result<Kept> {
    Ok(Kept {
        number: row.get::<_, i64>(0)?.cast_unsigned(),
        at: UnixSeconds(row.get(1)?),
        bytes: row.get(2)?,
        // One of another length fits nowhere.
        hash: row.get(3).map(LineHash).unwrap_or_default(),
    })
}

fn show(connection: &Connection, line: &Kept) -> rusqlite::Result<Value> {
    let Ok(entry) = Entry::from_bytes(&line.bytes) else {
        let at = line.at.to_rfc3339();
        return Ok(json!({ "line": line.number, "at": at, "event": "unreadable", "hash": line.hash.to_string() }));
    };
    let personal = match &entry.sealed {
        Some(sealed) => open(connection, sealed)?,
        None => None,
    };
    Ok(view(line.number, line.at, line.hash, &entry, personal.as_ref()))
}

/// What identifies a person, unless it was erased.
fn open(connection: &Connection, sealed: &Sealed) -> rusqlite::Result<Option<Personal>> {
    let (question, id) = match sealed.key {
        KeyName::Account(subject) => ("SELECT key FROM audit_keys WHERE account = ?1", audit::account(subject)),
        KeyName::Name(id) => ("SELECT key FROM audit_names WHERE id = ?1", id.cast_signed()),
    };
    let key = connection.prepare_cached(question)?.query_row([id], |row| row.get(0)).optional()?;
    Ok(key.and_then(|key| PersonKey::from_bytes(key).open(&sealed.text)))
}
