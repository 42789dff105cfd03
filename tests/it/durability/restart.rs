//! A restart signs nobody out, and brings nobody back.

use rustix::process::Signal;

use super::{Home, SOON, revoke, session, sign_in};
use crate::support::TestServer;

fn stop(mut server: TestServer, signal: Signal) {
    server.process.signal(signal);
    server.process.wait(SOON);
}

#[test]
fn tokens_and_revocations_survive_a_stop_and_kill_9_and_numbers_are_never_used_twice() {
    let home = Home::with_customers(1);
    let server = home.start();
    let (kept, revoked) = (sign_in(&server, 0), sign_in(&server, 0));
    revoke(&server, &revoked);
    let number = session(&server, &kept).unwrap();
    let mut last = number + 1;
    stop(server, Signal::KILL);
    for signal in [Signal::TERM, Signal::KILL, Signal::TERM] {
        let server = home.start();
        assert_eq!(session(&server, &kept), Some(number));
        assert_eq!(session(&server, &revoked), None);
        let newest = session(&server, &sign_in(&server, 0)).unwrap();
        assert!(newest > last, "{newest} after {last}");
        last = newest;
        stop(server, signal);
    }
}

#[test]
fn ending_everything_survives_kill_9_and_spares_later_sessions() {
    let home = Home::with_customers(1);
    let server = home.start();
    let before = sign_in(&server, 0);
    server.command(&["session", "revoke", "--all"], "").printed();
    let after = sign_in(&server, 0);
    stop(server, Signal::KILL);
    let server = home.start();
    assert_eq!(session(&server, &before), None);
    assert!(session(&server, &after).is_some());
}

#[test]
fn a_command_without_a_server_ends_sessions_for_good() {
    let home = Home::with_customers(1);
    let server = home.start();
    let token = sign_in(&server, 0);
    stop(server, Signal::KILL);
    crate::support::tokenward(&home.folder(), &["session", "revoke", "--user", "customer:1"], "").printed();
    assert_eq!(session(&home.start(), &token), None);
}

#[test]
fn a_clean_stop_leaves_an_empty_log() {
    let home = Home::with_customers(1);
    let server = home.start();
    sign_in(&server, 0);
    stop(server, Signal::TERM);
    let log = home.folder().join("tokenward.db-wal");
    assert_eq!(log.metadata().map_or(0, |log| log.len()), 0);
}

#[test]
fn with_async_durability_a_stop_loses_nothing_and_with_none_no_session_is_kept() {
    let home = Home::with_customers(1);
    let server = home.builder().key("DATA__DURABILITY", "async").start();
    let token = sign_in(&server, 0);
    let number = session(&server, &token).unwrap();
    stop(server, Signal::TERM);
    let server = home.builder().key("DATA__DURABILITY", "async").start();
    assert_eq!(session(&server, &token), Some(number));
    stop(server, Signal::TERM);
    let server = home.builder().key("DATA__DURABILITY", "none").start();
    assert_eq!(session(&server, &token), None);
    let other = sign_in(&server, 0);
    assert!(session(&server, &other).unwrap() > number);
    stop(server, Signal::TERM);
    let server = home.start();
    assert_eq!([session(&server, &token), session(&server, &other)], [None, None]);
}

#[test]
fn what_a_shorter_lifetime_has_ended_has_ended_after_a_restart() {
    let home = Home::with_customers(1);
    let server = home.start();
    let token = sign_in(&server, 0);
    server.command(&["setting", "set", "oauth/access_token_lifetime/customer", "0"], "").printed();
    stop(server, Signal::TERM);
    let server = home.start();
    assert_eq!(session(&server, &token), None);
}
