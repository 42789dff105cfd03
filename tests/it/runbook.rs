//! The runbook's commands, run as they stand there.
//!
//! One shell, one data folder, and servers that a stand-in for `systemctl` starts and stops: the real program each time.

use std::net::TcpListener;

use crate::support::examples;

/// What the service manager of the one who reads the runbook does. The log goes through a pipe, so that a disk that is
/// full for the server is none for the log.
const SERVICE: &str = r#"
mkfifo "$HOME/log"
cat <>"$HOME/log" >>"$HOME/journal" & READER=$!
start() {
    tokenward serve --public 127.0.0.1:8080 --internal 127.0.0.1:8081 --admin 127.0.0.1:8083 >"$HOME/log" 2>&1 & SERVER=$!
    until curl -sf -o /dev/null http://127.0.0.1:8081/health/ready; do
        if ! grep -q '^State:.[RSD]' "/proc/$SERVER/status" 2>/dev/null; then
            echo 'Job for tokenward.service failed.'
            return
        fi
        sleep 0.05
    done
}
stop() { kill $SERVER && wait $SERVER; }
systemctl() {
    case "$1" in
        start) start ;;
        stop) stop ;;
        restart) stop; start ;;
    esac
}
journalctl() { # once everything that was said has arrived
    MARK="until $(date +%s%N)"
    echo "$MARK" >"$HOME/log"
    until grep -q "$MARK" "$HOME/journal"; do sleep 0.02; done
    cat "$HOME/journal"
}
token() { # of whom, with which password, at which route
    curl -s "http://127.0.0.1:8080/rest/V1/integration/$3/token" -H 'Content-Type: application/json' \
        -d "{\"username\": \"$1\", \"password\": \"$2\"}" | tr -d '"'
}
trap 'kill $SERVER $READER 2>/dev/null' EXIT
cd "$HOME" && mkdir -p /var/backups/tokenward
echo a-long-password | tokenward admin add --username chief --email chief@example.com >made 2>&1
echo a-long-password | tokenward customer add --email anne@example.com >made 2>&1
start
"#;

const HAPPENINGS: &[(&str, &str)] = &[
    (
        "a customer signs in twice, and one of the tokens is found in a log",
        "token anne@example.com a-long-password customer >leaked-token
         token anne@example.com a-long-password customer",
    ),
    (
        "somebody tries wrong passwords of chief until the throttle refuses the right one too",
        "for attempt in 1 2 3 4 5 6; do token chief wrong admin; done",
    ),
    ("the disk fills up", "prlimit --pid $SERVER --fsize=0:unlimited"),
    ("there is room again", "prlimit --pid $SERVER --fsize=unlimited:unlimited"),
    (
        "the server is stopped, and a bit of its file flips",
        r#"token deputy a-password-for-tonight admin
           stop
           python3 -c "
import sqlite3
file = sqlite3.connect('/var/lib/tokenward/tokenward.db')
file.execute('UPDATE sessions SET user = user + 64 WHERE id = (SELECT max(id) FROM sessions)')
file.commit()""#,
    ),
    (
        "a client signs in again and again",
        "for attempt in 1 2 3 4 5; do token anne@example.com another-long-password customer; done",
    ),
];

#[test]
fn the_commands_of_the_runbook_do_what_it_says() {
    let home = tempfile::tempdir().unwrap();
    // Held until all three are known, so that they differ.
    let free: Vec<_> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let ports: Vec<_> = free.iter().map(|listener| listener.local_addr().unwrap().port().to_string()).collect();
    drop(free);
    let folder = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
    let here = |text: &str| {
        text.replace(":8080", &format!(":{}", ports[0]))
            .replace(":8081", &format!(":{}", ports[1]))
            .replace(":8083", &format!(":{}", ports[2]))
            .replace("/var/lib/tokenward", &folder("data"))
            .replace("/var/backups/tokenward", &folder("backups"))
    };
    let data = home.path().join("data");
    let environment = [("HOME", home.path()), ("TOKENWARD__DATA__DIR", &data)];
    examples::assert_true("docs/runbook.md", HAPPENINGS, &here(SERVICE), &environment, here);
}
