//! Whose accounts the users of a folder are.
//!
//! Sessions name users by number, and user 1 of one database is another person in the next. So a folder says which
//! accounts it was used with, in words that are compared and shown, and with others it is not served from before somebody
//! has said what is to become of its sessions.

use rusqlite::Connection;

use crate::store::ledger;

/// The key in `meta` of what is said of the accounts, as text.
pub(super) const ACCOUNTS: &str = "accounts_of";

/// The accounts that a folder was used with, when they are not `accounts` and something in it names users.
pub(super) fn others(connection: &Connection, accounts: &str) -> rusqlite::Result<Option<String>> {
    let known = ledger::meta(connection, ACCOUNTS)?.map(|text| String::from_utf8_lossy(&text).into_owned());
    Ok(known.filter(|known| known != accounts).filter(|_| names_users(connection).unwrap_or(true)))
}

/// From now on its users are of `accounts`. What waits to be told to another shop is not told to this one. Where tokens
/// stand in a shop stays: rows are found by digest as well, so that those of another shop are never meant, and sessions that
/// go on after a move have theirs.
pub(super) fn settle(connection: &Connection, accounts: &str) -> rusqlite::Result<()> {
    let known = ledger::meta(connection, ACCOUNTS)?;
    if known.as_deref() == Some(accounts.as_bytes()) {
        return Ok(());
    }
    if known.is_some() {
        connection.execute("DELETE FROM shop_outbox", ())?;
    }
    ledger::set_meta(connection, ACCOUNTS, accounts.as_bytes())
}

/// Whether there is a session that has not ended with its kind, or a revocation for a shop that has not heard of it.
fn names_users(connection: &Connection) -> rusqlite::Result<bool> {
    let question = "SELECT EXISTS (SELECT 1 FROM shop_outbox) OR EXISTS (SELECT 1 FROM sessions WHERE NOT EXISTS (
        SELECT 1 FROM kind_revocations AS ended WHERE ended.kind = sessions.kind AND ended.through >= sessions.id))";
    connection.query_row(question, (), |row| row.get(0))
}
