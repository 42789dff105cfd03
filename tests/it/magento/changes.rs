//! Two actors on one database: "Magento", which is plain SQL, changes something, and the server honours it within
//! `magento.poll` plus one second.

use std::fs;

use serde_json::json;

use crate::magento::{becomes, beside, beside_on, token};
use crate::support::faketime::FakeTime;
use crate::support::{MariaDb, Process, ServerBuilder, TestServer};

#[test]
fn a_lock_refuses_the_customers_tokens_while_it_lasts() {
    let Some(database) = MariaDb::start() else { return };
    let server = beside(&database).start();
    let token = token(&server.try_customer("sha256@example.com", "Sha-pass-1"));
    assert_eq!(server.check(&token), 200);
    database.sql(
        "SET time_zone='+00:00'; UPDATE customer_entity SET lock_expires = NOW() + INTERVAL 1 HOUR WHERE entity_id = 2",
    );
    becomes(&server, &token, 403);
    database.sql("UPDATE customer_entity SET lock_expires = NULL WHERE entity_id = 2");
    becomes(&server, &token, 200);
}

#[test]
fn a_customer_who_is_deactivated_or_deleted_loses_the_sessions() {
    let Some(database) = MariaDb::start() else { return };
    let server = beside(&database).start();
    let [first, second, idle] = [
        ("sha256@example.com", "Sha-pass-1"),
        ("md5@example.com", "Md5-pass-0"),
        ("inactive@example.com", "Idle-pass-3"),
    ]
    .map(|(email, password)| token(&server.try_customer(email, password)));
    database.sql("UPDATE customer_entity SET is_active = 0 WHERE entity_id = 2");
    becomes(&server, &first, 401);
    database.sql("DELETE FROM customer_entity WHERE entity_id = 1");
    becomes(&server, &second, 401);
    assert_eq!(server.check(&idle), 200, "Magento lets inactive customers sign in, and nothing has changed since");
}

#[test]
fn a_sign_in_before_the_next_look_does_not_keep_the_sessions_of_a_deactivated_customer() {
    let Some(database) = MariaDb::start() else { return };
    // The next look is far away.
    let server = beside(&database).key("MAGENTO__POLL", "3600").start();
    let sign_in = |email, password| token(&server.try_customer(email, password));
    let [first, idle] =
        [("sha256@example.com", "Sha-pass-1"), ("inactive@example.com", "Idle-pass-3")].map(|(e, p)| sign_in(e, p));
    database.sql("UPDATE customer_entity SET is_active = 0 WHERE entity_id = 2");
    assert_eq!(server.check(&first), 200);
    let second = sign_in("sha256@example.com", "Sha-pass-1");
    assert_eq!((server.check(&first), server.check(&second)), (401, 200));
    let third = sign_in("sha256@example.com", "Sha-pass-1");
    let idle_again = sign_in("inactive@example.com", "Idle-pass-3");
    for token in [&second, &third, &idle, &idle_again] {
        assert_eq!(server.check(token), 200, "nothing has changed since");
    }
}

#[test]
fn an_administrator_who_is_deactivated_deleted_or_expired_loses_the_sessions_and_a_new_role_counts() {
    let Some(database) = MariaDb::start() else { return };
    let server = beside(&database).start();
    let sign_in = |name: &str, password: &str| {
        server.try_admin(name, password).assert_status(200).json().as_str().unwrap().to_owned()
    };
    let (chief, clerk) = (sign_in("chief", "Chief-pass-1"), sign_in("clerk", "Clerk-pass-1"));
    let guard = sign_in("guard", "Guard-pass-1");
    let may = |token: &str, status| {
        server.wait_until(|server| server.gateway(Some(token), "?acl=Magento_User::acl_users").status == status);
    };
    may(&clerk, 403);
    database.sql("UPDATE authorization_role SET parent_id = 1 WHERE user_id = 2");
    may(&clerk, 200);
    database.sql("DELETE FROM authorization_rule WHERE role_id = 1");
    may(&clerk, 403);
    database.sql("UPDATE admin_user SET is_active = 0 WHERE user_id = 1");
    becomes(&server, &chief, 401);
    database.sql("INSERT INTO admin_user_expiration VALUES (6, '2024-01-01 00:00:00')");
    becomes(&server, &guard, 401);
    assert_eq!(server.check(&clerk), 200);
    database.sql("DELETE FROM admin_user WHERE user_id = 2");
    becomes(&server, &clerk, 401);
}

