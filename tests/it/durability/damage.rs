//! A damaged folder: a refusal that says what to do, never a wrong yes.

use rustix::process::Signal;

use super::{Home, SOON, revoke, session, sign_in};
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
