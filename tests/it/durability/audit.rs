//! The audit trail of the running program: what happens leaves its line, and what is done to the lines is noticed.

use std::collections::HashSet;
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

use rusqlite::Connection;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{Home, PASSWORD, SOON, ask, session, sign_in, sign_in_query};
use crate::support::{ServerBuilder, TestServer, tokenward};

const JANE: &str = "customer-0@example.com";

/// What `audit export` prints, a line each.
#[track_caller]
fn export(folder: &Path) -> Vec<Value> {
    let outcome = tokenward(folder, &["audit", "export"], "");
    outcome.printed().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[track_caller]
fn assert_whole(folder: &Path) {
    assert!(tokenward(folder, &["audit", "verify"], "").printed().starts_with("the audit trail is whole"));
}

/// Signs out on all devices.
const SIGN_OUT: &str = "mutation { revokeCustomerToken { result } }";

fn refused_sign_in(server: &TestServer, email: &str) {
    let mut query = sign_in_query(0);
    query["variables"] = json!({ "email": email, "password": "not the password" });
    ask(server.public, None, &query).unwrap();
}

/// The first line with this event, after it was taken out.
#[track_caller]
fn take(lines: &mut Vec<Value>, event: &str) -> Value {
    let at = lines.iter().position(|line| line["event"] == event);
    lines.remove(at.unwrap_or_else(|| panic!("{event} is not in {lines:#?}")))
}

fn stop(mut server: TestServer) {
    server.process.signal(Signal::TERM);
    assert!(server.process.wait(SOON).success());
}

#[test]
fn what_happens_leaves_its_line_and_no_line_holds_a_token_or_a_password() {
    let home = Home::with_customers(1);
    let server = home.start();
    let (signed_out, ended) = (sign_in(&server, 0), sign_in(&server, 0));
    refused_sign_in(&server, JANE);
    refused_sign_in(&server, "nobody@example.com");
    ask(server.public, Some(&signed_out), &json!({ "query": SIGN_OUT })).unwrap();
    let more = sign_in(&server, 0);
    let admin = ["admin", "add", "--username", "chief", "--email", "chief@example.com"];
    server.command(&admin, "a long Passw0rd").printed();
    server.command(&["admin", "set-password", "--username", "chief"], "another Passw0rd").printed();
    server.command(&["admin", "unlock", "--username", "chief"], "").printed();
    server.command(&["customer", "unlock", "--email", JANE], "").printed();
    server.command(&["setting", "set", "oauth/access_token_lifetime/customer", "2"], "").printed();
    server.command(&["setting", "reset", "oauth/access_token_lifetime/customer"], "").printed();
    server.command(&["session", "revoke", "--all"], "").printed();
    server.command(&["session", "revoke", "--kind", "admin"], "").printed();
    server.command(&["admin", "set-totp", "--username", "chief"], "").printed();
    server.command(&["admin", "set-totp", "--username", "chief", "--remove"], "").printed();
    server.command(&["backup", home.own.path().join("copy.db").to_str().unwrap()], "").printed();
    // While the server runs.
    assert_whole(&server.folder);
    let folder = home.folder();
    stop(server);
    tokenward(&folder, &["admin", "disable", "--username", "chief", "--force"], "").printed();
    tokenward(&folder, &["admin", "enable", "--username", "chief"], "").printed();
    // While none does.
    assert_whole(&folder);
    let text = tokenward(&folder, &["audit", "export"], "").printed().to_owned();
    for secret in [signed_out.as_str(), &ended, &more, PASSWORD, "not the password", "Passw0rd"] {
        assert!(!text.contains(secret), "{secret}");
    }
    let mut lines = export(&folder);
    let numbers: Vec<_> = lines.iter().map(|line| line["line"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=lines.len() as u64).collect::<Vec<_>>());
    take(&mut lines, "folder-filled");
    assert_eq!(take(&mut lines, "started")["by"], "server");
    let issued = take(&mut lines, "issued");
    assert_eq!((&issued["subject"], &issued["by"]), (&json!("customer:1"), &json!("customer:1")));
    assert_eq!((&issued["name"], &issued["address"]), (&json!(JANE), &json!("127.0.0.1")));
    assert_eq!(issued["channel"], "graphql");
    let next = take(&mut lines, "issued");
    assert!(next["session"].as_u64() > issued["session"].as_u64());
    let refused = take(&mut lines, "refused");
    assert_eq!((&refused["reason"], &refused["subject"]), (&json!("wrong_password"), &json!("customer:1")));
    let refused = take(&mut lines, "refused");
    assert_eq!((&refused["reason"], &refused["name"]), (&json!("unknown_user"), &json!("nobody@example.com")));
    assert_eq!((refused.get("subject"), &refused["by"]), (None, &json!("stranger")));
    let revoked = take(&mut lines, "revoked");
    assert_eq!(
        (&revoked["which"], &revoked["reason"], &revoked["count"]),
        (&json!("subject"), &json!("signed-out"), &json!(2))
    );
    assert_eq!((&revoked["by"], &revoked["address"]), (&json!("customer:1"), &json!("127.0.0.1")));
    let operator = json!(format!("operator:{}", rustix::process::getuid().as_raw()));
    let made = take(&mut lines, "accounts-made");
    assert_eq!((&made["subject"], &made["by"]), (&json!("admin:1"), &operator));
    assert_eq!(take(&mut lines, "password-set")["subject"], "admin:1");
    assert_eq!(take(&mut lines, "lock-lifted")["subject"], "admin:1");
    assert_eq!(take(&mut lines, "lock-lifted")["subject"], "customer:1");
    let set = take(&mut lines, "setting-changed");
    assert_eq!((&set["path"], &set["scope"]), (&json!("oauth/access_token_lifetime/customer"), &json!("default")));
    assert_eq!((&set["from"], &set["to"], &set["by"]), (&json!(null), &json!("2"), &operator));
    let reset = take(&mut lines, "setting-changed");
    assert_eq!((&reset["from"], &reset["to"]), (&json!("2"), &json!(null)));
    assert_eq!(take(&mut lines, "issued")["subject"], "customer:1");
    let all = take(&mut lines, "revoked");
    assert_eq!((&all["which"], &all["count"], &all["by"]), (&json!("everything"), &json!(1), &operator));
    let kind = take(&mut lines, "revoked");
    assert_eq!((&kind["which"], &kind["kind"], &kind["by"]), (&json!("kind"), &json!("admin"), &operator));
    for active in [true, false] {
        let factor = take(&mut lines, "second-factor-switched");
        assert_eq!(
            (&factor["subject"], &factor["active"], &factor["by"]),
            (&json!("admin:1"), &json!(active), &operator)
        );
    }
    assert_eq!(take(&mut lines, "backed-up")["by"], operator);
    take(&mut lines, "stopped");
    for active in [false, true] {
        let switched = take(&mut lines, "account-switched");
        assert_eq!(
            (&switched["subject"], &switched["active"], &switched["by"]),
            (&json!("admin:1"), &json!(active), &operator)
        );
    }
    assert_eq!(lines, Vec::<Value>::new());
}

#[test]
fn a_customer_who_is_erased_is_gone_and_unreadable_and_the_trail_stays_whole() {
    let home = Home::with_customers(2);
    let server = home.start();
    let (token, other) = (sign_in(&server, 0), sign_in(&server, 1));
    refused_sign_in(&server, JANE);
    refused_sign_in(&server, "nobody@example.com");
    let erased = server.command(&["customer", "erase", "--email", "Customer-0@example.com"], "");
    assert!(erased.printed().starts_with("customer 1 is erased"), "{erased:?}");
    let nobody = server.command(&["customer", "erase", "--email", "nobody@example.com"], "");
    assert!(nobody.printed().starts_with("there is no such customer"), "{nobody:?}");
    assert_eq!(session(&server, &token), None);
    assert!(session(&server, &other).is_some());
    refused_sign_in(&server, "another@example.com");
    assert_whole(&server.folder);
    let listed = server.command(&["customer", "list"], "").printed().to_owned();
    assert!(!listed.contains(JANE) && listed.contains("customer-1@example.com"), "{listed}");
    let folder = home.folder();
    let log = server.process.log.text();
    stop(server);
    let text = tokenward(&folder, &["audit", "export"], "").printed().to_owned();
    assert!(!text.contains(JANE) && !text.contains("nobody@example.com"), "{text}");
    assert!(text.contains("customer-1@example.com") && text.contains("another@example.com"), "{text}");
    assert!(!log.contains("Customer-0@example.com"), "{log}");
    let lines = export(&folder);
    let of_jane: Vec<_> = lines.iter().filter(|line| line["subject"] == "customer:1").collect();
    assert!(of_jane.iter().any(|line| line["event"] == "issued" && line["erased"] == true), "{of_jane:?}");
    assert!(of_jane.iter().any(|line| line["event"] == "erased"), "{of_jane:?}");
    assert_whole(&folder);
}

#[test]
fn tampering_is_named_with_its_line_and_an_exit_code_also_while_the_server_runs() {
    let home = Home::with_customers(1);
    let server = home.start();
    sign_in(&server, 0);
    let printed = server.command(&["audit", "verify"], "").printed().to_owned();
    let noted = printed.rsplit(' ').next().unwrap().to_owned();
    sign_in(&server, 0);
    server.command(&["audit", "verify", "--noted", &noted], "").printed();
    let file = Connection::open(home.database()).unwrap();
    file.execute("DELETE FROM audit_lines WHERE number = 2", ()).unwrap();
    server.command(&["audit", "verify"], "").assert_failed(1, "line 2 is missing");
    server.command(&["audit", "verify", "--after", "3"], "").printed();
    let (line, _) = noted.split_once(':').unwrap();
    let forged = format!("{line}:00000000000000000000000000000000");
    server.command(&["audit", "verify", "--noted", &forged], "").assert_failed(1, "has another hash");
    server.command(&["audit", "export", "--since", "yesterday"], "").assert_failed(64, "2026-01-31");
    assert_eq!(server.command(&["audit", "export", "--until", "2d"], "").printed(), "");
}

#[test]
fn after_a_crash_every_session_has_its_line_and_the_trail_is_whole() {
    let home = Home::with_customers(1);
    let mut server = home.start();
    for _ in 0..3 {
        let public = server.public;
        std::thread::scope(|scope| {
            let (sender, answered) = channel();
            for _ in 0..4 {
                let sender = sender.clone();
                // Nobody listens any more after the first one.
                scope.spawn(move || {
                    while ask(public, None, &sign_in_query(0)).is_some() {
                        let _nobody_listens = sender.send(());
                    }
                });
            }
            answered.recv_timeout(SOON).unwrap();
            // Nothing is waited for but a moment at which others are on their way.
            server.process.log.wait_for(Duration::from_millis(200), |_| None::<()>);
            server.process.signal(Signal::KILL);
            server.process.wait(SOON);
        });
        // As the crash left it, and after the start.
        assert_whole(&home.folder());
        server = home.start();
        assert_whole(&home.folder());
        let issued: HashSet<_> = export(&home.folder())
            .iter()
            .filter(|line| line["event"] == "issued")
            .map(|line| line["session"].as_u64().unwrap())
            .collect();
        let file = Connection::open(home.database()).unwrap();
        let mut statement = file.prepare("SELECT id FROM sessions").unwrap();
        let stored: Vec<i64> = statement.query_map((), |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert!(!stored.is_empty());
        let without: Vec<_> = stored.iter().filter(|id| !issued.contains(&id.cast_unsigned())).collect();
        assert!(without.is_empty(), "sessions without a line: {without:?}");
    }
}

#[test]
fn without_durability_of_sessions_the_trail_is_kept_all_the_same() {
    let home = Home::with_customers(1);
    let server = home.builder().key("DATA__DURABILITY", "none").start();
    let token = sign_in(&server, 0);
    ask(server.public, Some(&token), &json!({ "query": SIGN_OUT })).unwrap();
    let events: Vec<_> = export(&home.folder()).iter().map(|line| line["event"].clone()).collect();
    assert_eq!(events, ["folder-filled", "started", "issued", "revoked"]);
}

#[test]
fn a_restored_copy_that_is_accepted_and_a_recovery_leave_their_lines() {
    let home = Home::with_customers(1);
    let server = home.start();
    let copy = home.own.path().join("copy.db");
    server.command(&["backup", copy.to_str().unwrap()], "").printed();
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(&copy, folder.path().join("tokenward.db")).unwrap();
    let restored = ServerBuilder::on(folder.path()).argument("--accept-restored").argument("end-sessions");
    stop(restored.start());
    tokenward(folder.path(), &["recover", "--force"], "").printed();
    let again = tempfile::tempdir().unwrap();
    std::fs::copy(&copy, again.path().join("tokenward.db")).unwrap();
    tokenward(again.path(), &["accept-restored", "keep-sessions"], "").printed();
    let operator = json!(format!("operator:{}", rustix::process::getuid().as_raw()));
    let mut lines = export(folder.path());
    for event in ["restored-accepted", "recovered"] {
        let line = take(&mut lines, event);
        assert_eq!((&line["sessions_kept"], &line["by"]), (&json!(false), &operator), "{event}");
    }
    let accepted = take(&mut export(again.path()), "restored-accepted");
    assert_eq!((&accepted["sessions_kept"], &accepted["by"]), (&json!(true), &operator));
    assert_whole(folder.path());
}

#[test]
fn what_an_administrator_does_over_the_admin_api_is_told_with_who_and_from_where() {
    let server = TestServer::demo();
    let (customer, token) = (server.customer(), server.admin());
    let lifetime = "/settings/oauth/access_token_lifetime/customer";
    server.admin_api("PUT", &token, lifetime, Some(&json!({ "value": "3" }))).assert_status(200);
    server
        .admin_api("PUT", &token, &format!("{lifetime}?dry_run=true"), Some(&json!({ "value": "4" })))
        .assert_status(200);
    let id = session(&server, &customer).unwrap();
    server.admin_api("DELETE", &token, &format!("/sessions/{id}"), None).assert_status(200);
    let mut lines = export(&server.folder);
    let told = |line: &Value| {
        [&line["by"], &line["channel"], &line["address"]].map(|value| value.as_str().unwrap().to_owned())
    };
    let administrator = ["admin:1", "admin-api", "127.0.0.1"];
    let changed = take(&mut lines, "setting-changed");
    assert_eq!((&changed["from"], &changed["to"]), (&json!(null), &json!("3")));
    assert_eq!(told(&changed), administrator);
    let revoked = take(&mut lines, "revoked");
    assert_eq!(
        (&revoked["which"], &revoked["session"], &revoked["subject"]),
        (&json!("session"), &json!(id), &json!("customer:1"))
    );
    assert_eq!((&revoked["reason"], told(&revoked)), (&json!("ended"), administrator.map(str::to_owned)));
    assert!(!lines.iter().any(|line| line["event"] == "setting-changed"), "a dry run changes nothing");
    server.admin_api("DELETE", &token, "/sessions?kind=all&confirm=all", None).assert_status(200);
    let everything = export(&server.folder).pop().unwrap();
    assert_eq!((&everything["event"], &everything["which"]), (&json!("revoked"), &json!("everything")));
    assert_eq!(told(&everything), administrator);
    assert_whole(&server.folder);
}