#[test]
fn a_lifetime_that_the_merchant_changes_counts_at_once() {
    let Some(database) = MariaDb::start() else { return };
    let server = beside(&database).start();
    let token = token(&server.try_customer("sha256@example.com", "Sha-pass-1"));
    database.sql("INSERT INTO core_config_data (path, value) VALUES ('oauth/access_token_lifetime/customer', '0')");
    becomes(&server, &token, 401);
    database.sql("UPDATE core_config_data SET value = '5' WHERE path = 'oauth/access_token_lifetime/customer' AND scope = 'default'");
    becomes(&server, &token, 200);
    let log = server.process.log.text();
    assert!(log.contains("a setting was changed in the shop") && log.contains("oauth/access_token_lifetime/customer"));
    let changes = told_of_settings(&server, 2);
    assert_eq!(
        changes,
        [
            ("oauth/access_token_lifetime/customer", "default", None, Some("0"), "shop"),
            ("oauth/access_token_lifetime/customer", "default", Some("0"), Some("5"), "shop"),
        ]
        .map(changed)
    );
}

#[test]
fn what_is_changed_in_the_shop_while_no_server_runs_is_told_once_at_the_next_start() {
    let Some(database) = MariaDb::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (lifetime, locks) = ("oauth/access_token_lifetime/customer", "customer/password/lockout_failures");
    let server = beside_on(folder.path(), &database).start();
    server.command(&["setting", "set", lifetime, "2"], "").printed();
    let own = told_of_settings(&server, 1).remove(0);
    assert_ne!(own.4, "shop", "what the shop had before it was ever seen is no change");
    drop(server);
    database.sql(&format!("INSERT INTO core_config_data (path, value) VALUES ('{locks}', '7')"));
    let server = beside_on(folder.path(), &database).start();
    let told = [own, changed((locks, "default", None, Some("7"), "shop"))];
    assert_eq!(told_of_settings(&server, 2), told);
    drop(server);
    let server = beside_on(folder.path(), &database).start();
    server.command(&["setting", "reset", lifetime], "").printed();
    let lines = told_of_settings(&server, 3);
    assert_eq!((lines.len(), &lines[..2]), (3, &told[..]));
}

/// Path, scope, from, to, by.
type Changed = (String, String, Option<String>, Option<String>, String);

fn changed((path, scope, from, to, by): (&str, &str, Option<&str>, Option<&str>, &str)) -> Changed {
    (path.to_owned(), scope.to_owned(), from.map(str::to_owned), to.map(str::to_owned), by.to_owned())
}

/// What the audit trail tells of settings, when it has so many lines about them.
#[track_caller]
fn told_of_settings(server: &TestServer, count: usize) -> Vec<Changed> {
    let read = || -> Vec<Changed> {
        let text = server.command(&["audit", "export"], "").printed().to_owned();
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let word = |line: &serde_json::Value, key: &str| line[key].as_str().map(str::to_owned);
        let told = |line: serde_json::Value| {
            let [path, scope, by] = ["path", "scope", "by"].map(|key| word(&line, key).unwrap());
            (path, scope, word(&line, "from"), word(&line, "to"), by)
        };
        lines.filter(|line| line["event"] == "setting-changed").map(told).collect()
    };
    server.wait_until(|_| read().len() >= count);
    read()
}

