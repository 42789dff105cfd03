//! What is answered while the data folder is being opened.

use std::fs::{File, OpenOptions};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Connection, Process, ServerBuilder, TestServer, tokenward};

/// Longer than any start or stop takes.
const SOON: Duration = Duration::from_mins(1);

/// A start that is held up: where the log of the database is, there is a pipe, and whoever opens it for reading waits until
/// somebody opens it for writing.
struct HeldUp {
    process: Process,
    pipe: PathBuf,
}

impl HeldUp {
    fn on(folder: &Path) -> Self {
        tokenward(folder, &["customer", "add", "--email", "kept@example.com"], "a long password").printed();
        let pipe = folder.join("tokenward.db-wal");
        // The folder was left as after a clean stop, so nothing is in its log.
        assert_eq!(std::fs::metadata(&pipe).map_or(0, |log| log.len()), 0);
        drop(std::fs::remove_file(&pipe));
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        Self { process: ServerBuilder::on(folder).spawn(), pipe }
    }

    fn listener(&self, name: &str) -> SocketAddr {
        let found = self.process.log.wait_for(SOON, |line| {
            let event: Value = serde_json::from_str(line).ok()?;
            let listens = event["message"] == "listening" && event["listener"] == name;
            listens.then(|| event["address"].as_str()?.parse().ok()).flatten()
        });
        found.unwrap_or_else(|| panic!("{}", self.process.log.text()))
    }

    /// Lets it go on with a log that is empty. Waits until it has come to the log.
    fn let_go(self) -> Process {
        let writing: File = OpenOptions::new().write(true).open(&self.pipe).unwrap();
        std::fs::remove_file(&self.pipe).unwrap();
        drop(writing);
        self.process
    }
}

fn get(address: SocketAddr, path: &str) -> (u16, Value) {
    let mut connection = Connection::open(address);
    connection.send(format!("GET {path} HTTP/1.1\r\nHost: it\r\nConnection: close\r\n\r\n").as_bytes());
    let answer = connection.read_to_end();
    let status = answer.split(' ').nth(1).unwrap_or_else(|| panic!("{answer:?}")).parse().unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    (status, serde_json::from_str(body).unwrap_or_default())
}

#[test]
fn while_the_folder_is_opened_it_is_alive_and_says_what_it_does_and_refuses_everything_else() {
    let home = tempfile::tempdir().unwrap();
    let held_up = HeldUp::on(home.path());
    let (public, internal, admin) =
        (held_up.listener("public"), held_up.listener("internal"), held_up.listener("admin"));
    assert_eq!(get(internal, "/health/live"), (200, json!({ "status": "alive" })));
    let doing = || {
        let (status, body) = get(internal, "/health/ready");
        assert_eq!((status, &body["status"]), (503, &json!("starting")));
        body["doing"].clone()
    };
    while doing() != json!("reading the log of the database file") {}
    for (address, path) in [
        (internal, "/check"),
        (internal, "/metrics"),
        (public, "/health/live"),
        (public, "/graphql?query={__typename}"),
        (admin, "/admin/api/v1/sessions"),
    ] {
        assert_eq!(get(address, path).0, 503, "{path}");
    }
    let server = TestServer::of(held_up.let_go(), home.path());
    assert_eq!(server.internal, internal);
    assert_eq!(get(internal, "/check").0, 401);
    server.try_customer("kept@example.com", "a long password").assert_status(200);
}

#[test]
fn a_stop_while_the_folder_is_opened_is_a_clean_one() {
    let home = tempfile::tempdir().unwrap();
    let mut held_up = HeldUp::on(home.path());
    held_up.listener("admin");
    held_up.process.signal(Signal::TERM);
    assert_eq!(held_up.process.wait(SOON).code(), Some(0), "{}", held_up.process.log.text());
}

