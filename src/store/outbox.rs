//! What is still to be written into the shop's database: revocations of users' tokens.
//!
//! A row gets here in the transaction of the revocation itself, and goes when the shop has it. There is one row for each
//! user at most, so that the outbox is bounded by the number of users however long the shop's database is away. Writing
//! one into the shop twice does no harm.

use rusqlite::{Connection, params};

use crate::clock::UnixSeconds;
use crate::session::{Subject, UserType};
use crate::store::{RowChecksums, SealedTable};

/// The table.
pub(super) const SHOP_OUTBOX: &str = "
CREATE TABLE shop_outbox (
    number INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    user INTEGER NOT NULL,
    through INTEGER NOT NULL,
    checksum INTEGER,
    UNIQUE (kind, user)
) STRICT;
";

/// All tokens of a user that were issued at this second or earlier are revoked (fact sheet 6.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserRevocation {
    /// Whose tokens.
    pub subject: Subject,
    /// The last second of issue that is revoked.
    pub through: UnixSeconds,
}

/// How much of the outbox waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WaitingForShop {
    /// How many users' revocations.
    pub entries: u32,
    /// When the oldest of them was made; `None` when none waits. One that was made again meanwhile counts as new.
    pub oldest: Option<UnixSeconds>,
}

/// Takes one in. A user who waits already keeps the place, with the later moment.
pub(super) fn add(
    to: &Connection,
    UserRevocation { subject, through }: UserRevocation,
    checksums: &RowChecksums,
) -> rusqlite::Result<()> {
    let (kind, user) = (subject.kind.number(), subject.id);
    to.prepare_cached(
        "INSERT INTO shop_outbox (kind, user, through) VALUES (?1, ?2, ?3)
         ON CONFLICT (kind, user) DO UPDATE SET through = max(through, excluded.through)",
    )?
    .execute(params![kind, user, through.get()])?;
    checksums.renew(to, SealedTable::ShopOutbox, &[&kind, &user])
}

/// Takes out what the shop has: unless it has been raised since.
pub(super) fn remove(from: &Connection, delivered: &[UserRevocation]) -> rusqlite::Result<()> {
    let mut statement =
        from.prepare_cached("DELETE FROM shop_outbox WHERE kind = ?1 AND user = ?2 AND through <= ?3")?;
    delivered.iter().try_for_each(|UserRevocation { subject, through }| {
        statement.execute(params![subject.kind.number(), subject.id, through.get()]).map(drop)
    })
}

/// The first `limit` of them, in the order in which they came.
pub(super) fn first(from: &Connection, limit: u32, checksums: &RowChecksums) -> rusqlite::Result<Vec<UserRevocation>> {
    let mut statement = from.prepare_cached("SELECT * FROM shop_outbox ORDER BY number LIMIT ?1")?;
    let rows = statement.query_map([limit], |row| {
        checksums.verify(SealedTable::ShopOutbox, row)?;
        let kind = UserType::from_number(row.get("kind")?).ok_or(rusqlite::Error::InvalidQuery)?;
        Ok(UserRevocation {
            subject: Subject { kind, id: row.get("user")? },
            through: UnixSeconds(row.get("through")?),
        })
    })?;
    rows.collect()
}

/// How much waits, and since when.
pub(super) fn waiting(from: &Connection) -> rusqlite::Result<WaitingForShop> {
    from.prepare_cached("SELECT COUNT(*), MIN(through) FROM shop_outbox")?.query_row((), |row| {
        let oldest: Option<u32> = row.get(1)?;
        Ok(WaitingForShop { entries: row.get(0)?, oldest: oldest.map(UnixSeconds) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::DigestKey;

    fn revocation(id: u32, through: u32) -> UserRevocation {
        UserRevocation { subject: Subject::customer(id), through: UnixSeconds(through) }
    }

    fn file() -> (Connection, RowChecksums) {
        let file = Connection::open_in_memory().unwrap();
        file.execute_batch(SHOP_OUTBOX).unwrap();
        (file, RowChecksums::new(&DigestKey::from_bytes([1; 32])))
    }

    #[test]
    fn a_user_waits_once_in_the_first_place_and_with_the_latest_moment() {
        let (file, checksums) = file();
        assert_eq!(waiting(&file).unwrap(), WaitingForShop::default());
        for (id, through) in [(1, 10), (2, 20), (1, 30), (1, 5)] {
            add(&file, revocation(id, through), &checksums).unwrap();
        }
        assert_eq!(first(&file, 10, &checksums).unwrap(), [revocation(1, 30), revocation(2, 20)]);
        assert_eq!(first(&file, 1, &checksums).unwrap(), [revocation(1, 30)]);
        assert_eq!(waiting(&file).unwrap(), WaitingForShop { entries: 2, oldest: Some(UnixSeconds(20)) });
    }

    #[test]
    fn what_was_raised_while_it_was_on_its_way_stays() {
        let (file, checksums) = file();
        for id in [1, 2] {
            add(&file, revocation(id, 10), &checksums).unwrap();
        }
        let on_its_way = first(&file, 10, &checksums).unwrap();
        add(&file, revocation(1, 11), &checksums).unwrap();
        remove(&file, &on_its_way).unwrap();
        assert_eq!(first(&file, 10, &checksums).unwrap(), [revocation(1, 11)]);
    }

    #[test]
    fn a_row_that_was_changed_by_accident_is_an_error_and_never_told() {
        let (file, checksums) = file();
        add(&file, revocation(1, 10), &checksums).unwrap();
        file.execute("UPDATE shop_outbox SET through = 9", ()).unwrap();
        let error = first(&file, 10, &checksums).unwrap_err().to_string();
        assert!(error.contains("shop_outbox") && error.contains("damaged"), "{error}");
    }
}
