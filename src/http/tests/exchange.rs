//! JWTs at the gateway: the exchange, and those that Magento issued.

use std::sync::Arc;
use std::time::Duration;

use super::{House, START, Seen, bearing, get};
use crate::decision::{Exchange as Exchanged, OtherSchemes, Policy, Requirement};
use crate::http::Exchange;
use crate::magento::InstallationKey;
use crate::session::{Subject, UserType};
use crate::settings::{Scope, WebsiteId};
use crate::token::jwt::{Claims, Issuer, JwtAlgorithm, JwtKey};

fn key() -> JwtKey {
    JwtKey::new(&InstallationKey::parse("g9mY9KLrcuAVJfsmVUSRkKFLDdUPVkaZ").unwrap())
}

fn exchanging(kinds: &[UserType]) -> House {
    let house = House::starting_with(|options| {
        options.exchange = Some(Exchange { seconds: 60, kinds: kinds.to_vec() });
        let exchange = Some(Exchanged::Jwt);
        let observing = Policy { observe: true, require: Requirement::Customer, exchange, ..Policy::default() };
        let passing = Policy { other_schemes: OtherSchemes::Pass, exchange, ..Policy::default() };
        options.policies.insert("observing".to_owned(), observing);
        options.policies.insert("passing".to_owned(), passing);
    });
    house.jwt_key.store(Some(Arc::new(key())));
    house.services.readiness.set_ready();
    house
}

fn house() -> House {
    exchanging(&[UserType::Customer, UserType::Admin])
}

/// What the gateway would send upstream.
fn authorization(seen: &Seen) -> &str {
    assert!(seen.headers.contains_key("authorization"), "it is always there");
    seen.header("authorization")
}

fn claims(seen: &Seen) -> Claims {
    let token = authorization(seen).strip_prefix("Bearer ").unwrap();
    key().read(token, JwtAlgorithm::Hs256).unwrap()
}

/// A JWT of Magento for customer 7.
fn issued_by_magento(subject: Subject) -> String {
    let claims = Claims { subject, issued: START, expires: START.plus(3600), issuer: Issuer::Magento };
    key().sign(&claims, JwtAlgorithm::Hs256).expose().to_owned()
}

#[actix_web::test]
async fn a_good_token_becomes_a_jwt_for_magento() {
    let house = house();
    let (customer, admin) = (house.customer().await, house.admin().await);
    house.clock.advance(Duration::from_secs(10));
    for query in ["?exchange=jwt", "?require=customer&exchange=jwt", "?exchange=jwt&website=base"] {
        let seen = house.internal(bearing(&format!("/check{query}"), &customer)).await;
        assert_eq!((seen.status, seen.header("x-token-user-id")), (200, "7"));
        let issued = START.plus(10);
        let expected =
            Claims { subject: Subject::customer(7), issued, expires: issued.plus(60), issuer: Issuer::Magento };
        assert_eq!(claims(&seen), expected, "{query}");
    }
    let seen = house.internal(bearing("/check?exchange=jwt", &admin)).await;
    assert_eq!(claims(&seen).subject, Subject::admin(3));
    let plain = house.internal(bearing("/check", &customer)).await;
    assert!(!plain.headers.contains_key("authorization"));
}

#[actix_web::test]
async fn guests_and_refusals_carry_an_empty_authorization() {
    let house = house();
    let token = house.customer().await;
    let guest = house.internal(get("/check?require=guest-ok&exchange=jwt")).await;
    assert_eq!((guest.status, authorization(&guest)), (200, ""));
    let nobody = house.internal(get("/check?exchange=jwt")).await;
    assert_eq!((nobody.status, authorization(&nobody)), (401, ""));
    let wrong = house.internal(bearing("/check?require=admin&exchange=jwt", &token)).await;
    assert_eq!((wrong.status, authorization(&wrong)), (403, ""));
    house.revoke(Subject::customer(7)).await;
    let revoked = house.internal(bearing("/check?exchange=jwt", &token)).await;
    assert_eq!((revoked.status, authorization(&revoked)), (401, ""));
}

#[actix_web::test]
async fn what_it_is_not_minted_for_passes_as_it_came() {
    let house = exchanging(&[UserType::Customer]);
    let admin = house.admin().await;
    let seen = house.internal(bearing("/check?exchange=jwt", &admin)).await;
    assert_eq!((seen.status, authorization(&seen)), (200, format!("Bearer {admin}").as_str()));
    let signed = "OAuth oauth_consumer_key=\"a\"";
    let seen = house.internal(get("/check/policy/passing").insert_header(("authorization", signed))).await;
    assert_eq!((seen.status, authorization(&seen)), (200, signed));
    let seen = house.internal(bearing("/check/policy/observing", "unknown")).await;
    assert_eq!((seen.status, authorization(&seen)), (200, "Bearer unknown"));
    let twice = bearing("/check/policy/observing", "unknown").append_header(("authorization", "Bearer other"));
    assert_eq!(authorization(&house.internal(twice).await), "");
}

