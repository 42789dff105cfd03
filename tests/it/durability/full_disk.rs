//! A disk that cannot be written: changes are refused, checks go on, and it recovers by itself.
//!
//! The fault is a limit on the size of files that is lowered on the running process (`prlimit`): each write beyond it
//! fails inside the kernel, as on a full disk, at any byte that one likes, for the real program, and without any rights.

use rustix::process::{Resource, Rlimit, Signal, prlimit};

use super::{Home, PASSWORD, REVOKE, SOON, email, revoke, session, sign_in};
use crate::support::TestServer;

/// The server can make no file longer than this; without a number as long as it likes.
fn limit_files(server: &TestServer, bytes: Option<u64>) {
    prlimit(Some(server.process.id()), Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}

fn log_length(home: &Home) -> u64 {
    home.folder().join("tokenward.db-wal").metadata().map_or(0, |log| log.len())
}

/// How many events of the log say this.
fn said(server: &TestServer, text: &str) -> usize {
    server.process.log.text().lines().filter(|line| line.contains(text)).count()
}

#[test]
fn on_a_full_disk_changes_are_refused_checks_go_on_and_it_recovers_by_itself() {
    let home = Home::with_customers(1);
    let mut server = home.start();
    let (kept, revoked) = (sign_in(&server, 0), sign_in(&server, 0));
    limit_files(&server, Some(0));
    for _ in 0..3 {
        let refused = server.try_customer(&email(0), PASSWORD);
        refused.assert_status(503);
        assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
    }
    server.graphql(Some(&revoked), REVOKE).assert_status(503);
    server.gateway(Some(&revoked), "").assert_status(503);
    assert!(session(&server, &kept).is_some(), "checks go on");
    assert_eq!(said(&server, "the store cannot be written"), 1, "{}", server.process.log.text());

    limit_files(&server, None);
    server.wait_until(|server| server.gateway(Some(&revoked), "").status == 401);
    assert_eq!(said(&server, "the store can be written again"), 1, "{}", server.process.log.text());
    let after = sign_in(&server, 0);
    server.process.signal(Signal::KILL);
    server.process.wait(SOON);
    let server = home.start();
    assert!(session(&server, &kept).is_some() && session(&server, &after).is_some());
    assert_eq!(session(&server, &revoked), None, "the revocation was stored when it could be");
}

#[test]
fn whichever_write_fails_what_was_acknowledged_holds() {
    let home = Home::with_customers(1);
    let mut server = home.start();
    let (mut good, mut ended, mut refusals) = (vec![sign_in(&server, 0)], Vec::new(), 0);
    // A commit writes a few frames of 4,120 bytes: somewhere in here each of them is the first that fails.
    for step in 0..10 {
        limit_files(&server, Some(log_length(&home) + step * 2_060));
        let answer = server.try_customer(&email(0), PASSWORD);
        match answer.status {
            200 => good.push(answer.at("/data/generateCustomerToken/token").as_str().unwrap().to_owned()),
            503 => refusals += 1,
            other => panic!("{other} at step {step}"),
        }
        limit_files(&server, None);
        let one = sign_in(&server, 0);
        revoke(&server, &one);
        ended.push(one);
    }
    assert!(refusals > 0, "nothing failed");
    server.process.signal(Signal::KILL);
    server.process.wait(SOON);
    let server = home.start();
    assert!(good.iter().all(|token| session(&server, token).is_some()));
    assert!(ended.iter().all(|token| session(&server, token).is_none()));
}
