//! A long-lived actor that panics would die silently; instead the process ends, so that it can be started anew.
//!
//! The command that provokes it exists in builds with debug assertions only.

#![cfg(debug_assertions)]

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::support::{ServerBuilder, TestServer};

const SOON: Duration = Duration::from_secs(20);

fn provoke(server: &TestServer, actor: &str) -> String {
    let mut socket = UnixStream::connect(server.folder.join("control.sock")).unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    let command = serde_json::json!({ "command": "provoke-panic", "actor": actor });
    socket.write_all(format!("{command}\n").as_bytes()).unwrap();
    socket.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    // A process that ends takes the conversation with it.
    drop(socket.read_to_string(&mut answer));
    answer
}

#[track_caller]
fn assert_ends_with_70(actor: &str) {
    let mut server = ServerBuilder::new().start();
    provoke(&server, actor);
    let status = server.process.wait(SOON);
    let log = server.process.log.text();
    assert_eq!(status.code(), Some(70), "{log}");
    assert!(log.contains(actor), "{log}");
}

#[test]
fn a_panic_of_the_registry_ends_the_process_with_70() {
    assert_ends_with_70("token-registry");
}

#[test]
fn a_panic_of_a_validator_ends_the_process_with_70() {
    assert_ends_with_70("token-validator");
}

#[test]
fn a_panic_of_the_store_writer_ends_the_process_with_70() {
    assert_ends_with_70("store-writer");
}

#[test]
fn a_panic_of_a_password_hasher_ends_the_process_with_70() {
    assert_ends_with_70("password-hasher");
}

#[test]
fn a_panic_of_the_memory_keeper_ends_the_process_with_70() {
    assert_ends_with_70("memory-keeper");
}

#[test]
fn a_panic_of_the_settings_keeper_ends_the_process_with_70() {
    assert_ends_with_70("settings-keeper");
}

#[test]
fn an_actor_that_does_not_exist_cannot_be_made_to_panic() {
    let server = ServerBuilder::new().start();
    assert!(provoke(&server, "nobody").contains("nobody"));
    server.assert_unharmed();
}
