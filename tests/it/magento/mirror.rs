//! `magento.mirror_tokens`: tokens issued here stand in the shop's own table, and nowhere longer than their sessions.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use tokenward::magento::InstallationKey;

use crate::magento::{becomes, beside, beside_on, token};
use crate::referee::Referee;
use crate::support::{MariaDb, ServerBuilder, TestServer};

/// `crypt/key` of the kit's `env.php`.
const KEY: &str = "kit0old0key0kit0old0key0kit0old0\nbase64a2l0LWtleS1tYWdlbnRvLTMyLWJ5dGVzLS0tLS0tLS0=";

fn mirroring(builder: ServerBuilder) -> ServerBuilder {
    builder.key("MAGENTO__MIRROR_TOKENS", "true")
}

fn customer(server: &TestServer) -> String {
    token(&server.try_customer("sha256@example.com", "Sha-pass-1"))
}

fn other_customer(server: &TestServer) -> String {
    token(&server.try_customer("current@example.com", "Current-pass-3"))
}

fn admin(server: &TestServer) -> String {
    server.try_admin("chief", "Chief-pass-1").assert_status(200).json().as_str().unwrap().to_owned()
}

impl MariaDb {
    /// Whether the shop takes this token, as Magento decides it (fact sheet 4.3, 6.5), apart from its age.
    fn takes(&self, token: &str) -> bool {
        let is_revoked = "SELECT 1 FROM jwt_auth_revoked WHERE user_type_id = user_type
            AND user_id = IFNULL(customer_id, admin_id) AND revoke_before >= UNIX_TIMESTAMP(created_at)";
        let takes = format!(
            "SELECT COUNT(*) FROM oauth_token WHERE token = '{token}' AND revoked = 0 AND NOT EXISTS ({is_revoked})"
        );
        self.sql(&takes) == "1"
    }

    fn has_row_of(&self, token: &str) -> bool {
        self.sql(&format!("SELECT COUNT(*) FROM oauth_token WHERE token = '{token}'")) == "1"
    }
}

#[track_caller]
fn leaves_the_shop(server: &TestServer, database: &MariaDb, token: &str) {
    server.wait_until(|_| !database.has_row_of(token));
}

fn sign_out_alone(server: &TestServer, token: &str) {
    let answer = server.graphql(Some(token), "mutation{revokeCustomerToken(scope:CURRENT){result}}");
    assert_eq!(answer.assert_status(200).at("/data/revokeCustomerToken/result"), true);
}

fn sign_out_everywhere(server: &TestServer, token: &str) {
    server.post(Some(token), "/rest/V1/integration/customer/revoke-customer-token", &json!({})).assert_status(200);
}

fn metric(server: &TestServer, name: &str) -> u64 {
    let metrics = server.internal(None, "/metrics").body;
    let line = metrics.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {metrics}"));
    line.split_whitespace().last().unwrap().parse().unwrap()
}

fn restarted(mut server: TestServer, start: impl Fn() -> TestServer) -> TestServer {
    server.process.signal(Signal::TERM);
    server.process.wait(Duration::from_secs(20));
    start()
}

#[test]
fn a_token_that_is_issued_here_stands_in_the_shop_as_magento_writes_it() {
    let Some(database) = MariaDb::start() else { return };
    database.sql("REPLACE INTO core_config_data (path, value) VALUES ('login_as_customer/general/enabled', '1')");
    let server = mirroring(beside(&database)).start();
    let chief = admin(&server);
    let assist =
        "mutation{generateCustomerTokenAsAdmin(input:{customer_email:\"current@example.com\"}){customer_token}}";
    let assisted = server.graphql(Some(&chief), assist);
    let assisted = assisted.assert_status(200).at("/data/generateCustomerTokenAsAdmin/customer_token");
    let php = Referee::find();
    for (token, owner) in [
        (customer(&server).as_str(), "2 NULL 3"),
        (assisted.as_str().unwrap_or_else(|| panic!("{assisted}")), "4 NULL 3"),
        (chief.as_str(), "NULL 1 2"),
    ] {
        let row = database.sql(&format!(
            "SELECT CONCAT_WS(' ', IFNULL(customer_id, 'NULL'), IFNULL(admin_id, 'NULL'), user_type),
                IFNULL(consumer_id, 'NULL'), type, IFNULL(verifier, 'NULL'), CONCAT('<', callback_url, '>'), revoked,
                authorized, TIMESTAMPDIFF(SECOND, created_at, NOW()) BETWEEN 0 AND 60
             FROM oauth_token WHERE token = BINARY '{token}'"
        ));
        assert_eq!(row, format!("{owner}\tNULL\taccess\tNULL\t<>\t0\t0\t1"));
        let secret = database.sql(&format!("SELECT secret FROM oauth_token WHERE token = '{token}'"));
        assert!(secret.starts_with("1:3:"), "under the newest key: {secret}");
        let plain = InstallationKey::parse(KEY).unwrap().decrypt(&secret).unwrap();
        assert!(plain.len() == 32 && plain.as_str() != token, "{}", plain.as_str());
        if let Some(php) = &php {
            let question = json!({ "do": "decrypt", "stored": secret, "key": KEY });
            assert_eq!(php.ask(&question), Value::from(plain.as_str()));
        }
        assert_eq!(server.check(token), 200);
    }
    server.assert_unharmed();
}

