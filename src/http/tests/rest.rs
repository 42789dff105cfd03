use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::json;

use super::{House, bearing, get};
use crate::session::Subject;
use crate::settings::WebsiteId;
use crate::sign_in::Refusal;

fn post(uri: &str) -> TestRequest {
    TestRequest::post().uri(uri)
}

const NOT_SELF: &str =
    r#"{"message":"The consumer isn't authorized to access %resources.","parameters":{"resources":"self"}}"#;

#[actix_web::test]
async fn a_customer_sees_themselves_below_every_base_path() {
    let house = House::new();
    let token = house.customer().await;
    for uri in [
        "/rest/V1/customers/me",
        "/rest/default/V1/customers/me",
        "/rest/all/V1/customers/me/",
        "/index.php/rest/V1/customers/me",
    ] {
        let seen = house.public(bearing(uri, &token)).await;
        assert_eq!(seen.status, 200, "{uri}");
        assert_eq!(seen.header("content-type"), "application/json; charset=utf-8");
        assert_eq!(seen.header("cache-control"), "no-store");
        assert_eq!(seen.header("x-content-type-options"), "nosniff");
        let body = seen.json();
        assert_eq!((&body["id"], &body["email"]), (&json!(7), &json!("customer@example.com")));
        assert_eq!(body["created_at"], "2023-11-14 22:13:20");
        assert!(body.get("gender").is_none());
    }
}

#[actix_web::test]
async fn guests_administrators_and_bad_tokens_are_not_a_customer() {
    let house = House::new();
    let admin = house.admin().await;
    let twice = bearing("/rest/V1/customers/me", &admin).append_header(("authorization", "Bearer x"));
    for request in [
        get("/rest/V1/customers/me"),
        bearing("/rest/V1/customers/me", "garbage"),
        bearing("/rest/V1/customers/me", &admin),
        twice,
    ] {
        let seen = house.public(request).await;
        assert_eq!((seen.status, seen.body.as_str()), (401, NOT_SELF));
    }
}

#[actix_web::test]
async fn a_customer_who_is_gone_is_not_found() {
    let house = House::new();
    let token = house.issue(Subject::customer(8), WebsiteId(1), None).await;
    let seen = house.public(bearing("/rest/V1/customers/me", &token)).await;
    assert_eq!(seen.status, 404);
    assert_eq!(seen.json()["message"], "No such entity with %fieldName = %fieldValue");
}

#[actix_web::test]
async fn websites_are_for_administrators_whose_role_allows_them() {
    let house = House::new();
    let (admin, customer) = (house.admin().await, house.customer().await);
    let seen = house.public(bearing("/rest/V1/store/websites", &admin)).await;
    assert_eq!(seen.status, 200);
    assert_eq!(seen.json()[1]["code"], "base");
    let weak = house.issue(Subject::admin(4), WebsiteId::ADMIN, None).await;
    for token in [customer, weak] {
        let seen = house.public(bearing("/rest/V1/store/websites", &token)).await;
        assert_eq!(seen.status, 401);
        assert_eq!(seen.json()["parameters"]["resources"], "Magento_Backend::store");
    }
}

#[actix_web::test]
async fn revoking_ends_all_sessions_of_the_caller() {
    let house = House::new();
    let (one, other) = (house.customer().await, house.customer().await);
    let revoke = |token: &str| {
        post("/rest/V1/integration/customer/revoke-customer-token")
            .insert_header(("authorization", format!("Bearer {token}")))
    };
    let seen = house.public(revoke(&one).set_json(json!({ "customerId": 9 }))).await;
    assert_eq!((seen.status, seen.body.as_str()), (200, "true"));
    for token in [&one, &other] {
        let seen = house.public(revoke(token)).await;
        assert_eq!((seen.status, seen.body.as_str()), (401, NOT_SELF));
    }
}

#[actix_web::test]
async fn a_revocation_that_is_not_stored_is_not_confirmed() {
    let house = House::new();
    let token = house.customer().await;
    house.break_store();
    let request = post("/rest/V1/integration/customer/revoke-customer-token")
        .insert_header(("authorization", format!("Bearer {token}")));
    let seen = house.public(request).await;
    assert_eq!((seen.status, seen.header("retry-after")), (503, "1"));
}

#[actix_web::test]
async fn whether_a_caller_may_is_decided_before_the_body_is_read() {
    let house = House::new();
    let request = post("/rest/V1/integration/customer/revoke-customer-token").set_payload("{");
    assert_eq!(house.public(request).await.status, 401);
}

fn sign_in(path: &str, username: &str, password: &str) -> TestRequest {
    post(path).set_json(json!({ "username": username, "password": password }))
}

