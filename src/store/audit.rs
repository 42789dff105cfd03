//! The audit trail as rows: appended by number, deleted from the oldest, never changed.
//!
//! Every person has a random key in a table of its own: an account by its number, a name that reached no account by a
//! keyed hash of it. A name gets another key each day, so that old keys can go with the lines that they are for.
//! Beside the rows lies the [`Head`], written in the transaction of the lines themselves.

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, params};

use crate::audit::{ChainKey, Entry, Event, Head, KeyName, Line, LineHash, Person, PersonKey, Sealed};
use crate::clock::UnixSeconds;
use crate::session::{Subject, UserType};
use crate::store::ledger;
use crate::store::sessions::Books;

/// The tables.
pub(super) const AUDIT_TRAIL: &str = "
CREATE TABLE audit_lines (
    number INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    entry BLOB NOT NULL,
    hash BLOB NOT NULL
) STRICT;

CREATE INDEX audit_lines_by_time ON audit_lines (at);

CREATE TRIGGER audit_lines_are_never_changed BEFORE UPDATE ON audit_lines
BEGIN
    SELECT RAISE(ABORT, 'a line of the audit trail is never changed');
END;

CREATE TABLE audit_keys (
    account INTEGER PRIMARY KEY,
    key BLOB NOT NULL
) STRICT;

CREATE TABLE audit_names (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    holder BLOB NOT NULL,
    made INTEGER NOT NULL,
    key BLOB NOT NULL
) STRICT;

CREATE INDEX audit_names_by_holder ON audit_names (holder);
";

/// The key of the head's row in `meta`.
const HEAD: &str = "audit_trail";

/// How many lines, and how many keys of names, are deleted in one transaction.
const SLICE: u32 = 2000;

/// For how long the key of a name that reached no account is used for new lines, in seconds.
const NAME_KEY_USED: u32 = 24 * 60 * 60;

/// What has to go when a person is to become unreadable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// The kind of user.
    pub kind: UserType,
    /// The folded name.
    pub name: String,
    /// The customers with this name whose rows and keys go.
    pub customers: Vec<u32>,
}

/// Begins the trail of a file that has none.
pub(super) fn found(to: &Connection, key: &ChainKey) -> rusqlite::Result<()> {
    write_head(to, key, Head::default())
}

/// The head of this file's trail. Without one, or with one that does not match its checksum, the file is damaged.
pub(super) fn read_head(connection: &Connection, key: &ChainKey) -> rusqlite::Result<Head> {
    let row = ledger::meta(connection, HEAD)?;
    row.and_then(|bytes| Head::from_bytes(&bytes, key))
        .ok_or_else(|| damaged("the head of the audit trail does not match its checksum"))
}

/// Writes the head.
pub(super) fn write_head(to: &Connection, key: &ChainKey, head: Head) -> rusqlite::Result<()> {
    ledger::set_meta(to, HEAD, &head.to_bytes(key))
}

