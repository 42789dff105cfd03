//! The operator's commands, while a server runs on the folder and while none does.

use std::path::Path;

use crate::support::{Outcome, ServerBuilder, TestServer, tokenward};

const PASSWORD: &str = "correct horse battery";

/// Runs a test on a folder without a server, and on one with a server: commands do the same on both.
fn either_way(test: impl Fn(&dyn Fn(&[&str], &str) -> Outcome)) {
    let folder = tempfile::tempdir().unwrap();
    let alone = folder.path().join("alone");
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
        run(&["admin", "disable", "--username", "chief"], "").printed();
        let row = run(&["admin", "list", "--json"], "");
        assert!(row.printed().contains("\"active\":false"), "{row:?}");
        run(&["admin", "disable", "--username", "nobody"], "").assert_failed(1, "nobody");
    });
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
    server.command(&["session", "revoke", "--token-stdin"], &format!("{first}\nno-token\n")).printed();
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