#[test]
fn after_a_rotation_the_secret_is_encrypted_under_the_newer_key() {
    let Some(database) = MariaDb::start() else { return };
    let (server, file) = (mirroring(beside(&database)).start(), database.env_php());
    let secret = |token: &str| database.sql(&format!("SELECT secret FROM oauth_token WHERE token = '{token}'"));
    let before = customer(&server);
    let newest = KEY.lines().next_back().unwrap();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace(newest, &format!("{newest}\ng9mY9KLrcuAVJfsmVUSRkKFLDdUPVkaZ"))).unwrap();
    server.wait_until(|server| secret(&customer(server)).starts_with("2:3:"));
    assert!(secret(&before).starts_with("1:3:") && database.takes(&before) && server.check(&before) == 200);
}

#[test]
fn without_the_setting_nothing_is_written() {
    let Some(database) = MariaDb::start() else { return };
    let server = beside(&database).start();
    let before = database.sql("SELECT COUNT(*) FROM oauth_token");
    assert_eq!(server.check(&customer(&server)), 200);
    assert_eq!(database.sql("SELECT COUNT(*) FROM oauth_token"), before);
}

#[test]
fn what_ends_here_is_taken_out_of_the_shop_and_nothing_else_is() {
    let Some(database) = MariaDb::start() else { return };
    database.insert_token("shopcustomer00000000000000000001", 3, "customer_id", 2);
    let server = mirroring(beside(&database)).key("TOKENS__PER_SUBJECT", "3").start();
    let tokens: Vec<_> = (0..4).map(|_| customer(&server)).collect();
    leaves_the_shop(&server, &database, &tokens[0]);
    sign_out_alone(&server, &tokens[1]);
    leaves_the_shop(&server, &database, &tokens[1]);
    assert!(database.takes(&tokens[2]) && database.takes(&tokens[3]));
    sign_out_everywhere(&server, &tokens[2]);
    leaves_the_shop(&server, &database, &tokens[2]);
    leaves_the_shop(&server, &database, &tokens[3]);
    let (other, chief) = (other_customer(&server), admin(&server));
    server.command(&["session", "revoke", "--kind", "customer"], "").printed();
    leaves_the_shop(&server, &database, &other);
    assert!(database.takes(&chief) && database.has_row_of("shopcustomer00000000000000000001"));
    server.command(&["session", "revoke", "--all"], "").printed();
    leaves_the_shop(&server, &database, &chief);
    server.assert_unharmed();
}

#[test]
fn a_token_from_right_after_a_revocation_is_good_in_the_shop() {
    let Some(database) = MariaDb::start() else { return };
    let server = mirroring(beside(&database)).start();
    let mut token = customer(&server);
    for round in 1..=3 {
        sign_out_everywhere(&server, &token);
        let before = std::mem::replace(&mut token, customer(&server));
        leaves_the_shop(&server, &database, &before);
        server.wait_until(|server| metric(server, "tokenward_shop_outbox_entries{of=\"users\"}") == 0);
        assert!(
            database.sql("SELECT COUNT(*) FROM jwt_auth_revoked WHERE user_id = 2") == "1" && database.takes(&token)
        );
        assert_eq!(server.check(&token), 200, "{round}");
    }
    server.assert_unharmed();
}

#[test]
fn what_ends_by_itself_is_taken_out_of_the_shop() {
    let Some(database) = MariaDb::start() else { return };
    let home = tempfile::tempdir().unwrap();
    // Sessions that are not stored have ended after a restart.
    let start = || mirroring(beside_on(home.path(), &database)).key("DATA__DURABILITY", "none").start();
    let server = start();
    let token = customer(&server);
    let server = restarted(server, start);
    leaves_the_shop(&server, &database, &token);
    assert_eq!(server.check(&token), 401);
}

