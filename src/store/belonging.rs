//! Whose accounts the users of a folder are.
//!
//! Sessions name users by number, and user 1 of one database is another person in the next. So a folder says which
//! accounts it was used with, in words that are compared and shown, and with others it is not served from before somebody
//! has said what is to become of its sessions.

use rusqlite::Connection;

use crate::store::{ledger, seen_settings};

/// The key in `meta` of what is said of the accounts, as text.
pub(super) const ACCOUNTS: &str = "accounts_of";

/// The accounts that are kept in the folder itself, in the words of the note.
pub const EMBEDDED_ACCOUNTS: &str = "the embedded accounts";

/// The accounts that a folder was used with, when they are not `accounts` and something in it names users. A program that
/// wrote no note yet had its accounts in the folder.
pub(super) fn others(connection: &Connection, accounts: &str) -> rusqlite::Result<Option<String>> {
    let noted = ledger::meta(connection, ACCOUNTS)?.map(|text| String::from_utf8_lossy(&text).into_owned());
    let known = noted.unwrap_or_else(|| EMBEDDED_ACCOUNTS.to_owned());
    Ok(Some(known).filter(|known| known != accounts).filter(|_| names_users(connection).unwrap_or(true)))
}

/// From now on its users are of `accounts`. Where tokens stand in a shop stays: rows are found by digest as well, so that
/// those of another shop are never meant, and sessions that go on after a move have theirs.
pub(super) fn settle(connection: &Connection, accounts: &str) -> rusqlite::Result<()> {
    if ledger::meta(connection, ACCOUNTS)?.as_deref() != Some(accounts.as_bytes()) {
        seen_settings::forget(connection)?;
    }
    ledger::set_meta(connection, ACCOUNTS, accounts.as_bytes())
}

/// Nothing in it names users of those before any more: what waits to be told to their shop is not told to another one.
pub(super) fn forget_outbox(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM shop_outbox", ()).map(drop)
}

/// Whether there is a session that has not ended with its kind, or a revocation for a shop that has not heard of it.
fn names_users(connection: &Connection) -> rusqlite::Result<bool> {
    let question = "SELECT EXISTS (SELECT 1 FROM shop_outbox) OR EXISTS (SELECT 1 FROM sessions WHERE NOT EXISTS (
        SELECT 1 FROM kind_revocations AS ended WHERE ended.kind = sessions.kind AND ended.through >= sessions.id))";
    connection.query_row(question, (), |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Origin;
    use crate::clock::UnixSeconds;
    use crate::session::Subject;
    use crate::store::{DataFolder, RowChecksums, UserRevocation, accept_restored, outbox};

    /// How many revocations wait for a shop after a folder of one shop was accepted as another's.
    fn waiting_after_accepting(keep_sessions: bool) -> u32 {
        let home = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(home.path()).unwrap();
        folder.claim_for("one shop").unwrap();
        let (file, checksums) = (Connection::open(folder.database()).unwrap(), RowChecksums::new(folder.digest_key()));
        let revocation = UserRevocation { subject: Subject::customer(7), through: UnixSeconds(10) };
        outbox::add(&file, revocation, &checksums).unwrap();
        drop(folder);
        accept_restored(home.path(), "another shop", keep_sessions, UnixSeconds(20), Origin::SERVER).unwrap().unwrap();
        DataFolder::open(home.path()).unwrap().claim_for("another shop").unwrap();
        outbox::waiting(&file).unwrap().entries
    }

    #[test]
    fn a_shop_that_has_moved_is_still_told_of_revocations_and_another_one_is_not() {
        assert_eq!(waiting_after_accepting(true), 1);
        assert_eq!(waiting_after_accepting(false), 0);
    }
}
