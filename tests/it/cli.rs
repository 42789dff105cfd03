//! The operator's commands, while a server runs on the folder and while none does.

use std::path::Path;

use crate::support::{Outcome, ServerBuilder, TestServer, program, tokenward};

const PASSWORD: &str = "correct horse battery";

/// Runs a test on a folder without a server, and on one with a server: commands do the same on both.
fn either_way(test: impl Fn(&dyn Fn(&[&str], &str) -> Outcome)) {
    let folder = tempfile::tempdir().unwrap();
    let alone = folder.path().join("alone");
    // Only what adds an account makes a folder.
    let first = tokenward(&alone, &["customer", "add", "--email", "first@example.com", "--no-password"], "");
    assert!(first.stderr.contains("a new data folder is made"), "{first:?}");
    test(&|arguments, input| tokenward(&alone, arguments, input));
    let server = ServerBuilder::new().start();
    test(&|arguments, input| server.command(arguments, input));
    server.assert_unharmed();
}

#[test]
fn customers_are_added_and_listed() {
    either_way(|run| {
        let line = ["customer", "add", "--email", "a@example.com", "--firstname", "Ada", "--lastname", "Lovelace"];
        assert!(run(&line, PASSWORD).printed().contains("a@example.com"));
        let list = run(&["customer", "list"], "");
        assert!(list.printed().contains("a@example.com") && list.printed().contains("Lovelace"), "{list:?}");
        run(&line, PASSWORD).assert_failed(1, "already a customer");
    });
}

#[test]
fn administrators_are_added_listed_and_disabled() {
    either_way(|run| {
        run(&["admin", "add", "--username", "chief", "--email", "chief@example.com"], PASSWORD).printed();
        assert!(run(&["admin", "list"], "").printed().contains("chief"));
        run(&["admin", "disable", "--username", "chief"], "").assert_failed(1, "--force");
        run(&["admin", "disable", "--username", "chief", "--force"], "").printed();
        let hint = run(&["admin", "set-password", "--username", "chief"], PASSWORD);
        assert!(hint.printed().contains("admin enable"), "{hint:?}");
        let row = run(&["admin", "list", "--json"], "");
        assert!(row.printed().contains("\"active\":false"), "{row:?}");
        run(&["admin", "enable", "--username", "chief"], "").printed();
        let row = run(&["admin", "list", "--json"], "");
        assert!(row.printed().contains("\"active\":true"), "{row:?}");
        run(&["admin", "disable", "--username", "nobody"], "").assert_failed(1, "nobody");
        assert!(run(&["admin", "roles"], "").printed().contains("Magento_Backend::all"));
        assert!(run(&["customer", "websites"], "").printed().contains("base"));
    });
}

#[test]
fn a_password_on_the_command_line_is_refused_and_where_it_comes_from_is_said() {
    let home = tempfile::tempdir().unwrap();
    for line in [
        &["customer", "add", "--email", "a@example.com"][..],
        &["customer", "set-password", "--email", "a@example.com"],
        &["admin", "add", "--username", "chief", "--email", "a@example.com"],
        &["admin", "set-password", "--username", "chief"],
    ] {
        let outcome = tokenward(home.path(), &[line, &["--password", "so secret"]].concat(), "");
        outcome.assert_failed(64, "standard input or a prompt");
        assert!(!outcome.stderr.contains("--no-password"), "{outcome:?}");
    }
}

#[test]
fn names_with_control_characters_are_refused() {
    let home = tempfile::tempdir().unwrap();
    for line in [
        &["customer", "add", "--email", "a@example.com", "--firstname", "A\u{1b}[2J"][..],
        &["admin", "add", "--username", "chief\n", "--email", "a@example.com"],
        &["admin", "add", "--username", "chief", "--email", "a@example.com", "--lastname", "\u{7}"],
    ] {
        tokenward(home.path(), line, PASSWORD).assert_failed(1, "control character");
    }
}

#[test]
fn an_administrator_who_is_locked_out_is_listed_with_the_end_of_that() {
    let server = ServerBuilder::new().start();
    server.command(&["admin", "add", "--username", "Chief", "--email", "chief@example.com"], PASSWORD).printed();
    let locked_until = || {
        let list = server.command(&["admin", "list", "--json"], "");
        let row: serde_json::Value = serde_json::from_str(list.printed().trim()).unwrap();
        row["locked_until"].clone()
    };
    assert_eq!(locked_until(), serde_json::Value::Null);
    for _ in 0..6 {
        server.try_admin("chief", "wrong");
    }
    assert!(locked_until().is_string());
    server.command(&["admin", "unlock", "--username", "chief"], "").printed();
    assert_eq!(locked_until(), serde_json::Value::Null);
}

