//! Who may sign in, and what they are told otherwise.

use serde_json::json;

use crate::support::{ServerBuilder, TestServer};

const GENERIC: &str = "The account sign-in was incorrect or your account is disabled temporarily. Please wait and try \
                       again later.";

fn is_opaque_token(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase())
}

#[test]
fn a_customer_signs_in_over_graphql_and_is_known() {
    let server = TestServer::demo();
    let token = server.customer();
    assert!(is_opaque_token(&token), "{token}");
    let answer = server.graphql(Some(&token), "{ customer { email firstname } }");
    assert_eq!(answer.assert_status(200).at("/data/customer/email"), "customer@example.com");
}

#[test]
fn a_token_says_when_it_ends_to_those_who_ask() {
    let server = TestServer::demo();
    let query = r#"mutation { generateCustomerToken(email: "customer@example.com", password: "password")
        { token expires_in expires_at } }"#;
    let answer = server.graphql(None, query);
    assert_eq!(answer.at("/data/generateCustomerToken/expires_in"), 3600);
    assert!(answer.at("/data/generateCustomerToken/expires_at").as_str().unwrap().ends_with('Z'));
}

#[test]
fn a_customer_signs_in_over_rest_and_is_known() {
    let server = TestServer::demo();
    let body = json!({ "username": "customer@example.com", "password": "password" });
    let answer = server.post(None, "/rest/V1/integration/customer/token", &body);
    let token = answer.assert_status(200).json().as_str().unwrap().to_owned();
    assert!(is_opaque_token(&token), "{token}");
    for prefix in ["/rest/V1", "/rest/default/V1", "/rest/all/V1", "/index.php/rest/V1"] {
        let answer = server.get(Some(&token), &format!("{prefix}/customers/me"));
        assert_eq!(answer.assert_status(200).at("/email"), "customer@example.com", "{prefix}");
    }
}

#[test]
fn an_administrator_signs_in_and_may_read_the_websites() {
    let server = TestServer::demo();
    let token = server.admin();
    assert!(is_opaque_token(&token), "{token}");
    let answer = server.get(Some(&token), "/rest/V1/store/websites");
    let codes: Vec<_> =
        answer.assert_status(200).json().as_array().unwrap().iter().map(|site| site["code"].clone()).collect();
    assert!(codes.contains(&json!("base")), "{codes:?}");
}

#[test]
fn each_sign_in_makes_one_more_token_and_the_older_ones_stay_good() {
    let server = TestServer::demo();
    let (first, second) = (server.customer(), server.customer());
    assert_ne!(first, second);
    server.gateway(Some(&first), "?require=customer").assert_status(200);
    server.gateway(Some(&second), "?require=customer").assert_status(200);
}

#[test]
fn a_wrong_password_and_an_unknown_user_are_told_the_same() {
    let server = TestServer::demo();
    server.try_customer("customer@example.com", "wrong").assert_refused(401, GENERIC);
    server.try_customer("nobody@example.com", "wrong").assert_refused(401, GENERIC);
    server.try_admin("admin", "wrong").assert_refused(401, GENERIC);
    server.try_admin("nobody", "wrong").assert_refused(401, GENERIC);
}

#[test]
fn the_operator_is_told_why_a_sign_in_was_refused_and_never_the_password() {
    let server = TestServer::demo();
    server.try_customer("customer@example.com", "a wrong and secret one");
    server.try_customer("nobody@example.com", "another secret one");
    // An answer may be here before what is said of it.
    for reason in ["wrong password", "unknown user"] {
        server.wait_until(|server| server.process.log.text().contains(reason));
    }
    let log = server.process.log.text();
    assert!(!log.contains("secret one"), "{log}");
}

#[test]
fn after_six_failures_the_right_password_is_refused_too() {
    let server = TestServer::demo();
    for _ in 0..6 {
        server.try_customer("customer@example.com", "wrong").assert_refused(401, GENERIC);
    }
    server.try_customer("customer@example.com", "password").assert_refused(401, GENERIC);
    server.try_customer("Customer@Example.com", "password").assert_refused(401, GENERIC);

    server.command(&["customer", "unlock", "--email", "customer@example.com"], "").printed();
    server.customer();
}

#[test]
fn a_throttled_name_stays_throttled_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let start = || ServerBuilder::on(folder.path()).argument("--demo").start();
    let server = start();
    for _ in 0..6 {
        server.try_admin("admin", "wrong").assert_refused(401, GENERIC);
    }
    drop(server);
    start().try_admin("admin", "admin123").assert_refused(401, GENERIC);
}
