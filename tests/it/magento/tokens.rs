//! Opaque tokens that the shop issued: good here as there, and never longer.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use crate::magento::{becomes, beside};
use crate::support::{MariaDb, ServerBuilder, TestServer};

const CUSTOMER: &str = "shopcustomer00000000000000000001";
const ADMIN: &str = "shopadmin00000000000000000000001";
const INTEGRATION: &str = "shopintegration00000000000000001";

impl MariaDb {
    /// What Magento does when it issues a token.
    #[track_caller]
    pub(super) fn insert_token(&self, token: &str, kind: u8, column: &str, id: u32) {
        self.sql(&format!(
            "INSERT INTO oauth_token ({column}, type, token, secret, callback_url, user_type)
             VALUES ({id}, 'access', '{token}', 'unread', '', {kind})"
        ));
    }

    fn with_tokens() -> Option<Self> {
        let database = Self::start()?;
        database.insert_token(CUSTOMER, 3, "customer_id", 4);
        database.insert_token(ADMIN, 2, "admin_id", 1);
        database.insert_token(INTEGRATION, 1, "consumer_id", 1);
        Some(database)
    }
}

fn questions(server: &TestServer) -> u64 {
    let metrics = server.internal(None, "/metrics").body;
    let line = metrics.lines().find(|line| line.starts_with("tokenward_shop_database_questions_total")).unwrap();
    line.split_whitespace().last().unwrap().parse().unwrap()
}

#[test]
fn a_token_that_the_shop_issued_is_its_users_everywhere() {
    let Some(database) = MariaDb::with_tokens() else { return };
    let server = beside(&database).start();
    let answer = server.gateway(Some(CUSTOMER), "?require=customer&website=base");
    assert_eq!(answer.assert_status(200).header("x-token-user-id"), "4");
    let left: u32 = answer.header("x-token-expires-in").parse().unwrap();
    assert!((3_400..=3_600).contains(&left), "{left}");
    database.insert_token("shopcustomer00000000000000000002", 3, "customer_id", 4);
    let me = server.graphql(Some("shopcustomer00000000000000000002"), "{customer{email}}");
    assert_eq!(me.assert_status(200).at("/data/customer/email"), "current@example.com");
    database.insert_token("shopcustomer00000000000000000003", 3, "customer_id", 4);
    let me = server.get(Some("shopcustomer00000000000000000003"), "/rest/V1/customers/me");
    assert_eq!(me.assert_status(200).at("/id"), 4);
    let answer = server.gateway(Some(ADMIN), "?require=admin&acl=Magento_User::acl_users");
    assert_eq!(answer.assert_status(200).header("x-token-user-id"), "1");
    server.gateway(Some(CUSTOMER), "?require=admin").assert_status(403);
    server.admin_api("GET", ADMIN, "/sessions", None).assert_status(200);
    server.assert_unharmed();
}

#[test]
fn what_the_shop_would_not_take_is_refused_and_so_is_another_case() {
    let Some(database) = MariaDb::with_tokens() else { return };
    database.insert_token("SHOPUPPER00000000000000000000001", 3, "customer_id", 4);
    database.insert_token("shopnobody0000000000000000000001", 3, "admin_id", 1);
    database.insert_token("shopidle000000000000000000000001", 3, "customer_id", 4);
    database.sql("UPDATE oauth_token SET customer_id = (SELECT entity_id FROM customer_entity WHERE email = 'inactive@example.com') WHERE token LIKE 'shopidle%'");
    let server = beside(&database).start();
    for refused in [
        "shopupper00000000000000000000001",
        "SHOPUPPER00000000000000000000001",
        "SHOPCUSTOMER00000000000000000001",
        "shopnobody0000000000000000000001",
        "shopidle000000000000000000000001",
        "kitcustomerrevoked00000000000000",
        "kitcustomerexpired00000000000000",
        "garbage0garbage0garbage0garbage0",
        INTEGRATION,
    ] {
        assert_eq!(server.check(refused), 401, "{refused}");
    }
    let gone = server.graphql(Some("kitcustomerexpired00000000000000"), "{customer{email}}");
    assert!(!gone.body.contains("current@example.com"), "{gone:?}");
    assert_eq!(server.check(CUSTOMER), 200);
}

#[test]
fn an_integrations_token_counts_while_the_shop_allows_it_as_a_bearer() {
    let Some(database) = MariaDb::with_tokens() else { return };
    let server = beside(&database).start();
    let allow = |value: u8| {
        let path = "oauth/consumer/enable_integration_as_bearer";
        database.sql(&format!("REPLACE INTO core_config_data (path, value) VALUES ('{path}', '{value}')"));
    };
    allow(1);
    becomes(&server, INTEGRATION, 200);
    let answer = server.gateway(Some(INTEGRATION), "?require=integration");
    assert_eq!((answer.status, answer.header("x-token-user-id")), (200, "1"));
    allow(0);
    becomes(&server, INTEGRATION, 401);
}

