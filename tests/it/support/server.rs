//! A server of one's own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::command::program;
use super::process::Process;
use super::{Outcome, tokenward};

/// How long a start may take: a password is hashed for each account of the demonstration.
const START: Duration = Duration::from_mins(1);

/// Says what kind of server.
#[derive(Debug)]
pub(crate) struct ServerBuilder {
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    folder: PathBuf,
    /// Removed with the server, unless the folder belongs to the test.
    own: Option<TempDir>,
}

/// A server on loopback, with ports that the system picked.
#[derive(Debug)]
pub(crate) struct TestServer {
    /// The address of Magento's API.
    pub(crate) public: SocketAddr,
    /// The address of `/check`, health and metrics.
    pub(crate) internal: SocketAddr,
    /// The address of the admin API.
    pub(crate) admin_listener: SocketAddr,
    /// `data.dir`.
    pub(crate) folder: PathBuf,
    pub(crate) process: Process,
    _own: Option<TempDir>,
}

impl ServerBuilder {
    /// On a fresh folder, without accounts.
    pub(crate) fn new() -> Self {
        let own = tempfile::tempdir().unwrap();
        let folder = own.path().join("data");
        Self { arguments: Vec::new(), environment: Vec::new(), folder, own: Some(own) }
    }

    /// On a folder that outlives the server.
    pub(crate) fn on(folder: &Path) -> Self {
        Self { arguments: Vec::new(), environment: Vec::new(), folder: folder.to_owned(), own: None }
    }

    /// With one more argument of `serve`.
    pub(crate) fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// With a configuration key, such as `LIFECYCLE__DRAIN_DELAY`.
    pub(crate) fn key(mut self, key: &str, value: &str) -> Self {
        self.environment.push((format!("TOKENWARD__{key}"), value.to_owned()));
        self
    }

    /// With a variable that is not tokenward's own.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts the process without waiting for anything.
    pub(crate) fn spawn(&self) -> Process {
        let mut command = program();
        command
            .arg("serve")
            .args(&self.arguments)
            .env("TOKENWARD__DATA__DIR", &self.folder)
            .env("TOKENWARD__HTTP__PUBLIC", "127.0.0.1:0")
            .env("TOKENWARD__HTTP__INTERNAL", "127.0.0.1:0")
            .env("TOKENWARD__HTTP__ADMIN", "127.0.0.1:0")
            .env("TOKENWARD__LOG__FORMAT", "json")
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        Process::start(command)
    }

    /// Starts the server and waits until it is ready.
    #[track_caller]
    pub(crate) fn start(self) -> TestServer {
        let process = self.spawn();
        let public = listener(&process, "public");
        let internal = listener(&process, "internal");
        let admin_listener = listener(&process, "admin");
        let server = TestServer { public, internal, admin_listener, folder: self.folder, process, _own: self.own };
        server.wait_until(TestServer::is_ready);
        server
    }
}

impl TestServer {
    /// `serve --demo`.
    #[track_caller]
    pub(crate) fn demo() -> Self {
        ServerBuilder::new().argument("--demo").start()
    }

    /// Waits until something is so that the server does not announce: asked again and again.
    #[track_caller]
    pub(crate) fn wait_until(&self, so: impl Fn(&Self) -> bool) {
        let asked_often = (0..1000).any(|_| {
            so(self) || {
                // Nothing in the log is waited for: this is the pause between two questions.
                self.process.log.wait_for(Duration::from_millis(20), |_| None::<()>);
                false
            }
        });
        assert!(asked_often, "it never came to be:\n{}", self.process.log.text());
    }

    /// A command of the operator, on the data folder of this server.
    pub(crate) fn command(&self, arguments: &[&str], input: &str) -> Outcome {
        tokenward(&self.folder, arguments, input)
    }

    /// Fails unless the server goes on as if nothing had happened.
    #[track_caller]
    pub(crate) fn assert_unharmed(&self) {
        assert!(self.is_ready());
        let log = self.process.log.text();
        assert!(!log.contains("panicked"), "{log}");
    }
}

/// The address of a listener, from the event that says so.
#[track_caller]
fn listener(process: &Process, name: &str) -> SocketAddr {
    let found = process.log.wait_for(START, |line| {
        let event: Value = serde_json::from_str(line).ok()?;
        let listens = event["message"] == "listening" && event["listener"] == name;
        listens.then(|| event["address"].as_str()?.parse().ok()).flatten()
    });
    found.unwrap_or_else(|| panic!("the server does not say where {name} listens:\n{}", process.log.text()))
}
