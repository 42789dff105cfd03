//! Which tokens that were issued here stand in the shop's table of tokens, too.
//!
//! A row gets here in the transaction of the session itself, and goes when the shop no longer has the token. So a row whose
//! session has ended, however it ended, is what the shop is still to be told: there is no other list of that. The token is
//! kept as its digest; its text stands in the shop alone.

use rusqlite::types::Value;
use rusqlite::{Connection, params};

use crate::store::{RowChecksums, SealedTable};
use crate::token::TokenDigest;

/// The table; `row` is the number of the row in the shop.
pub(super) const SHOP_MIRROR: &str = "
CREATE TABLE shop_mirror (
    row INTEGER PRIMARY KEY,
    digest BLOB NOT NULL,
    checksum INTEGER
) STRICT;
";

/// A token that was issued here and stands in the shop's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MirroredToken {
    /// The number of its row there.
    pub row: u32,
    /// The digest of its text.
    pub digest: TokenDigest,
}

/// Takes one in. A row that had this number before is not there any more: the shop has given its number away again.
pub(super) fn add(to: &Connection, token: &MirroredToken, checksums: &RowChecksums) -> rusqlite::Result<()> {
    let MirroredToken { row, digest } = token;
    let checksum = checksums.of_values(SealedTable::ShopMirror, &[(*row).into(), Value::Blob(digest.0.to_vec())]);
    to.prepare_cached("INSERT OR REPLACE INTO shop_mirror (row, digest, checksum) VALUES (?1, ?2, ?3)")?
        .execute(params![row, digest.0, checksum])
        .map(drop)
}

/// Takes these out, unless their rows are other tokens' by now.
pub(super) fn remove(from: &Connection, tokens: &[MirroredToken]) -> rusqlite::Result<()> {
    let mut statement = from.prepare_cached("DELETE FROM shop_mirror WHERE row = ?1 AND digest = ?2")?;
    tokens.iter().try_for_each(|token| statement.execute(params![token.row, token.digest.0]).map(drop))
}

/// At most `limit` of them whose rows follow this one.
pub(super) fn after(
    from: &Connection,
    row: u32,
    limit: u32,
    checksums: &RowChecksums,
) -> rusqlite::Result<Vec<MirroredToken>> {
    let mut statement = from.prepare_cached("SELECT * FROM shop_mirror WHERE row > ?1 ORDER BY row LIMIT ?2")?;
    let rows = statement.query_map([row, limit], |row| {
        checksums.verify(SealedTable::ShopMirror, row)?;
        Ok(MirroredToken { row: row.get("row")?, digest: TokenDigest(row.get("digest")?) })
    })?;
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::DigestKey;

    fn token(row: u32, byte: u8) -> MirroredToken {
        MirroredToken { row, digest: TokenDigest([byte; 16]) }
    }

    fn file() -> (Connection, RowChecksums) {
        let file = Connection::open_in_memory().unwrap();
        file.execute_batch(SHOP_MIRROR).unwrap();
        (file, RowChecksums::new(&DigestKey::from_bytes([1; 32])))
    }

    #[test]
    fn what_was_taken_in_is_read_in_the_order_of_the_shops_rows() {
        let (file, checksums) = file();
        for one in [token(9, 1), token(3, 2), token(5, 3)] {
            add(&file, &one, &checksums).unwrap();
        }
        assert_eq!(after(&file, 0, 2, &checksums).unwrap(), [token(3, 2), token(5, 3)]);
        assert_eq!(after(&file, 5, 2, &checksums).unwrap(), [token(9, 1)]);
    }

    #[test]
    fn a_number_that_the_shop_gives_away_again_is_the_new_tokens() {
        let (file, checksums) = file();
        add(&file, &token(3, 1), &checksums).unwrap();
        add(&file, &token(3, 2), &checksums).unwrap();
        remove(&file, &[token(3, 1)]).unwrap();
        assert_eq!(after(&file, 0, 9, &checksums).unwrap(), [token(3, 2)]);
        remove(&file, &[token(3, 2)]).unwrap();
        assert_eq!(after(&file, 0, 9, &checksums).unwrap(), []);
    }

    #[test]
    fn a_row_that_was_changed_by_accident_is_an_error() {
        let (file, checksums) = file();
        add(&file, &token(3, 1), &checksums).unwrap();
        file.execute("UPDATE shop_mirror SET row = 4", ()).unwrap();
        let error = after(&file, 0, 9, &checksums).unwrap_err().to_string();
        assert!(error.contains("shop_mirror") && error.contains("damaged"), "{error}");
    }
}
