//! Faults under a server that runs.

use rustix::io::Errno;
use rustix::process::Signal;

use super::{Disk, Fault, Kinds};
use crate::durability::{Home, PASSWORD, REVOKE, SOON, email, session, sign_in};
use crate::support::TestServer;

/// After so many faults the server is killed, and another one looks what is left.
const FAULTS_OF_A_LIFE: i32 = 8;

/// What was acknowledged.
#[derive(Default)]
struct Told {
    good: Vec<String>,
    ended: Vec<String>,
    refusals: usize,
}

impl Told {
    fn sign_in(&mut self, server: &TestServer) {
        let answer = server.try_customer(&email(0), PASSWORD);
        match answer.status {
            200 => self.good.push(answer.at("/data/generateCustomerToken/token").as_str().unwrap().to_owned()),
            503 => {
                assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
                self.refusals += 1;
            }
            other => panic!("{other}: {answer:?}"),
        }
    }

    /// Revokes; one that is refused goes on by itself, and the token is not good meanwhile.
    fn revoke(&mut self, server: &TestServer) {
        let token = self.good.remove(0);
        let answer = server.graphql(Some(&token), REVOKE);
        match answer.status {
            200 => {}
            503 => {
                assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
                self.refusals += 1;
            }
            other => panic!("{other}: {answer:?}"),
        }
        assert!(matches!(server.gateway(Some(&token), "").status, 401 | 503), "a revoked token is good");
        self.ended.push(token);
    }

    /// The fault is over: what was refused is stored without a restart.
    fn wait_until_stored(&self, server: &TestServer) {
        server.wait_until(|server| server.try_customer(&email(0), PASSWORD).status == 200);
        for token in &self.ended {
            server.wait_until(|server| server.gateway(Some(token), "").status == 401);
        }
    }

    #[track_caller]
    fn assert_holds(&self, server: &TestServer, when: &str) {
        for token in &self.good {
            assert!(session(server, token).is_some(), "an acknowledged token is lost {when}");
        }
        for token in &self.ended {
            assert_eq!(session(server, token), None, "a revoked token came back to life {when}");
        }
    }
}

/// Breaks the n-th operation of a short run, for every n, and says what was seen.
fn whichever_fails(fault: Fault) -> Option<String> {
    let disk = Disk::new()?;
    let home = Home::with_customers(1);
    let mut server = home.builder_on(&disk).start();
    let mut told = Told::default();
    let mut after = 0;
    loop {
        told.good.push(sign_in(&server, 0));
        let kept = sign_in(&server, 0);
        disk.break_with(Fault { after, ..fault });
        told.sign_in(&server);
        told.revoke(&server);
        told.sign_in(&server);
        assert!(session(&server, &kept).is_some(), "checks go on");
        let failed = disk.failed();
        disk.heal();
        told.wait_until_stored(&server);
        told.good.push(kept);
        if failed == 0 {
            break;
        }
        after += 1;
        if after % FAULTS_OF_A_LIFE == 0 {
            server = restarted(&home, &disk, server);
            told.assert_holds(&server, &format!("after fault {after}"));
        }
    }
    let server = restarted(&home, &disk, server);
    told.assert_holds(&server, "at the end");
    assert!(told.refusals > 0, "nothing failed");
    Some(format!(
        "{after} faults ({}): {} refusals, {} acknowledged tokens good, {} revocations hold",
        fault.error,
        told.refusals,
        told.good.len(),
        told.ended.len()
    ))
}

fn restarted(home: &Home, disk: &Disk, mut server: TestServer) -> TestServer {
    server.process.signal(Signal::KILL);
    server.process.wait(SOON);
    home.builder_on(disk).start()
}

#[test]
fn whichever_operation_is_the_first_of_many_to_fail_what_was_acknowledged_holds() {
    if let Some(seen) = whichever_fails(Fault { after: 0, kinds: Kinds::ALL, error: Errno::IO, times: None }) {
        println!("{seen}");
    }
}

#[test]
fn whichever_operation_fails_once_what_was_acknowledged_holds() {
    if let Some(seen) = whichever_fails(Fault { after: 0, kinds: Kinds::ALL, error: Errno::NOSPC, times: Some(1) }) {
        println!("{seen}");
    }
}

#[test]
fn whichever_sync_fails_once_what_was_acknowledged_holds() {
    if let Some(seen) = whichever_fails(Fault { after: 0, kinds: Kinds::SYNCS, error: Errno::IO, times: Some(1) }) {
        println!("{seen}");
    }
}