#[test]
fn what_the_shop_revokes_or_deletes_ends_and_what_it_issues_counts() {
    let Some(database) = MariaDb::with_tokens() else { return };
    let server = beside(&database).start();
    assert_eq!((server.check(CUSTOMER), server.check(ADMIN)), (200, 200));
    database.sql(&format!("UPDATE oauth_token SET revoked = 1 WHERE token = '{CUSTOMER}'"));
    becomes(&server, CUSTOMER, 401);
    database.sql(&format!("DELETE FROM oauth_token WHERE token = '{ADMIN}'"));
    becomes(&server, ADMIN, 401);
    let new = "shopcustomer00000000000000000009";
    assert_eq!(server.check(new), 401);
    database.insert_token(new, 3, "customer_id", 4);
    becomes(&server, new, 200);
    database.sql("DELETE FROM customer_entity WHERE entity_id = 4");
    becomes(&server, new, 401);
    server.assert_unharmed();
}

#[test]
fn what_was_revoked_here_is_not_taken_over_again_not_even_after_a_restart() {
    let Some(database) = MariaDb::with_tokens() else { return };
    let (one, other) = ("shopcustomer00000000000000000004", "shopcustomer00000000000000000005");
    database.insert_token(one, 3, "customer_id", 1);
    database.insert_token(other, 3, "customer_id", 1);
    database.sql("UPDATE oauth_token SET created_at = created_at - INTERVAL 10 SECOND");
    let home = tempfile::tempdir().unwrap();
    let start = || {
        ServerBuilder::on(home.path())
            .key("ACCOUNTS__SOURCE", "magento")
            .key("MAGENTO__ENV_PHP", database.env_php().to_str().unwrap())
            .key("MAGENTO__POLL", "1")
            .start()
    };
    let mut server = start();
    for token in [CUSTOMER, one, other, ADMIN] {
        assert_eq!(server.check(token), 200);
    }
    server.graphql(Some(CUSTOMER), "mutation{revokeCustomerToken{result}}").assert_status(200);
    let sessions = server.admin_api("GET", ADMIN, "/sessions?kind=customer", None);
    let number = sessions.assert_status(200).at("/sessions/0/id");
    let gone = server.admin_api("DELETE", ADMIN, &format!("/sessions/{number}"), None);
    assert!(gone.status < 300, "{gone:?}");
    server.command(&["session", "revoke", "--kind", "admin"], "").printed();
    let unused = "shopcustomer00000000000000000006";
    database.insert_token(unused, 3, "customer_id", 2);
    server.command(&["session", "revoke", "--token-stdin"], unused).printed();
    let seen = |server: &TestServer| [CUSTOMER, one, ADMIN, unused, other].map(|token| server.check(token));
    assert_eq!(seen(&server), [401, 401, 401, 401, 200]);
    server.process.signal(Signal::TERM);
    server.process.wait(Duration::from_secs(20));
    let server = start();
    assert_eq!(seen(&server), [401, 401, 401, 401, 200]);
    // The numbers of sessions that were never stored are not given away again: the end of the kind would cover them.
    let own = server.try_admin("chief", "Chief-pass-1").assert_status(200).json().as_str().unwrap().to_owned();
    assert_eq!(server.check(&own), 200);
}

#[test]
fn garbage_costs_the_database_few_questions_and_honest_tokens_are_found_meanwhile() {
    let Some(database) = MariaDb::with_tokens() else { return };
    let server = beside(&database).start();
    let before = questions(&server);
    std::thread::scope(|threads| {
        for thread in 0..16 {
            let server = &server;
            threads.spawn(move || {
                for number in 0..50 {
                    let garbage = format!("garbage{thread:05}{number:020}");
                    assert_eq!((server.check(&garbage), server.check(&garbage)), (401, 401));
                }
            });
        }
        assert_eq!(server.check(CUSTOMER), 200);
    });
    let asked = questions(&server) - before;
    assert!(asked < 400, "{asked} questions for 800 tokens, each of which was asked twice");
    server.assert_unharmed();
}

#[test]
fn while_the_database_is_away_nothing_is_told_of_tokens_that_may_be_the_shops() {
    let Some(mut database) = MariaDb::with_tokens() else { return };
    let server = beside(&database).start();
    assert_eq!(server.check(CUSTOMER), 200);
    database.stop();
    let garbage = "garbage0garbage0garbage0garbage0";
    for unknown in [ADMIN, garbage] {
        let answer = server.gateway(Some(unknown), "?require=any");
        assert_eq!((answer.status, answer.header("x-token-user-id")), (503, ""));
        let answer = server.get(Some(unknown), "/rest/V1/customers/me");
        assert_eq!(answer.status, 503, "{answer:?}");
    }
    assert_eq!(server.check(CUSTOMER), 200);
    assert_eq!(server.check("not-a-token-of-anybody"), 401);
    let body = json!({ "query": "{customer{email}}" }).to_string();
    assert!(!server.graphql_body(Some(garbage), &body).body.contains("\"email\":\""));
    database.start_again();
    server.wait_until(|server| server.check(ADMIN) == 200);
    assert_eq!((server.check(garbage), server.check(CUSTOMER)), (401, 200));
    server.assert_unharmed();
}
