//! The system's clock is set while the server runs, by libfaketime.

use std::time::Duration;

use rustix::process::Signal;

use crate::support::faketime::FakeTime;
use crate::support::{Process, ServerBuilder, TestServer, tokenward};

/// Longer than any stop takes.
const SOON: Duration = Duration::from_mins(1);

const EMAIL: &str = "timely@example.com";
const PASSWORD: &str = "a password over time";

/// A data folder with a customer, and a clock that can be set.
struct Shop {
    folder: tempfile::TempDir,
    time: FakeTime,
}

impl Shop {
    /// `None` where the clock cannot be set.
    fn open() -> Option<Self> {
        let shop = Self { folder: tempfile::tempdir().unwrap(), time: FakeTime::new()? };
        tokenward(shop.folder.path(), &["customer", "add", "--email", EMAIL], PASSWORD).printed();
        Some(shop)
    }

    fn start(&self) -> TestServer {
        let mut command = ServerBuilder::on(self.folder.path()).command();
        self.time.apply_to(&mut command);
        TestServer::of(Process::start(command), self.folder.path())
    }
}

fn sign_in(server: &TestServer) -> String {
    let answer = server.try_customer(EMAIL, PASSWORD);
    answer.assert_status(200).at("/data/generateCustomerToken/token").as_str().unwrap().to_owned()
}

/// The seconds that a token has left; `None` when it is not good.
fn left(server: &TestServer, token: &str) -> Option<u32> {
    let answer = server.gateway(Some(token), "");
    (answer.status == 200).then(|| answer.header("x-token-expires-in").parse().unwrap())
}

/// Waits until the server has noticed a step, which it does when it is asked for something.
#[track_caller]
fn wait_for_step(server: &TestServer, direction: &str, count: usize) {
    let line = format!("tokenward_clock_steps_total{{direction=\"{direction}\"}} {count}\n");
    server.wait_until(|server| {
        server.gateway(Some("a token that nobody has"), "");
        server.internal(None, "/metrics").body.contains(&line)
    });
}

#[test]
fn when_the_clock_is_set_forward_a_day_tokens_have_expired() {
    let Some(shop) = Shop::open() else { return };
    let server = shop.start();
    let before = sign_in(&server);
    assert!(left(&server, &before) > Some(3500));
    shop.time.set("+1d");
    wait_for_step(&server, "forward", 1);
    let answer = server.gateway(Some(&before), "");
    assert!(answer.header("www-authenticate").contains("has expired"), "{answer:?}");
    assert!(server.process.log.text().contains("was set forward"));
    let after = sign_in(&server);
    assert!(left(&server, &after) > Some(3500));
}

#[test]
fn what_has_expired_stays_so_after_a_restart_with_a_clock_that_was_set_back() {
    let Some(shop) = Shop::open() else { return };
    let mut server = shop.start();
    let expired = sign_in(&server);
    // Within the ten minutes in which a session is still known as expired.
    shop.time.set("+65m");
    wait_for_step(&server, "forward", 1);
    assert_eq!(left(&server, &expired), None);
    server.process.signal(Signal::TERM);
    server.process.wait(SOON);
    shop.time.set("-1d");
    assert_eq!(left(&shop.start(), &expired), None);
}

#[test]
fn when_the_clock_is_set_back_a_day_no_expired_token_comes_alive_and_live_ones_end_on_time() {
    let Some(shop) = Shop::open() else { return };
    let mut server = shop.start();
    let expired = sign_in(&server);
    shop.time.set("+2h");
    wait_for_step(&server, "forward", 1);
    let live = sign_in(&server);
    assert_eq!(left(&server, &expired), None);

    shop.time.set("-1d");
    wait_for_step(&server, "backward", 1);
    assert!(server.process.log.text().contains("was set back"));
    assert_eq!(left(&server, &expired), None);
    let of_the_live = left(&server, &live).unwrap();
    assert!((3400..=3600).contains(&of_the_live), "{of_the_live}");

    server.process.signal(Signal::TERM);
    server.process.wait(SOON);
    let server = shop.start();
    assert!(server.process.log.text().contains("clock is behind"));
    assert_eq!(left(&server, &expired), None);
    assert!(left(&server, &live) <= Some(3600) && left(&server, &live).is_some());

    server.command(&["setting", "set", "oauth/access_token_lifetime/customer", "0.0005"], "").printed();
    server.wait_until(|server| left(server, &live).is_none());
}
