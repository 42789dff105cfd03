use actix_web::http::Method;
use actix_web::test::TestRequest;

use super::{House, get};

const SHOP: &str = "https://shop.example";

fn open_house() -> House {
    House::with(|options| options.allowed_origins = vec![SHOP.to_owned()])
}

fn preflight(origin: &str) -> TestRequest {
    TestRequest::default()
        .method(Method::OPTIONS)
        .uri("/rest/V1/integration/customer/token")
        .insert_header(("origin", origin))
        .insert_header(("access-control-request-method", "POST"))
}

#[actix_web::test]
async fn a_known_origin_is_told_what_it_may_send() {
    let seen = open_house().public(preflight(SHOP)).await;
    assert_eq!((seen.status, seen.body.as_str()), (204, ""));
    assert_eq!(seen.header("access-control-allow-origin"), SHOP);
    assert_eq!(seen.header("access-control-allow-credentials"), "true");
    assert_eq!(
        seen.header("access-control-allow-headers"),
        "authorization, content-type, store, content-currency, x-magento-cache-id, x-recaptcha"
    );
    assert!(seen.header("access-control-allow-methods").contains("POST"));
    assert_eq!(seen.header("vary"), "Origin");
}

#[actix_web::test]
async fn a_known_origin_may_read_answers_errors_included() {
    let seen = open_house().public(get("/rest/V1/customers/me").insert_header(("origin", SHOP))).await;
    assert_eq!((seen.status, seen.header("access-control-allow-origin")), (401, SHOP));
}

#[actix_web::test]
async fn another_origin_is_told_nothing() {
    let house = open_house();
    let seen = house.public(preflight("https://evil.example")).await;
    assert_eq!((seen.status, seen.header("access-control-allow-origin")), (405, ""));
    let seen = house.public(get("/rest/V1/customers/me").insert_header(("origin", "https://evil.example"))).await;
    assert_eq!((seen.header("access-control-allow-origin"), seen.header("vary")), ("", "Origin"));
}

#[actix_web::test]
async fn without_configuration_there_is_no_trace_of_it() {
    let house = House::new();
    let seen = house.public(preflight(SHOP)).await;
    assert_eq!(seen.status, 405);
    let seen_get = house.public(get("/rest/V1/customers/me").insert_header(("origin", SHOP))).await;
    for name in seen.headers.keys().chain(seen_get.headers.keys()) {
        assert!(!name.as_str().starts_with("access-control") && name != "vary", "{name}");
    }
}

#[actix_web::test]
async fn graphql_is_answered_on_the_public_listener() {
    let house = open_house();
    let request = TestRequest::post().uri("/graphql").set_json(serde_json::json!({ "query": "{ __typename }" }));
    let seen = house.public(request.insert_header(("origin", SHOP))).await;
    assert_eq!((seen.status, seen.body.as_str()), (200, r#"{"data":{"__typename":"Query"}}"#));
    assert_eq!(seen.header("access-control-allow-origin"), SHOP);
    assert_eq!(seen.header("x-content-type-options"), "nosniff");
}

#[actix_web::test]
async fn the_public_listener_counts_how_long_it_takes() {
    let house = House::new();
    house.public(get("/rest/V1/customers/me")).await;
    house.public(get("/nothing")).await;
    let text = house.internal(get("/metrics")).await.body;
    for line in [
        "tokenward_request_duration_seconds_count{group=\"rest\"} 1",
        "tokenward_request_duration_seconds_count{group=\"other\"} 1",
        "tokenward_request_duration_seconds_count{group=\"check\"} 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing");
    }
}

#[actix_web::test]
async fn before_it_is_ready_nobody_is_told_yes_or_no() {
    let house = House::starting();
    let token = house.customer().await;
    let seen = house.public(get("/rest/V1/customers/me")).await;
    assert_eq!((seen.status, seen.header("retry-after")), (503, "1"));
    let bearer = ("authorization", format!("Bearer {token}"));
    let seen = house.internal(get("/check").insert_header(bearer.clone())).await;
    assert_eq!((seen.status, seen.header("x-token-decision"), seen.header("x-token-user-id")), (503, "deny", ""));
    assert_eq!(house.internal(get("/health/live")).await.status, 200);
    house.services.readiness.set_ready();
    assert_eq!(house.internal(get("/check").insert_header(bearer)).await.status, 200);
    assert_ne!(house.public(get("/rest/V1/customers/me")).await.status, 503);
}
