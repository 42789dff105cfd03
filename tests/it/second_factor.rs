//! An administrator shows a second factor: with codes that other programs make of the secret they were shown.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Answer, Outcome, ServerBuilder, TestServer, is_installed, repository, run, skip, tokenward};

const AUTHENTICATE: &str = "/rest/V1/tfa/provider/google/authenticate";
const PROVIDERS: &str = "twofactorauth/general/force_providers";
const PASSWORD: &str = "a-long-password";

/// A shop that requires authenticator apps, with the administrators `chief` and `clerk`, who have none.
const SEED: &str = r#"
[[administrators]]
username = "chief"
email = "chief@example.com"
password = "a-long-password"
[[administrators]]
username = "clerk"
email = "clerk@example.com"
password = "a-long-password"
[settings]
"twofactorauth/general/force_providers" = "google"
"web/secure/base_url" = "https://shop.example.com/"
"#;

struct Shop(tempfile::TempDir);

impl Shop {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("seed.toml"), SEED).unwrap();
        Self(home)
    }

    fn open(&self) -> TestServer {
        let seed = self.0.path().join("seed.toml");
        ServerBuilder::on(&self.0.path().join("data")).argument("--seed").argument(seed.to_str().unwrap()).start()
    }

    fn command(&self, arguments: &[&str], input: &str) -> Outcome {
        tokenward(&self.0.path().join("data"), arguments, input)
    }
}

/// The address that `admin set-totp` prints, and a picture below it.
#[track_caller]
fn shown(outcome: &Outcome) -> String {
    let printed = outcome.printed();
    let uri = printed.lines().find(|line| line.starts_with("otpauth://totp/")).unwrap();
    assert!(printed.lines().any(|line| line.contains("▄▄▄▄▄ █")), "{printed}");
    uri.to_owned()
}

fn secret(uri: &str) -> &str {
    let (_, rest) = uri.split_once("secret=").unwrap();
    rest.split('&').next().unwrap()
}

/// What Debian's program makes of a secret; `None` when it is not installed.
pub(crate) fn oathtool(secret: &str) -> Option<String> {
    if !is_installed("oathtool") {
        skip("oathtool is not there (scripts/test install)");
        return None;
    }
    let mut program = Command::new("oathtool");
    program.args(["--totp", "--base32", "-"]);
    Some(run(program, secret).printed().to_owned())
}

fn with_code(server: &TestServer, username: &str, code: &str) -> Answer {
    server.post(None, AUTHENTICATE, &json!({ "username": username, "password": PASSWORD, "otp": code }))
}

/// The answer is a token that does what an administrator may.
#[track_caller]
fn assert_token(server: &TestServer, answer: &Answer) {
    let token = answer.assert_status(200).json();
    server.get(token.as_str(), "/rest/V1/store/websites").assert_status(200);
}

/// Whether the log gives this reason for a refused sign-in.
fn refused_for(server: &TestServer, reason: &str) -> bool {
    let is_reason = |line: &str| serde_json::from_str::<Value>(line).is_ok_and(|event| event["reason"] == reason);
    server.process.log.text().lines().any(is_reason)
}

#[test]
fn a_code_of_oathtool_signs_in_once_also_after_a_restart() {
    let shop = Shop::new();
    let server = shop.open();
    let uri = shown(&server.command(&["admin", "set-totp", "--username", "chief"], ""));
    let Some(code) = oathtool(secret(&uri)) else { return };
    server
        .try_admin("chief", PASSWORD)
        .assert_refused(400, "Please use the 2fa provider-specific endpoints to obtain a token.");
    assert_token(&server, &with_code(&server, "chief", &code));
    with_code(&server, "chief", &code).assert_refused(401, "Invalid code.");
    assert!(refused_for(&server, "used code"));
    drop(server);
    let server = shop.open();
    with_code(&server, "chief", &code).assert_refused(401, "Invalid code.");
    assert!(refused_for(&server, "used code"), "{}", server.process.log.text());
    let log = server.process.log.text();
    assert!(!log.contains(secret(&uri)) && !log.contains(&format!("\"{code}\"")), "{log}");
}

