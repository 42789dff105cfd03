//! The database away: sign-ins are refused for now, checks go on, and everything recovers by itself.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tokenward::session::Subject;

use crate::jwt;
use crate::magento::proxy::Proxy;
use crate::magento::{KEY, beside, beside_on, token};
use crate::support::{MariaDb, ServerBuilder, TestServer, program, run};

const EMAIL: &str = "sha256@example.com";

#[track_caller]
fn health(server: &TestServer, status: u16, word: &str) {
    server.wait_until(|server| {
        let answer = server.internal(None, "/health/ready");
        answer.status == status && answer.body.contains(word)
    });
}

/// Signs in until that works: the database has to be found again.
fn sign_in_again(server: &TestServer, email: &str) -> String {
    let found = std::cell::OnceCell::new();
    server.wait_until(|server| {
        let answer = server.try_customer(email, "Sha-pass-1");
        answer.body.contains("\"token\":\"") && found.set(token(&answer)).is_ok()
    });
    found.into_inner().unwrap()
}

#[test]
fn without_the_database_checks_go_on_and_nobody_is_locked() {
    let Some(mut database) = MariaDb::start() else { return };
    let server = beside(&database).start();
    let token = token(&server.try_customer(EMAIL, "Sha-pass-1"));
    database.sql("UPDATE customer_entity SET failures_num = 2, first_failure = NOW() WHERE entity_id = 2");
    database.stop();
    for password in ["Sha-pass-1", "wrong", "wrong", "wrong", "wrong", "wrong", "wrong", "wrong"] {
        let body = serde_json::json!({ "username": EMAIL, "password": password });
        let answer = server.post(None, "/rest/V1/integration/customer/token", &body);
        assert!(answer.status == 503 && !answer.header("retry-after").is_empty());
        assert_eq!(server.check(&token), 200);
    }
    health(&server, 200, "degraded");
    let metrics = server.internal(None, "/metrics").body;
    assert!(metrics.contains("tokenward_shop_database_reachable 0"), "{metrics}");
    database.start_again();
    server.wait_until(|server| server.internal(None, "/metrics").body.contains("tokenward_shop_database_reachable 1"));
    // Before anybody signs in, which would put it back to 0.
    assert_eq!(database.sql("SELECT failures_num FROM customer_entity WHERE entity_id = 2"), "2");
    let again = sign_in_again(&server, EMAIL);
    assert_eq!((server.check(&token), server.check(&again)), (200, 200));
    health(&server, 200, "ready");
    server.assert_unharmed();
}

/// How many customers sign in all the time, each with the password of [`EMAIL`].
const CROWD: u32 = 8;

/// Customers of their own for each purpose, so that one's failures are nobody else's.
fn insert_customer(database: &MariaDb, id: u32, email: &str) {
    database.sql(&format!(
        "INSERT INTO customer_entity (entity_id, website_id, email, group_id, store_id, firstname, lastname, password_hash)
         SELECT {id}, 1, '{email}', 1, 1, 'Crowd', 'Example', password_hash FROM customer_entity WHERE entity_id = 2"
    ));
}

fn insert_crowd(database: &MariaDb) {
    for number in 0..CROWD {
        insert_customer(database, 1_000 + number, &format!("right-{number}@example.com"));
        insert_customer(database, 2_000 + number, &format!("wrong-{number}@example.com"));
        insert_customer(database, 3_000 + number, &format!("leaving-{number}@example.com"));
    }
    // What is tried without end is not to be refused for that.
    database.sql(
        "REPLACE INTO core_config_data (path, value)
         VALUES ('oauth/authentication_lock/timeout', '0'), ('customer/password/lockout_failures', '0')",
    );
}

fn sign_out(server: &TestServer, token: &str) {
    let path = "/rest/V1/integration/customer/revoke-customer-token";
    server.post(Some(token), path, &serde_json::json!({})).assert_status(200);
}

