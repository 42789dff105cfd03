//! MariaDB as a child process, with a shop's tables and the accounts of `tests/magento-db`.
//!
//! The first one that is wanted prepares a data folder below `target/`, which takes seconds; every other one starts on a
//! copy of it. The time zone is not UTC on purpose: whoever forgets to say which one is meant gets wrong answers. Also
//! included by tests within the crate, so it uses nothing of its neighbours.

#![allow(dead_code, reason = "not every one who includes this uses all of it")]
#![allow(clippy::allow_attributes, reason = "the same: for some there is nothing to expect")]

use std::fs::{self, File};
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// What every server is started with: small files, since they are copied for every test.
const OPTIONS: [&str; 7] = [
    "--no-defaults",
    "--innodb-log-file-size=4M",
    "--innodb-data-file-path=ibdata1:10M:autoextend",
    "--innodb-buffer-pool-size=24M",
    "--skip-log-bin",
    "--default-time-zone=-07:00",
    "--performance-schema=OFF",
];

/// What the password of the user `magento` looks like in SQL.
const PASSWORD: &str = r#"kit\'s "secret" \\ @:/#%"#;

/// The same in an address.
const PASSWORD_ENCODED: &str = "kit%27s%20%22secret%22%20%5C%20%40%3A%2F%23%25";

/// A server on loopback. It is killed, and its folder removed, when this goes away.
#[derive(Debug)]
pub(crate) struct MariaDb {
    folder: tempfile::TempDir,
    child: Option<Child>,
    port: u16,
    /// What else it is started with.
    arguments: Vec<String>,
}

impl MariaDb {
    /// Starts one. `None` when MariaDB is not installed, which is said; where nothing may be skipped that is an error.
    pub(crate) fn start() -> Option<Self> {
        let version = Command::new("mariadbd").arg("--version").stderr(Stdio::null()).output().ok();
        let Some(version) = version.filter(|output| output.status.success()) else {
            missing();
            return None;
        };
        let template = template(&String::from_utf8_lossy(&version.stdout));
        // Outside of the folder for temporary files, whose name may be too long for a socket.
        let folder = tempfile::Builder::new().prefix("tw-db-").tempdir_in("/tmp").unwrap();
        copy(&template, &folder.path().join("data"));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Self { folder, child: None, port, arguments: Vec::new() };
        server.start_again();
        Some(server)
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Its address, with the user of the shop, as another port would have it, too.
    pub(crate) fn url_at(port: u16) -> String {
        format!("mysql://magento:{PASSWORD_ENCODED}@127.0.0.1:{port}/magento")
    }

    /// Its address, with the user of the shop.
    pub(crate) fn url(&self) -> String {
        Self::url_at(self.port)
    }

    /// An `env.php` that names this server.
    pub(crate) fn env_php(&self) -> PathBuf {
        let text = fs::read_to_string(kit().join("env.php")).unwrap();
        let file = self.folder.path().join("env.php");
        fs::write(&file, text.replace("127.0.0.1:33060", &format!("127.0.0.1:{}", self.port))).unwrap();
        file
    }

    /// What Magento, or its operator, does: any SQL, as the server's root. What it prints.
    #[track_caller]
    pub(crate) fn sql(&self, sql: &str) -> String {
        client(&self.socket(), &["--database=magento", "--skip-column-names"], sql)
    }

    /// Ends the server at once, as a crash would.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Stops it and starts it again with more arguments.
    pub(crate) fn start_again_with(&mut self, arguments: Vec<String>) {
        self.stop();
        self.arguments = arguments;
        self.start_again();
    }

    /// Starts it again on the same port and the same data.
    pub(crate) fn start_again(&mut self) {
        let child = server(&self.folder.path().join("data"), &self.socket())
            .arg("--bind-address=127.0.0.1")
            .arg(format!("--port={}", self.port))
            .args(&self.arguments)
            .spawn()
            .unwrap();
        self.child = Some(child);
        wait_for(&self.socket(), &self.folder.path().join("data"));
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("sock")
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        self.stop();
    }
}

fn kit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/magento-db")
}

