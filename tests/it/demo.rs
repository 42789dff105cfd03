//! The demonstration, on a data folder that outlives it.

use std::os::unix::fs::PermissionsExt;

use std::time::Duration;

use rustix::process::Signal;

use crate::support::{Process, ServerBuilder, program, tokenward};

/// Longer than any start or stop takes.
const SOON: Duration = Duration::from_mins(1);

#[test]
fn a_second_demonstration_on_the_same_folder_has_the_passwords_that_it_prints() {
    let folder = tempfile::tempdir().unwrap();
    let demo = |customer: &str, admin: &str| {
        let builder = ServerBuilder::on(folder.path()).argument("--demo");
        builder.key("DEMO__CUSTOMER_PASSWORD", customer).key("DEMO__ADMIN_PASSWORD", admin).start()
    };
    drop(demo("first customer", "first admin"));
    let server = demo("second customer", "second admin");
    server.try_customer("customer@example.com", "second customer").assert_status(200);
    server.try_admin("admin", "second admin").assert_status(200);
}

#[test]
fn a_second_demonstration_begins_sessions_of_the_customers_that_are_there_and_hides_their_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let tokens = folder.path().join("tokens");
    std::fs::write(&tokens, "").unwrap();
    std::fs::set_permissions(&tokens, std::fs::Permissions::from_mode(0o644)).unwrap();
    for sessions in ["4", "6"] {
        let builder = ServerBuilder::on(&folder.path().join("data")).argument("--demo");
        let builder = builder.argument("--sessions").argument(sessions).argument("--tokens-out");
        let server = builder.argument(tokens.to_str().unwrap()).start();
        let written = std::fs::read_to_string(&tokens).unwrap();
        assert_eq!(written.lines().count().to_string(), sessions);
        for token in written.lines() {
            server.gateway(Some(token), "").assert_status(200);
        }
        assert_eq!(std::fs::metadata(&tokens).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_demonstration_leaves_a_folder_with_accounts_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    tokenward(&data, &["customer", "add", "--email", "real@example.com", "--no-password"], "").printed();
    let ports = ["--public", "127.0.0.1:0", "--internal", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let outcome = tokenward(&data, &[&["serve", "--demo"][..], &ports].concat(), "");
    outcome.assert_failed(1, "was not made by a demonstration");
    outcome.assert_failed(1, data.to_str().unwrap());
    let admins = tokenward(&data, &["admin", "list"], "");
    assert_eq!(admins.printed(), "none");
}

#[test]
fn more_sessions_than_there_may_be_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = tokenward(&folder.path().join("data"), &["serve", "--demo", "--sessions", "999999999999"], "");
    outcome.assert_failed(64, "tokens.capacity");
    assert!(!folder.path().join("data").exists());
}

#[test]
fn a_demonstration_that_is_stopped_while_it_is_prepared_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().unwrap();
    let mut command = program();
    command.args(["serve", "--demo", "--sessions", "100000", "--public", "127.0.0.1:0", "--internal", "127.0.0.1:0"]);
    command.args(["--admin", "127.0.0.1:0", "--workers", "1"]).env("TMPDIR", temporary.path());
    let mut process = Process::start(command);
    process.log.wait_for(SOON, |line| line.contains("beginning sessions").then_some(())).unwrap();
    process.signal(Signal::TERM);
    assert_eq!(process.wait(SOON).code(), Some(0));
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
}

#[test]
fn a_demonstration_does_not_take_a_second_factor_away_that_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = ServerBuilder::on(&folder.path().join("data"))
        .argument("--demo")
        .key("ADMIN__SECOND_FACTOR", "required")
        .spawn();
    assert_eq!(process.wait(SOON).code(), Some(64));
    let log = process.log.text();
    assert!(log.contains("admin.second_factor"), "{log}");
}
