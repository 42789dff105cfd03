//! Revocations of users' tokens, both ways: rows of `jwt_auth_revoked` end tokens here, and ours get there.

use std::time::Duration;

use serde_json::json;

use tokenward::session::Subject;

use crate::jwt;
use crate::magento::{KEY, becomes, beside, beside_on, token};
use crate::support::{Connection, MariaDb, Process, TestServer};

/// A JWT that the shop has issued to a customer ten seconds ago.
fn of_shop(customer: u32) -> String {
    jwt::under(KEY, Subject::customer(customer), 10)
}

/// What the shop does when an administrator forces a customer to sign in again.
fn revoke_in_shop(database: &MariaDb, customer: u32) {
    database.sql(&format!(
        "INSERT INTO jwt_auth_revoked VALUES (3, {customer}, UNIX_TIMESTAMP())
         ON DUPLICATE KEY UPDATE revoke_before = VALUES(revoke_before)"
    ));
}

/// What the shop knows of a customer's revocation; empty when it knows none.
fn known_in_shop(database: &MariaDb, customer: u32) -> String {
    database.sql(&format!("SELECT revoke_before FROM jwt_auth_revoked WHERE user_type_id = 3 AND user_id = {customer}"))
}

/// The customer signs all their tokens out, which needs no database.
#[track_caller]
fn sign_out(server: &TestServer, token: &str) {
    server.post(Some(token), "/rest/V1/integration/customer/revoke-customer-token", &json!({})).assert_status(200);
}

/// Waits until the server has looked at the shop: it has heard of a revocation that was written just now.
#[track_caller]
fn has_looked(database: &MariaDb, server: &TestServer) {
    let other = of_shop(13);
    assert_eq!(server.check(&other), 200);
    revoke_in_shop(database, 13);
    becomes(server, &other, 401);
}

#[test]
fn a_revocation_of_the_shop_ends_jwts_and_sessions_from_before_it() {
    let Some(database) = MariaDb::start() else { return };
    let server = beside(&database).start();
    let (session, jwt, other) =
        (token(&server.try_customer("sha256@example.com", "Sha-pass-1")), of_shop(2), of_shop(4));
    for token in [&session, &jwt, &other] {
        assert_eq!(server.check(token), 200);
    }
    revoke_in_shop(&database, 2);
    becomes(&server, &jwt, 401);
    becomes(&server, &session, 401);
    server.gateway(Some(&jwt), "").assert_refused(401, "User token has been revoked");
    let again = token(&server.try_customer("sha256@example.com", "Sha-pass-1"));
    has_looked(&database, &server);
    assert_eq!((server.check(&other), server.check(&again)), (200, 200));
}

#[test]
fn what_the_shop_has_revoked_before_the_start_is_refused_from_the_start() {
    let Some(database) = MariaDb::start() else { return };
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("data");
    let session = {
        let server = beside_on(&folder, &database).start();
        token(&server.try_customer("sha256@example.com", "Sha-pass-1"))
    };
    let jwt = of_shop(2);
    revoke_in_shop(&database, 2);
    let server = beside_on(&folder, &database).start();
    assert_eq!((server.check(&session), server.check(&jwt), server.check(&of_shop(4))), (401, 401, 200));
}

/// What a process that is not ready yet answers about that.
#[track_caller]
fn ready_of(process: &Process) -> String {
    let internal = process.log.wait_for(Duration::from_secs(20), |line| {
        let event: serde_json::Value = serde_json::from_str(line).ok()?;
        let listens = event["message"] == "listening" && event["listener"] == "internal";
        listens.then(|| event["address"].as_str()?.parse().ok()).flatten()
    });
    let mut connection = Connection::open(internal.unwrap());
    connection.send(b"GET /health/ready HTTP/1.1\r\nHost: it\r\nConnection: close\r\n\r\n");
    connection.read_to_end()
}

#[test]
fn nothing_is_answered_before_the_shops_revocations_are_known() {
    let Some(database) = MariaDb::start() else { return };
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("data");
    let session = {
        let server = beside_on(&folder, &database).start();
        token(&server.try_customer("sha256@example.com", "Sha-pass-1"))
    };
    let jwt = of_shop(2);
    revoke_in_shop(&database, 2);
    database.sql("ALTER TABLE jwt_auth_revoked RENAME COLUMN revoke_before TO unread");
    let builder = beside_on(&folder, &database);
    let process = builder.spawn();
    for told in ["revocations made in the shop are not heard of", "the start waits for the shop"] {
        let says = |log: &str| log.contains(told).then_some(());
        process.log.wait_for(Duration::from_secs(20), says).unwrap();
    }
    let ready = ready_of(&process);
    assert!(ready.contains("503") && ready.contains("asking what the shop has ended meanwhile"), "{ready}");
    database.sql("ALTER TABLE jwt_auth_revoked RENAME COLUMN unread TO revoke_before");
    let server = builder.started(process);
    assert_eq!((server.check(&session), server.check(&jwt), server.check(&of_shop(4))), (401, 401, 200));
}