#[test]
fn what_ends_while_the_database_is_away_or_the_server_crashes_is_taken_out_later() {
    let Some(mut database) = MariaDb::start() else { return };
    let home = tempfile::tempdir().unwrap();
    let mut server = mirroring(beside_on(home.path(), &database)).start();
    let tokens = [customer(&server), customer(&server), other_customer(&server), other_customer(&server)];
    database.stop();
    sign_out_alone(&server, &tokens[0]);
    sign_out_everywhere(&server, &tokens[2]);
    assert_eq!([0, 1, 2, 3].map(|one| server.check(&tokens[one])), [401, 200, 401, 401], "no database is asked");
    server.wait_until(|server| metric(server, "tokenward_shop_outbox_entries{of=\"tokens\"}") == 3);
    assert_eq!(metric(&server, "tokenward_shop_outbox_entries{of=\"users\"}"), 1);
    server.wait_until(|server| metric(server, "tokenward_shop_outbox_oldest_seconds") > 0);
    server.process.signal(Signal::KILL);
    server.process.wait(Duration::from_secs(20));
    database.start_again();
    let server = mirroring(beside_on(home.path(), &database)).start();
    for ended in [&tokens[0], &tokens[2], &tokens[3]] {
        leaves_the_shop(&server, &database, ended);
        assert_eq!(server.check(ended), 401);
    }
    assert!(database.takes(&tokens[1]) && server.check(&tokens[1]) == 200);
    server.wait_until(|server| metric(server, "tokenward_shop_outbox_entries{of=\"tokens\"}") == 0);
    server.wait_until(|server| metric(server, "tokenward_shop_outbox_oldest_seconds") == 0);
    server.assert_unharmed();
}

#[test]
fn what_the_shop_ends_ends_here_also_while_the_server_was_not_there() {
    let Some(database) = MariaDb::start() else { return };
    let home = tempfile::tempdir().unwrap();
    let start = || mirroring(beside_on(home.path(), &database)).start();
    let server = start();
    let tokens: Vec<_> = (0..4).map(|_| customer(&server)).collect();
    let chief = admin(&server);
    database.sql(&format!("DELETE FROM oauth_token WHERE token = '{}'", tokens[0]));
    becomes(&server, &tokens[0], 401);
    database.sql(&format!("UPDATE oauth_token SET revoked = 1 WHERE token = '{}'", tokens[1]));
    becomes(&server, &tokens[1], 401);
    database.sql("DELETE FROM oauth_token WHERE admin_id = 1");
    becomes(&server, &chief, 401);
    assert_eq!((server.check(&tokens[2]), server.check(&tokens[3])), (200, 200));
    let mut server = server;
    server.process.signal(Signal::KILL);
    server.process.wait(Duration::from_secs(20));
    database.sql(&format!("DELETE FROM oauth_token WHERE token = '{}'", tokens[2]));
    let server = start();
    assert_eq!((server.check(&tokens[2]), server.check(&tokens[3])), (401, 200));
    server.assert_unharmed();
}

#[test]
fn nothing_is_answered_before_it_is_known_which_tokens_the_shop_has_ended() {
    let Some(database) = MariaDb::start() else { return };
    let home = tempfile::tempdir().unwrap();
    let server = mirroring(beside_on(home.path(), &database)).start();
    let (ended, good) = (customer(&server), other_customer(&server));
    drop(server);
    database.sql(&format!("DELETE FROM oauth_token WHERE token = '{ended}'"));
    database.sql("ALTER TABLE oauth_token RENAME COLUMN revoked TO unread");
    // Nothing new is written any more, so that this start needs the table for nothing else.
    let builder = beside_on(home.path(), &database);
    let process = builder.spawn();
    let waits = |line: &str| line.contains("the start waits for the shop").then_some(());
    process.log.wait_for(Duration::from_secs(20), waits).expect("it says that it waits");
    database.sql("ALTER TABLE oauth_token RENAME COLUMN unread TO revoked");
    let server = builder.started(process);
    assert_eq!((server.check(&ended), server.check(&good)), (401, 200));
}

#[test]
fn rows_that_cannot_be_deleted_keep_no_start_waiting() {
    let Some(database) = MariaDb::start() else { return };
    let home = tempfile::tempdir().unwrap();
    let server = mirroring(beside_on(home.path(), &database)).start();
    let (ended, good) = (customer(&server), other_customer(&server));
    database.sql("CREATE TRIGGER kept BEFORE DELETE ON oauth_token FOR EACH ROW SIGNAL SQLSTATE '45000'");
    sign_out_alone(&server, &ended);
    drop(server);
    let server = beside_on(home.path(), &database).start();
    assert_eq!((server.check(&ended), server.check(&good)), (401, 200));
    assert!(server.process.log.text().contains("tokens that have ended here stay in the shop"));
}

