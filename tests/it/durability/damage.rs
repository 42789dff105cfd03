//! A damaged folder: a refusal that says what to do, never a wrong yes.

use rustix::process::Signal;

use super::{Home, PASSWORD, SOON, email, revoke, session, sign_in};
use crate::support::{TestServer, tokenward};

/// A folder whose server was killed after several revocations, and its tokens: good ones and revoked ones.
fn killed() -> (Home, Vec<String>, Vec<String>) {
    let home = Home::with_customers(1);
    let mut server = home.start();
    let tokens: Vec<_> = (0..4).map(|_| sign_in(&server, 0)).collect();
    let (good, ended) = tokens.split_at(2);
    for token in ended {
        revoke(&server, token);
    }
    let (good, ended) = (good.to_vec(), ended.to_vec());
    server.process.signal(Signal::KILL);
    server.process.wait(SOON);
    (home, good, ended)
}

fn flip(path: &std::path::Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 0x40;
    std::fs::write(path, bytes).unwrap();
}

#[track_caller]
fn assert_refuses(home: &Home, saying: &str) {
    let mut process = home.builder().spawn();
    assert_eq!(process.wait(SOON).code(), Some(1));
    let log = process.log.text();
    assert!(log.contains(saying) && log.contains("tokenward recover"), "{log}");
}

#[track_caller]
fn assert_recovers(home: &Home, arguments: &[&str]) -> TestServer {
    let outcome = tokenward(&home.folder(), arguments, "");
    assert!(outcome.printed().contains("damaged file is kept in"), "{outcome:?}");
    home.start()
}

#[test]
fn a_damaged_log_is_refused_and_recover_ends_all_sessions_and_keeps_the_accounts() {
    let (home, good, ended) = killed();
    flip(&home.folder().join("tokenward.db-wal"), 5_000);
    assert_refuses(&home, "tokenward.db-wal is damaged at byte");
    let server = assert_recovers(&home, &["recover"]);
    assert!(good.iter().chain(&ended).all(|token| session(&server, token).is_none()));
    assert!(session(&server, &sign_in(&server, 0)).is_some());
}

#[test]
fn a_damaged_row_is_refused_and_recover_can_keep_the_whole_sessions() {
    let (home, good, ended) = killed();
    // A clean stop brings everything into the file.
    let mut server = home.start();
    server.process.signal(Signal::TERM);
    server.process.wait(SOON);
    let file = rusqlite::Connection::open(home.database()).unwrap();
    file.execute("UPDATE sessions SET user = user + 1 WHERE id = 1", ()).unwrap();
    drop(file);
    assert_refuses(&home, "session 1 does not match its checksum");
    let server = assert_recovers(&home, &["recover", "--keep-sessions"]);
    assert_eq!(session(&server, &good[0]), None);
    assert_eq!(session(&server, &good[1]), Some(2));
    assert!(ended.iter().all(|token| session(&server, token).is_none()));
}

/// Stops the server of this home, and damages its file with this SQL; triggers would take the damage for a change.
fn damage(home: &Home, sql: &str) {
    let mut server = home.start();
    server.process.signal(Signal::TERM);
    server.process.wait(SOON);
    rusqlite::Connection::open(home.database()).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn a_damaged_row_of_the_throttle_ends_a_start_that_has_no_shop_to_wait_for() {
    let home = Home::with_customers(1);
    home.start().try_customer(&email(0), "a wrong one").assert_status(401);
    damage(&home, "DROP TRIGGER throttle_changed; UPDATE throttle SET failures = failures + 1");
    let mut process = home.builder().spawn();
    assert_eq!(process.wait(SOON).code(), Some(1), "{}", process.log.text());
    let log = process.log.text();
    assert!(log.contains("throttle") && log.contains("damaged"), "{log}");
}

#[test]
fn a_damaged_account_signs_nobody_in_and_the_log_says_what_to_do() {
    let (home, good, _) = killed();
    damage(&home, "DROP TRIGGER customer_changed; UPDATE customers SET website = website + 0, is_active = 0");
    let server = home.start();
    server.try_customer(&email(0), PASSWORD).assert_status(503);
    let says =
        |line: &str| (line.contains("the row 1 of customers") && line.contains("tokenward recover")).then_some(());
    assert!(server.process.log.wait_for(SOON, says).is_some(), "{}", server.process.log.text());
    assert!(session(&server, &good[0]).is_some(), "sessions go on");
    drop(server);
    let outcome = tokenward(&home.folder(), &["recover"], "");
    assert!(outcome.printed().contains("customers: 0 rows saved, 1 damaged ones left out"), "{outcome:?}");
    assert_ne!(home.start().try_customer(&email(0), PASSWORD).status, 503);
}

#[test]
fn a_damaged_setting_is_refused_and_recover_says_that_the_settings_are_to_be_looked_through() {
    let (home, _, _) = killed();
    tokenward(&home.folder(), &["setting", "set", "oauth/access_token_lifetime/customer", "2"], "").printed();
    damage(&home, "DROP TRIGGER settings_changed; UPDATE settings SET value = '2000'");
    assert_refuses(&home, "the table settings does not match its checksum");
    let outcome = tokenward(&home.folder(), &["recover"], "");
    assert!(outcome.printed().contains("look through them"), "{outcome:?}");
    home.start();
}

#[test]
fn a_setting_can_be_set_back_while_sessions_are_damaged() {
    let (home, _, _) = killed();
    damage(&home, "UPDATE sessions SET user = user + 1 WHERE id = 1");
    let path = "oauth/access_token_lifetime/customer";
    tokenward(&home.folder(), &["setting", "set", path, "2"], "").printed();
    tokenward(&home.folder(), &["session", "list"], "").assert_failed(1, "session 1 does not match its checksum");
}
