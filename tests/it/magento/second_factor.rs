//! Second factors that the shop keeps: codes of secrets as PHP has stored them, and as older releases have.

use serde_json::json;

use crate::magento::beside;
use crate::second_factor::oathtool;
use crate::support::{Answer, MariaDb, TestServer};

/// The secret of `guard`, which PHP has encrypted twice.
const SECRET: &str = "MFRGG43FMNZGK5BAMZXXEIDUNBSSA23JOQQGO5LBOJSA";

/// A secret in a row of an older release, in clear.
const CLEAR: &str = "GEZDGNBVGY3TQOJQ";

fn with_code(server: &TestServer, username: &str, password: &str, code: &str) -> Answer {
    let body = json!({ "username": username, "password": password, "otp": code });
    server.post(None, "/rest/V1/tfa/provider/google/authenticate", &body)
}

/// A server beside a shop that requires an authenticator app.
fn requiring(database: &MariaDb) -> TestServer {
    database
        .sql("INSERT INTO core_config_data (path, value) VALUES ('twofactorauth/general/force_providers', 'google')");
    beside(database).start()
}

#[test]
fn administrators_sign_in_with_the_apps_that_the_shop_knows() {
    let Some(database) = MariaDb::start() else { return };
    let clear = format!(r#"{{"google":{{"secret":"{CLEAR}","active":true}}}}"#);
    database.sql(&format!("INSERT INTO tfa_user_config (user_id, encoded_config) VALUES (2, '{clear}')"));
    let server = requiring(&database);
    for (username, password, secret) in [("guard", "Guard-pass-1", SECRET), ("clerk", "Clerk-pass-1", CLEAR)] {
        server
            .try_admin(username, password)
            .assert_refused(400, "Please use the 2fa provider-specific endpoints to obtain a token.");
        let Some(code) = oathtool(secret) else { return };
        let answer = with_code(&server, username, password, &code);
        assert_eq!(server.check(answer.assert_status(200).json().as_str().unwrap()), 200);
        with_code(&server, username, password, &code).assert_refused(401, "Invalid code.");
    }
    let log = server.process.log.text();
    assert!(!log.contains(SECRET) && !log.contains(CLEAR), "{log}");
}

#[test]
fn whoever_has_no_app_that_can_be_read_gets_no_token() {
    let Some(database) = MariaDb::start() else { return };
    database.sql(
        "INSERT INTO tfa_user_config (user_id, encoded_config) VALUES (2, '1:3:bm90IGVuY3J5cHRlZCB1bmRlciB0aGlzIGtleQ==')",
    );
    let server = requiring(&database);
    for (username, password) in [("chief", "Chief-pass-1"), ("clerk", "Clerk-pass-1")] {
        with_code(&server, username, password, "000000").assert_refused(400, "Provider is not configured.");
        server
            .try_admin(username, password)
            .assert_refused(400, "Failed to send the message. Please contact the administrator");
    }
    database.sql("DROP TABLE tfa_user_config");
    drop(server);
    let server = beside(&database).start();
    with_code(&server, "guard", "Guard-pass-1", "000000").assert_refused(400, "Provider is not configured.");
}
