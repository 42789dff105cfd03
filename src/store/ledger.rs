//! How damage is noticed: checksums of rows, and the ledger that says which rows there are.
//!
//! The checksums are eight bytes under a key that is derived from the digest key. They are against accidents, and
//! against somebody who can write to the file but not read it; whoever reads the file has the key.

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, params};

use crate::audit::ChainKey;
use crate::clock::UnixSeconds;
use crate::session::{SessionId, UserType};
use crate::store::table_seals::TableSeals;
use crate::store::{RowChecksums, StoredSession};
use crate::token::DigestKey;

/// The key of the ledger's row in `meta`.
const LEDGER: &str = "sessions";

/// The key of the digest key's row in `meta`.
pub(super) const DIGEST_KEY: &str = "digest_key";

/// Computes checksums.
#[derive(Clone)]
pub(super) struct Seal {
    sessions: [u8; 32],
    revocations: [u8; 32],
    ledger: [u8; 32],
    jwt_revocations: [u8; 32],
    jwt_ledger: [u8; 32],
    pub(super) rows: RowChecksums,
    pub(super) tables: TableSeals,
    /// What joins the lines of the audit trail.
    pub(super) chain: ChainKey,
}

impl Seal {
    /// The checksums of a file with this digest key.
    pub(super) fn new(key: &DigestKey) -> Self {
        Self {
            sessions: key.derive("tokenward 2026 checksum of a session's row"),
            revocations: key.derive("tokenward 2026 checksum of a kind revocation's row"),
            ledger: key.derive("tokenward 2026 checksum of the ledger of sessions"),
            jwt_revocations: key.derive("tokenward 2026 checksum of a JWT revocation's row"),
            jwt_ledger: key.derive("tokenward 2026 checksum of the ledger of JWT revocations"),
            rows: RowChecksums::new(key),
            tables: TableSeals::new(key),
            chain: ChainKey::new(key),
        }
    }

    /// The checksum of a session's row.
    pub(super) fn session(&self, session: &StoredSession) -> i64 {
        let mut bytes = [0; 39];
        bytes[..8].copy_from_slice(&session.id.0.to_le_bytes());
        bytes[8] = session.subject.kind.number();
        bytes[9..13].copy_from_slice(&session.subject.id.to_le_bytes());
        bytes[13..15].copy_from_slice(&session.website.0.to_le_bytes());
        bytes[15..19].copy_from_slice(&session.issued.get().to_le_bytes());
        bytes[19..23].copy_from_slice(&session.fixed_end.unwrap_or_default().get().to_le_bytes());
        bytes[23..].copy_from_slice(&session.digest.0);
        checksum(&self.sessions, &bytes)
    }

    /// The checksum of the row that ends all sessions of a kind.
    pub(super) fn kind_revocation(&self, kind: UserType, through: SessionId) -> i64 {
        let mut bytes = [0; 9];
        bytes[0] = kind.number();
        bytes[1..].copy_from_slice(&through.0.to_le_bytes());
        checksum(&self.revocations, &bytes)
    }

    /// The checksum of a row about revoked JWTs.
    pub(super) fn jwt_revocation(&self, bytes: &[u8]) -> i64 {
        checksum(&self.jwt_revocations, bytes)
    }

    /// The checksum of the ledger of those rows.
    pub(super) fn jwt_ledger(&self, bytes: &[u8]) -> i64 {
        checksum(&self.jwt_ledger, bytes)
    }
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Seal(…)")
    }
}

fn checksum(key: &[u8; 32], bytes: &[u8]) -> i64 {
    let hash = blake3::keyed_hash(key, bytes);
    let mut first = [0; 8];
    first.copy_from_slice(&hash.as_bytes()[..8]);
    i64::from_le_bytes(first)
}

/// What the rows of sessions come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ledger {
    /// How many sessions there are.
    pub(super) sessions: u64,
    /// The last number that was given to a session, so that none is given twice.
    pub(super) last: u64,
    /// The latest moment at which a session was issued or a line of the audit trail written, among them lines about
    /// sessions that have expired: session time never starts before it.
    pub(super) latest: UnixSeconds,
    /// The sum of the checksums of all rows of sessions and of revocations.
    pub(super) sum: u64,
}