fn missing() {
    #[expect(clippy::disallowed_methods, reason = "how strict a run is comes from the one who runs it")]
    let strict = std::env::var_os("TOKENWARD_REQUIRE_ALL").is_some();
    assert!(!strict, "mariadbd is not there (scripts/test install), and TOKENWARD_REQUIRE_ALL is set");
    std::io::stdout().write_all(b"skipped: mariadbd is not there (scripts/test install)\n").unwrap();
}

/// The prepared data folder of this version of the server and of the kit.
fn template(version: &str) -> PathBuf {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/mariadb");
    fs::create_dir_all(&kept).unwrap();
    let lock = File::create(kept.join("lock")).unwrap();
    lock.lock().unwrap();
    let stamp = [version, &kit_text("schema.sql"), &kit_text("fixtures.sql"), &OPTIONS.join(" ")].concat();
    let ready = kept.join("data");
    if fs::read_to_string(kept.join("stamp")).is_ok_and(|known| known == stamp) {
        return ready;
    }
    drop(fs::remove_dir_all(&ready));
    drop(fs::remove_file(kept.join("stamp")));
    prepare(&ready);
    fs::write(kept.join("stamp"), stamp).unwrap();
    ready
}

fn kit_text(name: &str) -> String {
    fs::read_to_string(kit().join(name)).unwrap()
}

fn prepare(data: &Path) {
    let installed = Command::new("mariadb-install-db")
        .args(OPTIONS)
        .arg(user())
        .arg(format!("--datadir={}", data.display()))
        .args(["--auth-root-authentication-method=normal", "--skip-test-db"])
        .output()
        .unwrap();
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    let sockets = tempfile::Builder::new().prefix("tw-db-").tempdir_in("/tmp").unwrap();
    let socket = sockets.path().join("sock");
    let mut child = server(data, &socket).arg("--skip-networking").spawn().unwrap();
    wait_for(&socket, data);
    let database = "CREATE DATABASE magento CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;";
    let account = format!("CREATE USER magento@'%' IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON magento.* TO magento@'%';");
    client(&socket, &[], &[database, &account].concat());
    for name in ["schema.sql", "fixtures.sql"] {
        client(&socket, &["--database=magento"], &kit_text(name));
    }
    client(&socket, &[], "SHUTDOWN");
    assert!(child.wait().unwrap().success());
}

fn server(data: &Path, socket: &Path) -> Command {
    let mut command = Command::new("mariadbd");
    command
        .args(OPTIONS)
        .arg(user())
        .arg(format!("--datadir={}", data.display()))
        .arg(format!("--socket={}", socket.display()))
        .arg(format!("--pid-file={}", socket.with_extension("pid").display()))
        .arg(format!("--log-error={}", data.with_extension("log").display()))
        // A server that starts clears temporary tables of others away where all share one folder.
        .arg(format!("--tmpdir={}", socket.with_file_name("").display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// The server does not run as root unless it is told to.
fn user() -> String {
    let name = Command::new("id").arg("-un").output().unwrap().stdout;
    format!("--user={}", String::from_utf8_lossy(&name).trim())
}

fn wait_for(socket: &Path, data: &Path) {
    let answers = || {
        let mut ping = Command::new("mariadb-admin");
        ping.args(["--no-defaults", "-uroot", "-S"]).arg(socket).arg("ping");
        ping.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    let started = (0..600).any(|_| {
        answers() || {
            #[expect(clippy::disallowed_methods, reason = "the server tells nobody when it is ready")]
            std::thread::sleep(Duration::from_millis(50));
            false
        }
    });
    assert!(started, "{}", fs::read_to_string(data.with_extension("log")).unwrap_or_default());
}

#[track_caller]
fn client(socket: &Path, arguments: &[&str], sql: &str) -> String {
    let mut child = Command::new("mariadb")
        .args(["--no-defaults", "-uroot", "--default-character-set=utf8mb4", "-S"])
        .arg(socket)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(sql.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").args(["-r", "--reflink=auto"]).args([from, to]).status().unwrap();
    assert!(copied.success());
}
