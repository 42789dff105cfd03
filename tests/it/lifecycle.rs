//! Starting, stopping, and being the only one on a data folder.

use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Connection, ServerBuilder, TestServer, repository, run, skip, tokenward};

/// Longer than any stop takes, shorter than the default drain.
const SOON: Duration = Duration::from_secs(20);

/// A sign-in whose body has not been sent yet, and which the server waits for.
fn half_a_sign_in(server: &TestServer) -> (Connection, &'static str) {
    let body = r#"{"username":"admin","password":"admin123"}"#;
    let head = format!(
        "POST /rest/V1/integration/admin/token HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    );
    let mut connection = Connection::open(server.public);
    connection.send(head.as_bytes());
    // The server asks for the body: now the request is in its hands.
    connection.read_until("100 Continue\r\n\r\n");
    (connection, body)
}

#[test]
fn sigterm_ends_with_0_after_what_is_in_progress_has_been_answered() {
    let mut server = TestServer::demo();
    let (mut connection, body) = half_a_sign_in(&server);
    server.process.signal(Signal::TERM);
    server.process.log.wait_for(SOON, |line| line.contains("stopping").then_some(())).unwrap();
    connection.send(body.as_bytes());
    let answer = connection.read_to_end();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(server.process.wait(SOON).code(), Some(0));
}

#[test]
fn an_idle_connection_does_not_hold_up_the_end() {
    let mut server = TestServer::demo();
    let mut idle = Connection::open(server.public);
    idle.send(b"GET /graphql?query={__typename} HTTP/1.1\r\nHost: shop\r\n\r\n");
    idle.read_until("}}");
    server.process.signal(Signal::TERM);
    assert_eq!(server.process.wait(SOON).code(), Some(0));
}

#[test]
fn while_it_drains_it_is_unready_and_still_answers_and_a_second_signal_cuts() {
    let mut server = ServerBuilder::new().argument("--demo").key("LIFECYCLE__DRAIN_DELAY", "60").start();
    let token = server.customer();
    server.process.signal(Signal::TERM);
    server.wait_until(|server| !server.is_ready());
    server.gateway(Some(&token), "").assert_status(200);
    assert_eq!(server.internal(None, "/health/live").status, 200);
    server.process.signal(Signal::TERM);
    assert_eq!(server.process.wait(SOON).code(), Some(1));
}

#[test]
fn while_it_drains_each_answer_is_the_last_one_of_its_connection() {
    let server = ServerBuilder::new().argument("--demo").key("LIFECYCLE__DRAIN_DELAY", "60").start();
    let ask = |connection: &mut Connection| {
        connection.send(b"GET /check HTTP/1.1\r\nHost: gateway\r\n\r\n");
        connection.read_until("\r\n\r\n").to_lowercase()
    };
    let mut kept = Connection::open(server.internal);
    assert!(!ask(&mut kept).contains("connection: close"));
    server.process.signal(Signal::TERM);
    server.wait_until(|server| !server.is_ready());
    assert!(ask(&mut kept).contains("connection: close"));
    kept.read_to_end();
    server.gateway(None, "").assert_status(401);
}

#[test]
fn new_connections_are_refused_while_what_was_accepted_is_finished() {
    let mut server = TestServer::demo();
    let (mut connection, body) = half_a_sign_in(&server);
    server.process.signal(Signal::TERM);
    server.wait_until(|server| {
        let refused = |address| std::net::TcpStream::connect(address).is_err();
        [server.public, server.internal, server.admin_listener].into_iter().all(refused)
    });
    connection.send(body.as_bytes());
    let answer = connection.read_to_end();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(server.process.wait(SOON).code(), Some(0));
}

#[test]
fn what_takes_longer_than_the_drain_timeout_is_cut() {
    let mut server = ServerBuilder::new().argument("--demo").key("LIFECYCLE__DRAIN_TIMEOUT", "1").start();
    let (mut connection, _) = half_a_sign_in(&server);
    server.process.signal(Signal::TERM);
    assert_eq!(server.process.wait(SOON).code(), Some(0));
    assert_eq!(connection.read_to_end(), "");
    let log = server.process.log.text();
    assert!(log.contains("lifecycle.drain_timeout is over"), "{log}");
}

#[test]
fn a_stop_while_sessions_are_loaded_is_a_clean_one() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut server = ServerBuilder::on(&data).argument("--demo").argument("--sessions").argument("20000").start();
    server.process.signal(Signal::TERM);
    server.process.wait(SOON);
    let mut process = ServerBuilder::on(&data).spawn();
    process.log.wait_for(SOON, |line| line.contains("\"listening\"").then_some(())).unwrap();
    process.signal(Signal::TERM);
    let code = process.wait(SOON).code();
    let log = process.log.text();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("\"stopped\""), "{log}");
}