impl Ledger {
    const BYTES: usize = 36;

    pub(super) fn add_session(&mut self, session: &StoredSession, checksum: i64) {
        self.sessions += 1;
        self.last = self.last.max(session.id.0);
        self.latest = self.latest.max(session.issued);
        self.sum = self.sum.wrapping_add(checksum.cast_unsigned());
    }

    pub(super) fn remove_session(&mut self, checksum: i64) {
        self.sessions = self.sessions.saturating_sub(1);
        self.sum = self.sum.wrapping_sub(checksum.cast_unsigned());
    }

    pub(super) fn add_revocation(&mut self, through: SessionId, checksum: i64) {
        // A session with a smaller number that could not be stored must not give its number to one that is good.
        self.last = self.last.max(through.0);
        self.sum = self.sum.wrapping_add(checksum.cast_unsigned());
    }

    pub(super) fn remove_revocation(&mut self, checksum: i64) {
        self.sum = self.sum.wrapping_sub(checksum.cast_unsigned());
    }

    /// The ledger of this file. Without one, or with one that does not match its checksum, the file is damaged.
    pub(super) fn read(connection: &Connection, seal: &Seal) -> rusqlite::Result<Self> {
        let row = meta(connection, LEDGER)?;
        row.and_then(|bytes| Self::from_bytes(&bytes, seal)).ok_or_else(|| damaged("the ledger of sessions is damaged"))
    }

    /// Writes the ledger.
    pub(super) fn write(&self, to: &Connection, seal: &Seal) -> rusqlite::Result<()> {
        set_meta(to, LEDGER, &self.to_bytes(seal))
    }

    fn to_bytes(self, seal: &Seal) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&self.sessions.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.last.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.latest.get().to_le_bytes());
        bytes[20..28].copy_from_slice(&self.sum.to_le_bytes());
        let checksum = checksum(&seal.ledger, &bytes[..28]);
        bytes[28..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8], seal: &Seal) -> Option<Self> {
        let bytes: &[u8; Self::BYTES] = bytes.try_into().ok()?;
        let number = |from: usize| bytes[from..from + 8].try_into().map(u64::from_le_bytes).ok();
        let ledger = Self {
            sessions: number(0)?,
            last: number(8)?,
            latest: UnixSeconds(u32::from_le_bytes(bytes[16..20].try_into().ok()?)),
            sum: number(20)?,
        };
        (ledger.to_bytes(seal) == *bytes).then_some(ledger)
    }
}

/// The digest key of this file. Without one it is damaged.
pub(super) fn digest_key(connection: &Connection) -> rusqlite::Result<DigestKey> {
    let row = meta(connection, DIGEST_KEY)?;
    let bytes = row.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    bytes.map(DigestKey::from_bytes).ok_or_else(|| damaged("the key of the digests is damaged"))
}

/// Gives a file that has never held sessions its key and an empty ledger.
pub(super) fn found(to: &Connection) -> rusqlite::Result<()> {
    let key = DigestKey::generate();
    set_meta(to, DIGEST_KEY, key.expose())?;
    Ledger::default().write(to, &Seal::new(&key))
}

pub(super) fn meta(connection: &Connection, key: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut statement = connection.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
    statement.query_row([key], |row| row.get(0)).optional()
}

pub(super) fn set_meta(to: &Connection, key: &str, value: &[u8]) -> rusqlite::Result<()> {
    to.prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")?
        .execute(params![key, value])
        .map(drop)
}

fn damaged(what: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Blob, what.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_with_one_flipped_bit_is_not_believed() {
        let seal = Seal::new(&DigestKey::generate());
        let ledger = Ledger { sessions: 3, last: 7, latest: UnixSeconds(9), sum: 12345 };
        let bytes = ledger.to_bytes(&seal);
        assert_eq!(Ledger::from_bytes(&bytes, &seal), Some(ledger));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Ledger::from_bytes(&flipped, &seal), None, "bit {bit}");
        }
    }
}