/// What the shop, or its customer, has ended, or nobody has issued.
fn dead_tokens(database: &MariaDb, server: &TestServer) -> Vec<String> {
    let signed_out = token(&server.try_customer("leaving-0@example.com", "Sha-pass-1"));
    sign_out(server, &signed_out);
    let row = "revokedinshop0000000000000000001";
    database.insert_token(row, 3, "customer_id", 4);
    database.sql(&format!("UPDATE oauth_token SET revoked = 1 WHERE token = '{row}'"));
    database.sql("INSERT INTO jwt_auth_revoked VALUES (3, 4, UNIX_TIMESTAMP())");
    let jwt = jwt::under(KEY, Subject::customer(4), 10);
    server.wait_until(|server| server.check(&jwt) == 401);
    vec![signed_out, row.to_owned(), jwt, "garbage0garbage0garbage0garbage0".to_owned()]
}

/// Ends what others do, also when the test fails meanwhile.
struct OverWhenDropped<'a>(&'a AtomicBool);

impl Drop for OverWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Does something again and again until it is over; how often it said yes.
fn again_and_again(over: &AtomicBool, yes: &AtomicU32, mut done: impl FnMut(u32) -> bool) {
    for number in 0.. {
        if over.load(Ordering::SeqCst) {
            return;
        }
        yes.fetch_add(u32::from(done(number)), Ordering::SeqCst);
    }
}

