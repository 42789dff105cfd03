use std::time::Duration;

use actix_web::http::Method;
use actix_web::test::TestRequest;

use super::{House, START, Seen, bearing, get};
use crate::session::Subject;
use crate::settings::WebsiteId;

const SIX: [&str; 6] = [
    "x-token-decision",
    "x-token-user-type",
    "x-token-user-id",
    "x-token-website",
    "x-token-session-id",
    "x-token-expires-in",
];

/// The six headers, all of which have to be there.
fn six(seen: &Seen) -> [&str; 6] {
    SIX.map(|name| {
        assert!(seen.headers.contains_key(name), "{name} is missing");
        seen.header(name)
    })
}

const DENIED: [&str; 6] = ["deny", "", "", "", "", ""];

#[actix_web::test]
async fn a_good_token_is_named_for_every_method() {
    let house = House::new();
    let token = house.customer().await;
    house.clock.advance(Duration::from_mins(1));
    for method in [Method::GET, Method::POST, Method::HEAD, Method::OPTIONS, Method::from_bytes(b"PURGE").unwrap()] {
        let seen = house.internal(bearing("/check?require=customer", &token).method(method)).await;
        assert_eq!(seen.status, 200);
        assert_eq!(six(&seen), ["allow", "customer", "7", "base", "1", "3540"]);
        assert_eq!(seen.header("cache-control"), "no-store");
    }
}

#[actix_web::test]
async fn a_revoked_token_is_refused_at_the_gateway() {
    let house = House::new();
    let token = house.customer().await;
    house.revoke(Subject::customer(7)).await;
    for path in ["/check", "/check?require=guest-ok", "/check/policy/storefront"] {
        let seen = house.internal(bearing(path, &token)).await;
        assert_eq!((seen.status, six(&seen)), (401, DENIED));
        assert!(seen.header("www-authenticate").starts_with("Bearer error=\"invalid_token\", error_description="));
        assert_eq!(seen.json()["message"], "Composite reader could not read a token");
        assert_eq!(seen.json()["errors"][0]["extensions"]["category"], "graphql-authentication");
    }
}

#[actix_web::test]
async fn a_token_is_refused_from_the_second_of_its_end() {
    let house = House::new();
    let token = house.customer().await;
    house.clock.advance(Duration::from_secs(3599));
    assert_eq!(house.internal(bearing("/check", &token)).await.header("x-token-expires-in"), "1");
    house.clock.advance(Duration::from_secs(1));
    let seen = house.internal(bearing("/check", &token)).await;
    assert_eq!(seen.status, 401);
    assert_eq!(seen.json()["message"], "Consumer key has expired");
}

#[actix_web::test]
async fn without_a_token_the_policy_decides() {
    let house = House::new();
    let seen = house.internal(get("/check")).await;
    assert_eq!((seen.status, six(&seen), seen.header("www-authenticate")), (401, DENIED, "Bearer"));
    let seen = house.internal(get("/check?require=guest-ok")).await;
    assert_eq!((seen.status, six(&seen)), (200, ["guest", "guest", "", "", "", ""]));
}

#[actix_web::test]
async fn two_authorization_headers_are_refused() {
    let house = House::new();
    let token = house.customer().await;
    let request =
        bearing("/check/policy/storefront", &token).append_header(("authorization", format!("Bearer {token}")));
    let seen = house.internal(request).await;
    assert_eq!((seen.status, six(&seen)), (401, DENIED));
}

#[actix_web::test]
async fn a_good_token_of_the_wrong_holder_is_forbidden() {
    let house = House::new();
    let customer = house.customer().await;
    let stranger = house.issue(Subject::customer(8), WebsiteId(2), None).await;
    let admin = house.admin().await;
    for (uri, token) in [
        ("/check?require=admin", &customer),
        ("/check?require=customer", &admin),
        ("/check?require=customer&website=base", &stranger),
        ("/check?acl=Magento_Backend::store", &customer),
        ("/check?require=admin&acl=Magento_User::acl_users", &admin),
    ] {
        let seen = house.internal(bearing(uri, token)).await;
        assert_eq!((seen.status, six(&seen)), (403, DENIED), "{uri}");
        assert!(seen.header("www-authenticate").starts_with("Bearer error=\"insufficient_scope\""), "{uri}");
    }
    let seen =
        house.internal(bearing("/check?require=admin&acl=Magento_Backend%3A%3Astore&website=base", &admin)).await;
    assert_eq!(seen.status, 200);
    assert_eq!(&six(&seen)[..4], ["allow", "admin", "3", ""]);
}

#[actix_web::test]
async fn a_locked_customer_is_forbidden_while_the_lock_lasts() {
    let house = House::new();
    let token = house.customer().await;
    house.lock(7, START.plus(60)).await;
    let seen = house.internal(bearing("/check", &token)).await;
    assert_eq!((seen.status, six(&seen)), (403, DENIED));
    assert_eq!(seen.json()["message"], "The account is locked.");
    house.clock.advance(Duration::from_mins(1));
    assert_eq!(house.internal(bearing("/check", &token)).await.status, 200);
}