#[test]
fn a_folder_that_is_refused_ends_a_start_that_has_answered_already() {
    let home = tempfile::tempdir().unwrap();
    let held_up = HeldUp::on(home.path());
    let internal = held_up.listener("internal");
    assert_eq!(get(internal, "/health/live").0, 200);
    std::fs::write(home.path().join("tokenward.db"), "something else altogether".repeat(1000)).unwrap();
    let mut process = held_up.let_go();
    assert_eq!(process.wait(SOON).code(), Some(1));
    let log = process.log.text();
    assert!(log.contains("cannot be read as tokenward's data"), "{log}");
}

#[test]
fn settings_of_the_configuration_that_do_not_count_any_more_are_named_with_both_values() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("tokenward.toml");
    std::fs::write(&file, "[settings]\n\"oauth/access_token_lifetime/customer\" = 2\n").unwrap();
    let start = || {
        let builder = ServerBuilder::on(&home.path().join("data"));
        builder.argument("--config").argument(file.to_str().unwrap()).start()
    };
    let names_it = |server: &TestServer| {
        let events = server.process.log.events();
        let fits = |event: &&Value| event["path"] == "oauth/access_token_lifetime/customer" && event["level"] == "WARN";
        events.iter().find(fits).map(|event| [event["configured"].clone(), event["stored"].clone()])
    };
    let server = start();
    assert_eq!(names_it(&server), None);
    drop(server);
    std::fs::write(&file, "[settings]\n\"oauth/access_token_lifetime/customer\" = 3\n").unwrap();
    assert_eq!(names_it(&start()), Some([json!("3"), json!("2")]));
}

#[test]
fn sessions_that_are_not_kept_any_more_are_counted_in_a_warning() {
    let home = tempfile::tempdir().unwrap();
    let mut server = ServerBuilder::on(home.path()).argument("--demo").argument("--sessions").argument("4").start();
    server.process.signal(Signal::TERM);
    server.process.wait(SOON);
    let server = ServerBuilder::on(home.path()).key("DATA__DURABILITY", "none").start();
    let warned = |event: &Value| event["level"] == "WARN" && event["sessions"] == 4;
    let events = server.process.log.events();
    assert!(events.iter().any(warned), "{events:?}");
}

#[test]
fn a_file_that_was_cut_off_is_refused_with_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    tokenward(home.path(), &["customer", "add", "--email", "kept@example.com"], "a long password").printed();
    std::fs::write(home.path().join("tokenward.db"), "").unwrap();
    for line in [
        &["serve", "--internal", "127.0.0.1:0", "--public", "127.0.0.1:0", "--admin", "127.0.0.1:0"][..],
        &["customer", "list"],
    ] {
        tokenward(home.path(), line, "").assert_failed(1, "is empty: it was cut off");
    }
}

/// A server for an address that somebody else has, beside a shop whose database is away.
fn at_a_taken_address(folder: &Path) -> (TcpListener, String, ServerBuilder) {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let builder = ServerBuilder::on(folder)
        .key("ACCOUNTS__SOURCE", "magento")
        .key("MAGENTO__DATABASE_URL", "mysql://nobody:nothing@127.0.0.1:9/magento")
        .key("HTTP__PUBLIC", &address);
    (taken, address, builder)
}

#[test]
fn a_server_whose_address_is_taken_waits_for_no_database() {
    let home = tempfile::tempdir().unwrap();
    let (_taken, address, builder) = at_a_taken_address(home.path());
    let mut process = builder.spawn();
    assert_eq!(process.wait(SOON).code(), Some(1), "{}", process.log.text());
    let log = process.log.text();
    assert!(log.contains(&format!("cannot listen on {address} (http.public)")), "{log}");
}

#[test]
fn that_the_folder_is_in_use_is_told_rather_than_that_the_address_is() {
    let home = tempfile::tempdir().unwrap();
    let _server = ServerBuilder::on(home.path()).start();
    let (_taken, _, builder) = at_a_taken_address(home.path());
    let mut process = builder.spawn();
    assert_eq!(process.wait(SOON).code(), Some(1), "{}", process.log.text());
    let log = process.log.text();
    assert!(log.contains("is in use by another tokenward"), "{log}");
}
