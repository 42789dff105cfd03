//! `deploy/magento`: the configuration and the grants, tried.

use std::fs;

use crate::magento::token;
use crate::support::{MariaDb, ServerBuilder, call, repository};

/// A user with the rights of a file, without password.
fn grant(database: &MariaDb, file: &str) {
    let text = fs::read_to_string(repository().join("deploy/magento").join(file)).unwrap();
    database.sql(&text.replace("IDENTIFIED BY 'a long password'", "IDENTIFIED BY 'granted'"));
}

fn server(database: &MariaDb) -> ServerBuilder {
    let file = repository().join("deploy/magento/tokenward.toml");
    ServerBuilder::new()
        .argument("--config")
        .argument(file.to_str().unwrap())
        .key("MAGENTO__ENV_PHP", database.env_php().to_str().unwrap())
        .key("MAGENTO__DATABASE_URL", &format!("mysql://tokenward:granted@127.0.0.1:{}/magento", database.port()))
}

#[test]
fn the_grants_are_enough_for_everything() {
    let Some(database) = MariaDb::start() else { return };
    grant(&database, "grants.sql");
    database
        .sql("REPLACE INTO core_config_data (path, value) VALUES ('oauth/consumer/enable_integration_as_bearer', '1')");
    // What is only done where it may be, and otherwise told to those who look closely.
    let server = server(&database).key("LOG__LEVEL", "debug").start();
    let customer = token(&server.try_customer("sha256@example.com", "Sha-pass-1"));
    let (issued_by_the_shop, integration) = ("grantedgrantedgrantedgranted1234", "integrationintegrationintegratio");
    database.insert_token(issued_by_the_shop, 3, "customer_id", 4);
    database.insert_token(integration, 1, "consumer_id", 1);
    assert_eq!((server.check(issued_by_the_shop), server.check(integration)), (200, 200));
    database.sql("INSERT INTO jwt_auth_revoked VALUES (3, 4, UNIX_TIMESTAMP())");
    server.wait_until(|server| server.check(issued_by_the_shop) == 401);
    server.try_customer("sha256@example.com", "wrong");
    let excluded = server.try_customer("excluded@example.com", "Out-pass-3");
    assert!(!excluded.body.contains("\"token\":\""), "{}", excluded.body);
    let admin = server.try_admin("chief", "Chief-pass-1").assert_status(200).json().as_str().unwrap().to_owned();
    let value = serde_json::json!({ "value": "2" });
    server.admin_api("PUT", &admin, "/settings/oauth/access_token_lifetime/customer", Some(&value)).assert_status(200);
    server.admin_api("DELETE", &admin, "/settings/oauth/access_token_lifetime/customer", None).assert_status(200);
    server.admin_api("DELETE", &admin, "/locks/customers/18", None).assert_status(200);
    server.try_admin("expired", "Expired-pass-1").assert_status(401);
    let change = serde_json::json!({ "currentPassword": "Sha-pass-1", "newPassword": "Another-pass-1" });
    let path = "/rest/V1/customers/me/password";
    assert_eq!(call("PUT", server.public, Some(&customer), path, Some(&change)).assert_status(200).json(), true);
    token(&server.try_customer("sha256@example.com", "Another-pass-1"));
    assert_eq!(database.sql("SELECT session_cutoff IS NULL FROM customer_entity WHERE entity_id = 2"), "0");
    let revoke = "/rest/V1/integration/customer/revoke-customer-token";
    server.post(Some(&customer), revoke, &serde_json::json!({})).assert_status(200);
    let told = "SELECT COUNT(*) FROM jwt_auth_revoked WHERE user_id = 2";
    server.wait_until(|_| database.sql(told) == "1");
    database
        .sql("INSERT INTO core_config_data (path, value) VALUES ('twofactorauth/general/force_providers', 'google')");
    let code = serde_json::json!({ "username": "guard", "password": "Guard-pass-1", "otp": "000000" });
    server.wait_until(|server| {
        server.post(None, "/rest/V1/tfa/provider/google/authenticate", &code).body.contains("Invalid code.")
    });
    let log = server.process.log.text();
    assert!(!log.contains("denied") && !log.contains("do not reach the shop"), "{log}");
    assert_eq!(database.sql("SELECT failures_num FROM customer_entity WHERE entity_id = 18"), "0");
    server.assert_unharmed();
}

