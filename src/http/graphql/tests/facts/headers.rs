//! Fact sheet 1.7 and 1.8: headers, and who counts as a customer.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Ask, Case, EMAIL, SIGN_OUT, STORE, Who, case, email, not_authorized, refused, store};

pub(super) fn section_1_7() -> Vec<Case> {
    let ignored = |about, value: &str| {
        case(about, Ask::post(EMAIL).header("authorization", value)).with_statuses(
            200,
            403,
            not_authorized("customer", 3),
        )
    };
    let bad = |about, token: &'static str| {
        case(about, Ask::post(STORE).by(Who::Bearer(token)))
            .older(200, store("default"))
            .newer(401, refused("graphql-authentication", "Composite reader could not read a token"))
            .with_header("content-type", "application/json")
    };
    let unknown_store = |code: &str| refused("graphql-input", &format!("Requested store is not found ({code})"));
    let in_store = |code: &str| Ask::post(STORE).header("store", code);
    let currency = |code: &str| Ask::post(STORE).header("content-currency", code);
    let wrong_currency = || refused("graphql-input", "Please correct the target currency");
    vec![
        ignored("no token", "Bearer"),
        ignored("two spaces between the parts", "Bearer  0123456789abcdef0123456789abcdef"),
        ignored("three words", "Bearer 0123456789abcdef0123456789abcdef more"),
        ignored("another scheme", "Basic dXNlcjpwYXNzd29yZA=="),
        ignored("OAuth 1.0a", "OAuth oauth_consumer_key=\"a\",oauth_token=\"b\""),
        ignored("an empty header", ""),
        case("a good token", Ask::post(EMAIL).by(Who::Customer)).answers(200, email()),
        bad("a token that nobody knows", "0123456789abcdef0123456789abcdef"),
        bad("something short", "x"),
        bad("a malformed JWT", "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"),
        case("an expired token", Ask::post(STORE).by(Who::Customer))
            .given(|house| house.clock.advance(Duration::from_hours(1)))
            .older(200, store("default"))
            .newer(401, refused("graphql-authentication", "Consumer key has expired")),
        case("an expired token, of which a customer is asked", Ask::post(EMAIL).by(Who::Customer))
            .given(|house| house.clock.advance(Duration::from_hours(1)))
            .older(200, not_authorized("customer", 3))
            .newer(401, refused("graphql-authentication", "Consumer key has expired")),
        case("a deleted token", Ask::post(STORE).by(Who::Customer))
            .after(1, &Ask::post(SIGN_OUT).by(Who::Customer))
            .older(200, store("default"))
            .newer(401, refused("graphql-authentication", "Composite reader could not read a token")),
        case("an administrator is no customer", Ask::post(EMAIL).by(Who::Admin(1))).with_statuses(
            200,
            403,
            not_authorized("customer", 3),
        ),
        case("Store: a code", in_store("french")).answers(200, store("french")),
        case("Store: trimmed", in_store(" french ")).answers(200, store("french")),
        case("Store: default in any case", in_store("DEFAULT")).answers(200, store("default")),
        case("Store: compared exactly", in_store("French")).with_statuses(500, 400, unknown_store("French")),
        case("Store: unknown", in_store("nowhere")).with_statuses(500, 400, unknown_store("nowhere")),
        case("Store: inactive", in_store("closed")).with_statuses(500, 400, unknown_store("closed")),
        case("without the header: the cookie", Ask::post(STORE).header("cookie", "PHPSESSID=x; store=french"))
            .answers(200, store("french")),
        case("without the header: the parameter", Ask::post(STORE).at("/graphql?___store=french"))
            .answers(200, store("french")),
        case(
            "without the header: a cookie of a store view that is not there",
            Ask::post(STORE).header("cookie", "store=x"),
        )
        .answers(200, store("default")),
        case("the header before the cookie", in_store("other").header("cookie", "store=french"))
            .answers(200, store("other")),
        case("Content-Currency: allowed", currency("USD")).answers(200, store("default")),
        case("Content-Currency: trimmed and in any case", currency(" usd ")).answers(200, store("default")),
        case("Content-Currency: not allowed", currency("EUR")).with_statuses(500, 400, wrong_currency()),
        case("Content-Currency: allowed by the setting", currency("EUR"))
            .set("currency/options/allow", "USD,EUR")
            .answers(200, store("default")),
        case("Content-Currency: no longer allowed by the setting", currency("USD"))
            .set("currency/options/allow", "EUR")
            .with_statuses(500, 400, wrong_currency()),
        case("X-ReCaptcha is ignored", Ask::post(STORE).header("x-recaptcha", "x")).answers(200, store("default")),
        case(
            "X-Magento-Cache-Id has no effect",
            Ask::post(EMAIL).header("x-magento-cache-id", "null").by(Who::Customer),
        )
        .answers(200, email()),
    ]
}

pub(super) fn section_1_8() -> Vec<Case> {
    let elsewhere = || Ask::post(EMAIL).header("store", "other").by(Who::Customer);
    let signed_out: Value = json!({"data": {"revokeCustomerToken": {"result": true}}});
    vec![
        case("a store view of the same website", Ask::post(EMAIL).header("store", "french").by(Who::Customer))
            .answers(200, email()),
        case("a store view of another website", elsewhere())
            .older(200, email())
            .newer(403, not_authorized("customer", 3)),
        case("a store view of another website, accounts shared globally", elsewhere())
            .set("customer/account_share/scope", "0")
            .answers(200, email()),
        case("a sign-out on another website", Ask::post(SIGN_OUT).header("store", "other").by(Who::Customer))
            .older(200, signed_out)
            .newer(403, not_authorized("revokeCustomerToken", 12)),
    ]
}