#[test]
fn a_folder_that_was_named_by_mistake_is_not_made() {
    let home = tempfile::tempdir().unwrap();
    let typo = home.path().join("typo");
    for line in [&["session", "list"][..], &["session", "revoke", "--all"], &["setting", "list"], &["admin", "list"]] {
        tokenward(&typo, line, "").assert_failed(1, typo.to_str().unwrap());
        assert!(!typo.exists());
        tokenward(home.path(), line, "").assert_failed(1, "tokenward.db");
    }
    tokenward(&typo, &["recover"], "").assert_failed(1, typo.to_str().unwrap());
    assert!(!typo.exists());
    let file = home.path().join("file");
    std::fs::write(&file, "").unwrap();
    tokenward(&file, &["session", "list"], "").assert_failed(1, "is not a folder");
    tokenward(&file, &["serve"], "").assert_failed(1, "is not a folder");
}

#[test]
fn sessions_that_are_stored_are_revoked_when_no_server_runs() {
    let folder = tempfile::tempdir().unwrap();
    let token = {
        let server = ServerBuilder::on(folder.path()).argument("--demo").start();
        server.customer()
    };
    let list = tokenward(folder.path(), &["session", "list"], "");
    assert!(list.printed().contains("customer:1") && list.stderr.contains("no server runs"), "{list:?}");
    tokenward(folder.path(), &["session", "revoke", "--user", "customer:1"], "").printed();
    let server = ServerBuilder::on(folder.path()).start();
    server.gateway(Some(&token), "").assert_status(401);
}

#[test]
fn what_an_operator_changes_is_in_the_log_without_a_secret() {
    let server = ServerBuilder::new().start();
    server.command(&["admin", "add", "--username", "chief", "--email", "chief@example.com"], PASSWORD).printed();
    server.command(&["session", "revoke", "--kind", "guest"], "").assert_failed(64, "guest is no kind of user");
    let ended = server.command(&["session", "revoke", "--kind", "integration"], "");
    assert_eq!(ended.printed(), "all sessions of kind integration are revoked: 0");
    server.command(&["session", "revoke", "--all"], "").printed();
    server.command(&["setting", "reset", "oauth/access_token_lifetime/customer"], "").printed();
    server.command(&["admin", "list"], "").printed();
    let events: Vec<_> = server.process.log.events();
    let commands: Vec<_> = events
        .iter()
        .filter(|event| event["target"] == "tokenward::control")
        .map(|event| (event["command"].as_str().unwrap(), event["of"].as_str().unwrap()))
        .collect();
    let path = "oauth/access_token_lifetime/customer (default)";
    let revoked = [("session revoke", "kind integration"), ("session revoke", "all")];
    assert_eq!(commands, [("admin add", "chief"), revoked[0], revoked[1], ("setting reset", path)]);
    assert!(!server.process.log.text().contains(PASSWORD));
}

#[test]
fn a_reader_who_has_seen_enough_is_no_mistake() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = program();
    let ended = command.arg("export-schema").stdout(writer).output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(141), &b""[..]));
}

#[test]
fn a_session_or_user_that_is_not_there_is_a_failure() {
    let server = TestServer::demo();
    server.command(&["session", "revoke", "--session", "99"], "").assert_failed(1, "99");
    server.command(&["session", "revoke", "--user", "customer:77"], "").assert_failed(1, "77");
    server.command(&["session", "revoke", "--user", "nobody@example.com"], "").assert_failed(1, "nobody@example.com");
    server.command(&["session", "revoke", "--token-stdin"], "").assert_failed(1, "no token was given");
    let admin = server.admin();
    server.command(&["session", "revoke", "--user", "admin@example.com"], "").printed();
    server.gateway(Some(&admin), "").assert_status(401);
}

