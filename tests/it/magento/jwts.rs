//! JWTs that the shop issued, of users who have no session here: what the shop knows of these users counts all the same.

use std::time::{Duration, Instant};

use serde_json::json;

use tokenward::session::Subject;

use crate::jwt;
use crate::magento::becomes;
use crate::magento::proxy::Proxy;
use crate::magento::tokens::questions;
use crate::magento::{KEY, beside};
use crate::support::{MariaDb, ServerBuilder, TestServer};

/// A JWT that the shop has issued ten seconds ago.
fn of_shop(subject: Subject) -> String {
    jwt::under(KEY, subject, 10)
}

#[test]
fn an_administrators_jwt_goes_by_the_role_that_the_shop_gives_them_now() {
    let Some(database) = MariaDb::start() else { return };
    let server = beside(&database).start();
    let clerk = of_shop(Subject::admin(2));
    let may = |status| {
        let asked = "?require=admin&acl=Magento_User::acl_users";
        server.wait_until(|server| server.gateway(Some(&clerk), asked).status == status);
        server.wait_until(|server| server.admin_api("GET", &clerk, "/sessions", None).status == status);
    };
    may(403);
    database.sql("UPDATE authorization_role SET parent_id = 1 WHERE user_id = 2");
    may(200);
    let session = server.try_admin("clerk", "Clerk-pass-1").assert_status(200).json().as_str().unwrap().to_owned();
    server.command(&["session", "revoke", "--token-stdin"], &session).printed();
    database.sql("DELETE FROM authorization_role WHERE user_id = 2");
    may(403);
    assert_eq!(server.check(&clerk), 200, "who has no role is an administrator all the same");
    database.sql("UPDATE admin_user SET is_active = 0 WHERE user_id = 2");
    becomes(&server, &clerk, 401);
    let guard = of_shop(Subject::admin(6));
    assert_eq!(server.check(&guard), 200);
    database.sql("INSERT INTO admin_user_expiration VALUES (6, '2024-01-01 00:00:00')");
    becomes(&server, &guard, 401);
}

#[test]
fn a_lock_of_the_shop_refuses_a_customers_jwt_while_it_lasts() {
    let Some(database) = MariaDb::start() else { return };
    let server = beside(&database).start();
    let jwt = of_shop(Subject::customer(2));
    assert_eq!(server.check(&jwt), 200);
    database.sql(
        "SET time_zone='+00:00'; UPDATE customer_entity SET lock_expires = NOW() + INTERVAL 1 HOUR WHERE entity_id = 2",
    );
    becomes(&server, &jwt, 403);
    database.sql("UPDATE customer_entity SET lock_expires = NULL WHERE entity_id = 2");
    becomes(&server, &jwt, 200);
}

#[test]
fn a_table_that_somebody_holds_keeps_users_of_another_kind_from_nothing() {
    let Some(database) = MariaDb::start() else { return };
    let server = beside(&database).start();
    let (admin, customer) = (of_shop(Subject::admin(1)), of_shop(Subject::customer(2)));
    assert_eq!((server.check(&admin), server.check(&customer)), (200, 200));
    std::thread::scope(|threads| {
        // Not `admin_user`: MySQL holds tables with foreign keys to it, too, and with them changes of customers.
        let holder = threads.spawn(|| database.sql("LOCK TABLES authorization_role WRITE; SELECT SLEEP(12)"));
        server.wait_until(|server| {
            server.process.log.text().contains("what the shop does to users of its JWTs is not noticed")
        });
        database.sql(
            "SET time_zone='+00:00'; UPDATE customer_entity SET lock_expires = NOW() + INTERVAL 1 HOUR WHERE entity_id = 2",
        );
        server.wait_until(|server| server.check(&customer) == 403);
        assert!(!holder.is_finished(), "the table was held all the while");
    });
    server.assert_unharmed();
}

