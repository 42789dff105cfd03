//! Fact sheet 2.1, 5.1 and 5.2: signing in, the throttle, the lock of an account.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Ask, Case, EMAIL, Who, case, data, failed, refused};
use crate::http::graphql::tests::support::House;

const FIELD: &str = "generateCustomerToken";
const NAME: &str = "customer@example.com";
const RIGHT: &str = "password";
const REQUIRED: (&str, &str) = ("customer/create_account/confirm", "1");

fn sign_in(email: &str, password: &str) -> Ask {
    Ask::post(format!("mutation {{ {FIELD}(email: \"{email}\", password: \"{password}\") {{ token }} }}"))
}

fn right() -> Ask {
    sign_in(NAME, RIGHT)
}

fn wrong() -> Ask {
    sign_in(NAME, "wrong")
}

fn token() -> Value {
    data(FIELD, &json!({"token": "<token>"}))
}

fn failure(message: &str) -> Value {
    failed(FIELD, 12, "graphql-authentication", message)
}

fn incorrect() -> Value {
    failure(
        "The account sign-in was incorrect or your account is disabled temporarily. Please wait and try again later.",
    )
}

fn unconfirmed() -> Value {
    failure("This account isn't confirmed. Verify and try again.")
}

fn empty(argument: &str) -> Value {
    failed(FIELD, 12, "graphql-input", &format!("Specify the \"{argument}\" value."))
}

/// A case in a house whose customer has the right password.
fn with_password(about: &'static str, ask: Ask) -> Case {
    case(about, ask).given(|house| house.set_password(RIGHT))
}

fn wait(seconds: u64) -> impl Fn(&House) {
    move |house| house.clock.advance(Duration::from_secs(seconds))
}

pub(super) fn section_2_1() -> Vec<Case> {
    vec![
        with_password("the right password", right())
            .answers(200, token())
            .with_header("pragma", "no-cache")
            .with_header("cache-control", "no-store, no-cache, must-revalidate, max-age=0"),
        with_password("e-mail addresses in any store view of the website", right().header("store", "french"))
            .answers(200, token()),
        with_password("older tokens stay valid", Ask::post(EMAIL).by(Who::Customer))
            .after(1, &right())
            .answers(200, super::email()),
        case("empty e-mail", sign_in("", "x")).answers(200, empty("email")),
        case("PHP's idea of empty: e-mail 0", sign_in("0", "0")).answers(200, empty("email")),
        case("empty password", sign_in(NAME, "")).answers(200, empty("password")),
        case("PHP's idea of empty: password 0", sign_in(NAME, "0")).answers(200, empty("password")),
        with_password("wrong password", wrong()).with_statuses(200, 401, incorrect()),
        with_password("unknown e-mail", sign_in("nobody@example.com", RIGHT)).with_statuses(200, 401, incorrect()),
        case("the format of the e-mail is not checked", sign_in("nobody", RIGHT)).with_statuses(200, 401, incorrect()),
        with_password("a customer of another website", right().header("store", "other")).with_statuses(
            200,
            401,
            incorrect(),
        ),
        with_password("a customer of another website, accounts shared globally", right().header("store", "other"))
            .set("customer/account_share/scope", "0")
            .answers(200, token()),
        with_password("the right password of an account that is not confirmed", right())
            .set(REQUIRED.0, REQUIRED.1)
            .given(|house| house.change_customer(|customer| customer.confirmation = Some("key".to_owned())))
            .older(200, incorrect())
            .newer(401, unconfirmed()),
        with_password("the wrong password of an account that is not confirmed", wrong())
            .set(REQUIRED.0, REQUIRED.1)
            .given(|house| house.change_customer(|customer| customer.confirmation = Some("key".to_owned())))
            .with_statuses(200, 401, incorrect()),
        with_password("a token that is sent along has to be good", right().by(Who::Bearer("unknown")))
            .older(200, token())
            .newer(401, refused("graphql-authentication", "Composite reader could not read a token")),
        with_password("a token that is sent along and is good", right().by(Who::Customer)).answers(200, token()),
    ]
}