#[test]
fn a_seed_that_is_wrong_is_named_with_its_line_and_what_was_meant() {
    let folder = tempfile::tempdir().unwrap();
    let seed = folder.path().join("seed.toml");
    std::fs::write(&seed, "[[customers]]\nemial = \"a@example.com\"\n").unwrap();
    let data = folder.path().join("data");
    let outcome = tokenward(&data, &["serve", "--seed", path(&seed)], "");
    outcome.assert_failed(1, "seed.toml: line 2");
    outcome.assert_failed(1, "did you mean email?");
}

#[test]
fn a_seed_that_comes_too_late_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let seed = folder.path().join("seed.toml");
    std::fs::write(&seed, "").unwrap();
    let data = folder.path().join("data");
    tokenward(&data, &["customer", "add", "--email", "a@example.com", "--no-password"], "").printed();
    let server = ServerBuilder::on(&data).argument("--seed").argument(path(&seed)).start();
    let events = server.process.log.events();
    assert!(events.iter().any(|event| event["level"] == "WARN" && event["file"] == path(&seed)), "{events:?}");
}

#[test]
fn settings_are_shown_changed_and_reset() {
    either_way(|run| {
        let path = "oauth/access_token_lifetime/customer";
        let value = || run(&["setting", "get", path, "--json"], "").printed().to_owned();
        assert!(value().contains("\"value\":\"1\""), "{}", value());
        run(&["setting", "set", path, "0.25"], "").printed();
        assert!(value().contains("\"value\":\"0.25\""), "{}", value());
        run(&["setting", "reset", path], "").printed();
        assert!(value().contains("\"value\":\"1\""), "{}", value());
    });
}

