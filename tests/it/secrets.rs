//! No token that was issued and no password that was typed stands in any file, log line or metric.

use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde_json::json;

use crate::support::{ADMINISTRATOR, CUSTOMER, ServerBuilder, TestServer};

/// Passwords that occur nowhere else, so that finding one means that it was written down.
const TYPED: [&str; 6] =
    ["wr0ng-Literal-7Q", "wr0ng-Variable-8Q", "wr0ng-Rest-9Q", "br0ken-Json-1Q", "unkn0wn-Field-2Q", "n3w-Operator-3Q"];

/// Every way in which a password comes in, the wrong ones too.
fn type_passwords(server: &TestServer) {
    let literal = |password: &str| {
        format!("mutation {{ generateCustomerToken(email: \"{}\", password: \"{password}\") {{ token }} }}", CUSTOMER.0)
    };
    server.graphql(None, &literal(TYPED[0])).assert_status(401);
    server.try_customer(CUSTOMER.0, TYPED[1]).assert_status(401);
    server.try_admin(ADMINISTRATOR.0, TYPED[2]).assert_status(401);
    server
        .graphql_body(None, &format!("{{\"query\": \"{{ a }}\", \"variables\": {{\"p\": \"{}\"", TYPED[3]))
        .assert_status(400);
    server.graphql(None, &literal(TYPED[4]).replace("token }", "tokem }"));
    let added = ["customer", "add", "--email", "new@example.com"];
    server.command(&added, TYPED[5]).printed();
    server.try_customer("new@example.com", TYPED[5]).assert_status(200);
}

/// Every kind of token, some of them revoked, one of them sent wherever a token can be.
fn issue_tokens(server: &TestServer) -> Vec<String> {
    let mut tokens: Vec<_> = (0..3).map(|_| server.customer()).collect();
    tokens.push(server.admin());
    let body = json!({ "username": CUSTOMER.0, "password": CUSTOMER.1 });
    let answer = server.post(None, "/rest/V1/integration/customer/token", &body);
    tokens.push(answer.json().as_str().unwrap().to_owned());
    server.graphql(Some(&tokens[0]), "mutation { revokeCustomerToken(scope: CURRENT) { result } }").assert_status(200);
    for token in &tokens {
        server.gateway(Some(token), "");
        server.graphql(Some(token), "{ customer { email } }");
        server.graphql(Some(token), "{ nonsense }");
        server.get(Some(token), "/rest/V1/customers/me");
        server.get(None, &format!("/rest/V1/nothing/{token}"));
        server.internal(None, &format!("/check/policy/nothing?token={token}"));
    }
    server.admin_api("GET", &tokens[3], "/sessions", None).assert_status(200);
    let leaked = format!("{}\n", tokens[1]);
    server.command(&["session", "revoke", "--token-stdin"], &leaked).printed();
    tokens
}

/// Everything below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .flat_map(|entry| match entry.file_type().unwrap() {
            kind if kind.is_dir() => files(&entry.path()),
            kind if kind.is_file() => vec![entry.path()],
            _ => Vec::new(),
        })
        .collect()
}

#[track_caller]
fn assert_holds_none(place: &str, bytes: &[u8], secrets: &[String]) {
    for secret in secrets {
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{place} holds {secret}");
    }
}

#[test]
fn no_token_and_no_password_stands_in_a_file_a_log_a_metric_or_an_export() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("data");
    let builder = ServerBuilder::on(&folder).argument("--demo").argument("--log-level").argument("trace");
    let mut server = builder.key("GRAPHQL__DEVELOPER_MODE", "true").start();
    type_passwords(&server);
    let mut secrets = issue_tokens(&server);
    secrets.extend(TYPED.map(str::to_owned));
    secrets.extend([ADMINISTRATOR.1.to_owned()]);

    let backup = home.path().join("backup.db");
    server.command(&["backup", backup.to_str().unwrap()], "").printed();
    let metrics = server.internal(None, "/metrics").body;
    // The trail is encrypted in the file, and in clear here.
    let export = server.command(&["audit", "export"], "").printed().to_owned();
    assert!(export.contains(CUSTOMER.0), "what is looked for is found");
    assert_holds_none("the audit trail", export.as_bytes(), &secrets);
    // Once as they are while the server runs, the write-ahead log among them, and once as a crash leaves them.
    for file in files(home.path()) {
        assert_holds_none(&file.display().to_string(), &std::fs::read(&file).unwrap(), &secrets);
    }
    server.process.signal(Signal::KILL);
    server.process.wait(std::time::Duration::from_mins(1));
    for file in files(home.path()) {
        assert_holds_none(&file.display().to_string(), &std::fs::read(&file).unwrap(), &secrets);
    }
    let log = server.process.log.text();
    assert!(log.contains("DEBUG") || log.contains("\"debug\""), "the log says less than was asked for: {log}");
    assert_holds_none("the log", log.as_bytes(), &secrets);
    assert_holds_none("the metrics", metrics.as_bytes(), &secrets);
    let stored = std::fs::read(&backup).unwrap();
    assert!(
        stored.windows(CUSTOMER.0.len()).any(|window| window == CUSTOMER.0.as_bytes()),
        "what is looked for is found"
    );
}
