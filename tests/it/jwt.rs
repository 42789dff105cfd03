//! JWTs: issued as sessions, read whatever is issued, revoked for good.

use serde_json::json;

use tokenward::clock::UnixSeconds;
use tokenward::magento::InstallationKey;
use tokenward::session::Subject;
use tokenward::token::jwt::{Claims, Issuer, JwtAlgorithm, JwtKey};

use crate::referee::wall_clock;
use crate::support::{ServerBuilder, TestServer};

const KEY: &str = "g9mY9KLrcuAVJfsmVUSRkKFLDdUPVkaZ";

/// A demonstration on a folder that outlives it.
fn server(folder: &std::path::Path, format: &str) -> TestServer {
    let builder = ServerBuilder::on(folder).argument("--demo");
    builder.key("MAGENTO__CRYPT_KEY", KEY).key("TOKENS__FORMAT", format).start()
}

/// A JWT as Magento would issue it, `ago` seconds ago, for an hour.
fn of_magento(subject: Subject, ago: u32) -> String {
    under(KEY, subject, ago)
}

/// The same under this key.
pub(crate) fn under(key: &str, subject: Subject, ago: u32) -> String {
    let issued = UnixSeconds(u32::try_from(wall_clock()).unwrap() - ago);
    let claims = Claims { subject, issued, expires: issued.plus(3600), issuer: Issuer::Magento };
    let key = JwtKey::new(&InstallationKey::parse(key).unwrap());
    key.sign(&claims, JwtAlgorithm::Hs256).expose().to_owned()
}

#[test]
fn a_jwt_that_is_issued_here_is_a_session_that_survives_a_restart_and_is_revoked_alone() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("data");
    let (first, second) = {
        let server = server(&folder, "jwt");
        let (first, second) = (server.customer(), server.customer());
        assert_eq!(first.split('.').count(), 3, "{first}");
        let body = json!({ "username": "admin", "password": "admin123" });
        let admin = server.post(None, "/rest/V1/integration/admin/token", &body);
        assert_eq!(admin.assert_status(200).json().as_str().unwrap().split('.').count(), 3);
        (first, second)
    };
    {
        let server = server(&folder, "opaque");
        let seen = server.gateway(Some(&first), "?require=customer");
        assert_ne!(seen.assert_status(200).header("x-token-session-id"), "");
        let listed = server.command(&["session", "list", "--user", "customer@example.com"], "");
        assert_eq!(listed.stdout.matches("customer:1").count(), 2, "{listed:?}");
        server.command(&["session", "revoke", "--token-stdin"], &first).assert_done();
        server.gateway(Some(&first), "").assert_refused(401, "User token has been revoked");
        server.gateway(Some(&second), "").assert_status(200);
    }
    let server = server(&folder, "jwt");
    server.gateway(Some(&first), "").assert_status(401);
    server.gateway(Some(&second), "").assert_status(200);
}

#[test]
fn revocations_of_magentos_jwts_survive_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("data");
    let [alone, kept, of_admin] =
        [of_magento(Subject::customer(1), 60), of_magento(Subject::customer(1), 59), of_magento(Subject::admin(1), 60)];
    {
        let server = server(&folder, "opaque");
        for token in [&alone, &kept, &of_admin] {
            server.gateway(Some(token), "").assert_status(200);
        }
        let revoke = "mutation { revokeCustomerToken(scope: CURRENT) { result } }";
        server.graphql(Some(&alone), revoke).assert_status(200);
        server.command(&["session", "revoke", "--user", "admin@example.com"], "").assert_done();
    }
    {
        let server = server(&folder, "opaque");
        server.gateway(Some(&alone), "").assert_refused(401, "User token has been revoked");
        server.gateway(Some(&of_admin), "").assert_refused(401, "User token has been revoked");
        server.gateway(Some(&kept), "").assert_status(200);
        server.command(&["session", "revoke", "--all"], "").assert_done();
        server.gateway(Some(&kept), "").assert_status(401);
    }
    let server = server(&folder, "opaque");
    server.gateway(Some(&kept), "").assert_refused(401, "User token has been revoked");
}

#[test]
fn a_customer_signs_all_jwts_out_and_in_again_in_the_same_second() {
    let home = tempfile::tempdir().unwrap();
    let server = server(&home.path().join("data"), "opaque");
    let token = of_magento(Subject::customer(1), 0);
    let revoked = server.post(Some(&token), "/rest/V1/integration/customer/revoke-customer-token", &json!({}));
    revoked.assert_status(200);
    server.gateway(Some(&token), "").assert_status(401);
    let again = server.customer();
    let exchanged = server.gateway(Some(&again), "?exchange=jwt");
    let inner = exchanged.assert_status(200).header("authorization").strip_prefix("Bearer ").unwrap().to_owned();
    server.gateway(Some(&inner), "").assert_status(200);
}

#[test]
fn without_the_key_a_jwt_is_unknown() {
    let server = TestServer::demo();
    server
        .gateway(Some(&of_magento(Subject::customer(1), 0)), "")
        .assert_refused(401, "Composite reader could not read a token");
}

#[test]
fn a_very_old_password_hash_matches_under_the_key_and_not_without_it() {
    let home = tempfile::tempdir().unwrap();
    let seed = home.path().join("seed.toml");
    // Fact sheet 7.6: no salt and no version, an HMAC of "password" under the key.
    let hash = "1421feadb52d556a2045588672d8880d812ecc81ebb53dd98f6ff43500786b36";
    std::fs::write(&seed, format!("[[customers]]\nemail = \"old@example.com\"\npassword_hash = \"{hash}\"\n")).unwrap();
    let start = || ServerBuilder::new().argument("--seed").argument(seed.to_str().unwrap());
    let server = start().key("MAGENTO__CRYPT_KEY", KEY).start();
    server.try_customer("old@example.com", "password").assert_status(200);
    server.try_customer("old@example.com", "Password").assert_status(401);
    start().start().try_customer("old@example.com", "password").assert_status(401);
}

#[test]
fn with_an_algorithm_that_encrypts_no_jwt_is_issued_or_good_until_it_is_changed_back() {
    let home = tempfile::tempdir().unwrap();
    let server = server(&home.path().join("data"), "jwt");
    let token = server.customer();
    let set = |algorithm| server.command(&["setting", "set", "webapi/jwtauth/jwt_alg", algorithm], "").assert_done();
    set("A128KW");
    server.gateway(Some(&token), "").assert_status(401);
    server.try_admin("admin", "admin123").assert_status(503);
    set("HS256");
    server.gateway(Some(&token), "").assert_status(200);
    server.try_admin("admin", "admin123").assert_status(200);
}
