//! Fact sheet 2.2 to 2.5 and 2.14: signing out, assisting, reading.

use serde_json::{Value, json};

use super::{Ask, Case, EMAIL, SIGN_OUT, Who, case, data, email, failed, not_authorized, refused};
use crate::http::graphql::tests::support::START;

pub(super) fn section_2_2() -> Vec<Case> {
    let done = || data("revokeCustomerToken", &json!({"result": true}));
    let nobody = || not_authorized("revokeCustomerToken", 12);
    let unknown = || refused("graphql-authentication", "Composite reader could not read a token");
    let mine = || Ask::post(SIGN_OUT).by(Who::Customer);
    vec![
        case("a customer", mine()).answers(200, done()),
        case("a guest", Ask::post(SIGN_OUT)).with_statuses(200, 403, nobody()),
        case("an administrator", Ask::post(SIGN_OUT).by(Who::Admin(1))).with_statuses(200, 403, nobody()),
        case("a second call with the same token", mine()).after(1, &mine()).older(200, nobody()).newer(401, unknown()),
        case("the token is gone for everything", Ask::post(EMAIL).by(Who::Customer))
            .after(1, &mine())
            .older(200, not_authorized("customer", 3))
            .newer(401, unknown()),
        case("other users keep theirs", Ask::post(EMAIL).by(Who::Customer))
            .after(1, &Ask::post(SIGN_OUT).by(Who::Gone))
            .answers(200, email()),
        case("our addition: this token alone", Ask::post(EMAIL).by(Who::Customer))
            .after(1, &Ask::post("mutation { revokeCustomerToken(scope: CURRENT) { result } }").by(Who::Customer))
            .older(200, not_authorized("customer", 3))
            .newer(401, unknown()),
    ]
}

const AS_ADMIN: &str = "generateCustomerTokenAsAdmin";

fn assist(email: &str) -> Ask {
    Ask::post(format!("mutation {{ {AS_ADMIN}(input: {{customer_email: \"{email}\"}}) {{ customer_token }} }}"))
}

pub(super) fn section_2_3() -> Vec<Case> {
    const NAME: &str = "customer@example.com";
    const ENABLED: &str = "login_as_customer/general/enabled";
    let token = || data(AS_ADMIN, &json!({"customer_token": "<token>"}));
    let input = |message: &str| failed(AS_ADMIN, 12, "graphql-input", message);
    let forbidden = |message: &str| failed(AS_ADMIN, 12, "graphql-authorization", message);
    let empty = || input("Specify the \"customer email\" value.");
    let disabled = || forbidden("Login as Customer is disabled.");
    let variables = json!({"input": {"customer_email": NAME}});
    let query = format!(
        "mutation($input: GenerateCustomerTokenAsAdminInput!) {{ {AS_ADMIN}(input: $input) {{ customer_token }} }}"
    );
    let null =
        format!("mutation($e: String = \"a\") {{ {AS_ADMIN}(input: {{customer_email: $e}}) {{ customer_token }} }}");
    vec![
        case("an administrator who may", assist(NAME).by(Who::Admin(1))).answers(200, token()),
        case("with variables", Ask::post_with(&query, &variables).by(Who::Admin(1))).answers(200, token()),
        case("1: an empty address, before everything", assist("")).answers(200, empty()),
        case("1: nothing but spaces", assist("   ").by(Who::Admin(1))).answers(200, empty()),
        case("1: PHP's idea of empty", assist("0").by(Who::Admin(1))).answers(200, empty()),
        case("2: a guest", assist(NAME)).with_statuses(200, 403, not_authorized(AS_ADMIN, 12)),
        case("2: a customer", assist(NAME).by(Who::Customer)).with_statuses(200, 403, not_authorized(AS_ADMIN, 12)),
        case("3: a role that may not sign in as a customer", assist(NAME).by(Who::Admin(3))).with_statuses(
            200,
            403,
            disabled(),
        ),
        case("3: switched off", assist(NAME).by(Who::Admin(1))).set(ENABLED, "0").with_statuses(200, 403, disabled()),
        case("3: switched off, before the role's lack of assistance", assist(NAME).by(Who::Admin(2)))
            .set(ENABLED, "0")
            .with_statuses(200, 403, disabled()),
        case("4: a role that may not assist", assist(NAME).by(Who::Admin(2))).with_statuses(
            200,
            403,
            forbidden("Allow remote shopping assistance is disabled."),
        ),
        case("5: no such customer", assist("nobody@example.com").by(Who::Admin(1)))
            .answers(200, input("Customer email provided does not exist")),
        case("5: a tab is no space, so it is looked for", assist("\\t").by(Who::Admin(1)))
            .answers(200, input("Customer email provided does not exist")),
        case("1: null, which gets by the validation", Ask::post_with(&null, &json!({"e": null})).by(Who::Admin(1)))
            .answers(200, failed(AS_ADMIN, 30, "graphql-input", "Specify the \"customer email\" value.")),
        case("5: a customer of another website", assist(NAME).header("store", "other").by(Who::Admin(1)))
            .answers(200, input("Customer email provided does not exist")),
        case("the account is not looked at: locked", assist(NAME).by(Who::Admin(1)))
            .given(|house| house.change_customer(|customer| customer.lock_expires = Some(START.plus(60))))
            .answers(200, token()),
    ]
}

