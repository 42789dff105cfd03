//! Sessions as rows: appended in the order of their issue, deleted by number, each with a checksum under a key.
//!
//! No index but the number: memory is the index. Beside the rows lies the [`Ledger`]: how many there are and the sum of
//! their checksums. A damaged row does not match its checksum; a row that is missing, or that a damaged page brings
//! back, does not match the ledger. Both are written in the transaction of the change itself.

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::audit::Head;
use crate::clock::UnixSeconds;
use crate::session::{Session, SessionEvent, SessionId, Subject, UserType};
use crate::settings::WebsiteId;
use crate::store::ledger::{Ledger, Seal};
use crate::store::{audit, fault, jwts};
use crate::token::TokenDigest;

/// A session as it is kept on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredSession {
    /// Its number, which is the number of the row.
    pub id: SessionId,
    /// Whose it is.
    pub subject: Subject,
    /// The website in which it was issued.
    pub website: WebsiteId,
    /// When it was issued.
    pub issued: UnixSeconds,
    /// The end that was fixed at issue; `None` when the lifetime of the kind decides.
    pub fixed_end: Option<UnixSeconds>,
    /// What it is found by.
    pub digest: TokenDigest,
}

impl StoredSession {
    /// What is kept of a session.
    pub fn of(session: &Session, fixed_end: Option<UnixSeconds>, digest: TokenDigest) -> Self {
        let Session { id, subject, website, issued, .. } = *session;
        Self { id, subject, website, issued, fixed_end, digest }
    }
}

/// What a change of sessions or of the audit trail needs besides the connection.
#[derive(Debug)]
pub(super) struct Books {
    pub(super) seal: Seal,
    pub(super) ledger: Ledger,
    /// Where the audit trail begins and ends.
    pub(super) head: Head,
    /// Whether the message that is being stored was found to be in the file already; its lines are there, too, then.
    pub(super) is_repeated: bool,
}

impl Books {
    /// The books of this file, which is kept under the key of `seal`.
    pub(super) fn open(connection: &Connection, seal: Seal) -> rusqlite::Result<Self> {
        let ledger = Ledger::read(connection, &seal)?;
        let head = audit::read_head(connection, &seal.chain)?;
        Ok(Self { seal, ledger, head, is_repeated: false })
    }

    /// Carries out what happened to a session.
    pub(super) fn apply(&mut self, to: &Connection, event: &SessionEvent) -> rusqlite::Result<()> {
        match event {
            SessionEvent::Issued { session, fixed_end, digest } => {
                self.append(to, &StoredSession::of(session, *fixed_end, *digest))
            }
            SessionEvent::Renewed { id, ends } => self.renew(to, *id, *ends),
            SessionEvent::Revoked { id, .. } | SessionEvent::Expired { id, .. } => self.delete(to, &[*id]),
            SessionEvent::KindRevoked { kind, through } => self.end_kind(to, *kind, *through),
            SessionEvent::JwtsRevoked { .. }
            | SessionEvent::KindJwtsRevoked { .. }
            | SessionEvent::JwtDenied { .. } => jwts::apply(to, event, &self.seal),
        }
    }

    /// Deletes rows; those that are not there are no mistake.
    pub(super) fn delete(&mut self, from: &Connection, ids: &[SessionId]) -> rusqlite::Result<()> {
        let mut statement = from.prepare_cached("DELETE FROM sessions WHERE id = ?1 RETURNING checksum")?;
        for id in ids {
            let deleted: Option<i64> = statement.query_row([number(*id)], |row| row.get(0)).optional()?;
            if let Some(checksum) = deleted {
                self.ledger.remove_session(checksum);
            }
        }
        Ok(())
    }

    /// Appends a row. That it is there already is no mistake: a commit whose sync failed may hold all the same, and whoever
    /// heard that it failed tries again.
    pub(super) fn append(&mut self, to: &Connection, session: &StoredSession) -> rusqlite::Result<()> {
        let checksum = self.seal.session(session);
        match insert(to, session, checksum) {
            Err(error) if fault::is_of_the_change(&error) && find(to, session.id)? == Some((*session, checksum)) => {
                self.is_repeated = true;
                Ok(())
            }
            Err(error) => Err(error),
            Ok(()) => {
                self.ledger.add_session(session, checksum);
                Ok(())
            }
        }
    }

    fn renew(&mut self, to: &Connection, id: SessionId, ends: UnixSeconds) -> rusqlite::Result<()> {
        let Some((session, _)) = find(to, id)? else { return Ok(()) };
        self.delete(to, &[id])?;
        self.append(to, &StoredSession { fixed_end: Some(ends), ..session })
    }

    pub(super) fn end_kind(&mut self, to: &Connection, kind: UserType, through: SessionId) -> rusqlite::Result<()> {
        let mut remove =
            to.prepare_cached("DELETE FROM kind_revocations WHERE kind = ?1 RETURNING through, checksum")?;
        let before: Option<(i64, i64)> =
            remove.query_row([kind.number()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let through = match before {
            Some((earlier, checksum)) => {
                self.ledger.remove_revocation(checksum);
                SessionId(through.0.max(earlier.unsigned_abs()))
            }
            None => through,
        };
        let checksum = self.seal.kind_revocation(kind, through);
        to.prepare_cached("INSERT INTO kind_revocations (kind, through, checksum) VALUES (?1, ?2, ?3)")?
            .execute(params![kind.number(), number(through), checksum])?;
        self.ledger.add_revocation(through, checksum);
        Ok(())
    }
}

fn insert(to: &Connection, session: &StoredSession, checksum: i64) -> rusqlite::Result<()> {
    to.prepare_cached(
        "INSERT INTO sessions (id, kind, user, website, issued, fixed_end, digest, checksum)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        number(session.id),
        session.subject.kind.number(),
        session.subject.id,
        session.website.0,
        session.issued.get(),
        session.fixed_end.unwrap_or_default().get(),
        session.digest.0,
        checksum,
    ])
    .map(drop)
}

/// The session with this number, if it is there, and its checksum.
fn find(at: &Connection, id: SessionId) -> rusqlite::Result<Option<(StoredSession, i64)>> {
    at.prepare_cached(&format!("{SELECT} WHERE id = ?1"))?.query_row([number(id)], read).optional()
}

/// The columns in the order in which [`read`] takes them.
pub(super) const SELECT: &str = "SELECT id, kind, user, website, issued, fixed_end, digest, checksum FROM sessions";

/// A row of [`SELECT`], and its checksum.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<(StoredSession, i64)> {
    let kind = UserType::from_number(row.get(1)?).ok_or_else(|| damaged(1))?;
    let fixed_end = UnixSeconds(row.get(5)?);
    let digest = row.get_ref(6)?.as_blob().ok().and_then(|blob| blob.try_into().ok()).ok_or_else(|| damaged(6))?;
    let session = StoredSession {
        id: SessionId(u64::try_from(row.get::<_, i64>(0)?).map_err(|_| damaged(0))?),
        subject: Subject { kind, id: row.get(2)? },
        website: WebsiteId(row.get(3)?),
        issued: UnixSeconds(row.get(4)?),
        fixed_end: (fixed_end != UnixSeconds(0)).then_some(fixed_end),
        digest: TokenDigest(digest),
    };
    Ok((session, row.get(7)?))
}

/// A number as SQLite keeps it; the counter never comes near the end of either range.
pub(super) fn number(id: SessionId) -> i64 {
    i64::try_from(id.0).unwrap_or(i64::MAX)
}

fn damaged(column: usize) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Integer, "the value makes no sense".into())
}
