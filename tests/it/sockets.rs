//! Listening sockets that outlive the server: a restart that nobody notices.
//!
//! The test stands where systemd does. It keeps the sockets open and starts one server after the other on them. A shell
//! in between puts them where they belong, because the standard library hands over standard input and output only.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::Signal;

use crate::support::{Process, ServerBuilder, TestServer, repository, skip, tokenward};

/// Longer than any start or stop takes.
const SOON: Duration = Duration::from_mins(1);

const EMAIL: &str = "kept@example.com";
const PASSWORD: &str = "a password over restarts";

/// Takes standard input and output for the first two sockets, and says whose they are as systemd does.
const HAND_OVER: &str = r#"exec 3<&0 4<&1 </dev/null >/dev/null; LISTEN_PID=$$ exec "$0" "$@""#;

/// A server on sockets that are handed over, and on an admin listener of its own.
fn hand_over(builder: &ServerBuilder, sockets: [OwnedFd; 2], environment: &[(&str, &str)]) -> Process {
    let program = builder.command();
    let [first, second] = sockets;
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(HAND_OVER).arg(program.get_program()).args(program.get_args()).env_clear();
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.envs(environment.iter().copied());
    command.stdin(Stdio::from(first)).stdout(Stdio::from(second));
    Process::listen_to(command)
}

/// What a service manager keeps.
struct Kept {
    folder: tempfile::TempDir,
    public: TcpListener,
    internal: TcpListener,
}

impl Kept {
    /// Sockets, and a data folder with a customer.
    fn new() -> Self {
        let listen = || TcpListener::bind("127.0.0.1:0").unwrap();
        let kept = Self { folder: tempfile::tempdir().unwrap(), public: listen(), internal: listen() };
        tokenward(kept.folder.path(), &["customer", "add", "--email", EMAIL], PASSWORD).printed();
        kept
    }

    fn internal(&self) -> SocketAddr {
        self.internal.local_addr().unwrap()
    }

    /// Starts a server on the sockets, and does not wait for it.
    fn spawn(&self) -> Process {
        let sockets = [&self.public, &self.internal].map(|socket| socket.try_clone().unwrap().into());
        let environment = [("LISTEN_FDS", "2"), ("LISTEN_FDNAMES", "public:internal")];
        hand_over(&ServerBuilder::on(self.folder.path()), sockets, &environment)
    }

    fn start(&self) -> TestServer {
        TestServer::of(self.spawn(), self.folder.path())
    }
}

#[test]
fn a_check_that_was_sent_before_the_server_started_is_answered() {
    let kept = Kept::new();
    let server = kept.start();
    let token = signed_in(&server);
    stop(server);
    let mut client = Client::new(kept.internal(), &token, Habit::Anew);
    client.send();
    let server = kept.start();
    assert_eq!(client.status(), Ok(200));
    assert_eq!(server.internal, kept.internal());
    assert_ne!(server.admin_listener.port(), 0);
}

