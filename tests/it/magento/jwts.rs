//! JWTs that the shop issued, of users who have no session here: what the shop knows of these users counts all the same.

use serde_json::json;

use tokenward::session::Subject;

use crate::jwt;
use crate::magento::becomes;
use crate::magento::{KEY, beside};
use crate::support::{MariaDb, TestServer};

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