#[test]
fn under_load_a_database_that_stops_and_starts_makes_no_wrong_yes_and_loses_no_sign_out() {
    let Some(mut database) = MariaDb::start() else { return };
    insert_crowd(&database);
    let server = beside(&database).start();
    let good = token(&server.try_customer(EMAIL, "Sha-pass-1"));
    let dead = dead_tokens(&database, &server);
    let (over, right, wrong, risen) = (AtomicBool::new(false), AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
    let signs_in = |name: &str, number: u32, password: &str| {
        let email = format!("{name}-{}@example.com", number % CROWD);
        server.try_customer(&email, password).body.contains("\"token\":\"")
    };
    let asked = |number: u32| server.check(&dead[number as usize % dead.len()]) == 200;
    std::thread::scope(|threads| {
        let _over = OverWhenDropped(&over);
        threads.spawn(|| again_and_again(&over, &right, |number| signs_in("right", number, "Sha-pass-1")));
        threads.spawn(|| again_and_again(&over, &wrong, |number| signs_in("wrong", number, "Sha-pass-1 ")));
        threads.spawn(|| again_and_again(&over, &risen, &asked));
        for round in 1..4 {
            let leaving = sign_in_again(&server, &format!("leaving-{round}@example.com"));
            database.stop();
            sign_out(&server, &leaving);
            for _ in 0..50 {
                // Whether it is one of the shop's cannot be told.
                assert_eq!((server.check(&good), server.check(&leaving)), (200, 503));
            }
            database.start_again();
            let before = right.load(Ordering::SeqCst);
            server.wait_until(|_| right.load(Ordering::SeqCst) > before + 2);
            assert_eq!(server.check(&good), 200);
            server.wait_until(|server| server.check(&leaving) == 401);
        }
    });
    let (wrong, risen) = (wrong.into_inner(), risen.into_inner());
    assert_eq!((wrong, risen), (0, 0), "wrong passwords that passed, dead tokens that counted");
    let told = "SELECT COUNT(*) FROM jwt_auth_revoked WHERE user_id BETWEEN 3001 AND 3003";
    server.wait_until(|_| database.sql(told) == "3");
    server.assert_unharmed();
}

#[test]
fn an_operator_may_want_requests_to_go_elsewhere_then() {
    let Some(mut database) = MariaDb::start() else { return };
    let server = beside(&database).key("MAGENTO__UNREADY_WHEN_AWAY", "true").start();
    database.stop();
    health(&server, 503, "degraded");
}

#[test]
fn a_network_that_delays_and_cuts_never_makes_a_wrong_yes() {
    let Some(database) = MariaDb::start() else { return };
    let proxy = Proxy::before(database.port());
    let server = ServerBuilder::new()
        .key("ACCOUNTS__SOURCE", "magento")
        .key("MAGENTO__DATABASE_URL", &MariaDb::url_at(proxy.address.port()))
        .key("MAGENTO__POLL", "1")
        .key("MAGENTO__TIMEOUT", "1")
        .start();
    let token = token(&server.try_customer(EMAIL, "Sha-pass-1"));
    for round in 0..3 {
        proxy.cut();
        let refused = server.try_customer(EMAIL, "wrong");
        assert!(!refused.body.contains("\"token\":\""), "{}", refused.body);
        let again = sign_in_again(&server, EMAIL);
        assert_eq!((server.check(&token), server.check(&again)), (200, 200), "round {round}");
    }
    proxy.delay(Duration::from_secs(5));
    let slow = server.try_customer(EMAIL, "Sha-pass-1");
    assert!(!slow.body.contains("\"token\":\""), "{}", slow.body);
    assert_eq!(server.check(&token), 200);
    health(&server, 200, "degraded");
    proxy.delay(Duration::ZERO);
    sign_in_again(&server, EMAIL);
    health(&server, 200, "ready");
    database.sql("UPDATE customer_entity SET is_active = 0 WHERE entity_id = 2");
    server.wait_until(|server| server.check(&token) == 401);
}

#[test]
fn a_start_waits_for_the_database_and_keeps_the_sessions() {
    let Some(mut database) = MariaDb::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let before = beside_on(folder.path(), &database).start();
    let token = token(&before.try_customer(EMAIL, "Sha-pass-1"));
    drop(before);
    database.stop();
    let builder = beside_on(folder.path(), &database);
    let process = builder.spawn();
    let waits = |line: &str| line.contains("the start waits for the shop's database").then_some(());
    process.log.wait_for(Duration::from_secs(30), waits).expect("it says what it waits for");
    database.start_again();
    let server = builder.started(process);
    assert_eq!(server.check(&token), 200);
    sign_in_again(&server, EMAIL);
    let log = server.process.log.text();
    assert!(log.contains("the start goes on"), "{log}");
    server.assert_unharmed();
}

#[test]
fn what_waiting_does_not_mend_ends_a_start_and_a_command_waits_for_nobody() {
    let Some(mut database) = MariaDb::start() else { return };
    let url = database.url();
    let beside_url = |url: &str| {
        let builder = ServerBuilder::new().key("ACCOUNTS__SOURCE", "magento").key("MAGENTO__TIMEOUT", "1");
        builder.key("MAGENTO__DATABASE_URL", url)
    };
    for wrong in [url.replace("magento:", "magento:x"), url.replace("/magento", "/no_such_shop")] {
        let mut process = beside_url(&wrong).spawn();
        assert_eq!(process.wait(Duration::from_secs(30)).code(), Some(1), "{wrong}");
        let log = process.log.text();
        assert!(log.contains("cannot connect to the shop's database"), "{log}");
    }
    database.sql("UPDATE store_website SET is_default = 0");
    let mut process = beside_url(&url).spawn();
    assert_eq!(process.wait(Duration::from_secs(30)).code(), Some(1));
    let log = process.log.text();
    assert!(log.contains("no website with a store view is the default one"), "{log}");
    database.sql("UPDATE store_website SET is_default = 1 WHERE website_id = 1");
    let folder = tempfile::tempdir().unwrap();
    drop(beside_on(folder.path(), &database).start());
    database.stop();
    let mut command = program();
    command.args(["setting", "list"]).envs([
        ("TOKENWARD__DATA__DIR", folder.path().to_str().unwrap()),
        ("TOKENWARD__ACCOUNTS__SOURCE", "magento"),
        ("TOKENWARD__MAGENTO__DATABASE_URL", &url),
        ("TOKENWARD__MAGENTO__TIMEOUT", "1"),
    ]);
    run(command, "").assert_failed(1, "cannot connect to the shop's database");
}