#[test]
fn a_revocation_made_here_reaches_the_shop_also_after_its_database_was_away() {
    let Some(mut database) = MariaDb::start() else { return };
    let server = beside(&database).start();
    let sign_in = |email: &str, password: &str| token(&server.try_customer(email, password));
    let first = sign_in("sha256@example.com", "Sha-pass-1");
    sign_out(&server, &first);
    let again = sign_in("sha256@example.com", "Sha-pass-1");
    server.wait_until(|_| !known_in_shop(&database, 2).is_empty());
    has_looked(&database, &server);
    assert_eq!(server.check(&again), 200, "it began after the revocation that the server heard of again");

    let (other, before) = (sign_in("current@example.com", "Current-pass-3"), known_in_shop(&database, 2));
    database.stop();
    for token in [&again, &other] {
        sign_out(&server, token);
        assert_eq!(server.check(token), 503, "a token without a session may be the shop's, which cannot be asked");
    }
    database.start_again();
    server.wait_until(|_| known_in_shop(&database, 2) > before && !known_in_shop(&database, 4).is_empty());
    for token in [&again, &other] {
        server.wait_until(|server| server.check(token) == 401);
    }
    server.assert_unharmed();
}

#[test]
fn what_waits_for_the_shop_survives_a_crash_of_the_server() {
    let Some(mut database) = MariaDb::start() else { return };
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("data");
    {
        let server = beside_on(&folder, &database).start();
        let session = token(&server.try_customer("sha256@example.com", "Sha-pass-1"));
        database.stop();
        sign_out(&server, &session);
        // It is killed.
    }
    database.start_again();
    assert_eq!(known_in_shop(&database, 2), "");
    let server = beside_on(&folder, &database).start();
    server.wait_until(|_| !known_in_shop(&database, 2).is_empty());
}

#[test]
fn a_token_as_admin_for_an_inactive_customer_goes_on_and_the_shop_is_told_of_no_revocation() {
    let Some(database) = MariaDb::start() else { return };
    database.sql("INSERT INTO core_config_data (path, value) VALUES ('login_as_customer/general/enabled', '1')");
    let server = beside(&database).start();
    let chief = server.try_admin("chief", "Chief-pass-1").assert_status(200).json().as_str().unwrap().to_owned();
    let query = r#"mutation { generateCustomerTokenAsAdmin(input: {customer_email: "inactive@example.com"}) { customer_token } }"#;
    let answer = server.graphql(Some(&chief), query);
    let given = answer.assert_status(200).at("/data/generateCustomerTokenAsAdmin/customer_token");
    let given = given.as_str().unwrap().to_owned();
    // A look at customers, and the next one, which tells the shop what came of the first.
    let other = token(&server.try_customer("sha256@example.com", "Sha-pass-1"));
    database.sql("UPDATE customer_entity SET lock_expires = NOW() + INTERVAL 1 DAY WHERE entity_id = 2");
    becomes(&server, &other, 403);
    has_looked(&database, &server);
    assert_eq!((server.check(&given), known_in_shop(&database, 21).as_str()), (200, ""));
}

#[test]
fn a_table_that_somebody_holds_keeps_nothing_else_from_being_noticed() {
    let Some(database) = MariaDb::start() else { return };
    // One question that waits takes longer than all that is promised.
    let server = beside(&database).key("MAGENTO__TIMEOUT", "5").start();
    token(&server.try_customer("sha256@example.com", "Sha-pass-1"));
    let tokens = [1, 2, 4].map(of_shop);
    for token in &tokens {
        assert_eq!(server.check(token), 200);
    }
    let holder = "LOCK TABLES customer_entity WRITE, admin_user WRITE; SELECT SLEEP(9)";
    std::thread::scope(|threads| {
        threads.spawn(|| database.sql(holder));
        server.wait_until(|_| database.sql("SHOW OPEN TABLES WHERE In_use > 0").contains("customer_entity"));
        for (token, customer) in tokens.iter().zip([1, 2, 4]) {
            revoke_in_shop(&database, customer);
            becomes(&server, token, 401);
        }
        assert!(database.sql("SHOW OPEN TABLES WHERE In_use > 0").contains("customer_entity"));
    });
}

#[test]
fn a_shop_that_is_only_read_is_told_of_nothing() {
    let Some(database) = MariaDb::start() else { return };
    let server = beside(&database).key("MAGENTO__WRITE", "false").start();
    let session = token(&server.try_customer("sha256@example.com", "Sha-pass-1"));
    sign_out(&server, &session);
    has_looked(&database, &server);
    assert_eq!((server.check(&of_shop(2)), known_in_shop(&database, 2).as_str()), (401, ""));
}

#[test]
fn a_shop_without_the_table_revokes_nothing_and_is_told_of_nothing() {
    let Some(database) = MariaDb::start() else { return };
    database.sql("DROP TABLE jwt_auth_revoked");
    let server = beside(&database).start();
    let session = token(&server.try_customer("sha256@example.com", "Sha-pass-1"));
    sign_out(&server, &session);
    assert_eq!((server.check(&session), server.check(&of_shop(2)), server.check(&of_shop(4))), (401, 401, 200));
    let log = server.process.log.text();
    assert!(log.contains("jwt_auth_revoked") && !log.contains("do not reach the shop"), "{log}");
}