#[test]
fn no_check_fails_while_servers_take_turns() {
    let kept = Kept::new();
    let mut server = kept.start();
    let token = signed_in(&server);
    let checks = checks();
    let (begun, anew, again) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let failures: Vec<String> = std::thread::scope(|scope| {
        let clients: Vec<_> = [Habit::Anew, Habit::Keep, Habit::Anew, Habit::Keep]
            .into_iter()
            .map(|habit| {
                let mut client = Client::new(kept.internal(), &token, habit);
                let (begun, anew, again) = (&begun, &anew, &again);
                scope.spawn(move || {
                    let mut failures = Vec::new();
                    while begun.fetch_add(1, Ordering::Relaxed) < checks {
                        failures.extend(client.check().err());
                    }
                    let connections = if habit == Habit::Anew { anew } else { again };
                    connections.fetch_add(client.repeated, Ordering::Relaxed);
                    failures
                })
            })
            .collect();
        for part in 1..=RESTARTS {
            while begun.load(Ordering::Relaxed) < checks * part / (RESTARTS + 1) {
                // Nothing in the log is waited for: this is the pause between two looks at the clients.
                server.process.log.wait_for(Duration::from_millis(5), |_| None::<()>);
            }
            stop(server);
            server = kept.start();
        }
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    println!(
        "{checks} checks over {RESTARTS} restarts: {} failed; {} were sent once more, because their kept connection was \
         closed before an answer began",
        failures.len(),
        again.into_inner()
    );
    assert_eq!(failures, Vec::<String>::new());
    assert_eq!(anew.into_inner(), 0, "a connection that was accepted is never closed without an answer");
}

#[test]
fn what_is_handed_over_wrongly_is_named() {
    let listening = || TcpListener::bind("127.0.0.1:0").unwrap();
    let two = || -> [OwnedFd; 2] { [listening().into(), listening().into()] };
    let folder = tempfile::tempdir().unwrap();
    let refused = |sockets: [OwnedFd; 2], environment: &[(&str, &str)], saying: &str| {
        let mut process = hand_over(&ServerBuilder::on(folder.path()), sockets, environment);
        assert_eq!(process.wait(SOON).code(), Some(1), "{saying}");
        let log = process.log.text();
        assert!(log.contains(saying), "{saying:?} is not in {log}");
    };
    refused(two(), &[("LISTEN_FDS", "2")], "2 sockets were handed over without names");
    refused(two(), &[("LISTEN_FDS", "two")], "LISTEN_FDS is not a number");
    refused(two(), &[("LISTEN_FDS", "2"), ("LISTEN_FDNAMES", "public")], "with 1 names");
    refused(two(), &[("LISTEN_FDS", "2"), ("LISTEN_FDNAMES", "public:checks")], r#"the name "checks""#);
    refused(two(), &[("LISTEN_FDS", "2"), ("LISTEN_FDNAMES", "public:public")], "more than one socket");
    let named = [("LISTEN_FDS", "2"), ("LISTEN_FDNAMES", "public:internal")];
    let datagrams: OwnedFd = UdpSocket::bind("127.0.0.1:0").unwrap().into();
    refused([listening().into(), datagrams], &named, "for the internal listener cannot be used");
    let elsewhere = listening();
    let connected: OwnedFd = TcpStream::connect(elsewhere.local_addr().unwrap()).unwrap().into();
    refused([listening().into(), connected], &named, "for the internal listener does not listen");
}

#[test]
fn sockets_of_another_process_are_none_of_its_business() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = ServerBuilder::on(folder.path()).command();
    command.envs([("LISTEN_FDS", "2"), ("LISTEN_PID", "1")]);
    let server = TestServer::of(Process::start(command), folder.path());
    server.assert_unharmed();
}

#[test]
fn the_units_of_systemd_are_sound_and_name_the_listeners() {
    let folder = tempfile::tempdir().unwrap();
    let mut units = Vec::new();
    for entry in std::fs::read_dir(repository().join("deploy/systemd")).unwrap() {
        let unit = entry.unwrap().path();
        if unit.extension().is_some_and(|extension| extension == "sysusers") {
            continue;
        }
        let text = std::fs::read_to_string(&unit).unwrap();
        let copy = folder.path().join(unit.file_name().unwrap());
        // The program that is installed there is the one that is tested here.
        std::fs::write(&copy, text.replace("/usr/local/bin/tokenward", env!("CARGO_BIN_EXE_tokenward"))).unwrap();
        units.push(copy);
    }
    assert_eq!(units.len(), 4);
    for listener in ["public", "internal", "admin"] {
        let unit = std::fs::read_to_string(folder.path().join(format!("tokenward-{listener}.socket"))).unwrap();
        assert!(unit.contains(&format!("FileDescriptorName={listener}\n")), "{unit}");
    }
    let service = std::fs::read_to_string(folder.path().join("tokenward.service")).unwrap();
    let (unit, service) = service.split_once("[Service]\n").unwrap();
    let seconds = |section: &str, key: &str| -> u32 {
        let line = section.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_else(|| panic!("{key}"));
        line.parse().unwrap()
    };
    // A start that takes half a minute before it is refused must not go on for ever either.
    let (starts, within) = (seconds(unit, "StartLimitBurst="), seconds(unit, "StartLimitIntervalSec="));
    assert!(starts * (30 + seconds(service, "RestartSec=")) < within);
    match Command::new("systemd-analyze").arg("verify").args(&units).output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.is_empty(), "{said}");
        }
        Err(_) => skip("systemd-analyze is not there (Debian package systemd)"),
    }
}