#[test]
fn with_the_database_away_only_what_needs_it_cannot_be_told_of_a_jwt() {
    let Some(mut database) = MariaDb::start() else { return };
    let server = beside(&database).start();
    let (known, jwt, other) =
        (of_shop(Subject::customer(2)), of_shop(Subject::customer(4)), of_shop(Subject::customer(1)));
    let admin = of_shop(Subject::admin(1));
    assert_eq!(server.gateway(Some(&known), "?website=base").status, 200);
    database.stop();
    let asked = |token: &str, question: &str| server.gateway(Some(token), question).status;
    assert_eq!(asked(&known, "?website=base"), 200, "it was told before");
    for (question, status) in [("", 200), ("?require=customer", 200), ("?website=base", 503), ("?require=admin", 403)] {
        assert_eq!(asked(&jwt, question), status, "{question}");
    }
    assert_eq!((asked(&admin, "?acl=Magento_User::acl_users"), asked(&admin, "?require=admin")), (503, 200));
    assert_eq!(server.admin_api("GET", &admin, "/sessions", None).status, 503);
    let gone = "/rest/V1/integration/customer/revoke-customer-token";
    server.post(Some(&jwt), gone, &json!({})).assert_status(200);
    assert_eq!(asked(&jwt, ""), 401);
    let revoked = server.graphql(Some(&other), "mutation{revokeCustomerToken{result}}");
    assert_eq!(revoked.assert_status(200).at("/data/revokeCustomerToken/result"), true);
    assert_eq!(asked(&other, ""), 401);
    database.start_again();
    server.wait_until(|server| server.gateway(Some(&admin), "?acl=Magento_User::acl_users").status == 200);
    server.assert_unharmed();
}

/// How long the gateway waited for this answer.
#[expect(clippy::disallowed_methods, reason = "the promise is one of real time")]
fn waited(server: &TestServer, token: &str, question: &str, status: u16) -> Duration {
    let begun = Instant::now();
    assert_eq!(server.gateway(Some(token), question).status, status, "{question}");
    begun.elapsed()
}

#[test]
fn a_database_that_hangs_keeps_no_customers_check_waiting_and_an_administrators_for_a_second_at_most() {
    let Some(database) = MariaDb::start() else { return };
    let proxy = Proxy::before(database.port());
    let server = ServerBuilder::new()
        .key("ACCOUNTS__SOURCE", "magento")
        .key("MAGENTO__ENV_PHP", database.env_php().to_str().unwrap())
        .key("MAGENTO__DATABASE_URL", &MariaDb::url_at(proxy.address.port()))
        .key("MAGENTO__POLL", "1")
        .start();
    let known = of_shop(Subject::admin(1));
    assert_eq!(server.check(&known), 200);
    proxy.delay(Duration::from_mins(1));
    for customer in [1, 2, 4] {
        let waited = waited(&server, &of_shop(Subject::customer(customer)), "?require=customer", 200);
        assert!(waited < Duration::from_millis(500), "{waited:?}");
    }
    let (clerk, plain) = (of_shop(Subject::admin(2)), "?require=admin");
    assert!(waited(&server, &clerk, plain, 200) < Duration::from_secs(2));
    assert!(waited(&server, &clerk, "?acl=Magento_User::acl_users", 503) < Duration::from_secs(2));
    assert_eq!(server.gateway(Some(&known), "?acl=Magento_User::acl_users").status, 200, "it was told before");
    proxy.delay(Duration::ZERO);
    proxy.cut();
    server.wait_until(|server| server.gateway(Some(&clerk), plain).status == 200);
    server.assert_unharmed();
}

#[test]
fn many_who_are_not_known_yet_are_few_questions_and_a_plain_check_of_a_customer_asks_none_at_all() {
    let Some(database) = MariaDb::start() else { return };
    let server = beside(&database).key("CHECK__LOCKED", "allow").key("MAGENTO__POLL", "60").start();
    let ask = |first: u32, question: &str, status: u16| {
        let before = questions(&server);
        std::thread::scope(|threads| {
            for thread in 0..16 {
                let server = &server;
                threads.spawn(move || {
                    for number in 0..25 {
                        let jwt = of_shop(Subject::customer(first + 25 * thread + number));
                        for _ in 0..2 {
                            assert_eq!(server.gateway(Some(&jwt), question).status, status, "{number}");
                        }
                    }
                });
            }
        });
        questions(&server) - before
    };
    assert_eq!(ask(100_000, "?require=customer", 200), 0);
    let asked = ask(200_000, "?website=base", 401);
    assert!((1..200).contains(&asked), "{asked} questions for 400 customers, whom there are not");
}

#[test]
fn a_token_of_the_shop_is_denied_at_once_when_an_operator_says_so_also_with_the_database_away() {
    let Some(mut database) = MariaDb::start() else { return };
    let token = "shopleaked0000000000000000000001";
    database.insert_token(token, 3, "customer_id", 4);
    let server = beside(&database).start();
    database.stop();
    server.command(&["session", "revoke", "--token-stdin"], token).printed();
    database.start_again();
    let other = "shopcustomer00000000000000000001";
    database.insert_token(other, 3, "customer_id", 4);
    server.wait_until(|server: &TestServer| server.check(other) == 200);
    assert_eq!(server.check(token), 401);
}
