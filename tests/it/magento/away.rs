//! The database away: sign-ins are refused for now, checks go on, and everything recovers by itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::magento::proxy::Proxy;
use crate::magento::{beside, beside_on, token};
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
fn sign_in_again(server: &TestServer) -> String {
    server.wait_until(|server| server.try_customer(EMAIL, "Sha-pass-1").body.contains("\"token\":\""));
    token(&server.try_customer(EMAIL, "Sha-pass-1"))
}

#[test]
fn without_the_database_checks_go_on_and_nobody_is_locked() {
    let Some(mut database) = MariaDb::start() else { return };
    let server = beside(&database).start();
    let token = token(&server.try_customer(EMAIL, "Sha-pass-1"));
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
    let again = sign_in_again(&server);
    assert_eq!((server.check(&token), server.check(&again)), (200, 200));
    health(&server, 200, "ready");
    assert_eq!(database.sql("SELECT failures_num FROM customer_entity WHERE entity_id = 2"), "0");
    server.assert_unharmed();
}

#[test]
fn under_load_the_database_may_stop_and_start_again() {
    let Some(mut database) = MariaDb::start() else { return };
    let server = beside(&database).start();
    let token = token(&server.try_customer(EMAIL, "Sha-pass-1"));
    let over = AtomicBool::new(false);
    let (right, wrong) = std::thread::scope(|threads| {
        let sign_in = |password: &'static str| {
            let (server, over) = (&server, &over);
            threads.spawn(move || {
                let mut tokens = 0;
                while !over.load(Ordering::SeqCst) {
                    tokens += u32::from(server.try_customer(EMAIL, password).body.contains("\"token\":\""));
                }
                tokens
            })
        };
        let (right, wrong) = (sign_in("Sha-pass-1"), sign_in("Sha-pass-1 "));
        for _ in 0..3 {
            database.stop();
            for _ in 0..50 {
                assert_eq!(server.check(&token), 200);
            }
            database.start_again();
            for _ in 0..50 {
                assert_eq!(server.check(&token), 200);
            }
        }
        over.store(true, Ordering::SeqCst);
        (right.join().unwrap(), wrong.join().unwrap())
    });
    assert_eq!(wrong, 0, "{right} right ones");
    // Wrong passwords count, so the name may be refused for now, and the account may be locked.
    database.sql("UPDATE customer_entity SET failures_num = 0, first_failure = NULL, lock_expires = NULL");
    server.command(&["setting", "set", "oauth/authentication_lock/timeout", "0"], "").printed();
    sign_in_again(&server);
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
        let again = sign_in_again(&server);
        assert_eq!((server.check(&token), server.check(&again)), (200, 200), "round {round}");
    }
    proxy.delay(Duration::from_secs(5));
    let slow = server.try_customer(EMAIL, "Sha-pass-1");
    assert!(!slow.body.contains("\"token\":\""), "{}", slow.body);
    assert_eq!(server.check(&token), 200);
    health(&server, 200, "degraded");
    proxy.delay(Duration::ZERO);
    sign_in_again(&server);
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
    sign_in_again(&server);
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