/// How often the server is replaced.
const RESTARTS: usize = 3;

/// How many checks are sent: `TOKENWARD_RESTART_CHECKS`.
fn checks() -> usize {
    #[expect(clippy::disallowed_methods, reason = "how thorough a run is comes from the one who runs it")]
    let wanted = std::env::var("TOKENWARD_RESTART_CHECKS");
    wanted.map_or(20_000, |checks| checks.parse().unwrap())
}

fn signed_in(server: &TestServer) -> String {
    let answer = server.try_customer(EMAIL, PASSWORD);
    answer.assert_status(200).at("/data/generateCustomerToken/token").as_str().unwrap().to_owned()
}

fn stop(mut server: TestServer) {
    server.process.signal(Signal::TERM);
    assert_eq!(server.process.wait(SOON).code(), Some(0), "{}", server.process.log.text());
}

/// What a client does with its connections.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Habit {
    /// One for each check, and what fails has failed.
    Anew,
    /// Kept while the server lets it. When one is closed before a byte of the answer has come, the check is sent once
    /// more on a new one, as HTTP has it (RFC 9110, 9.2.2) and as gateways do.
    Keep,
}

struct Client {
    server: SocketAddr,
    request: String,
    habit: Habit,
    connection: Option<TcpStream>,
    /// How many checks were sent once more.
    repeated: usize,
}

impl Client {
    fn new(server: SocketAddr, token: &str, habit: Habit) -> Self {
        let connection = if habit == Habit::Anew { "Connection: close\r\n" } else { "" };
        let request =
            format!("GET /check HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {token}\r\n{connection}\r\n");
        Self { server, request, habit, connection: None, repeated: 0 }
    }

    /// A check that has to go well.
    fn check(&mut self) -> Result<(), String> {
        let was_kept = self.connection.is_some();
        self.send();
        let mut status = self.status();
        if was_kept && status == Err(NO_ANSWER.to_owned()) {
            self.repeated += 1;
            self.send();
            status = self.status();
        }
        match status? {
            200 => Ok(()),
            other => Err(format!("status {other}")),
        }
    }

    fn send(&mut self) {
        let connection = self.connection.get_or_insert_with(|| {
            let connection = TcpStream::connect(self.server).unwrap();
            connection.set_read_timeout(Some(SOON)).unwrap();
            connection
        });
        // A connection that is closed already shows when its answer is read.
        drop(connection.write_all(self.request.as_bytes()));
    }

    /// The status of the answer, which has no body.
    fn status(&mut self) -> Result<u16, String> {
        let mut connection = self.connection.take().unwrap();
        let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
        while !answer.ends_with(b"\r\n\r\n") {
            match connection.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => answer.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => return Err(error.to_string()),
            }
        }
        if answer.is_empty() {
            return Err(NO_ANSWER.to_owned());
        }
        let head = String::from_utf8_lossy(&answer).to_lowercase();
        if self.habit == Habit::Keep && !head.contains("connection: close") {
            self.connection = Some(connection);
        }
        head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or(head)
    }
}

const NO_ANSWER: &str = "closed without an answer";