#[actix_web::test]
async fn staged_content_is_for_administrators() {
    let house = House::new();
    let (customer, admin) = (house.customer().await, house.admin().await);
    let with_preview = |request: TestRequest| request.insert_header(("preview-version", "1700000000"));
    assert_eq!(house.internal(with_preview(bearing("/check", &customer))).await.status, 403);
    assert_eq!(house.internal(with_preview(get("/check/policy/storefront"))).await.status, 403);
    assert_eq!(house.internal(with_preview(bearing("/check", &admin))).await.status, 200);
}

#[actix_web::test]
async fn what_a_client_adds_to_a_named_policy_changes_nothing() {
    let house = House::new();
    for uri in [
        "/check/policy/customer?require=guest-ok",
        "/check/policy/customer/../storefront?require=guest-ok",
        "/check/policy/customer/graphql?require=guest-ok&require=any&x=y",
        "/check/policy/customer//storefront",
    ] {
        let seen = house.internal(get(uri)).await;
        assert_eq!((seen.status, six(&seen)), (401, DENIED), "{uri}");
    }
}

#[actix_web::test]
async fn a_question_that_is_not_understood_is_denied_with_all_headers() {
    let house = House::new();
    let token = house.customer().await;
    for (uri, status) in [
        ("/check?require=any&require=guest-ok", 400),
        ("/check?role=1", 400),
        ("/check?require=everybody", 400),
        ("/check?exchange=jwt", 400),
        ("/check?website=", 400),
        ("/check/policy/nobody", 404),
        ("/check/policy/", 404),
        ("/check/policy", 404),
        ("/check/", 404),
        ("/check/graphql?require=guest-ok", 404),
        ("//check", 404),
        ("///check/policy/storefront", 404),
        ("/CHECK?require=guest-ok", 404),
        ("/Check/policy/storefront", 404),
    ] {
        let seen = house.internal(bearing(uri, &token)).await;
        assert_eq!((seen.status, six(&seen)), (status, DENIED), "{uri}");
        assert_eq!(seen.header("content-type"), "application/problem+json", "{uri}");
    }
}

#[actix_web::test]
async fn an_observing_policy_lets_everything_pass_and_says_what_it_would_have_said() {
    let house = House::new();
    let seen = house.internal(bearing("/check/policy/observing", "garbage")).await;
    assert_eq!((seen.status, six(&seen), seen.body.as_str()), (200, DENIED, ""));
    let token = house.customer().await;
    let seen = house.internal(bearing("/check/policy/observing", &token)).await;
    assert_eq!(six(&seen)[..3], ["allow", "customer", "7"]);
}

#[actix_web::test]
async fn another_scheme_passes_without_a_name_where_the_policy_says_so() {
    let house = House::new();
    let signed = |uri| get(uri).insert_header(("authorization", "OAuth oauth_consumer_key=\"x\""));
    let seen = house.internal(signed("/check/policy/passing")).await;
    assert_eq!((seen.status, six(&seen)), (200, ["allow", "", "", "", "", ""]));
    assert_eq!(house.internal(signed("/check/policy/customer")).await.status, 401);
    assert_eq!(house.internal(get("/check/policy/passing")).await.status, 401);
}

#[actix_web::test]
async fn a_token_whose_revocation_is_not_stored_is_never_good() {
    let house = House::new();
    let token = house.customer().await;
    house.break_store();
    let which = crate::registry::Revocation::Subject(Subject::customer(7));
    let reason = crate::session::EndReason::SignedOut;
    house
        .registry
        .revoke(crate::registry::RevokeSessions { which, reason, origin: crate::audit::Origin::SERVER })
        .await
        .unwrap_err();
    let seen = house.internal(bearing("/check/policy/storefront", &token)).await;
    assert_eq!((seen.status, six(&seen)), (503, DENIED));
    assert_eq!(seen.header("retry-after"), "1");
}

#[actix_web::test]
async fn health_says_whether_requests_are_welcome() {
    let house = House::starting();
    assert_eq!(house.internal(get("/health/live")).await.status, 200);
    let seen = house.internal(get("/health/ready")).await;
    assert_eq!((seen.status, seen.body.as_str()), (503, r#"{"status":"starting"}"#));
    house.services.readiness.set_ready();
    let seen = house.internal(get("/health/ready")).await;
    assert_eq!((seen.status, seen.body.as_str()), (200, r#"{"status":"ready"}"#));
    assert_eq!(house.internal(TestRequest::post().uri("/health/ready")).await.status, 405);
}

#[actix_web::test]
async fn checks_and_sessions_are_counted() {
    let house = House::new();
    let token = house.customer().await;
    house.internal(bearing("/check", &token)).await;
    house.internal(bearing("/check?x", &token)).await;
    let seen = house.internal(get("/metrics")).await;
    assert!(seen.header("content-type").starts_with("application/openmetrics-text; version=1.0.0"));
    for line in [
        "tokenward_checks_total{outcome=\"allowed\",mode=\"enforced\"} 1",
        "tokenward_checks_total{outcome=\"bad_question\",mode=\"enforced\"} 1",
        "tokenward_sessions{kind=\"customer\"} 1",
        "tokenward_request_duration_seconds_count{group=\"check\"} 1",
    ] {
        assert!(seen.body.lines().any(|found| found == line), "{line} is missing from\n{}", seen.body);
    }
    assert!(!seen.body.contains(&token));
}

#[actix_web::test]
async fn an_unknown_route_is_a_problem() {
    let seen = House::new().internal(get("/nothing")).await;
    assert_eq!((seen.status, seen.header("content-type")), (404, "application/problem+json"));
}
