//! Faults while a server starts: it starts, or says what is wrong, and the next start on a sound disk is right.

use rustix::io::Errno;
use rustix::process::Signal;

use super::{Disk, Fault, Kinds, Start, outcome};
use crate::durability::{Home, SOON, revoke, session, sign_in};

/// Breaks the n-th operation of a start, for every n; `prepare` makes the folder before, `verify` looks at it after.
fn whichever_fails(fault: Fault, prepare: impl Fn(&Home), verify: impl Fn(&Home)) -> Option<String> {
    let disk = Disk::new()?;
    let (mut ready, mut refused) = (0, 0);
    for after in 0.. {
        let home = Home::with_customers(0);
        prepare(&home);
        disk.break_with(Fault { after, ..fault });
        let mut process = home.builder_on(&disk).spawn();
        let start = outcome(&mut process);
        let failed = disk.failed();
        disk.heal();
        match start {
            Start::Ready => {
                ready += 1;
                process.signal(Signal::KILL);
                process.wait(SOON);
            }
            Start::Refused => refused += 1,
        }
        verify(&home);
        if failed == 0 {
            break;
        }
    }
    assert!(refused > 0, "nothing failed");
    let faults = refused + ready - 1;
    Some(format!("{faults} faults ({}) during a start: {refused} refusals, {ready} starts", fault.error))
}

#[test]
fn whichever_operation_fails_at_the_first_start_the_next_start_is_right() {
    let fault = Fault { after: 0, kinds: Kinds::ALL, error: Errno::NOSPC, times: None };
    if let Some(seen) = whichever_fails(fault, |_| {}, |home| drop(home.start())) {
        println!("{seen}");
    }
}

#[test]
fn whichever_operation_fails_at_a_start_after_a_crash_nothing_acknowledged_is_lost() {
    let model = Home::with_customers(1);
    let mut server = model.start();
    let (good, ended) = (sign_in(&server, 0), sign_in(&server, 0));
    revoke(&server, &ended);
    server.process.signal(Signal::KILL);
    server.process.wait(SOON);
    let prepare = |home: &Home| {
        std::fs::create_dir(home.folder()).unwrap();
        for name in ["tokenward.db", "tokenward.db-wal"] {
            std::fs::copy(model.folder().join(name), home.folder().join(name)).unwrap();
        }
    };
    let verify = |home: &Home| {
        let server = home.start();
        assert!(session(&server, &good).is_some(), "an acknowledged token is lost");
        assert_eq!(session(&server, &ended), None, "a revoked token came back to life");
    };
    let fault = Fault { after: 0, kinds: Kinds::ALL, error: Errno::IO, times: None };
    if let Some(seen) = whichever_fails(fault, prepare, verify) {
        println!("{seen}");
    }
}