#[test]
fn a_token_that_has_ended_here_is_not_taken_for_one_of_the_shop() {
    let Some(database) = MariaDb::start() else { return };
    let home = tempfile::tempdir().unwrap();
    // Longer than this test: nothing is taken out of the shop meanwhile.
    let start = |mirror: &str| {
        beside_on(home.path(), &database).key("MAGENTO__POLL", "3600").key("MAGENTO__MIRROR_TOKENS", mirror).start()
    };
    let server = start("true");
    let token = customer(&server);
    assert_eq!(server.check(&token), 200);
    sign_out_alone(&server, &token);
    assert!(database.takes(&token), "the row stands there still");
    assert_eq!(server.check(&token), 401);
    // The first look of the next start takes it out, also when nothing new is written any more.
    let server = restarted(server, || start("false"));
    assert!(!database.takes(&token));
    assert_eq!(server.check(&token), 401);
}

#[test]
fn the_text_of_a_token_is_kept_by_the_shop_alone() {
    let Some(mut database) = MariaDb::start() else { return };
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("data");
    let server = mirroring(beside_on(&folder, &database)).argument("--log-level").argument("trace").start();
    let tokens = [customer(&server), admin(&server), customer(&server)];
    sign_out_alone(&server, &tokens[0]);
    leaves_the_shop(&server, &database, &tokens[0]);
    database.stop();
    sign_out_alone(&server, &tokens[2]);
    server.wait_until(|server| metric(server, "tokenward_shop_outbox_entries{of=\"tokens\"}") == 1);
    let log = server.process.log.text();
    for token in &tokens {
        assert!(!holds(&folder, token) && !log.contains(token.as_str()), "{token} in {log}");
    }
}

/// Whether a file directly in this folder holds this text.
fn holds(folder: &Path, text: &str) -> bool {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    files.into_iter().any(|file| {
        let bytes = fs::read(file).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

#[test]
fn a_sign_in_that_cannot_write_the_row_fails_and_leaves_no_token_behind() {
    let Some(database) = MariaDb::start() else { return };
    let server = mirroring(beside(&database)).start();
    database.sql("CREATE TRIGGER full BEFORE INSERT ON oauth_token FOR EACH ROW SIGNAL SQLSTATE '45000'");
    let before = database.sql("SELECT COUNT(*) FROM oauth_token");
    let body = json!({ "username": "sha256@example.com", "password": "Sha-pass-1" });
    server.post(None, "/rest/V1/integration/customer/token", &body).assert_status(503);
    assert_eq!(database.sql("SELECT COUNT(*) FROM oauth_token"), before);
    assert_eq!(database.sql("SELECT COUNT(*) FROM customer_log"), "0", "nobody has signed in");
    database.sql("DROP TRIGGER full");
    assert!(database.takes(&customer(&server)));
}

#[test]
fn a_server_that_only_reads_by_now_leaves_the_rows_and_is_well() {
    let Some(database) = MariaDb::start() else { return };
    let home = tempfile::tempdir().unwrap();
    let start = |writes: &'static str| {
        let server = beside_on(home.path(), &database).key("MAGENTO__WRITE", writes);
        server.key("MAGENTO__MIRROR_TOKENS", writes).start()
    };
    let server = start("true");
    let token = customer(&server);
    let server = restarted(server, || start("false"));
    sign_out_alone(&server, &token);
    server.wait_until(|server| metric(server, "tokenward_shop_outbox_entries{of=\"tokens\"}") == 1);
    assert!(database.takes(&token) && server.check(&token) == 401);
    server.wait_until(|server| metric(server, "tokenward_shop_outbox_oldest_seconds") > 1);
    let log = server.process.log.text();
    assert!(log.contains("stay in the shop") && !log.contains("fails in part"), "{log}");
    let server = restarted(server, || start("true"));
    leaves_the_shop(&server, &database, &token);
}

#[test]
fn to_another_server_beside_the_shop_it_is_a_token_of_the_shop_and_ends_with_its_session() {
    let Some(database) = MariaDb::start() else { return };
    let (server, other) = (mirroring(beside(&database)).start(), beside(&database).start());
    let token = customer(&server);
    assert_eq!(other.check(&token), 200);
    sign_out_alone(&server, &token);
    becomes(&other, &token, 401);
    let token = customer(&server);
    assert_eq!(other.check(&token), 200);
    sign_out_everywhere(&other, &token);
    becomes(&server, &token, 401);
    leaves_the_shop(&server, &database, &token);
}
