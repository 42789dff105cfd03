//! The exchange behind a real nginx, configured as the README says: the client holds an opaque token, and what stands
//! for Magento receives a JWT.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::json;

use crate::referee::Referee;
use crate::support::{Answer, Process, ServerBuilder, TestServer, call, repository, skip};

const KEY: &str = "base64bWFnZW50by10ZXN0LWtleS0zMi1ieXRlcy0tLS0tLS0=";

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server that stands for Magento: it answers everything with 200, and tells what headers it received.
struct Upstream {
    address: SocketAddr,
    received: Receiver<Vec<String>>,
}

impl Upstream {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (sender, received) = channel();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for mut connection in listener.incoming().map_while(Result::ok) {
                let lines = BufReader::new(&connection).lines().map_while(Result::ok);
                let headers = lines.take_while(|line| !line.is_empty()).collect();
                let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
                if sender.send(headers).is_err() || connection.write_all(answer.as_bytes()).is_err() {
                    return;
                }
            }
        });
        Self { address, received }
    }

    /// The `Authorization` headers of the next request.
    #[track_caller]
    fn authorization(&self) -> Vec<String> {
        let headers = self.received.recv_timeout(PATIENCE).unwrap();
        let value = |line: &String| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("authorization").then(|| value.to_owned())
        };
        headers.iter().filter_map(value).collect()
    }
}

/// The README's configuration of nginx for the exchange.
fn documented() -> String {
    let readme = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let blocks = readme.split("```nginx\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.filter(|block| block.contains("exchange=jwt")).map(str::to_owned).next().unwrap()
}

fn nginx_program() -> Option<PathBuf> {
    let found = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"].map(PathBuf::from);
    let found = found.into_iter().find(|program| program.exists());
    if found.is_none() {
        skip("nginx is not there (scripts/test install)");
    }
    found
}

fn start_nginx(program: &Path, folder: &Path, tokenward: &TestServer, upstream: &Upstream) -> (Process, SocketAddr) {
    // Nobody but us takes a port in the moment between.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let locations = documented()
        .replace("127.0.0.1:8081", &tokenward.internal.to_string())
        .replace("http://magento;", &format!("http://{};", upstream.address));
    let mut text = format!("pid {0}/pid; error_log stderr warn; daemon off; master_process off;\n", folder.display());
    text.push_str("events { worker_connections 64; }\nhttp { access_log off;\n");
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        writeln!(text, "{kind}_temp_path {}/{kind};", folder.display()).unwrap();
    }
    writeln!(text, "server {{ listen {address};\n{locations}\n}} }}").unwrap();
    let file = folder.join("nginx.conf");
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new(program);
    command.arg("-p").arg(folder).arg("-c").arg(&file).arg("-e").arg("stderr");
    let process = Process::start(command);
    tokenward.wait_until(|_| TcpStream::connect(address).is_ok());
    (process, address)
}

#[test]
fn behind_nginx_magento_receives_a_jwt_in_place_of_the_clients_token() {
    let (Some(program), Some(php)) = (nginx_program(), Referee::find()) else { return };
    let tokenward = ServerBuilder::new().argument("--demo").key("MAGENTO__CRYPT_KEY", KEY).start();
    let (upstream, home) = (Upstream::start(), tempfile::tempdir().unwrap());
    let (_nginx, address) = start_nginx(&program, home.path(), &tokenward, &upstream);
    let ask = |token: Option<&str>| -> Answer { call("GET", address, token, "/rest/V1/customers/me", None) };

    let (customer, admin) = (tokenward.customer(), tokenward.admin());
    for (token, kind) in [(&customer, 3), (&admin, 2)] {
        ask(Some(token)).assert_status(200);
        let received = upstream.authorization();
        let [jwt] = received.as_slice() else { panic!("one header is expected: {received:?}") };
        let seen = php.read(jwt.strip_prefix("Bearer ").unwrap(), KEY, "HS256");
        assert_eq!((&seen["claims"]["uid"], &seen["claims"]["utypid"]), (&json!(1), &json!(kind)), "{seen}");
        assert!(!jwt.contains(token.as_str()));
    }
    ask(None).assert_status(200);
    assert_eq!(upstream.authorization(), Vec::<String>::new(), "a guest stays a guest");
    ask(Some("0123456789abcdefghijklmnopqrstuv")).assert_status(401);
    tokenward.command(&["session", "revoke", "--token-stdin"], &customer).assert_done();
    ask(Some(&customer)).assert_status(401);
    ask(Some(&admin)).assert_status(200);
    assert_eq!(upstream.authorization().len(), 1, "nothing of the refused requests came through");
}
