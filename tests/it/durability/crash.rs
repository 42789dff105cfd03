//! `kill -9` at random moments: every acknowledged token is good, every acknowledged revocation holds.
//!
//! How many times: `TOKENWARD_CRASH_CYCLES`, which `scripts/test` sets to 50 and `scripts/crash N` to N.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use super::{Home, REVOKE, SOON, ask, session, sign_in_query};
use crate::support::TestServer;

/// Enough for a quick look.
const CYCLES: u32 = 3;

const CLIENTS: usize = 4;

/// How long a server lives on after its first answer, in milliseconds.
const LIFE: std::ops::Range<u64> = 0..700;

/// What a client was told.
#[derive(Default)]
struct Told {
    good: Vec<String>,
    revoked: Vec<String>,
    /// The server died before it answered: nothing is known of these.
    unknown: usize,
}

impl Told {
    fn add(&mut self, other: Self) {
        self.good.extend(other.good);
        self.revoked.extend(other.revoked);
        self.unknown += other.unknown;
    }
}

/// Signs in and revokes until the server is gone.
fn live(public: SocketAddr, customer: usize, mine: Vec<String>, dead: &AtomicBool, answered: &Sender<()>) -> Told {
    let mut told = Told { good: mine, ..Told::default() };
    while !dead.load(Ordering::Relaxed) {
        match ask(public, None, &sign_in_query(customer)) {
            Some((200, answer)) => {
                let token = answer.pointer("/data/generateCustomerToken/token").unwrap().as_str().unwrap();
                told.good.push(token.to_owned());
                // Nobody listens any more after the first one.
                let _nobody_listens = answered.send(());
            }
            Some((503, _)) => {}
            // It is gone, and nothing more can be learnt.
            None => return told,
            other => panic!("{other:?}"),
        }
        for _ in 0..rand::random_range(0..2) {
            if told.good.is_empty() {
                break;
            }
            let token = told.good.swap_remove(rand::random_range(0..told.good.len()));
            match ask(public, Some(&token), &json!({ "query": REVOKE })) {
                Some((200, answer)) if answer.pointer("/data/revokeCustomerToken/result") == Some(&json!(true)) => {
                    told.revoked.push(token);
                }
                Some((503, _)) => told.unknown += 1,
                None => {
                    told.unknown += 1;
                    return told;
                }
                other => panic!("{other:?}"),
            }
        }
    }
    told
}

/// One life of a server, which ends by `kill -9` while its clients are busy.
fn cycle(home: &Home, mut server: TestServer, mut tokens: Vec<Vec<String>>) -> Vec<Told> {
    let (dead, public) = (AtomicBool::new(false), server.public);
    assert_eq!(tokens.len(), home.customers);
    let (sender, answered) = channel();
    std::thread::scope(|scope| {
        let dead = &dead;
        let clients: Vec<_> = tokens
            .drain(..)
            .enumerate()
            .map(|(customer, mine)| {
                let sender = sender.clone();
                scope.spawn(move || live(public, customer, mine, dead, &sender))
            })
            .collect();
        answered.recv_timeout(SOON).unwrap();
        // Nothing is waited for but the random moment.
        server.process.log.wait_for(Duration::from_millis(rand::random_range(LIFE)), |_| None::<()>);
        server.process.signal(Signal::KILL);
        server.process.wait(SOON);
        dead.store(true, Ordering::Relaxed);
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    })
}

#[track_caller]
fn verify(server: &TestServer, good: &[Vec<String>], revoked: &[String]) {
    for token in good.iter().flatten() {
        assert!(session(server, token).is_some(), "an acknowledged token is lost");
    }
    for token in revoked {
        assert_eq!(session(server, token), None, "a revoked token came back to life");
    }
}

#[test]
fn every_acknowledged_token_is_good_and_every_acknowledged_revocation_holds_after_kill_9() {
    #[expect(clippy::disallowed_methods, reason = "how long a run is comes from the one who runs it")]
    let cycles = std::env::var("TOKENWARD_CRASH_CYCLES").map_or(CYCLES, |cycles| cycles.parse().unwrap());
    let home = Home::with_customers(CLIENTS);
    let mut all = Told::default();
    let mut good = vec![Vec::new(); CLIENTS];
    let mut server = home.start();
    for cycle_number in 1..=cycles {
        let told = cycle(&home, server, std::mem::take(&mut good));
        let mut newly_revoked = Vec::new();
        for client in told {
            good.push(client.good.clone());
            newly_revoked.extend(client.revoked.iter().cloned());
            all.add(Told { good: Vec::new(), ..client });
        }
        server = home.start();
        verify(&server, &good, &newly_revoked);
        if cycle_number == cycles {
            verify(&server, &good, &all.revoked);
        }
    }
    let held: usize = good.iter().map(Vec::len).sum();
    println!(
        "{cycles} crashes: {held} acknowledged tokens good, {} acknowledged revocations hold, {} changes without an answer",
        all.revoked.len(),
        all.unknown
    );
    assert!(held + all.revoked.len() > 0, "nothing was acknowledged");
    // In a short run chance may have it that everything or nothing is revoked.
    assert!(cycles < 50 || (held > 0 && !all.revoked.is_empty()), "only one kind of change was acknowledged");
}
