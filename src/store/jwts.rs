//! What ends JWTs that nobody keeps a session of, as rows with a checksum each.
//!
//! Like sessions they have a ledger, how many rows there are and the sum of their checksums: a row that is missing would
//! bring a revoked token back to life. It is a ledger of its own, so that a program that does not know these rows still
//! finds the one of the sessions right. It is read and written with each change, of which there are few.

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::clock::UnixSeconds;
use crate::session::{SessionEvent, Subject, UserType};
use crate::store::ledger::{self, Seal};
use crate::token::TokenDigest;

/// The tables.
pub(super) const JWT_REVOCATIONS: &str = "
CREATE TABLE jwt_revocations (
    kind INTEGER NOT NULL,
    user INTEGER NOT NULL,
    through INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (kind, user)
) STRICT, WITHOUT ROWID;

CREATE TABLE jwt_denials (
    digest BLOB PRIMARY KEY,
    ends INTEGER NOT NULL,
    checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX jwt_denials_over ON jwt_denials (ends);
";

/// The key of the ledger's row in `meta`.
const LEDGER: &str = "jwt_revocations";

/// The `user` of a row that is about all users of its kind: no user has this number.
const EVERYBODY: u32 = 0;

/// What was stored of revoked JWTs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredJwts {
    /// Kinds whose JWTs are revoked up to a second of issue.
    pub kinds: Vec<(UserType, UnixSeconds)>,
    /// Users whose JWTs are.
    pub subjects: Vec<(Subject, UnixSeconds)>,
    /// JWTs that are revoked alone, with their ends.
    pub denied: Vec<(TokenDigest, UnixSeconds)>,
}

/// A row of `jwt_revocations` or `jwt_denials`.
#[derive(Clone, Copy, Debug)]
enum Revoked {
    Through(UserType, u32, UnixSeconds),
    Denied(TokenDigest, UnixSeconds),
}

impl Revoked {
    fn checksum(&self, seal: &Seal) -> i64 {
        let mut bytes = [0; 21];
        match self {
            Self::Through(kind, user, through) => {
                bytes[0] = kind.number();
                bytes[1..5].copy_from_slice(&user.to_le_bytes());
                bytes[17..].copy_from_slice(&through.get().to_le_bytes());
            }
            Self::Denied(digest, ends) => {
                bytes[1..17].copy_from_slice(&digest.0);
                bytes[17..].copy_from_slice(&ends.get().to_le_bytes());
            }
        }
        seal.jwt_revocation(&bytes)
    }
}

/// How many rows there are, and the sum of their checksums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ledger {
    rows: u64,
    sum: u64,
}

impl Ledger {
    /// A file that has never held such rows has no ledger of them.
    fn read(from: &Connection, seal: &Seal) -> rusqlite::Result<Self> {
        let Some(bytes) = ledger::meta(from, LEDGER)? else { return Ok(Self::default()) };
        let read = <[u8; 24]>::try_from(bytes).ok().map(|bytes| {
            let number = |from: usize| bytes[from..from + 8].try_into().map_or(0, u64::from_le_bytes);
            (Self { rows: number(0), sum: number(8) }, bytes)
        });
        let whole = read.filter(|(ledger, bytes)| ledger.to_bytes(seal) == *bytes);
        whole.map(|(ledger, _)| ledger).ok_or_else(|| damaged("the ledger of revoked JWTs is damaged"))
    }

    fn write(self, to: &Connection, seal: &Seal) -> rusqlite::Result<()> {
        ledger::set_meta(to, LEDGER, &self.to_bytes(seal))
    }