#[actix_web::test]
async fn without_a_key_the_exchange_is_a_question_that_cannot_be_answered() {
    let house = House::new();
    let token = house.customer().await;
    let seen = house.internal(bearing("/check?exchange=jwt", &token)).await;
    assert_eq!((seen.status, seen.header("x-token-decision")), (400, "deny"));
    assert!(seen.body.contains("magento.crypt_key"), "{}", seen.body);
}

#[actix_web::test]
async fn nobody_passes_when_there_is_suddenly_no_key_or_no_algorithm() {
    let house = house();
    let token = house.customer().await;
    let before = house.services.snapshot.load_full();
    let mut settings = before.settings.clone();
    settings.set("webapi/jwtauth/jwt_alg", Scope::Default, Some("A128KW".to_owned()));
    house.services.snapshot.store(Arc::new(before.followed_by(settings, before.stores.clone(), before.roles.clone())));
    let seen = house.internal(bearing("/check?exchange=jwt", &token)).await;
    assert_eq!((seen.status, authorization(&seen), seen.header("x-token-user-id")), (503, "", ""));
    house.services.snapshot.store(before);
    house.jwt_key.store(None);
    let seen = house.internal(bearing("/check?exchange=jwt", &token)).await;
    assert_eq!((seen.status, authorization(&seen)), (503, ""));
}

#[actix_web::test]
async fn a_jwt_of_magento_is_allowed_and_its_customers_website_known() {
    let house = house();
    let token = issued_by_magento(Subject::customer(7));
    let seen = house.internal(bearing("/check?require=customer&website=base", &token)).await;
    assert_eq!(seen.status, 200);
    let named = ["x-token-user-id", "x-token-website", "x-token-session-id", "x-token-expires-in"];
    assert_eq!(named.map(|name| seen.header(name)), ["7", "base", "", "3600"]);
    let elsewhere = issued_by_magento(Subject::customer(8));
    assert_eq!(house.internal(bearing("/check?website=base", &elsewhere)).await.status, 403, "nobody knows where");
    assert_eq!(house.internal(bearing("/check", &elsewhere)).await.status, 200);
    assert_eq!(house.issue(Subject::customer(7), WebsiteId(1), None).await.len(), 32);
}

#[actix_web::test]
async fn a_revoked_jwt_is_refused_at_the_gateway_in_magentos_words() {
    let house = house();
    let token = issued_by_magento(Subject::customer(7));
    house.revoke(Subject::customer(7)).await;
    let seen = house.internal(bearing("/check", &token)).await;
    assert_eq!((seen.status, seen.json()["message"].as_str()), (401, Some("User token has been revoked")));
    house.clock.advance(Duration::from_hours(1));
    let seen = house.internal(bearing("/check", &token)).await;
    assert!(seen.header("www-authenticate").contains("expired"));
}

#[actix_web::test]
async fn graphql_and_rest_read_jwts_of_magento() {
    let house = house();
    let token = issued_by_magento(Subject::customer(7));
    let me = house.public(bearing("/rest/V1/customers/me", &token)).await;
    assert_eq!((me.status, me.json()["email"].as_str()), (200, Some("customer@example.com")));
    let query = "/graphql?query={customer{email}}";
    let seen = house.public(bearing(query, &token)).await;
    assert_eq!(seen.json()["data"]["customer"]["email"], "customer@example.com", "{}", seen.body);
}

#[actix_web::test]
async fn a_customer_signs_one_jwt_of_magento_out_alone() {
    let house = house();
    let token = issued_by_magento(Subject::customer(7));
    house.clock.advance(Duration::from_secs(1));
    let opaque = house.customer().await;
    let query = r#"{"query":"mutation { revokeCustomerToken(scope: CURRENT) { result } }"}"#;
    let request = bearing("/graphql", &token).method(actix_web::http::Method::POST);
    let request = request.insert_header(("content-type", "application/json")).set_payload(query);
    let seen = house.public(request).await;
    assert_eq!(seen.json()["data"]["revokeCustomerToken"]["result"], true, "{}", seen.body);
    assert_eq!(house.internal(bearing("/check", &token)).await.status, 401);
    assert_eq!(house.internal(bearing("/check", &opaque)).await.status, 200);
}
