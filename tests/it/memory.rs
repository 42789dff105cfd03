//! What sessions took is given back when they end.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::faketime::FakeTime;
use crate::support::{Process, ServerBuilder, TestServer};

/// So many sessions take several times what a server without any takes.
const SESSIONS: usize = 200_000;

/// Longer than it takes to make or load them.
const PATIENCE: Duration = Duration::from_mins(5);

/// Within so long memory is given back.
const SOON: Duration = Duration::from_mins(1);

/// How much more than a server that never had a session may be in memory, once all have ended.
const MOST: f64 = 1.25;

/// What SQLite keeps of the file once it has read and written it, whatever has ended: 2 MiB of pages for a connection, of
/// which a writer and a reader have been busy.
const PAGES: f64 = 4.0 * 1024.0 * 1024.0;

/// A data folder with that many sessions, on which no server runs any more.
fn crowded() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let builder = ServerBuilder::on(&folder.path().join("data")).argument("--demo");
    let mut process = builder.argument("--sessions").argument(SESSIONS.to_string()).spawn();
    let ready = process.log.wait_for(PATIENCE, |line| line.contains("\"ready\"").then_some(()));
    assert!(ready.is_some(), "{}", process.log.text());
    process.signal(Signal::TERM);
    process.wait(PATIENCE);
    folder
}

/// What a server that has no sessions takes, in bytes.
fn of_an_empty_server() -> f64 {
    resident(&ServerBuilder::new().start())
}

/// Resident memory as the allocator knows it, in bytes.
fn resident(server: &TestServer) -> f64 {
    let metrics = server.internal(None, "/metrics").body;
    let found = metrics.lines().find_map(|line| line.strip_prefix("tokenward_process_resident_memory_bytes "));
    found.unwrap().parse().unwrap()
}

/// Waits until a server takes little more than an empty one, for a minute at most.
#[expect(clippy::print_stdout, reason = "the figures are what the one who runs it wants to see")]
#[expect(clippy::disallowed_methods, reason = "the server is another process, and its minute a real one")]
#[track_caller]
fn assert_given_back(server: &TestServer, empty: f64) {
    let (begun, pause) = (Instant::now(), Duration::from_millis(200));
    while begun.elapsed() < SOON {
        let now = resident(server);
        if now <= MOST * empty + PAGES {
            let after = begun.elapsed().as_secs_f32();
            println!(
                "all sessions have ended, after {after} s: {now} bytes; a server that never had any: {empty} bytes"
            );
            return;
        }
        // Nothing in the log is waited for: this is the pause between two looks.
        server.process.log.wait_for(pause, |_| None::<()>);
    }
    panic!("after a minute it still takes {} bytes, and an empty server {empty}", resident(server));
}

#[test]
fn after_everything_was_revoked_memory_is_given_back() {
    let folder = crowded();
    let server = ServerBuilder::on(&folder.path().join("data")).start();
    let empty = of_an_empty_server();
    assert!(resident(&server) > 2.0 * empty + PAGES);
    // On a busy machine it may take longer to store than the command waits; then it says so, and is given again.
    server.wait_until(|server| server.command(&["session", "revoke", "--all"], "").code == 0);
    assert_given_back(&server, empty);
}

#[test]
fn after_everything_has_expired_memory_is_given_back() {
    let Some(time) = FakeTime::new() else { return };
    let folder = crowded();
    let data = folder.path().join("data");
    let mut command = ServerBuilder::on(&data).command();
    time.apply_to(&mut command);
    let server = TestServer::of(Process::start(command), &data);
    let empty = of_an_empty_server();
    assert!(resident(&server) > 2.0 * empty + PAGES);
    time.set("+1d");
    look_for_the_expired(&server, "1");
    server.wait_until(|server| server.internal(None, "/metrics").body.contains(&all_kept()));
    // Past the ten minutes in which they are still known as expired.
    time.set("+2d");
    look_for_the_expired(&server, "0.5");
    // From the moment on at which it begins to let go of them.
    let kept = |server: &TestServer| server.internal(None, "/metrics").body.contains(&all_kept());
    for _ in 0..PATIENCE.as_secs() {
        if !kept(&server) {
            break;
        }
        server.process.log.wait_for(Duration::from_secs(1), |_| None::<()>);
    }
    assert!(!kept(&server));
    assert_given_back(&server, empty);
}

/// The line of the metrics that says that all sessions have expired and are still known.
fn all_kept() -> String {
    format!("tokenward_sessions_kept_expired {SESSIONS}\n")
}

/// After a step of the clock the registry looks within a minute; when a setting changes, it looks at once. So it has to be
/// another lifetime each time.
fn look_for_the_expired(server: &TestServer, hours: &str) {
    server.command(&["setting", "set", "oauth/access_token_lifetime/customer", hours], "").printed();
}
