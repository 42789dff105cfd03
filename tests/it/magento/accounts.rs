//! Signing in with what the shop has stored: every kind of hash that PHP has made.

use crate::magento::{beside, token};
use crate::support::{MariaDb, ServerBuilder};

/// Address and password of customers of the website `base` who may sign in.
const CUSTOMERS: [(&str, &str); 16] = [
    ("md5@example.com", "Md5-pass-0"),
    ("sha256@example.com", "Sha-pass-1"),
    ("argon@example.com", "Argon-pass-2"),
    ("current@example.com", "Current-pass-3"),
    ("small-argon@example.com", "Small-pass-3"),
    ("chain-01@example.com", "Chain-pass-01"),
    ("chain-12@example.com", "Chain-pass-12"),
    ("chain-012@example.com", "Chain-pass-012"),
    ("chain-013@example.com", "Chain-pass-013"),
    ("chain-23@example.com", "Chain-pass-23"),
    ("short-salt@example.com", "Short-pass-3"),
    ("hmac@example.com", "Hmac-pass-x"),
    ("unicode@example.com", "pässwörd€-日本"),
    ("twin@example.com", "Twin-pass-base"),
    ("was-locked@example.com", "Was-pass-3"),
    ("inactive@example.com", "Idle-pass-3"),
];

/// Those who may not, with the right password where there is one.
const REFUSED: [(&str, &str); 7] = [
    ("twin@example.com", "Twin-pass-outlet"),
    ("unconfirmed@example.com", "Wait-pass-3"),
    ("locked@example.com", "Lock-pass-3"),
    ("excluded@example.com", "Out-pass-3"),
    ("no-password@example.com", ""),
    ("empty-password@example.com", ""),
    ("unknown-version@example.com", "Nine-pass-9"),
];

#[test]
fn customers_sign_in_with_every_kind_of_hash_that_a_shop_has() {
    let Some(database) = MariaDb::start() else { return };
    let server = beside(&database).start();
    for (email, password) in CUSTOMERS {
        let token = token(&server.try_customer(email, password));
        let answer = server.gateway(Some(&token), "?require=customer&website=base");
        assert!(answer.status == 200 && !answer.header("x-token-user-id").is_empty(), "{email}");
    }
    for (email, password) in REFUSED {
        let answer = server.try_customer(email, password);
        assert!(
            answer.body.contains("\"errors\"") && !answer.body.contains("\"token\":\""),
            "{email}: {}",
            answer.body
        );
    }
    let outlet = r#"{"username":"leftover@example.com","password":"Left-pass-3"}"#;
    let outlet: serde_json::Value = serde_json::from_str(outlet).unwrap();
    server.post(None, "/rest/outlet_de/V1/integration/customer/token", &outlet).assert_status(200);
    let me = server
        .graphql(Some(&token(&server.try_customer("CURRENT@example.com", "Current-pass-3"))), "{customer{email}}");
    assert_eq!(me.assert_status(200).at("/data/customer/email"), "current@example.com");
    assert_eq!(database.sql("SELECT COUNT(*) FROM customer_log WHERE customer_id = 4"), "1");
    server.assert_unharmed();
}

#[test]
fn administrators_sign_in_with_the_roles_that_the_shop_gave_them() {
    let Some(database) = MariaDb::start() else { return };
    let server = beside(&database).start();
    let admin = |name: &str, password: &str| {
        let answer = server.try_admin(name, password);
        answer.assert_status(200).json().as_str().unwrap().to_owned()
    };
    let (chief, clerk) = (admin("chief", "Chief-pass-1"), admin("Clerk", "Clerk-pass-1"));
    for (token, resource, status) in [
        (&chief, "Magento_User::acl_users", 200),
        (&clerk, "Magento_Customer::manage", 200),
        (&clerk, "Magento_Customer::delete", 403),
        (&clerk, "Magento_Unknown::thing", 403),
    ] {
        server.gateway(Some(token), &format!("?require=admin&acl={resource}")).assert_status(status);
    }
    for (name, password) in
        [("norole", "Norole-pass-1"), ("retired", "Retired-pass-1"), ("expired", "Expired-pass-1"), ("chief", "wrong")]
    {
        server.try_admin(name, password).assert_status(401);
    }
    let noted = database
        .sql("SELECT username, lognum, is_active FROM admin_user WHERE username IN ('chief', 'expired') ORDER BY 1");
    assert_eq!(noted, "chief\t1\t1\nexpired\t0\t0");
    assert_eq!(database.sql("SELECT user_type, failures_count FROM oauth_token_request_log"), "3\t1");
}

#[test]
fn with_shared_accounts_a_group_is_excluded_from_the_website_in_which_one_signs_in() {
    let Some(database) = MariaDb::start() else { return };
    database.sql(
        "INSERT INTO core_config_data (path, value) VALUES ('customer/account_share/scope', '0')
            ON DUPLICATE KEY UPDATE value = '0';
         INSERT INTO customer_group_excluded_website (customer_group_id, website_id) VALUES (1, 2)",
    );
    let server = beside(&database).start();
    // The first group is excluded from the website outlet, the second one from base; base is the customers' own.
    for (email, password, base, outlet) in
        [("current@example.com", "Current-pass-3", 200, 401), ("excluded@example.com", "Out-pass-3", 401, 200)]
    {
        let body = serde_json::json!({ "username": email, "password": password });
        for (store, status) in [("default", base), ("outlet_de", outlet)] {
            server.post(None, &format!("/rest/{store}/V1/integration/customer/token"), &body).assert_status(status);
        }
    }
}

#[test]
fn commands_about_embedded_accounts_say_whose_accounts_they_are() {
    let Some(database) = MariaDb::start() else { return };
    let server = beside(&database).start();
    for arguments in [
        &["customer", "add", "--email", "new@example.com", "--no-password"][..],
        &["admin", "list"],
        &["admin", "disable", "--username", "chief"],
    ] {
        server.command(arguments, "").assert_failed(1, "the accounts are Magento's");
    }
    let token = token(&server.try_customer("sha256@example.com", "Sha-pass-1"));
    assert_eq!(server.check(&token), 200);
    server.command(&["session", "revoke", "--user", "sha256@example.com"], "").printed();
    assert_eq!(server.check(&token), 401);
}

#[test]
fn a_shop_that_cannot_be_used_is_refused_by_name() {
    let Some(database) = MariaDb::start() else { return };
    let refused = |server: ServerBuilder, saying: &str| {
        let mut process = server.spawn();
        assert!(!process.wait(std::time::Duration::from_mins(1)).success());
        assert!(process.log.text().contains(saying), "{saying:?} is not in {}", process.log.text());
    };
    refused(beside(&database).key("MAGENTO__TABLE_PREFIX", "m2_"), "no table m2_store_website");
    let file = database.env_php();
    std::fs::write(&file, "<?php\nreturn [\n'db' => getenv('DB')];").unwrap();
    let nowhere = ServerBuilder::new().key("ACCOUNTS__SOURCE", "magento");
    refused(nowhere, "db/connection/default/host is not set");
    let broken = ServerBuilder::new().key("ACCOUNTS__SOURCE", "magento");
    refused(broken.key("MAGENTO__ENV_PHP", file.to_str().unwrap()), "line 3: a function");
}