pub(super) fn section_2_4() -> Vec<Case> {
    let mine = || Ask::post(EMAIL).by(Who::Customer);
    let failure = |message: &str| failed("customer", 3, "graphql-authentication", message);
    let everything = "{ customer { __typename firstname lastname middlename prefix suffix email created_at date_of_birth \
                      dob gender taxvat is_subscribed default_billing default_shipping confirmation_status \
                      allow_remote_shopping_assistance id group_id addresses { id } custom_attributes { code } } }";
    let all: Value = json!({
        "__typename": "Customer", "firstname": "Veronica", "lastname": "Costello", "middlename": null, "prefix": null,
        "suffix": null, "email": "customer@example.com", "created_at": "2023-11-14 22:13:20",
        "date_of_birth": "1973-12-15", "dob": "1973-12-15", "gender": 2, "taxvat": null, "is_subscribed": false,
        "default_billing": null, "default_shipping": null,
        "confirmation_status": "ACCOUNT_CONFIRMATION_NOT_REQUIRED", "allow_remote_shopping_assistance": false,
        "id": null, "group_id": null, "addresses": [], "custom_attributes": [],
    });
    let status = || Ask::post("{ customer { confirmation_status } }").by(Who::Customer);
    vec![
        case("all fields that identify the account", Ask::post(everything).by(Who::Customer))
            .answers(200, data("customer", &all)),
        case("confirmation is required and given", status())
            .set("customer/create_account/confirm", "1")
            .answers(200, data("customer", &json!({"confirmation_status": "ACCOUNT_CONFIRMED"}))),
        case("no token", Ask::post(EMAIL)).with_statuses(200, 403, not_authorized("customer", 3)),
        case("not a customer", Ask::post(EMAIL).by(Who::Admin(1))).with_statuses(
            200,
            403,
            not_authorized("customer", 3),
        ),
        case("customer missing", Ask::post(EMAIL).by(Who::Gone))
            .answers(200, failed("customer", 3, "graphql-no-such-entity", "Customer with id \"99\" does not exist.")),
        case("account locked", mine())
            .given(|house| house.change_customer(|customer| customer.lock_expires = Some(START.plus(60))))
            .with_statuses(200, 401, failure("The account is locked.")),
        case("a lock that is over", mine())
            .given(|house| house.change_customer(|customer| customer.lock_expires = Some(START)))
            .answers(200, email()),
        case("e-mail not confirmed and confirmation required", mine())
            .set("customer/create_account/confirm", "1")
            .given(|house| house.change_customer(|customer| customer.confirmation = Some("key".to_owned())))
            .with_statuses(200, 401, failure("This account isn't confirmed. Verify and try again.")),
        case("e-mail not confirmed and confirmation not required", mine())
            .given(|house| house.change_customer(|customer| customer.confirmation = Some("key".to_owned())))
            .answers(200, email()),
    ]
}

pub(super) fn section_2_5() -> Vec<Case> {
    const TOLD: (&str, &str) = ("checkout/options/enable_guest_checkout_login", "1");
    let ask = |email: &str| Ask::post(format!("{{ isEmailAvailable(email: \"{email}\") {{ is_email_available }} }}"));
    let available = |answer: bool| data("isEmailAvailable", &json!({ "is_email_available": answer }));
    let input = |message: &str| failed("isEmailAvailable", 3, "graphql-input", message);
    vec![
        case("always true unless the setting says otherwise", ask("customer@example.com"))
            .answers(200, available(true)),
        case("taken, and told", ask("customer@example.com")).set(TOLD.0, TOLD.1).answers(200, available(false)),
        case("free, and told", ask("nobody@example.com")).set(TOLD.0, TOLD.1).answers(200, available(true)),
        case("taken in another website", ask("customer@example.com").header("store", "other"))
            .set(TOLD.0, TOLD.1)
            .answers(200, available(true)),
        case("empty", ask("")).answers(200, input("Email must be specified")),
        case("bad format", ask("customer")).answers(200, input("Email is invalid")),
    ]
}

pub(super) fn section_2_14() -> Vec<Case> {
    const LIFETIME: &str = "oauth/access_token_lifetime/customer";
    let ask = |fields: &str| Ask::post(format!("{{ storeConfig {{ {fields} }} }}"));
    let answer = |value: Value| data("storeConfig", &value);
    let lifetime = || ask("customer_access_token_lifetime");
    vec![
        case(
            "the defaults",
            ask("customer_access_token_lifetime minimum_password_length required_character_classes_number \
                 autocomplete_on_storefront create_account_confirmation"),
        )
        .answers(
            200,
            answer(json!({
                "customer_access_token_lifetime": 1.0, "minimum_password_length": "8",
                "required_character_classes_number": "3", "autocomplete_on_storefront": true,
                "create_account_confirmation": false,
            })),
        ),
        case("fractions of an hour", lifetime())
            .set(LIFETIME, "2.5")
            .answers(200, answer(json!({"customer_access_token_lifetime": 2.5}))),
        case("an empty lifetime", lifetime())
            .set(LIFETIME, "")
            .answers(200, answer(json!({"customer_access_token_lifetime": null}))),
        case("confirmation required", ask("create_account_confirmation"))
            .set("customer/create_account/confirm", "1")
            .answers(200, answer(json!({"create_account_confirmation": true}))),
        case(
            "discovery",
            ask("store_code store_name store_group_code website_code website_name is_default_store locale \
                 base_currency_code timezone"),
        )
        .answers(
            200,
            answer(json!({
                "store_code": "default", "store_name": "View default", "store_group_code": "group_1",
                "website_code": "base", "website_name": "Website base", "is_default_store": true, "locale": "en_US",
                "base_currency_code": "USD", "timezone": "UTC",
            })),
        ),
    ]
}