#[test]
fn a_second_signal_cuts_also_when_the_store_cannot_be_flushed() {
    let mut server = TestServer::demo();
    // Nobody else may write now, so the flush waits.
    let other = rusqlite::Connection::open(server.folder.join("tokenward.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    server.process.signal(Signal::TERM);
    server.process.log.wait_for(SOON, |line| line.contains("storing what is left").then_some(())).unwrap();
    server.process.signal(Signal::TERM);
    assert_eq!(server.process.wait(SOON).code(), Some(1));
}

#[test]
fn ctrl_c_stops_it_too() {
    let mut server = TestServer::demo();
    server.process.signal(Signal::INT);
    assert_eq!(server.process.wait(SOON).code(), Some(0));
}

#[test]
fn a_second_server_on_the_same_folder_is_refused() {
    let first = TestServer::demo();
    let mut second = ServerBuilder::on(&first.folder).spawn();
    assert_eq!(second.wait(SOON).code(), Some(1));
    let log = second.log.text();
    assert!(log.contains(first.folder.to_str().unwrap()), "{log}");
    assert!(log.contains(&first.process.id().as_raw_nonzero().to_string()), "{log}");
    first.assert_unharmed();
}

#[test]
fn accounts_and_settings_survive_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerBuilder::on(folder.path()).start();
    let password = "a password of kill 9";
    server.command(&["customer", "add", "--email", "kept@example.com"], password).printed();
    server.command(&["setting", "set", "oauth/access_token_lifetime/customer", "0.5"], "").printed();
    server.process.signal(Signal::KILL);
    drop(server);

    let server = ServerBuilder::on(folder.path()).start();
    server.try_customer("kept@example.com", password).assert_status(200);
    let setting = server.command(&["setting", "get", "oauth/access_token_lifetime/customer"], "");
    assert!(setting.printed().contains("0.5"), "{setting:?}");
}

#[test]
fn only_its_owner_may_read_the_data_folder_and_command_the_server() {
    use std::os::unix::fs::PermissionsExt;
    let server = TestServer::demo();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&server.folder.join("control.sock")), 0o600);
    assert_eq!(mode(&server.folder) & 0o077, 0);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let outcome = tokenward(
        folder.path(),
        &["serve", "--public", &address, "--internal", "127.0.0.1:0", "--admin", "127.0.0.1:0"],
        "",
    );
    outcome.assert_failed(1, &address);
    assert_eq!(outcome.stderr.matches("(os error").count(), 1, "a cause is told once: {outcome:?}");
}

#[test]
fn healthcheck_says_whether_the_server_is_ready() {
    let server = TestServer::demo();
    let url = format!("http://{}/health/ready", server.internal);
    assert_eq!(server.command(&["healthcheck", "--url", &url], "").code, 0);
    let folder = server.folder.clone();
    drop(server);
    assert_eq!(tokenward(&folder, &["healthcheck", "--url", &url], "").code, 1);
}

#[test]
fn every_event_is_one_json_object_a_line() {
    let mut server = TestServer::demo();
    server.try_admin("admin", "wrong");
    server.process.signal(Signal::TERM);
    server.process.wait(SOON);
    assert!(server.process.log.events().len() > 3);
}

/// The documents of the manifests for Kubernetes; `None`, and a word about it, where YAML cannot be read.
fn manifests(file: &str) -> Option<Vec<Value>> {
    let mut python = Command::new("python3");
    python.args(["-c", "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(sys.stdin))))"]);
    let text = std::fs::read_to_string(repository().join("deploy/kubernetes").join(file)).unwrap();
    let read = run(python, &text);
    if read.stderr.contains("No module named") {
        skip("python3 cannot read YAML (Debian package python3-yaml)");
        return None;
    }
    Some(serde_json::from_str(read.printed()).unwrap())
}

#[test]
fn the_manifests_of_kubernetes_fit_the_server() {
    let Some(documents) = manifests("tokenward.yaml") else { return };
    let of_kind = |kind: &str| documents.iter().find(|document| document["kind"] == kind).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokenward.toml");
    let configuration = of_kind("ConfigMap")["data"]["tokenward.toml"].as_str().unwrap();
    std::fs::write(&file, configuration).unwrap();
    tokenward(folder.path(), &["check-config", "--config", file.to_str().unwrap()], "").printed();

    let set = &of_kind("StatefulSet")["spec"];
    assert_eq!(set["replicas"], 1);
    let pod = &set["template"]["spec"];
    let server = &pod["containers"][0];
    let lifecycle: toml::Table = toml::from_str(configuration).unwrap();
    let seconds = |key: &str| lifecycle["lifecycle"][key].as_integer().unwrap();
    assert_eq!(seconds("drain_delay"), 5);
    let grace = pod["terminationGracePeriodSeconds"].as_i64().unwrap();
    assert!(grace > seconds("drain_delay") + seconds("drain_timeout"));
    assert_eq!(server["livenessProbe"]["httpGet"]["path"], "/health/live");
    assert_eq!(server["readinessProbe"]["httpGet"]["path"], "/health/ready");
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(server["securityContext"]["readOnlyRootFilesystem"], true);
    let mounted = server["volumeMounts"].as_array().unwrap().iter().any(|volume| volume["mountPath"] == "/data");
    assert!(mounted && set["volumeClaimTemplates"][0]["metadata"]["name"] == "data");

    let command = &manifests("command.yaml").unwrap()[0]["spec"];
    assert_eq!(command["securityContext"]["runAsUser"], pod["securityContext"]["runAsUser"]);
    assert_eq!(command["containers"][0]["image"], server["image"]);
    assert_eq!(command["volumes"][0]["persistentVolumeClaim"]["claimName"], "data-tokenward-0");
}