    fn to_bytes(self, seal: &Seal) -> [u8; 24] {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.rows.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.sum.to_le_bytes());
        let checksum = seal.jwt_ledger(&bytes[..16]);
        bytes[16..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    fn add(&mut self, checksum: i64) {
        self.rows += 1;
        self.sum = self.sum.wrapping_add(checksum.cast_unsigned());
    }

    fn remove(&mut self, checksums: Vec<i64>) {
        for checksum in checksums {
            self.rows = self.rows.saturating_sub(1);
            self.sum = self.sum.wrapping_sub(checksum.cast_unsigned());
        }
    }
}

/// Carries out what happened to JWTs; other events are not for here.
pub(super) fn apply(to: &Connection, event: &SessionEvent, seal: &Seal) -> rusqlite::Result<()> {
    let mut ledger = Ledger::read(to, seal)?;
    match event {
        SessionEvent::JwtsRevoked { subject, through } => {
            revoke(to, seal, &mut ledger, (subject.kind, subject.id, *through))?;
        }
        SessionEvent::KindJwtsRevoked { kind, through } => {
            // What is said of single users up to then is said by the new row.
            ledger.remove(delete(
                to,
                "DELETE FROM jwt_revocations WHERE kind = ?1 AND through <= ?2 AND user != 0 RETURNING checksum",
                params![kind.number(), through.get()],
            )?);
            revoke(to, seal, &mut ledger, (*kind, EVERYBODY, *through))?;
        }
        SessionEvent::JwtDenied { digest, ends, over } => {
            ledger.remove(delete(
                to,
                "DELETE FROM jwt_denials WHERE ends <= ?1 OR digest = ?2 RETURNING checksum",
                params![over.get(), digest.0],
            )?);
            insert(to, seal, &mut ledger, Revoked::Denied(*digest, *ends))?;
        }
        SessionEvent::Issued { .. }
        | SessionEvent::Renewed { .. }
        | SessionEvent::Revoked { .. }
        | SessionEvent::KindRevoked { .. }
        | SessionEvent::Expired { .. } => {}
    }
    ledger.write(to, seal)
}

/// A later row takes the place of an earlier one, and an earlier one changes nothing.
fn revoke(
    to: &Connection,
    seal: &Seal,
    ledger: &mut Ledger,
    (kind, user, through): (UserType, u32, UnixSeconds),
) -> rusqlite::Result<()> {
    let question = "SELECT through FROM jwt_revocations WHERE kind = ?1 AND user = ?2";
    let before: Option<u32> =
        to.prepare_cached(question)?.query_row(params![kind.number(), user], |row| row.get(0)).optional()?;
    if before.is_some_and(|before| before >= through.get()) {
        return Ok(());
    }
    ledger.remove(delete(
        to,
        "DELETE FROM jwt_revocations WHERE kind = ?1 AND user = ?2 RETURNING checksum",
        params![kind.number(), user],
    )?);
    insert(to, seal, ledger, Revoked::Through(kind, user, through))
}

fn insert(to: &Connection, seal: &Seal, ledger: &mut Ledger, row: Revoked) -> rusqlite::Result<()> {
    let checksum = row.checksum(seal);
    match row {
        Revoked::Through(kind, user, through) => to
            .prepare_cached("INSERT INTO jwt_revocations (kind, user, through, checksum) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![kind.number(), user, through.get(), checksum])?,
        Revoked::Denied(digest, ends) => to
            .prepare_cached("INSERT INTO jwt_denials (digest, ends, checksum) VALUES (?1, ?2, ?3)")?
            .execute(params![digest.0, ends.get(), checksum])?,
    };
    ledger.add(checksum);
    Ok(())
}

/// The checksums of the rows that were deleted.
fn delete(from: &Connection, statement: &str, of: impl rusqlite::Params) -> rusqlite::Result<Vec<i64>> {
    from.prepare_cached(statement)?.query_map(of, |row| row.get(0))?.collect()
}

/// Everything that is stored of revoked JWTs.
///
/// # Errors
/// A damaged row, or one that is missing, is an error like any other value that makes no sense.
pub(super) fn load(from: &Connection, seal: &Seal) -> rusqlite::Result<StoredJwts> {
    let (mut seen, mut stored) = (Ledger::default(), StoredJwts::default());
    for (row, checksum) in rows(from)? {
        if row.checksum(seal) != checksum {
            return Err(damaged("a revocation of JWTs does not match its checksum"));
        }
        seen.add(checksum);
        stored.add(row);
    }
    if seen != Ledger::read(from, seal)? {
        return Err(damaged("revocations of JWTs are missing, or they are not those that were stored"));
    }
    Ok(stored)
}

/// Copies what is whole into a new file, and says whether that was everything that could be seen.
pub(super) fn copy_whole(from: &Connection, to: &Connection, seal: &Seal) -> rusqlite::Result<()> {
    let mut ledger = Ledger::read(to, seal)?;
    for (row, checksum) in rows(from).unwrap_or_default() {
        if row.checksum(seal) == checksum {
            insert(to, seal, &mut ledger, row)?;
        }
    }
    ledger.write(to, seal)
}

/// Ends every JWT that was issued until `through`: for a file that may have lost revocations.
pub(super) fn revoke_everything(to: &Connection, seal: &Seal, through: UnixSeconds) -> rusqlite::Result<()> {
    let revoked = |kind| SessionEvent::KindJwtsRevoked { kind, through };
    UserType::ALL.into_iter().try_for_each(|kind| apply(to, &revoked(kind), seal))
}

impl StoredJwts {
    fn add(&mut self, row: Revoked) {
        match row {
            Revoked::Through(kind, EVERYBODY, through) => self.kinds.push((kind, through)),
            Revoked::Through(kind, id, through) => self.subjects.push((Subject { kind, id }, through)),
            Revoked::Denied(digest, ends) => self.denied.push((digest, ends)),
        }
    }
}

fn rows(from: &Connection) -> rusqlite::Result<Vec<(Revoked, i64)>> {
    let mut revocations = from.prepare("SELECT kind, user, through, checksum FROM jwt_revocations")?;
    let mut denials = from.prepare("SELECT digest, ends, checksum FROM jwt_denials")?;
    let revocations = revocations.query_map((), read_revocation)?;
    revocations.chain(denials.query_map((), read_denial)?).collect()
}

fn read_revocation(row: &Row<'_>) -> rusqlite::Result<(Revoked, i64)> {
    let kind = UserType::from_number(row.get(0)?).ok_or_else(|| damaged("a kind of user that there is not"))?;
    Ok((Revoked::Through(kind, row.get(1)?, UnixSeconds(row.get(2)?)), row.get(3)?))
}

fn read_denial(row: &Row<'_>) -> rusqlite::Result<(Revoked, i64)> {
    let digest = row.get_ref(0)?.as_blob().ok().and_then(|blob| blob.try_into().ok());
    let digest = TokenDigest(digest.ok_or_else(|| damaged("a digest of another length"))?);
    Ok((Revoked::Denied(digest, UnixSeconds(row.get(1)?)), row.get(2)?))
}

fn damaged(what: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Blob, what.into())
}

#[cfg(test)]
mod tests {
    use crate::audit::Origin;
    use std::path::Path;