#[test]
fn the_right_to_read_is_enough_for_signing_in() {
    let Some(database) = MariaDb::start() else { return };
    grant(&database, "grants-read-only.sql");
    let server = server(&database).key("MAGENTO__WRITE", "false").start();
    let customer = token(&server.try_customer("sha256@example.com", "Sha-pass-1"));
    assert_eq!(server.check(&customer), 200);
    let issued_by_the_shop = "grantedgrantedgrantedgranted1234";
    database.insert_token(issued_by_the_shop, 3, "customer_id", 4);
    assert_eq!(server.check(issued_by_the_shop), 200);
    server.try_customer("sha256@example.com", "wrong");
    let admin = server.try_admin("chief", "Chief-pass-1").assert_status(200).json().as_str().unwrap().to_owned();
    let value = serde_json::json!({ "value": "2" });
    let lifetime = "/settings/oauth/access_token_lifetime/customer";
    let refused = server.admin_api("PUT", &admin, lifetime, Some(&value));
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("magento.write = false"), "{}", refused.body);
    assert_eq!(database.sql("SELECT COUNT(*) FROM customer_log"), "0");
    assert_eq!(database.sql("SELECT COUNT(*) FROM oauth_token_request_log"), "0");
    let log = server.process.log.text();
    assert!(!log.contains("denied") && !log.contains("may not read it"), "{log}");
    let names = "/locks/throttle?kind=customer&name=sha256@example.com";
    let listed = server.admin_api("GET", &admin, "/locks/throttle", None);
    assert_eq!(listed.at("/names/0/name"), "sha256@example.com", "what counts in memory alone is shown");
    server.admin_api("DELETE", &admin, names, None).assert_status(200);
    server.admin_api("DELETE", &admin, names, None).assert_status(404);
}

#[test]
fn a_forgotten_right_is_told_at_the_start() {
    let Some(database) = MariaDb::start() else { return };
    grant(&database, "grants.sql");
    database.sql("REVOKE SELECT ON admin_user_expiration FROM tokenward; REVOKE ALL ON oauth_token FROM tokenward");
    let log = server(&database).start().process.log.text();
    let line = |name: &str| log.lines().find(|line| line.contains(name) && line.contains("GRANT SELECT")).unwrap();
    assert!(line("admin_user_expiration").contains("WARN"), "{log}");
    assert!(line("oauth_token").contains("INFO"), "{log}");
}

#[test]
fn the_grants_for_mirrored_tokens_and_renewed_hashes_are_needed_and_enough() {
    let Some(database) = MariaDb::start() else { return };
    grant(&database, "grants.sql");
    let with = |database: &MariaDb| server(database).key("MAGENTO__MIRROR_TOKENS", "true");
    for (setting, lacking) in [
        ("mirror_tokens", "INSERT on oauth_token; DELETE on oauth_token"),
        ("rehash", "UPDATE (password) on admin_user"),
    ] {
        let variable = format!("MAGENTO__{}", setting.to_ascii_uppercase());
        let mut refused = server(&database).key(&variable, "true").spawn();
        assert_ne!(refused.wait(std::time::Duration::from_secs(20)).code(), Some(0));
        let (log, writes) = (refused.log.text(), format!("may not write what magento.{setting} = true writes"));
        assert!(log.contains(&format!("{writes}: it lacks {lacking}. ")), "{log}");
        assert!(log.contains("deploy/magento/grants-mirror.sql"), "{log}");
    }
    grant(&database, "grants-mirror.sql");
    let server = with(&database).key("MAGENTO__REHASH", "true").start();
    let customer = token(&server.try_customer("sha256@example.com", "Sha-pass-1"));
    let row = format!("SELECT COUNT(*) FROM oauth_token WHERE token = '{customer}'");
    assert_eq!(database.sql(&row), "1");
    let revoke = "/rest/V1/integration/customer/revoke-customer-token";
    server.post(Some(&customer), revoke, &serde_json::json!({})).assert_status(200);
    server.wait_until(|_| database.sql(&row) == "0");
    let hash = "UPDATE admin_user SET password = (SELECT password_hash FROM customer_entity WHERE entity_id = 1) WHERE username = 'chief'";
    database.sql(hash);
    server.try_admin("chief", "Md5-pass-0").assert_status(200);
    server.wait_until(|_| {
        database.sql("SELECT password LIKE '%:3\\_32\\_2\\_67108864' FROM admin_user WHERE username = 'chief'") == "1"
    });
    let log = server.process.log.text();
    assert!(!log.contains("denied"), "{log}");
}
