//! The question a gateway asks, on the internal listener.

use crate::support::{Answer, ServerBuilder, TestServer, send_raw};

const HEADERS: [&str; 6] = [
    "x-token-decision",
    "x-token-user-type",
    "x-token-user-id",
    "x-token-website",
    "x-token-session-id",
    "x-token-expires-in",
];

/// Every answer carries all headers, empty where there is nothing to say, so that forged ones are overwritten.
#[track_caller]
fn assert_names_nobody(answer: &Answer, decision: &str) {
    assert_eq!(answer.header(HEADERS[0]), decision);
    for header in &HEADERS[1..] {
        assert!(matches!(answer.header(header), "" | "guest"), "{header} in {answer:?}");
    }
}

#[test]
fn a_good_token_is_allowed_and_its_owner_named() {
    let server = TestServer::demo();
    let answer = server.gateway(Some(&server.customer()), "?require=customer&website=base");
    answer.assert_status(200);
    assert_eq!(answer.body, "");
    assert_eq!(answer.header("x-token-decision"), "allow");
    assert_eq!(answer.header("x-token-user-type"), "customer");
    assert_eq!(answer.header("x-token-user-id"), "1");
    assert_eq!(answer.header("x-token-website"), "base");
    assert!(answer.header("x-token-session-id").parse::<u64>().unwrap() > 0);
    let seconds = answer.header("x-token-expires-in").parse::<u64>().unwrap();
    assert!((3590..=3600).contains(&seconds), "{seconds}");
}

#[test]
fn an_administrator_is_allowed_by_the_resource_of_the_role() {
    let server = TestServer::demo();
    let answer = server.gateway(Some(&server.admin()), "?require=admin&acl=Magento_Backend::store");
    assert_eq!(answer.assert_status(200).header("x-token-user-type"), "admin");
}

#[test]
fn without_a_token_only_guests_are_welcome() {
    let server = TestServer::demo();
    let refused = server.gateway(None, "");
    assert_eq!(refused.assert_status(401).header("www-authenticate"), "Bearer");
    assert_names_nobody(&refused, "deny");
    let guest = server.gateway(None, "?require=guest-ok");
    assert_names_nobody(guest.assert_status(200), "guest");
}

#[test]
fn an_unknown_token_is_refused_even_where_guests_are_welcome() {
    let server = TestServer::demo();
    for policy in ["", "?require=guest-ok", "/policy/storefront"] {
        let answer = server.gateway(Some("0123456789abcdefghijklmnopqrstuv"), policy);
        assert!(answer.assert_status(401).header("www-authenticate").contains("error=\"invalid_token\""));
        assert_names_nobody(&answer, "deny");
        answer.assert_refused(401, "Composite reader could not read a token");
    }
}

#[test]
fn the_wrong_kind_of_user_is_forbidden_and_not_named() {
    let server = TestServer::demo();
    let answer = server.gateway(Some(&server.customer()), "?require=admin");
    assert!(answer.assert_status(403).header("www-authenticate").contains("error=\"insufficient_scope\""));
    assert_names_nobody(&answer, "deny");
}

#[test]
fn a_question_that_is_not_understood_is_never_a_yes() {
    let server = TestServer::demo();
    let token = server.customer();
    for question in [
        "?require=everybody",
        "?require=customer&require=guest-ok",
        "?requires=customer",
        "?require=customer&website=",
        "/policy/no-such-policy",
        "/elsewhere",
    ] {
        let answer = server.gateway(Some(&token), question);
        assert!(answer.status >= 400, "{question}: {answer:?}");
    }
}

#[test]
fn what_follows_a_policys_name_cannot_weaken_it() {
    let server = TestServer::demo();
    for path in ["/policy/customer?require=guest-ok", "/policy/customer/catalogue?require=guest-ok"] {
        server.gateway(None, path).assert_status(401);
        server.gateway(Some(&server.customer()), path).assert_status(200);
    }
}

#[test]
fn two_authorization_headers_are_refused() {
    let server = TestServer::demo();
    let token = server.customer();
    let request = format!(
        "GET /check HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {token}\r\nAuthorization: Bearer {token}\r\n\
         Connection: close\r\n\r\n"
    );
    let (status, _) = send_raw(server.internal, request.as_bytes());
    assert_eq!(status, 401);
}

#[test]
fn the_public_listener_does_not_answer_gateways_nor_say_how_the_server_is() {
    let server = TestServer::demo();
    for path in ["/check", "/metrics", "/health/ready"] {
        assert_eq!(server.get(None, path).status, 404, "{path}");
    }
}

#[test]
fn metrics_count_checks_and_name_neither_users_nor_tokens() {
    let server = TestServer::demo();
    let token = server.customer();
    server.gateway(Some(&token), "").assert_status(200);
    server.gateway(Some("0123456789abcdefghijklmnopqrstuv"), "").assert_status(401);
    let metrics = server.internal(None, "/metrics");
    let text = &metrics.assert_status(200).body;
    assert!(text.ends_with("# EOF\n"), "{text}");
    for forbidden in [token.as_str(), "customer@example.com", "0123456789abcdefghijklmnopqrstuv"] {
        assert!(!text.contains(forbidden), "{forbidden} is in {text}");
    }
    let live = text.lines().find(|line| line.contains("sessions") && line.contains("customer")).unwrap();
    assert!(live.ends_with(" 1"), "{live}");
}

#[test]
fn a_policy_of_the_configuration_can_be_asked_for_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokenward.toml");
    std::fs::write(
        &file,
        "[[policies]]\nname = \"watch\"\nrequire = \"admin\"\nobserve = true\n\n\
         [[policies]]\nname = \"signed\"\nrequire = \"customer\"\nother_schemes = \"pass\"\n",
    )
    .unwrap();
    let server = ServerBuilder::new().argument("--demo").argument("--config").argument(file.to_str().unwrap()).start();

    let observed = server.gateway(None, "/policy/watch");
    assert_eq!(observed.assert_status(200).header("x-token-decision"), "deny");

    let oauth = |path: &str| {
        let request = format!(
            "GET /check{path} HTTP/1.1\r\nHost: gateway\r\nAuthorization: OAuth oauth_token=\"a\"\r\n\
             Connection: close\r\n\r\n"
        );
        send_raw(server.internal, request.as_bytes()).0
    };
    assert_eq!(oauth("/policy/signed"), 200);
    assert_eq!(oauth("?require=customer"), 401);
}