#[test]
fn pyotp_reads_the_address_and_its_code_signs_in() {
    let python = repository().join("target/clients/pyotp/bin/python");
    if !python.exists() {
        return skip(&format!("{} is not there (scripts/test install)", python.display()));
    }
    let shop = Shop::new();
    let server = shop.open();
    let uri = shown(&server.command(&["admin", "set-totp", "--username", "CHIEF"], ""));
    let mut app = Command::new(python);
    app.arg(repository().join("tests/clients/pyotp/code.py"));
    let outcome = run(app, &uri);
    let lines: Vec<_> = outcome.printed().lines().collect();
    assert_eq!(lines[..2], ["shop.example.com", "chief"]);
    assert_token(&server, &with_code(&server, "chief", lines[2]));
}

#[test]
fn secrets_of_any_length_are_taken_from_standard_input_with_or_without_a_server() {
    let shop = Shop::new();
    drop(shop.open());
    // As long as Magento's own, and as short as may be.
    let long = "MFRGG".to_owned() + &"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".repeat(6) + "MZXW6YTBOI";
    let given = [("chief", long.as_str()), ("clerk", "gezd gnbv gy3t qojq")];
    for (username, secret) in given {
        let set = shop.command(&["admin", "set-totp", "--username", username, "--secret-stdin"], secret);
        let expected = secret.replace(' ', "").to_uppercase();
        assert!(shown(&set).contains(&format!("secret={expected}&")), "{set:?}");
        assert_eq!(set.stdout.contains("RFC 4226"), expected.len() < 26, "{set:?}");
    }
    shop.command(&["admin", "set-totp", "--username", "chief", "--secret-stdin"], "no base32!")
        .assert_failed(1, "base32");
    shop.command(&["admin", "set-totp", "--username", "chief", "--secret-stdin"], "GEZDGNBVGY3TQ")
        .assert_failed(1, "too short");
    let server = shop.open();
    for (username, secret) in given {
        let Some(code) = oathtool(secret) else { return };
        assert_token(&server, &with_code(&server, username, &code));
    }
}

#[test]
fn a_second_factor_that_is_removed_is_asked_for_all_the_same() {
    let shop = Shop::new();
    let server = shop.open();
    let uri = shown(&server.command(&["admin", "set-totp", "--username", "chief"], ""));
    let list = server.command(&["admin", "list", "--json"], "");
    let rows: Vec<Value> = list.printed().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&rows[0]["second_factor"], &rows[1]["second_factor"]), (&json!(true), &json!(false)));
    assert!(!list.stdout.contains(secret(&uri)));
    server.command(&["admin", "set-totp", "--username", "chief", "--remove"], "").printed();
    with_code(&server, "chief", "000000").assert_refused(400, "Provider is not configured.");
    server
        .try_admin("chief", PASSWORD)
        .assert_refused(400, "Failed to send the message. Please contact the administrator");
    server.command(&["admin", "set-totp", "--username", "nobody"], "").assert_failed(1, "nobody");

    server.command(&["setting", "reset", PROVIDERS], "").printed();
    server.try_admin("chief", PASSWORD).assert_status(200);
    with_code(&server, "chief", "000000").assert_refused(400, "Provider is not allowed.");
}

#[test]
fn a_list_of_providers_is_looked_at_before_it_is_taken() {
    let server = TestServer::demo();
    let set = |value| server.command(&["setting", "set", PROVIDERS, value], "");
    set("").assert_failed(1, "You have to select at least one Two-Factor Authorization provider");
    set("gogle").assert_failed(1, "google");
    set("google, u2fkey").printed();
    // A demonstration never asks for a second factor.
    server.try_admin("admin", "admin123").assert_status(200);
}

#[test]
fn required_means_that_a_password_never_suffices() {
    let shop = Shop::new();
    drop(shop.open());
    shop.command(&["setting", "reset", PROVIDERS], "").printed();
    let server = ServerBuilder::on(&shop.0.path().join("data")).key("ADMIN__SECOND_FACTOR", "required").start();
    server
        .try_admin("chief", PASSWORD)
        .assert_refused(400, "Please ask an administrator with sufficient access to configure 2FA first");
}