#[test]
fn a_change_of_a_setting_may_be_tried_first() {
    either_way(|run| {
        let path = "oauth/access_token_lifetime/customer";
        let tried = run(&["setting", "set", path, "0.25", "--dry-run", "--json"], "").printed().to_owned();
        assert!(tried.contains(r#""from":"1","to":"0.25","sessions_ended":0"#), "{tried}");
        run(&["setting", "set", path, "3"], "").printed();
        let tried = run(&["setting", "reset", path, "--dry-run"], "").printed().to_owned();
        assert!(tried.contains("SESSIONS_ENDED") && tried.contains("  3     1   0"), "{tried}");
        assert!(run(&["setting", "get", path, "--json"], "").printed().contains("\"value\":\"3\""));
        run(&["setting", "set", path, "soon", "--dry-run"], "").assert_failed(1, "Please enter a valid number");
    });
}

#[test]
fn a_trial_says_how_many_sessions_a_shorter_lifetime_would_end() {
    let server = ServerBuilder::new().argument("--demo").start();
    let token = server.try_customer("customer@example.com", "password");
    let token = token.at("/data/generateCustomerToken/token").as_str().unwrap().to_owned();
    let trial = ["setting", "set", "oauth/access_token_lifetime/customer", "0", "--dry-run", "--json"];
    let told = server.command(&trial, "").printed().to_owned();
    assert!(told.contains("\"sessions_ended\":1"), "{told}");
    assert_eq!(server.gateway(Some(&token), "").status, 200);
}

#[test]
fn mistakes_are_named_with_what_would_be_right() {
    either_way(|run| {
        let near = run(&["setting", "get", "oauth/access_token_lifetime/custmer"], "");
        near.assert_failed(1, "oauth/access_token_lifetime/customer");
        run(&["setting", "set", "oauth/access_token_lifetime/customer", "soon"], "")
            .assert_failed(1, "oauth/access_token_lifetime/customer: Please enter a valid number");
        run(&["setting", "get", "oauth/access_token_lifetime/customer", "--scope", "website:atlantis"], "")
            .assert_failed(1, "atlantis");
        run(&["customer", "add", "--email", "b@example.com"], "").assert_failed(1, "password");
        run(&["customer", "add", "--email", "no address"], PASSWORD).assert_failed(1, "no address");
        run(&["customer", "set-password", "--email", "nobody@example.com"], PASSWORD)
            .assert_failed(1, "nobody@example.com");
        run(&["session", "list", "--user", "customer:x"], "").assert_failed(64, "customer:12");
        run(&["session", "list", "--after", "x"], "").assert_failed(64, "this has to be a whole number");
        run(&["sesion", "list"], "").assert_failed(64, "session");
        run(&["session", "revoke"], "").assert_failed(64, "--user");
        run(&["customer", "add", "--email", "b@example.com", "--password", "x"], "").assert_failed(64, "--password");
    });
}

#[test]
fn what_a_command_changes_a_running_server_knows_at_once() {
    let server = ServerBuilder::new().start();
    server.try_customer("a@example.com", PASSWORD).assert_status(401);
    server.command(&["customer", "add", "--email", "a@example.com"], PASSWORD).printed();
    server.try_customer("a@example.com", PASSWORD).assert_status(200);
    server.command(&["customer", "set-password", "--email", "a@example.com"], "another one").printed();
    server.try_customer("a@example.com", PASSWORD).assert_status(401);
    server.try_customer("a@example.com", "another one").assert_status(200);
}

#[test]
fn what_was_added_without_a_server_can_sign_in_when_one_runs() {
    let folder = tempfile::tempdir().unwrap();
    tokenward(folder.path(), &["admin", "add", "--username", "chief", "--email", "c@example.com"], PASSWORD).printed();
    let server = ServerBuilder::on(folder.path()).start();
    server.try_admin("chief", PASSWORD).assert_status(200);
}

#[test]
fn sessions_are_listed_and_revoked_by_user() {
    let server = TestServer::demo();
    let token = server.customer();
    let list = server.command(&["session", "list", "--user", "customer@example.com", "--json"], "");
    assert!(list.printed().contains("\"user\":\"customer:1\""), "{list:?}");
    assert!(!list.stdout.contains(&token), "a token is shown to nobody");
    let revoked = server.command(&["session", "revoke", "--user", "customer@example.com"], "");
    assert!(revoked.printed().contains('1'), "{revoked:?}");
    server.gateway(Some(&token), "").assert_status(401);
}

#[test]
fn leaked_tokens_are_revoked_from_standard_input_and_from_a_file() {
    let server = TestServer::demo();
    let (first, second, third) = (server.customer(), server.customer(), server.customer());
    let tokens = format!("{first}\nno-token\n");
    server.command(&["session", "revoke", "--token-stdin"], &tokens).assert_failed(1, "look at line 2");
    server.gateway(Some(&first), "").assert_status(401);
    server.gateway(Some(&second), "").assert_status(200);

    let file = server.folder.join("leaked");
    std::fs::write(&file, format!("{second}\n")).unwrap();
    server.command(&["session", "revoke", "--tokens-file", file.to_str().unwrap()], "").printed();
    server.gateway(Some(&second), "").assert_status(401);
    server.gateway(Some(&third), "").assert_status(200);
}

#[test]
fn everybody_is_signed_out_with_one_command() {
    let server = TestServer::demo();
    let (customer, admin) = (server.customer(), server.admin());
    server.command(&["session", "revoke", "--all"], "").printed();
    server.gateway(Some(&customer), "").assert_status(401);
    server.gateway(Some(&admin), "").assert_status(401);
    server.gateway(Some(&server.customer()), "").assert_status(200);
}

#[test]
fn a_seed_fills_a_fresh_folder() {
    let folder = tempfile::tempdir().unwrap();
    let seed = folder.path().join("seed.toml");
    std::fs::write(
        &seed,
        "[[websites]]\ncode = \"outlet\"\nname = \"Outlet\"\n\n\
         [[stores]]\ncode = \"outlet_en\"\nname = \"Outlet, English\"\nwebsite = \"outlet\"\n\n\
         [[customers]]\nemail = \"seeded@example.com\"\npassword = \"a seeded password\"\nwebsite = \"outlet\"\n",
    )
    .unwrap();
    let server = ServerBuilder::new().argument("--seed").argument(path(&seed)).start();
    server.try_customer("seeded@example.com", "a seeded password").assert_status(200);
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn the_schema_that_is_printed_is_the_one_in_the_repository() {
    let folder = tempfile::tempdir().unwrap();
    let printed = tokenward(folder.path(), &["export-schema"], "");
    let file = std::fs::read_to_string(crate::support::repository().join("schema.graphql")).unwrap();
    assert_eq!(printed.printed(), file.trim_end());
}

#[test]
fn version_and_help_are_no_mistakes() {
    let folder = tempfile::tempdir().unwrap();
    assert!(tokenward(folder.path(), &["--version"], "").printed().contains(env!("CARGO_PKG_VERSION")));
    assert!(tokenward(folder.path(), &["--help"], "").printed().contains("serve"));
}