    use super::*;
    use crate::store::{Change, DataFolder, Loaded, Loader, Store, accept_restored, back_up, recover};
    use crate::token::DigestKey;

    const ANNE: Subject = Subject { kind: UserType::Customer, id: 7 };

    fn file() -> (Connection, Seal) {
        let file = Connection::open_in_memory().unwrap();
        file.execute_batch("CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL)").unwrap();
        file.execute_batch(JWT_REVOCATIONS).unwrap();
        (file, Seal::new(&DigestKey::generate()))
    }

    fn events() -> [SessionEvent; 3] {
        let at = UnixSeconds;
        [
            SessionEvent::JwtsRevoked { subject: ANNE, through: at(100) },
            SessionEvent::KindJwtsRevoked { kind: UserType::Admin, through: at(50) },
            SessionEvent::JwtDenied { digest: TokenDigest([1; 16]), ends: at(500), over: at(10) },
        ]
    }

    fn with(events: &[SessionEvent]) -> (Connection, Seal) {
        let (file, seal) = file();
        for event in events {
            apply(&file, event, &seal).unwrap();
        }
        (file, seal)
    }

    #[test]
    fn what_was_revoked_is_loaded() {
        let (file, seal) = with(&events());
        let expected = StoredJwts {
            kinds: vec![(UserType::Admin, UnixSeconds(50))],
            subjects: vec![(ANNE, UnixSeconds(100))],
            denied: vec![(TokenDigest([1; 16]), UnixSeconds(500))],
        };
        assert_eq!(load(&file, &seal).unwrap(), expected);
        for event in events() {
            apply(&file, &event, &seal).unwrap();
        }
        assert_eq!(load(&file, &seal).unwrap(), expected, "storing it again changes nothing");
        let (empty, seal) = self::file();
        assert_eq!(load(&empty, &seal).unwrap(), StoredJwts::default());
    }

    #[test]
    fn the_later_revocation_counts_and_that_of_a_kind_covers_its_users() {
        let (file, seal) = with(&events());
        let earlier = SessionEvent::JwtsRevoked { subject: ANNE, through: UnixSeconds(90) };
        apply(&file, &earlier, &seal).unwrap();
        assert_eq!(load(&file, &seal).unwrap().subjects, [(ANNE, UnixSeconds(100))]);
        revoke_everything(&file, &seal, UnixSeconds(200)).unwrap();
        let stored = load(&file, &seal).unwrap();
        assert_eq!((stored.subjects.len(), stored.kinds.len()), (0, 3));
        assert!(stored.kinds.iter().all(|(_, through)| *through == UnixSeconds(200)));
    }