pub(super) fn section_5_1() -> Vec<Case> {
    const MAXIMUM: &str = "oauth/authentication_lock/max_failures_count";
    const TIMEOUT: &str = "oauth/authentication_lock/timeout";
    let throttled = |about, failures| with_password(about, right()).set(MAXIMUM, failures);
    vec![
        with_password("the sixth wrong password is still compared", right()).after(5, &wrong()).answers(200, token()),
        with_password("the seventh attempt is refused, even with the right password", right())
            .after(6, &wrong())
            .with_statuses(200, 401, incorrect()),
        throttled("the lock ends 1800 s after the last failure", "2")
            .after(2, &wrong())
            .given(wait(1800))
            .answers(200, token()),
        throttled("and not before", "2").after(2, &wrong()).given(wait(1799)).with_statuses(200, 401, incorrect()),
        throttled("refused attempts do not extend the lock", "2")
            .after(2, &wrong())
            .given(wait(1000))
            .after(1, &wrong())
            .given(wait(800))
            .answers(200, token()),
        throttled("a success deletes the row", "2")
            .after(1, &wrong())
            .after(1, &right())
            .after(1, &wrong())
            .answers(200, token()),
        throttled("a limit of 0 refuses every request", "0").with_statuses(200, 401, incorrect()),
        throttled("a timeout of 0 disables the throttle", "2")
            .set(TIMEOUT, "0")
            .after(3, &wrong())
            .answers(200, token()),
        throttled("names are compared whatever their case", "1")
            .after(1, &sign_in("Customer@Example.com", "wrong"))
            .with_statuses(200, 401, incorrect()),
        throttled("one name does not throttle another", "1")
            .after(1, &sign_in("nobody@example.com", "wrong"))
            .answers(200, token()),
        throttled("an account that is not confirmed counts as a failure", "1")
            .set(REQUIRED.0, REQUIRED.1)
            .given(|house| house.change_customer(|customer| customer.confirmation = Some("key".to_owned())))
            .after(1, &right())
            .given(|house| house.change_customer(|customer| customer.confirmation = None))
            .with_statuses(200, 401, incorrect()),
    ]
}

pub(super) fn section_5_2() -> Vec<Case> {
    const FAILURES: &str = "customer/password/lockout_failures";
    const THRESHOLD: &str = "customer/password/lockout_threshold";
    let lockable = |about, ask| with_password(about, ask).set(FAILURES, "2");
    let locked = || failed("customer", 3, "graphql-authentication", "The account is locked.");
    vec![
        lockable("two wrong passwords lock the account, also for the right one", right())
            .after(2, &wrong())
            .with_statuses(200, 401, incorrect()),
        lockable("the lock makes tokens unusable that were issued before", Ask::post(EMAIL).by(Who::Customer))
            .after(2, &wrong())
            .with_statuses(200, 401, locked()),
        lockable("the lock ends after ten minutes", right()).after(2, &wrong()).given(wait(600)).answers(200, token()),
        lockable("and tokens work again", Ask::post(EMAIL).by(Who::Customer))
            .after(2, &wrong())
            .given(wait(600))
            .answers(200, super::email()),
        lockable("failures have no time window", right())
            .after(1, &wrong())
            .given(wait(3000))
            .after(1, &wrong())
            .with_statuses(200, 401, incorrect()),
        lockable("a success resets the counter from 2.4.8 on", right())
            .after(1, &wrong())
            .after(1, &right())
            .after(1, &wrong())
            .older(200, incorrect())
            .newer(200, token()),
        with_password("no failures: no lock", right()).set(FAILURES, "0").after(3, &wrong()).answers(200, token()),
        lockable("no threshold: no lock", right()).set(THRESHOLD, "0").after(3, &wrong()).answers(200, token()),
        with_password("a leftover confirmation key is ignored when none is required", right())
            .given(|house| house.change_customer(|customer| customer.confirmation = Some("key".to_owned())))
            .answers(200, token()),
        with_password("a changed e-mail address that is not confirmed", right())
            .set("customer/account_information/confirm", "1")
            .given(|house| house.change_customer(|customer| customer.confirmation = Some("key".to_owned())))
            .older(200, incorrect())
            .newer(401, unconfirmed()),
        with_password("a group that the website excludes", right())
            .given(|house| house.change_customer(|customer| customer.website_excluded = true))
            .with_statuses(200, 401, incorrect()),
        with_password("is_active is not consulted", right())
            .given(|house| house.change_customer(|customer| customer.is_active = false))
            .answers(200, token()),
    ]
}
