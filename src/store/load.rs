//! Reading all sessions at start, and noticing damage while doing so.
//!
//! One read transaction, in the order of the numbers, in slices. Every checksum is computed anew, and at the end what
//! was read has to come to what the ledger says: a row that is missing, or that damage brought back, is noticed too.

use std::path::PathBuf;

use rusqlite::Connection;
use thiserror::Error;

use crate::session::{SessionId, UserType};
use crate::store::ledger::{Ledger, Seal};
use crate::store::sessions::{self, StoredSession};
use crate::store::{DataFolder, StoredJwts, connection, jwts};

/// How many sessions are handed over at a time.
const SLICE: usize = 32_768;

/// What comes out of the file, in this order: once [`Loaded::Kinds`] and [`Loaded::Jwts`], then any number of [`Loaded::Sessions`].
#[derive(Debug)]
pub enum Loaded {
    /// Up to which number all sessions of a kind were ended.
    Kinds(Vec<(UserType, SessionId)>),
    /// What ends JWTs that nobody keeps a session of.
    Jwts(StoredJwts),
    /// Some sessions, and the numbers of rows among them that are no longer needed.
    Sessions {
        /// In the order of their numbers.
        sessions: Vec<StoredSession>,
        /// Rows that are to be deleted.
        over: Vec<SessionId>,
    },
}

/// Why the sessions could not be loaded.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The file is damaged.
    #[error(
        "{path} is damaged: {what}. Nothing is served from it, because a revoked token might come back to life. \
         Restore a backup, or save what is whole with `tokenward recover`"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        what: String,
    },
    /// The file cannot be read.
    #[error("{path} cannot be read: {cause}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        cause: rusqlite::Error,
    },
    /// Whoever was handed the sessions did not want more.
    #[error("loading was broken off")]
    BrokenOff,
}

/// Reads all sessions of a folder, on a thread that may block.
#[derive(Debug)]
pub struct Loader {
    path: PathBuf,
    seal: Seal,
}

impl Loader {
    /// A loader for this folder.
    pub fn new(folder: &DataFolder) -> Self {
        Self { path: folder.database(), seal: Seal::new(folder.digest_key()) }
    }

    /// Hands everything to `hand`, which says whether it wants more. Sessions that a revocation of their kind covers, or
    /// whose time `is_over`, are named for deletion only.
    ///
    /// # Errors
    /// Any [`LoadError`]. After [`LoadError::Damaged`] nothing of what was handed over may be used.
    pub fn run(
        &self,
        is_over: impl Fn(&StoredSession) -> bool,
        mut hand: impl FnMut(Loaded) -> bool,
    ) -> Result<(), LoadError> {
        let connection = connection::reading(&self.path).map_err(|cause| self.explain(cause))?;
        // One transaction, so that the ledger and the rows are of the same moment.
        connection.execute_batch("BEGIN").map_err(|cause| self.explain(cause))?;
        let ledger = Ledger::read(&connection, &self.seal).map_err(|cause| self.explain(cause))?;
        let mut seen = Ledger::default();
        let kinds = self.kinds(&connection, &mut seen)?;
        let jwts = jwts::load(&connection, &self.seal).map_err(|cause| self.explain(cause))?;
        if !hand(Loaded::Kinds(kinds.clone())) || !hand(Loaded::Jwts(jwts)) {
            return Err(LoadError::BrokenOff);
        }
        let covered = |session: &StoredSession| {
            kinds.iter().any(|(kind, through)| *kind == session.subject.kind && session.id <= *through)
        };
        self.sessions(&connection, &mut seen, |session| covered(session) || is_over(session), hand)?;
        if (seen.sessions, seen.sum) == (ledger.sessions, ledger.sum) {
            return Ok(());
        }
        let Ledger { sessions: counted, .. } = ledger;
        Err(self.damaged(format!(
            "it holds {} sessions and should hold {counted}, or they are not those that were stored",
            seen.sessions
        )))
    }

    fn kinds(&self, connection: &Connection, seen: &mut Ledger) -> Result<Vec<(UserType, SessionId)>, LoadError> {
        let query = || {
            let mut statement = connection.prepare("SELECT kind, through, checksum FROM kind_revocations")?;
            let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            rows.collect::<rusqlite::Result<Vec<(u8, i64, i64)>>>()
        };
        let rows = query().map_err(|cause| self.explain(cause))?;
        let check = |(kind, through, checksum): (u8, i64, i64)| {
            let through = SessionId(through.cast_unsigned());
            let kind = UserType::from_number(kind)?;
            seen.add_revocation(through, checksum);
            (self.seal.kind_revocation(kind, through) == checksum).then_some((kind, through))
        };
        let checked: Option<Vec<_>> = rows.into_iter().map(check).collect();
        checked.ok_or_else(|| self.damaged("a revocation of a whole kind does not match its checksum".to_owned()))
    }

    fn sessions(
        &self,
        connection: &Connection,
        seen: &mut Ledger,
        is_over: impl Fn(&StoredSession) -> bool,
        mut hand: impl FnMut(Loaded) -> bool,
    ) -> Result<(), LoadError> {
        let explain = |cause| self.explain(cause);
        let question = format!("{} ORDER BY id", sessions::SELECT);
        let mut statement = connection.prepare(&question).map_err(explain)?;
        let mut rows = statement.query(()).map_err(explain)?;
        let (mut slice, mut over) = (Vec::with_capacity(SLICE), Vec::new());
        loop {
            let row = rows.next().map_err(explain)?;
            if let Some(row) = row {
                let (session, checksum) = sessions::read(row).map_err(explain)?;
                if self.seal.session(&session) != checksum {
                    return Err(self.damaged(format!("session {} does not match its checksum", session.id)));
                }
                seen.add_session(&session, checksum);
                if is_over(&session) { over.push(session.id) } else { slice.push(session) }
            }
            let done = row.is_none();
            if done || slice.len() == SLICE || over.len() == SLICE {
                let sessions = std::mem::replace(&mut slice, Vec::with_capacity(if done { 0 } else { SLICE }));
                if !hand(Loaded::Sessions { sessions, over: std::mem::take(&mut over) }) {
                    return Err(LoadError::BrokenOff);
                }
            }
            if done {
                return Ok(());
            }
        }
    }

    fn damaged(&self, what: String) -> LoadError {
        LoadError::Damaged { path: self.path.clone(), what }
    }

    /// SQLite's word for damage, or a value that no program of ours writes, is damage.
    fn explain(&self, cause: rusqlite::Error) -> LoadError {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        match cause.sqlite_error_code() {
            None | Some(DatabaseCorrupt | NotADatabase) => self.damaged(cause.to_string()),
            Some(_) => LoadError::Unreadable { path: self.path.clone(), cause },
        }
    }
}