#[test]
fn what_the_shops_file_fixes_counts_as_soon_as_it_is_written_whole() {
    let Some(database) = MariaDb::start() else { return };
    let lifetime = "oauth/access_token_lifetime/customer";
    database.sql("DELETE FROM core_config_data WHERE path = 'oauth/access_token_lifetime/customer'");
    database.sql("INSERT INTO core_config_data (path, value) VALUES ('oauth/access_token_lifetime/customer', '7')");
    let server = beside(&database).start();
    let file = database.env_php();
    let plain = fs::read_to_string(&file).unwrap();
    let fixing = |hours: &str| {
        let system =
            format!("'system' => ['default' => ['oauth' => ['access_token_lifetime' => ['customer' => '{hours}']]]],");
        plain.replacen("return [", &format!("return [\n{system}"), 1)
    };
    assert_ne!(fixing("5"), plain);
    let becomes = |hours: &str| {
        let shown = || server.command(&["setting", "get", lifetime, "--json"], "").printed().to_owned();
        server.wait_until(|_| shown().contains(&format!("\"value\":\"{hours}\"")));
    };
    becomes("7");
    fs::write(&file, fixing("5")).unwrap();
    becomes("5");
    let half = fixing("6");
    fs::write(&file, &half[..half.len() - 20]).unwrap();
    server.wait_until(|server| server.process.log.text().contains("cannot be read again"));
    becomes("5");
    database.sql("UPDATE core_config_data SET value = '8' WHERE path = 'oauth/access_token_lifetime/customer'");
    fs::write(&file, half).unwrap();
    becomes("6");
    server.command(&["setting", "set", lifetime, "9"], "").assert_failed(1, "is fixed by the shop's env.php");
    server.command(&["setting", "set", lifetime, "9", "--dry-run"], "").assert_failed(1, "is fixed by");
    let admin = server.try_admin("chief", "Chief-pass-1").assert_status(200).json().as_str().unwrap().to_owned();
    for (verb, query, body) in
        [("PUT", "?dry_run=true", Some(json!({ "value": "9" }))), ("DELETE", "?dry_run=true", None)]
    {
        let tried = server.admin_api(verb, &admin, &format!("/settings/{lifetime}{query}"), body.as_ref());
        assert!(tried.status == 422 && tried.body.contains("is fixed by the shop's env.php"), "{tried:?}");
    }
    fs::write(&file, plain).unwrap();
    becomes("8");
    let steps = [("7", "5"), ("5", "6"), ("6", "8")];
    let expected = steps.map(|(from, to)| changed((lifetime, "default", Some(from), Some(to), "shop")));
    assert_eq!(told_of_settings(&server, 3), expected);
    server.assert_unharmed();
}

#[test]
fn a_config_php_beside_it_counts_when_it_comes_changes_and_goes() {
    let Some(database) = MariaDb::start() else { return };
    let lifetime = "oauth/access_token_lifetime/customer";
    database.sql(&format!("REPLACE INTO core_config_data (path, value) VALUES ('{lifetime}', '7')"));
    let file = database.env_php().with_file_name("config.php");
    let server = beside(&database).start();
    let becomes = |hours: &str| {
        let shown = || server.command(&["setting", "get", lifetime, "--json"], "").printed().to_owned();
        server.wait_until(|_| shown().contains(&format!("\"value\":\"{hours}\"")));
    };
    becomes("7");
    for hours in ["4", "3"] {
        let system = format!("['default' => ['oauth' => ['access_token_lifetime' => ['customer' => '{hours}']]]]");
        fs::write(&file, format!("<?php\nreturn ['system' => {system}];")).unwrap();
        becomes(hours);
    }
    fs::remove_file(&file).unwrap();
    becomes("7");
}

#[test]
fn clocks_that_differ_by_two_seconds_are_told_of_and_measured() {
    let (Some(database), Some(time)) = (MariaDb::start(), FakeTime::new()) else { return };
    let home = tempfile::tempdir().unwrap();
    let mut command = beside_on(home.path(), &database).command();
    time.apply_to(&mut command);
    let server = TestServer::of(Process::start(command), home.path());
    let ahead = || figure(&server, "tokenward_shop_clock_ahead_seconds");
    let is_told = || server.process.log.text().contains("the clock of the shop's database and session time differ");
    // More than what session time takes for no step, and less than what is worth a warning.
    time.set("+1.5s");
    server.wait_until(|_| (-1.9..-1.1).contains(&ahead()));
    assert!(!is_told());
    time.set("+4s");
    server.wait_until(|_| (-4.5..-3.5).contains(&ahead()));
    server.wait_until(|_| is_told());
}

