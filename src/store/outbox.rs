//! What is still to be written into the shop's database: revocations of users' tokens.
//!
//! A row gets here in the transaction of the revocation itself, and goes when the shop has it. There is one row for each
//! user at most, so that the outbox is bounded by the number of users however long the shop's database is away. Writing
//! one into the shop twice does no harm.

use rusqlite::{Connection, params};

use crate::clock::UnixSeconds;
use crate::session::{Subject, UserType};

/// The table.
pub(super) const SHOP_OUTBOX: &str = "
CREATE TABLE shop_outbox (
    number INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    user INTEGER NOT NULL,
    through INTEGER NOT NULL,
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

/// Takes one in. A user who waits already keeps the place, with the later moment.
pub(super) fn add(to: &Connection, UserRevocation { subject, through }: UserRevocation) -> rusqlite::Result<()> {
    to.prepare_cached(
        "INSERT INTO shop_outbox (kind, user, through) VALUES (?1, ?2, ?3)
         ON CONFLICT (kind, user) DO UPDATE SET through = max(through, excluded.through)",
    )?
    .execute(params![subject.kind.number(), subject.id, through.get()])
    .map(drop)
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
pub(super) fn first(from: &Connection, limit: u32) -> rusqlite::Result<Vec<UserRevocation>> {
    let mut statement = from.prepare_cached("SELECT kind, user, through FROM shop_outbox ORDER BY number LIMIT ?1")?;
    let rows = statement.query_map([limit], |row| {
        let kind = UserType::from_number(row.get(0)?).ok_or(rusqlite::Error::InvalidQuery)?;
        Ok(UserRevocation { subject: Subject { kind, id: row.get(1)? }, through: UnixSeconds(row.get(2)?) })
    })?;
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revocation(id: u32, through: u32) -> UserRevocation {
        UserRevocation { subject: Subject::customer(id), through: UnixSeconds(through) }
    }

    fn file() -> Connection {
        let file = Connection::open_in_memory().unwrap();
        file.execute_batch(SHOP_OUTBOX).unwrap();
        file
    }

    #[test]
    fn a_user_waits_once_in_the_first_place_and_with_the_latest_moment() {
        let file = file();
        for (id, through) in [(1, 10), (2, 20), (1, 30), (1, 5)] {
            add(&file, revocation(id, through)).unwrap();
        }
        assert_eq!(first(&file, 10).unwrap(), [revocation(1, 30), revocation(2, 20)]);
        assert_eq!(first(&file, 1).unwrap(), [revocation(1, 30)]);
    }

    #[test]
    fn what_was_raised_while_it_was_on_its_way_stays() {
        let file = file();
        for id in [1, 2] {
            add(&file, revocation(id, 10)).unwrap();
        }
        let on_its_way = first(&file, 10).unwrap();
        add(&file, revocation(1, 11)).unwrap();
        remove(&file, &on_its_way).unwrap();
        assert_eq!(first(&file, 10).unwrap(), [revocation(1, 11)]);
    }
}
