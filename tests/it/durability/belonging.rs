//! A folder belongs to the accounts it was used with: user 1 of others is somebody else.

use super::{Home, SOON, revoke, session, sign_in};
use crate::support::{Process, ServerBuilder, tokenward};

/// A folder that was used with the embedded accounts, and one of its tokens.
fn used() -> (Home, String) {
    let home = Home::with_customers(1);
    let token = sign_in(&home.start(), 0);
    (home, token)
}

/// Beside a shop whose database nobody has to reach: the folder is looked at first.
fn beside_a_shop(home: &Home) -> ServerBuilder {
    ServerBuilder::on(&home.folder())
        .key("ACCOUNTS__SOURCE", "magento")
        .key("MAGENTO__DATABASE_URL", "mysql://nobody:secret-of-the-shop@127.0.0.1:9/magento")
}

#[track_caller]
fn assert_refused(home: &Home) {
    let mut refused = beside_a_shop(home).spawn();
    assert_eq!(refused.wait(SOON).code(), Some(1));
    let log = refused.log.text();
    assert!(log.contains("accept-restored end-sessions") && log.contains("the shop's database magento"), "{log}");
    assert!(!log.contains("secret-of-the-shop"), "{log}");
}

#[track_caller]
fn says(process: &Process, words: &str) {
    let said = process.log.wait_for(SOON, |line| line.contains(words).then_some(()));
    assert!(said.is_some(), "{}", process.log.text());
}

#[test]
fn with_other_accounts_a_start_is_refused_and_nothing_is_lost() {
    let (home, token) = used();
    assert_refused(&home);
    assert!(session(&home.start(), &token).is_some());
}

#[test]
fn the_sessions_of_other_accounts_end_when_that_is_accepted() {
    let (home, token) = used();
    // The shop's database is not there: what is accepted first is what counts.
    let waiting = beside_a_shop(&home).argument("--accept-restored").argument("end-sessions").spawn();
    says(&waiting, "all its sessions have ended");
    drop(waiting);
    let server = home.start();
    assert_eq!(session(&server, &token), None);
    drop(server);
    let export = tokenward(&home.folder(), &["audit", "export"], "");
    let lines = export.printed();
    assert!(lines.contains(r#""event":"accounts-accepted""#), "{lines}");
}

#[test]
fn a_folder_without_sessions_goes_with_any_accounts() {
    let (home, token) = used();
    let server = home.start();
    revoke(&server, &token);
    drop(server);
    let waiting = beside_a_shop(&home).spawn();
    says(&waiting, "the start waits for the shop's database");
}

#[test]
fn the_users_of_a_folder_from_before_that_was_noted_are_of_the_embedded_accounts() {
    let (home, token) = used();
    let note = rusqlite::Connection::open(home.database()).unwrap();
    assert_eq!(note.execute("DELETE FROM meta WHERE key = 'accounts_of'", ()).unwrap(), 1);
    drop(note);
    assert_refused(&home);
    assert!(session(&home.start(), &token).is_some());
}