#[test]
fn the_shops_own_variables_lead_to_it_and_fix_settings() {
    let Some(database) = MariaDb::start() else { return };
    let connection = "MAGENTO_DC_DB__CONNECTION__DEFAULT__";
    let server = ServerBuilder::new()
        .key("ACCOUNTS__SOURCE", "magento")
        .variable(&format!("{connection}HOST"), &format!("127.0.0.1:{}", database.port()))
        .variable(&format!("{connection}DBNAME"), "magento")
        .variable(&format!("{connection}USERNAME"), "magento")
        .variable(&format!("{connection}PASSWORD"), r#"kit's "secret" \ @:/#%"#)
        .variable("CONFIG__DEFAULT__OAUTH__ACCESS_TOKEN_LIFETIME__ADMIN", "8")
        .start();
    let admin = server.try_admin("chief", "Chief-pass-1").assert_status(200).json().as_str().unwrap().to_owned();
    let left: u32 = server.gateway(Some(&admin), "").header("x-token-expires-in").parse().unwrap();
    assert!((28_700..=28_800).contains(&left), "{left}");
    let value = json!({ "value": "2" });
    let refused = server.admin_api("PUT", &admin, "/settings/oauth/access_token_lifetime/admin", Some(&value));
    assert!(refused.status == 422 && refused.body.contains("is fixed by the shop's env.php"), "{refused:?}");
}

#[test]
fn a_setting_that_is_changed_here_is_in_the_shop() {
    let Some(database) = MariaDb::start() else { return };
    let server = beside(&database).start();
    let admin = server.try_admin("chief", "Chief-pass-1").assert_status(200).json().as_str().unwrap().to_owned();
    let path = "/settings/oauth/access_token_lifetime/customer";
    let changed = server.admin_api("PUT", &admin, path, Some(&json!({ "value": "7" })));
    assert!(changed.assert_status(200).at("/advice").as_str().unwrap().contains("cache:clean config"));
    let row =
        "SELECT value FROM core_config_data WHERE path = 'oauth/access_token_lifetime/customer' AND scope = 'default'";
    assert_eq!(database.sql(row), "7");
    server.admin_api("DELETE", &admin, path, None).assert_status(200);
    assert_eq!(database.sql(row), "");
}

/// A figure of `/metrics`.
fn figure(server: &TestServer, name: &str) -> f64 {
    let metrics = server.internal(None, "/metrics").body;
    let line = metrics.lines().find(|line| line.split_whitespace().next() == Some(name));
    line.unwrap_or_else(|| panic!("{name}: {metrics}")).split_whitespace().last().unwrap().parse().unwrap()
}

#[test]
fn a_part_of_looking_that_fails_keeps_nothing_else_from_being_noticed_and_is_told_of_once() {
    let Some(database) = MariaDb::start() else { return };
    let server = beside(&database).start();
    let token = token(&server.try_customer("sha256@example.com", "Sha-pass-1"));
    database.sql("RENAME TABLE oauth_token TO oauth_token_elsewhere");
    database.sql("UPDATE customer_entity SET is_active = 0 WHERE entity_id = 2");
    // The session has ended; whether the shop has such a token cannot be told meanwhile.
    becomes(&server, &token, 503);
    let told = "what the shop does to its opaque tokens is not noticed";
    server.wait_until(|server| server.process.log.text().contains(told));
    let age = || figure(&server, "tokenward_shop_last_complete_look_age_seconds");
    server.wait_until(|_| age() > 2.5);
    database.sql("RENAME TABLE oauth_token_elsewhere TO oauth_token");
    server.wait_until(|_| age() < 2.5);
    let log = server.process.log.text();
    assert_eq!(log.matches(told).count(), 2, "once when it failed and once when it was good again: {log}");
}

#[test]
fn failures_that_the_shop_counts_count_here_at_the_next_attempt() {
    let Some(database) = MariaDb::start() else { return };
    for write in ["true", "false"] {
        let server = beside(&database).key("MAGENTO__WRITE", write).start();
        token(&server.try_customer("sha256@example.com", "Sha-pass-1"));
        database.sql(
            "SET time_zone='+00:00'; INSERT INTO oauth_token_request_log
             (user_name, user_type, failures_count, lock_expires_at)
             VALUES ('SHA256@example.com', 2, 6, NOW() + INTERVAL 1 HOUR)",
        );
        let refused = server.try_customer("sha256@example.com", "Sha-pass-1");
        assert!(!refused.body.contains("\"token\":\""), "{}", refused.body);
        let metrics = server.internal(None, "/metrics").body;
        assert!(metrics.contains("throttled"), "{metrics}");
        token(&server.try_customer("md5@example.com", "Md5-pass-0"));
        database.sql("DELETE FROM oauth_token_request_log");
    }
}