    #[test]
    fn denials_whose_time_is_over_are_deleted_with_the_next() {
        let (file, seal) = with(&events());
        let next =
            SessionEvent::JwtDenied { digest: TokenDigest([2; 16]), ends: UnixSeconds(900), over: UnixSeconds(500) };
        apply(&file, &next, &seal).unwrap();
        assert_eq!(load(&file, &seal).unwrap().denied, [(TokenDigest([2; 16]), UnixSeconds(900))]);
    }

    #[test]
    fn a_row_that_is_missing_changed_or_added_is_noticed() {
        for damage in [
            "DELETE FROM jwt_revocations WHERE kind = 3",
            "UPDATE jwt_revocations SET through = 1 WHERE kind = 3",
            "UPDATE jwt_revocations SET user = 8 WHERE kind = 3",
            "DELETE FROM jwt_denials",
            "UPDATE jwt_denials SET ends = 1",
            "UPDATE jwt_denials SET digest = x'00'",
            "INSERT INTO jwt_revocations SELECT 1, user, through, checksum FROM jwt_revocations WHERE kind = 3",
            "DELETE FROM meta",
            "UPDATE meta SET value = zeroblob(24)",
        ] {
            let (file, seal) = with(&events());
            file.execute_batch(damage).unwrap();
            assert!(load(&file, &seal).is_err(), "{damage}");
        }
    }

    #[test]
    fn what_is_whole_is_copied() {
        let (old, seal) = with(&events());
        old.execute_batch("UPDATE jwt_denials SET ends = 1").unwrap();
        let (new, _) = file();
        copy_whole(&old, &new, &seal).unwrap();
        let stored = load(&new, &seal).unwrap();
        assert_eq!((stored.kinds.len(), stored.subjects.len(), stored.denied.len()), (1, 1, 0));
    }

    /// What a start finds in a folder.
    fn found(path: &Path) -> StoredJwts {
        let folder = DataFolder::open(path).unwrap();
        let mut found = StoredJwts::default();
        let take = |loaded| {
            if let Loaded::Jwts(stored) = loaded {
                found = stored;
            }
            true
        };
        Loader::new(&folder).run(|_| false, take).unwrap();
        found
    }

    async fn folder_with(events: &[SessionEvent]) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        let store = Store::start_here(&DataFolder::open(home.path()).unwrap()).unwrap();
        store.write(events.iter().cloned().map(Change::Session).collect()).await.unwrap();
        store.close().await;
        home
    }

    #[actix::test]
    async fn what_a_folder_keeps_is_found_at_the_next_start() {
        let home = folder_with(&events()).await;
        let stored = found(home.path());
        assert_eq!((stored.kinds.len(), stored.subjects.len(), stored.denied.len()), (1, 1, 1));
    }

    #[actix::test]
    async fn a_recovered_folder_has_revoked_every_jwt_that_may_have_been() {
        for (keep, through) in [(true, 50), (false, 1000)] {
            let home = folder_with(&events()).await;
            recover(
                home.path(),
                crate::store::RecoverOptions { keep_sessions: keep, force: true },
                UnixSeconds(1000),
                Origin::SERVER,
            )
            .unwrap();
            let stored = found(home.path());
            assert_eq!(stored.kinds.len(), if keep { 1 } else { 3 });
            assert!(stored.kinds.iter().all(|(_, moment)| *moment == UnixSeconds(through)), "{stored:?}");
            assert_eq!(stored.denied.len(), 1);
        }
    }

    #[actix::test]
    async fn a_restored_folder_has_revoked_every_jwt_unless_sessions_are_kept() {
        for (keep, kinds) in [(true, 1), (false, 3)] {
            let home = folder_with(&events()).await;
            let copy = tempfile::tempdir().unwrap();
            back_up(&home.path().join("tokenward.db"), &copy.path().join("tokenward.db"), UnixSeconds(900)).unwrap();
            assert!(
                accept_restored(copy.path(), "embedded", keep, UnixSeconds(1000), Origin::SERVER).unwrap().is_some()
            );
            assert_eq!(found(copy.path()).kinds.len(), kinds);
        }
    }
}
