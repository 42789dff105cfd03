//! MariaDB as a child process, with a shop's tables and the accounts of `tests/magento-db`; or MySQL, when
//! `TOKENWARD_TEST_DATABASE` says `mysql`. Every test has to hold on both.
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

/// What is particular to one of the servers.
struct Product {
    /// The server.
    program: PathBuf,
    /// What it is started with: small files, since they are copied for every test.
    options: &'static [&'static str],
    /// What makes a data folder, and what that is told.
    initialise: (PathBuf, &'static [&'static str]),
    /// Where the prepared data folder is kept, below `target/`.
    kept: &'static str,
}

/// Of both.
const OPTIONS: [&str; 6] = [
    "--no-defaults",
    "--innodb-data-file-path=ibdata1:10M:autoextend",
    "--innodb-buffer-pool-size=24M",
    "--skip-log-bin",
    "--default-time-zone=-07:00",
    "--performance-schema=OFF",
];

impl Product {
    /// The one that this run is about.
    fn wanted() -> Self {
        match variable("TOKENWARD_TEST_DATABASE").as_deref() {
            None | Some("mariadb") => Self::mariadb(),
            Some("mysql") => Self::mysql(),
            Some(other) => panic!("TOKENWARD_TEST_DATABASE is {other:?}, and neither mariadb nor mysql"),
        }
    }

    fn mariadb() -> Self {
        Self {
            program: "mariadbd".into(),
            options: &["--innodb-log-file-size=4M"],
            initialise: ("mariadb-install-db".into(), &["--auth-root-authentication-method=normal", "--skip-test-db"]),
            kept: "mariadb",
        }
    }

    /// Debian 12 has none, so it is not taken from the system unless `TOKENWARD_TEST_MYSQLD` names it.
    fn mysql() -> Self {
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/mysql/mysqld");
        let program = variable("TOKENWARD_TEST_MYSQLD").map_or(ours, PathBuf::from);
        Self {
            initialise: (program.clone(), &["--initialize-insecure"]),
            program,
            // Nothing is synced, nor read past the system's memory: the server may be killed here, and never the machine.
            options: &[
                "--innodb-flush-method=nosync",
                "--innodb-redo-log-capacity=8M",
                "--innodb-doublewrite=OFF",
                "--mysqlx=OFF",
                "--secure-file-priv=NULL",
            ],
            kept: "mysql",
        }
    }

    /// Which version it is; `None` when it is not installed.
    fn version(&self) -> Option<String> {
        let output = Command::new(&self.program).arg("--version").stderr(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// `program`, told what every start is told.
    fn command(&self, program: &Path, data: &Path) -> Command {
        let mut command = Command::new(program);
        command.args(OPTIONS).args(self.options).arg(user()).arg(format!("--datadir={}", data.display()));
        command
    }
}

/// What the password of the user `magento` looks like in SQL.
const PASSWORD: &str = r#"kit\'s "secret" \\ @:/#%"#;

/// The same in an address.
const PASSWORD_ENCODED: &str = "kit%27s%20%22secret%22%20%5C%20%40%3A%2F%23%25";

/// A server on loopback, whichever it is. It is killed, and its folder removed, when this goes away.
#[derive(Debug)]
pub(crate) struct MariaDb {
    folder: tempfile::TempDir,
    child: Option<Child>,
    port: u16,
    /// What else it is started with.
    arguments: Vec<String>,
}

impl MariaDb {
    /// Starts one. `None` when it is not installed, which is said; where nothing may be skipped that is an error.
    pub(crate) fn start() -> Option<Self> {
        let product = Product::wanted();
        let Some(version) = product.version() else {
            missing(&product);
            return None;
        };
        let template = template(&product, &version);
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

    /// Its address by its own socket, with the user of the shop.
    pub(crate) fn url_by_socket(&self) -> String {
        format!("{}?socket={}", self.url(), self.socket().display())
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
        let child = server(&Product::wanted(), &self.folder.path().join("data"), &self.socket())
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

fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "on which server, and how strictly, comes from the one who runs it")]
    std::env::var(name).ok()
}

fn missing(product: &Product) {
    let what = format!("{} is not there (scripts/test install)", product.program.display());
    assert!(variable("TOKENWARD_REQUIRE_ALL").is_none(), "{what}, and TOKENWARD_REQUIRE_ALL is set");
    std::io::stdout().write_all(format!("skipped: {what}\n").as_bytes()).unwrap();
}

/// The prepared data folder of this version of the server and of the kit.
fn template(product: &Product, version: &str) -> PathBuf {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("target").join(product.kept);
    fs::create_dir_all(&kept).unwrap();
    let lock = File::create(kept.join("lock")).unwrap();
    lock.lock().unwrap();
    let options = [&OPTIONS, product.options].concat().join(" ");
    let stamp = [version, &kit_text("schema.sql"), &kit_text("fixtures.sql"), &options].concat();
    let ready = kept.join("data");
    if fs::read_to_string(kept.join("stamp")).is_ok_and(|known| known == stamp) {
        return ready;
    }
    drop(fs::remove_dir_all(&ready));
    drop(fs::remove_file(kept.join("stamp")));
    prepare(product, &ready);
    fs::write(kept.join("stamp"), stamp).unwrap();
    ready
}

fn kit_text(name: &str) -> String {
    fs::read_to_string(kit().join(name)).unwrap()
}

fn prepare(product: &Product, data: &Path) {
    let (program, arguments) = &product.initialise;
    let installed = product.command(program, data).args(*arguments).output().unwrap();
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    let sockets = tempfile::Builder::new().prefix("tw-db-").tempdir_in("/tmp").unwrap();
    let socket = sockets.path().join("sock");
    let mut child = server(product, data, &socket).arg("--skip-networking").spawn().unwrap();
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

fn server(product: &Product, data: &Path, socket: &Path) -> Command {
    let mut command = product.command(&product.program, data);
    command
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
    // MySQL's files are mostly empty.
    let copied =
        Command::new("cp").args(["-r", "--reflink=auto", "--sparse=always"]).args([from, to]).status().unwrap();
    assert!(copied.success());
}
