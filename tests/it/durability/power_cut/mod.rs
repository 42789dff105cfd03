//! Power cuts: what was not synced is thrown away, wholly or in part, and what was acknowledged is there all the same.
//!
//! The real server runs on a [`Disk`] that remembers every operation. From what it remembers a [`Trace`] works out what a
//! power cut at any moment may leave behind, and another server starts on that. The run has a clean stop, crashes and
//! failed syncs in it.
//!
//! How many cuts: `TOKENWARD_POWER_CUTS`, which `scripts/test` sets to 60.

mod trace;

use rustix::io::Errno;
use rustix::process::Signal;

use self::trace::Trace;
use super::broken_disk::{Disk, Fault, Kinds, Start, outcome};
use super::{Home, PASSWORD, REVOKE, SOON, email, session, sign_in};
use crate::support::TestServer;

/// Enough for a quick look.
const CUTS: usize = 20;

/// A token, and when the disk had done how much: the length of the trace then.
struct Token {
    text: String,
    acknowledged: u64,
    revocation_sent: u64,
    revocation_acknowledged: u64,
}

const NEVER: u64 = u64::MAX;

/// A run whose operations are remembered.
struct Run<'a> {
    home: &'a Home,
    disk: &'a Disk,
    tokens: Vec<Token>,
}

impl Run<'_> {
    fn now(&self) -> u64 {
        self.disk.trace().metadata().unwrap().len()
    }

    fn start(&self) -> TestServer {
        self.home.builder_on(self.disk).start()
    }

    fn sign_in(&mut self, server: &TestServer) {
        let answer = server.try_customer(&email(0), PASSWORD);
        if answer.status == 200 {
            let text = answer.at("/data/generateCustomerToken/token").as_str().unwrap().to_owned();
            let acknowledged = self.now();
            let never = NEVER;
            self.tokens.push(Token { text, acknowledged, revocation_sent: never, revocation_acknowledged: never });
        }
    }

    fn revoke_one(&mut self, server: &TestServer) {
        let sent = self.now();
        let candidates = self.tokens.iter_mut().filter(|token| token.revocation_sent == NEVER);
        let Some(token) = candidates.min_by_key(|_| rand::random::<u32>()) else { return };
        token.revocation_sent = sent;
        if server.graphql(Some(&token.text), REVOKE).status == 200 {
            token.revocation_acknowledged = self.disk.trace().metadata().unwrap().len();
        }
    }

    fn live(&mut self, server: &TestServer) {
        for _ in 0..4 {
            self.sign_in(server);
            self.sign_in(server);
            self.revoke_one(server);
        }
    }

    /// A sync fails, what was to be synced is lost, and the system reports the next sync as good.
    fn live_with_failing_syncs(&mut self, server: &TestServer) {
        for after in 0..4 {
            self.disk.break_with(Fault { after, kinds: Kinds::SYNCS, error: Errno::IO, times: Some(1) });
            self.sign_in(server);
            self.revoke_one(server);
            self.disk.heal();
            server.wait_until(|server| server.try_customer(&email(0), PASSWORD).status == 200);
            self.sign_in(server);
            self.revoke_one(server);
        }
    }

    /// A server that does not notice would go on behind commits that are not on the disk.
    fn start_while_a_sync_fails(&self) -> TestServer {
        self.disk.break_with(Fault { after: 0, kinds: Kinds::SYNCS, error: Errno::IO, times: Some(1) });
        let builder = || self.home.builder_on(self.disk);
        let mut process = builder().spawn();
        match outcome(&mut process) {
            Start::Ready => builder().started(process),
            Start::Refused => self.start(),
        }
    }

    /// The next server finds commits in the log that it may take for good, and that are not on the disk.
    fn die_while_syncs_fail(&mut self, server: TestServer) {
        self.disk.break_with(Fault { after: 0, kinds: Kinds::SYNCS, error: Errno::IO, times: None });
        self.sign_in(&server);
        stop(server, Signal::KILL);
        self.disk.heal();
    }
}

fn stop(mut server: TestServer, signal: Signal) {
    server.process.signal(signal);
    server.process.wait(SOON);
}

/// Fails when what was acknowledged before the cut is not there after it.
#[track_caller]
fn assert_holds(server: &TestServer, tokens: &[Token], cut: u64, how: &str) -> (usize, usize) {
    let (mut good, mut ended) = (0, 0);
    for token in tokens {
        if token.acknowledged <= cut && token.revocation_sent > cut {
            assert!(session(server, &token.text).is_some(), "an acknowledged token is lost: {how}");
            good += 1;
        }
        if token.revocation_acknowledged <= cut {
            assert_eq!(session(server, &token.text), None, "a revoked token came back to life: {how}");
            ended += 1;
        }
    }
    (good, ended)
}

#[test]
fn whatever_a_power_cut_leaves_behind_what_was_acknowledged_holds() {
    #[expect(clippy::disallowed_methods, reason = "how long a run is comes from the one who runs it")]
    let cuts = std::env::var("TOKENWARD_POWER_CUTS").map_or(CUTS, |cuts| cuts.parse().unwrap());
    let Some(disk) = Disk::new().map(Disk::with_trace) else { return };
    let home = Home::with_customers(1);
    let mut run = Run { home: &home, disk: &disk, tokens: Vec::new() };
    for end in [Signal::TERM, Signal::KILL] {
        let server = run.start();
        run.live(&server);
        stop(server, end);
    }
    let server = run.start();
    run.live_with_failing_syncs(&server);
    run.die_while_syncs_fail(server);
    let server = run.start_while_a_sync_fails();
    run.live(&server);
    stop(server, Signal::KILL);

    let trace = Trace::read(&disk.trace(), home.own.path());
    let first_answer = trace.position_of(run.tokens[0].acknowledged);
    let (mut good, mut ended) = (0, 0);
    for number in 0..cuts {
        // A few at the first start, before anything was acknowledged.
        let positions = if number % 10 == 0 { 0..first_answer } else { first_answer..trace.len() + 1 };
        let cut = rand::random_range(positions);
        let survival = [0.0, 0.3, 0.7, 1.0][rand::random_range(0..4)];
        let how = format!("after operation {cut} of {}, {survival} of what was not synced survives", trace.len());
        let after = Home::with_customers(1);
        trace.cut(cut, survival, after.own.path());
        let mut process = after.builder().spawn();
        assert_eq!(outcome(&mut process), Start::Ready, "refused: {how}\n{}", process.log.text());
        let server = after.builder().started(process);
        let held = assert_holds(&server, &run.tokens, trace.time_of(cut), &how);
        good += held.0;
        ended += held.1;
        session(&server, &sign_in(&server, 0)).unwrap();
    }
    println!(
        "{cuts} power cuts, none refused: {good} times a token that was acknowledged was good, {ended} times a \
         revocation that was acknowledged held"
    );
    assert!(good > 0 && ended > 0, "nothing was acknowledged");
}