const CUSTOMER_TOKEN: &str = "/rest/V1/integration/customer/token";
const ADMIN_TOKEN: &str = "/rest/all/V1/integration/admin/token";

#[actix_web::test]
async fn a_customer_signs_in_and_is_known_by_the_token() {
    let house = House::new();
    let request = sign_in(CUSTOMER_TOKEN, "customer@example.com", "password");
    let seen = house.public(request.insert_header(("authorization", "Bearer garbage"))).await;
    assert_eq!((seen.status, seen.header("cache-control")), (200, "no-store"));
    let token = seen.json().as_str().unwrap().to_owned();
    assert_eq!(token.len(), 32);
    assert_eq!(house.public(bearing("/rest/V1/customers/me", &token)).await.json()["id"], 7);
    assert_eq!(house.internal(bearing("/check?require=customer&website=base", &token)).await.status, 200);
}

#[actix_web::test]
async fn an_administrator_signs_in_and_sees_the_websites() {
    let house = House::new();
    let seen = house.public(sign_in(ADMIN_TOKEN, "admin", "password")).await;
    assert_eq!(seen.status, 200);
    let token = seen.json().as_str().unwrap().to_owned();
    assert_eq!(house.public(bearing("/rest/V1/store/websites", &token)).await.status, 200);
    assert_eq!(house.public(bearing("/rest/V1/customers/me", &token)).await.body, NOT_SELF);
}

#[actix_web::test]
async fn a_refused_sign_in_is_told_in_general_words_and_counted_by_its_reason() {
    let house = House::new();
    for request in [
        sign_in(CUSTOMER_TOKEN, "customer@example.com", "wrong"),
        sign_in(CUSTOMER_TOKEN, "nobody@example.com", "password"),
        sign_in(ADMIN_TOKEN, "admin", "wrong"),
    ] {
        let seen = house.public(request).await;
        assert_eq!(
            (seen.status, seen.body.as_str()),
            (
                401,
                r#"{"message":"The account sign-in was incorrect or your account is disabled temporarily. Please wait and try again later."}"#
            )
        );
    }
    let statistics = house.services.sign_in.statistics();
    assert_eq!(statistics.refused(Refusal::WrongPassword), 2);
    assert_eq!(statistics.refused(Refusal::UnknownUser), 1);
}

#[actix_web::test]
async fn bad_credentials_bodies_get_magentos_words() {
    let house = House::new();
    let uri = "/rest/V1/integration/customer/token";
    let json = || post(uri).insert_header(("content-type", "application/json"));
    let long = "x".repeat(2000);
    for (request, message) in [
        (post(uri), "One or more input exceptions have occurred."),
        (post(uri).set_payload("{}"), "Content-Type header is empty."),
        (json().set_payload("{"), "Decoding error."),
        (json().set_payload(r#"{"username":"a"}"#), "\"%fieldName\" is required. Enter and try again."),
        (
            json().set_payload(r#"{"username":["a"],"password":"b"}"#),
            "The \"array\" value's type is invalid. The \"string\" type was expected. Verify and try again.",
        ),
        (json().set_payload(long), "Request body is too large."),
        (
            post(uri).insert_header(("content-type", "text/plain")).set_payload("x"),
            "Server cannot understand Content-Type HTTP header media type text/plain",
        ),
    ] {
        let seen = house.public(request.insert_header(("authorization", "Bearer garbage"))).await;
        assert_eq!((seen.status, seen.json()["message"].as_str()), (400, Some(message)));
    }
}

#[actix_web::test]
async fn paths_and_methods_that_do_not_fit_get_magentos_words() {
    let house = House::new();
    let token_route = "/rest/V1/integration/customer/token";
    for (method, uri, status, message) in [
        (Method::GET, "/rest/french/V1/customers/me", 400, "Specified request cannot be processed."),
        (Method::GET, token_route, 404, "Request does not match any route."),
        (Method::GET, "/rest/V1/nothing", 404, "Request does not match any route."),
        (Method::PATCH, token_route, 405, "The PATCH HTTP method is not supported."),
        (Method::GET, "/nothing", 404, "Request does not match any route."),
        (Method::GET, "/", 404, "Request does not match any route."),
    ] {
        let seen = house.public(TestRequest::default().method(method).uri(uri)).await;
        assert_eq!((seen.status, seen.json()["message"].as_str()), (status, Some(message)), "{uri}");
    }
}

#[actix_web::test]
async fn an_answer_that_cannot_be_written_is_not_acceptable() {
    let house = House::new();
    let seen = house.public(get("/rest/V1/customers/me").insert_header(("accept", "image/png"))).await;
    assert_eq!((seen.status, &seen.json()["messages"]["error"][0]["code"]), (406, &json!(406)));
}