impl Books {
    /// Appends a line, unless it is there already, with the rest of its message. `made` are the numbers that accounts were given in the same message.
    pub(super) fn append_line(&mut self, to: &Connection, line: &Line, made: &[u32]) -> rusqlite::Result<()> {
        if self.is_repeated {
            return Ok(());
        }
        let sealed = self.seal_person(to, line)?;
        let mut entry = Entry::of(line, sealed);
        name_the_account(&mut entry.event, made);
        let bytes = entry.to_bytes();
        self.head = self.head.followed_by(&self.seal.chain, line.at, &bytes);
        to.prepare_cached("INSERT INTO audit_lines (number, at, entry, hash) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![self.head.last.cast_signed(), line.at.get(), bytes, self.head.hash.0])
            .map(drop)
    }

    fn seal_person(&self, to: &Connection, line: &Line) -> rusqlite::Result<Option<Sealed>> {
        let personal = line.personal();
        let Some(person) = line.person.as_ref().filter(|_| !personal.is_empty()) else { return Ok(None) };
        let (name, key) = match person {
            Person::Account(subject) => (KeyName::Account(*subject), account_key(to, *subject)?),
            Person::Name { kind, folded } => {
                let holder = self.seal.chain.holder(kind.number(), folded);
                let (id, key) = name_key(to, holder, line.at)?;
                (KeyName::Name(id), key)
            }
        };
        Ok(Some(Sealed { key: name, text: key.seal(&personal) }))
    }

    /// Deletes the oldest lines from before `limit`, at most a slice of them, and the oldest keys of names that no line
    /// needs any more.
    ///
    /// Only lines that fit to the one before say how old they are: somebody who changes the time of lines must not have the
    /// traces of that deleted. One that does not fit goes with the next one that does.
    pub(super) fn prune(&mut self, to: &Connection, limit: UnixSeconds) -> rusqlite::Result<()> {
        let oldest = "SELECT number, at, entry, hash FROM audit_lines ORDER BY number LIMIT ?1";
        let mut statement = to.prepare_cached(oldest)?;
        let mut rows = statement.query([SLICE])?;
        let mut before = (self.head.pruned, self.head.anchor);
        while let Some(row) = rows.next()? {
            let (number, at) = (row.get::<_, i64>(0)?.cast_unsigned(), UnixSeconds(row.get(1)?));
            let hash = LineHash(row.get(3).unwrap_or_default());
            let fits = number == before.0 + 1
                && self.seal.chain.link(before.1, number, at, row.get_ref(2)?.as_blob().unwrap_or_default()) == hash;
            before = (number, hash);
            if fits && at >= limit {
                break;
            }
            if fits {
                (self.head.pruned, self.head.anchor) = before;
            }
        }
        to.prepare_cached("DELETE FROM audit_lines WHERE number <= ?1")?.execute([self.head.pruned.cast_signed()])?;
        let unused = limit.get().saturating_sub(NAME_KEY_USED);
        let names = "DELETE FROM audit_names
                     WHERE id IN (SELECT id FROM audit_names ORDER BY id LIMIT ?1) AND made < ?2";
        to.prepare_cached(names)?.execute([SLICE, unused]).map(drop)
    }

    /// Makes a person unreadable: the rows and the keys go. What they held is overwritten in the file, as everything that
    /// is deleted ([`crate::store::connection::writing`]).
    pub(super) fn erase(&self, to: &Connection, Erasure { kind, name, customers }: &Erasure) -> rusqlite::Result<()> {
        for customer in customers {
            to.execute("DELETE FROM audit_keys WHERE account = ?1", [account(Subject::customer(*customer))])?;
            to.execute("DELETE FROM customers WHERE id = ?1", [customer])?;
        }
        to.execute("DELETE FROM audit_names WHERE holder = ?1", [self.seal.chain.holder(kind.number(), name)])?;
        to.execute("DELETE FROM throttle WHERE kind = ?1 AND name = ?2", params![kind.number(), name]).map(drop)
    }
}

/// An account that was made in the same message was not known by its number when the line was told.
fn name_the_account(event: &mut Event, made: &[u32]) {
    if let Event::AccountsMade { kind, count: 1, subject: subject @ None } = event {
        *subject = made.last().map(|&id| Subject { kind: *kind, id });
    }
}

/// An account as the number of its key's row.
pub(super) fn account(subject: Subject) -> i64 {
    i64::from(subject.kind.number()) << 32 | i64::from(subject.id)
}

/// The key of an account; it is made when there is none.
fn account_key(to: &Connection, subject: Subject) -> rusqlite::Result<PersonKey> {
    let id = account(subject);
    let found = to
        .prepare_cached("SELECT key FROM audit_keys WHERE account = ?1")?
        .query_row([id], |row| row.get(0).map(PersonKey::from_bytes))
        .optional()?;
    if let Some(key) = found {
        return Ok(key);
    }
    let key = PersonKey::generate();
    to.prepare_cached("INSERT INTO audit_keys (account, key) VALUES (?1, ?2)")?.execute(params![id, key.expose()])?;
    Ok(key)
}

/// The key of a name that reached no account, and its number.
fn name_key(to: &Connection, holder: [u8; 16], now: UnixSeconds) -> rusqlite::Result<(u64, PersonKey)> {
    let oldest = now.get().saturating_sub(NAME_KEY_USED);
    let found = to
        .prepare_cached("SELECT id, key FROM audit_names WHERE holder = ?1 AND made > ?2 ORDER BY id DESC LIMIT 1")?
        .query_row(params![holder, oldest], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))
        .optional()?;
    if let Some((id, key)) = found {
        return Ok((id.cast_unsigned(), PersonKey::from_bytes(key)));
    }
    let key = PersonKey::generate();
    to.prepare_cached("INSERT INTO audit_names (holder, made, key) VALUES (?1, ?2, ?3)")?.execute(params![
        holder,
        now.get(),
        key.expose()
    ])?;
    Ok((to.last_insert_rowid().cast_unsigned(), key))
}

fn damaged(what: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Blob, what.into())
}
