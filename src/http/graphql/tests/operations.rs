//! What the operations answer (fact sheet 2.1, 2.2, 2.4, 2.5, 2.14).

use std::time::Duration;

use actix_web::http::StatusCode;
use serde_json::{Value, json};

use super::support::{CUSTOMER, House, START, post};
use crate::http::MagentoVersion;
use crate::session::Subject;

const EMAIL: &str = "{ customer { email } }";

fn gist(status: u16, message: &str, category: &str) -> (u16, String, String) {
    (status, message.to_owned(), category.to_owned())
}

fn not_authorized() -> (u16, String, String) {
    gist(403, "The current customer isn't authorized.", "graphql-authorization")
}

#[actix_web::test]
async fn empty_credentials_are_named() {
    let house = House::new();
    let query = "mutation($e: String!, $p: String!) { generateCustomerToken(email: $e, password: $p) { token } }";
    for (variables, name) in [
        (json!({"e": "", "p": "x"}), "email"),
        (json!({"e": "0", "p": "0"}), "email"),
        (json!({"e": 0, "p": "x"}), "email"),
        (json!({"e": "a@b.c", "p": "0"}), "password"),
        (json!({"e": "a@b.c", "p": false}), "password"),
    ] {
        let reply = house.post_with(query, variables.clone()).await;
        assert_eq!(reply.gist(), gist(200, &format!("Specify the \"{name}\" value."), "graphql-input"), "{variables}");
        assert_eq!(reply.json()["data"], json!({"generateCustomerToken": null}));
    }
    let reply = house.post("mutation { generateCustomerToken(email: 0, password: true) { token } }").await;
    assert_eq!(reply.gist(), gist(200, "Specify the \"email\" value.", "graphql-input"));
}

const SIGN_IN: &str = "mutation($p: String!) {
    generateCustomerToken(email: \"customer@example.com\", password: $p) { token expires_at expires_in }
}";

fn refused(status: u16) -> (u16, String, String) {
    let message = "The account sign-in was incorrect or your account is disabled temporarily. Please wait and try again \
                   later.";
    gist(status, message, "graphql-authentication")
}

#[actix_web::test]
async fn a_customer_signs_in_and_the_token_says_when_it_ends() {
    let house = House::new();
    house.set_password("password");
    let reply = house.post_with(SIGN_IN, json!({"p": "password"})).await;
    let answer = &reply.json()["data"]["generateCustomerToken"];
    assert_eq!(answer["expires_in"], json!(3600));
    assert_eq!(answer["expires_at"], json!("2023-11-14T23:13:20Z"));
    let token = answer["token"].as_str().unwrap();
    assert_eq!(house.post_as(token, EMAIL).await.status, StatusCode::OK);
}

#[actix_web::test]
async fn a_wrong_password_is_refused_with_the_status_of_the_version() {
    for (version, status) in [(MagentoVersion::V248, 401), (MagentoVersion::V247, 200)] {
        let house = House::speaking(version);
        house.set_password("password");
        let reply = house.post_with(SIGN_IN, json!({"p": "wrong"})).await;
        assert_eq!(reply.gist(), refused(status));
        let body = reply.json();
        assert_eq!(body["errors"][0]["path"], json!(["generateCustomerToken"]));
        assert_eq!(body["errors"][0]["locations"], json!([{"line": 2, "column": 5}]));
        assert_eq!(body["data"], json!({"generateCustomerToken": null}));
    }
}

#[actix_web::test]
async fn a_right_password_of_an_unconfirmed_account_is_named_from_2_4_8() {
    for version in [MagentoVersion::V248, MagentoVersion::V247] {
        let house = House::speaking(version);
        house.set_password("password");
        house.set("customer/create_account/confirm", "1");
        house.change_customer(|customer| customer.confirmation = Some("key".to_owned()));
        let reply = house.post_with(SIGN_IN, json!({"p": "password"})).await;
        let expected = match version {
            MagentoVersion::V247 => refused(200),
            MagentoVersion::V248 => {
                gist(401, "This account isn't confirmed. Verify and try again.", "graphql-authentication")
            }
        };
        assert_eq!(reply.gist(), expected);
    }
}

#[actix_web::test]
async fn a_sign_in_that_finds_no_place_is_sent_away_at_once() {
    let house = House::without_a_queue();
    house.set_password("password");
    let attempt = |name: &str| {
        let query = format!("mutation {{ generateCustomerToken(email: \"{name}\", password: \"p\") {{ token }} }}");
        let house = &house;
        async move { house.post(&query).await }
    };
    let replies = futures_util::future::join_all([attempt("a@example.com"), attempt("b@example.com")]).await;
    let busy = replies.iter().find(|reply| reply.status == StatusCode::SERVICE_UNAVAILABLE).unwrap();
    assert_eq!(busy.gist(), gist(503, "Too many sign-ins at the moment. Please try again shortly.", ""));
    assert!(busy.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert!(replies.iter().any(|reply| reply.gist() == refused(401)));
}

#[actix_web::test]
async fn a_customer_is_told_about_itself() {
    let house = House::new();
    let token = house.token(Subject::customer(CUSTOMER)).await;
    let query = "{ customer { __typename id group_id firstname middlename email created_at date_of_birth dob gender
        is_subscribed default_billing confirmation_status is_confirmed allow_remote_shopping_assistance
        addresses { id region { region } } custom_attributes(attributeCodes: [\"a\"]) { code } } }";
    let expected = json!({"data": {"customer": {
        "__typename": "Customer", "id": null, "group_id": null, "firstname": "Veronica", "middlename": null,
        "email": "customer@example.com", "created_at": "2023-11-14 22:13:20", "date_of_birth": "1973-12-15",
        "dob": "1973-12-15", "gender": 2, "is_subscribed": false, "default_billing": null,
        "confirmation_status": "ACCOUNT_CONFIRMATION_NOT_REQUIRED", "is_confirmed": true,
        "allow_remote_shopping_assistance": false, "addresses": [], "custom_attributes": [],
    }}});
    assert_eq!(house.post_as(&token, query).await.json(), expected);
}

#[actix_web::test]
async fn only_a_customer_is_a_customer() {
    let house = House::new();
    assert_eq!(house.post(EMAIL).await.gist(), not_authorized());
    let admin = house.token(Subject::admin(1)).await;
    assert_eq!(house.post_as(&admin, EMAIL).await.gist(), not_authorized());
}

#[actix_web::test]
async fn a_customer_of_another_website_is_nobody_unless_accounts_are_shared() {
    let house = House::new();
    let token = house.token(Subject::customer(CUSTOMER)).await;
    let ask = || {
        let request = post(EMAIL).insert_header(("authorization", format!("Bearer {token}")));
        house.send(request.insert_header(("store", "other")))
    };
    assert_eq!(ask().await.gist(), not_authorized());
    assert_eq!(house.post_as(&token, EMAIL).await.status, StatusCode::OK);
    house.set("customer/account_share/scope", "0");
    assert_eq!(ask().await.status, StatusCode::OK);
}

#[actix_web::test]
async fn an_account_is_checked_every_time_it_is_read() {
    let house = House::new();
    let token = house.token(Subject::customer(CUSTOMER)).await;
    house.change_customer(|customer| customer.lock_expires = Some(START.plus(600)));
    let locked = gist(401, "The account is locked.", "graphql-authentication");
    assert_eq!(house.post_as(&token, EMAIL).await.gist(), locked);
    house.clock.advance(Duration::from_mins(10));
    assert_eq!(house.post_as(&token, EMAIL).await.status, StatusCode::OK);
    house.change_customer(|customer| customer.confirmation = Some("key".to_owned()));
    assert_eq!(house.post_as(&token, EMAIL).await.status, StatusCode::OK);
    house.set("customer/create_account/confirm", "1");
    let unconfirmed = gist(401, "This account isn't confirmed. Verify and try again.", "graphql-authentication");
    assert_eq!(house.post_as(&token, EMAIL).await.gist(), unconfirmed);
    house.remove_customer();
    let missing = gist(200, "Customer with id \"7\" does not exist.", "graphql-no-such-entity");
    assert_eq!(house.post_as(&token, EMAIL).await.gist(), missing);
}

#[actix_web::test]
async fn accounts_that_are_away_make_it_unavailable() {
    let house = House::new();
    let token = house.token(Subject::customer(CUSTOMER)).await;
    house.lose_accounts();
    let reply = house.post_as(&token, EMAIL).await;
    let message = "The service is temporarily unavailable. Please try again shortly.";
    assert_eq!(reply.gist(), gist(503, message, ""));
    assert_eq!(reply.header("retry-after"), "1");
    assert_eq!(reply.json()["data"], json!({"customer": null}));
}

#[actix_web::test]
async fn signing_out_ends_all_sessions_or_the_current_one() {
    let house = House::new();
    let subject = Subject::customer(CUSTOMER);
    let sign_out = "mutation { revokeCustomerToken { result } }";
    let current = "mutation($s: RevokeScope) { revokeCustomerToken(scope: $s) { result } }";
    let done = json!({"data": {"revokeCustomerToken": {"result": true}}});
    let (one, two, three) = (house.token(subject).await, house.token(subject).await, house.token(subject).await);

    let request = actix_web::test::TestRequest::post()
        .uri("/graphql")
        .insert_header(("authorization", format!("Bearer {one}")))
        .set_json(json!({"query": current, "variables": {"s": "CURRENT"}}));
    assert_eq!(house.send(request).await.json(), done);
    let unknown = gist(401, "Composite reader could not read a token", "graphql-authentication");
    assert_eq!(house.post_as(&one, EMAIL).await.gist(), unknown);
    assert_eq!(house.post_as(&two, EMAIL).await.status, StatusCode::OK);

    assert_eq!(house.post_as(&two, sign_out).await.json(), done);
    for token in [&two, &three] {
        assert_eq!(house.post_as(token, sign_out).await.gist(), unknown);
    }
    assert_eq!(house.post(sign_out).await.gist(), not_authorized());
    let admin = house.token(Subject::admin(CUSTOMER)).await;
    assert_eq!(house.post_as(&admin, sign_out).await.gist(), not_authorized());
}

#[actix_web::test]
async fn every_address_is_available_to_those_who_may_not_know() {
    let house = House::new();
    let query = "query($e: String!) { isEmailAvailable(email: $e) { is_email_available } }";
    let yes = json!({"data": {"isEmailAvailable": {"is_email_available": true}}});
    for address in ["customer@example.com", "nobody@example.com"] {
        assert_eq!(house.post_with(query, json!({"e": address})).await.json(), yes);
    }
    house.set("checkout/options/enable_guest_checkout_login", "1");
    let no = json!({"data": {"isEmailAvailable": {"is_email_available": false}}});
    assert_eq!(house.post_with(query, json!({"e": "customer@example.com"})).await.json(), no);
    assert_eq!(house.post_with(query, json!({"e": "nobody@example.com"})).await.json(), yes);
    let wrong = |value: Value| house.post_with(query, json!({ "e": value }));
    assert_eq!(wrong(json!("0")).await.gist(), gist(200, "Email must be specified", "graphql-input"));
    assert_eq!(wrong(json!("")).await.gist(), gist(200, "Email must be specified", "graphql-input"));
    assert_eq!(wrong(json!(5)).await.gist(), gist(200, "Email is invalid", "graphql-input"));
}

#[actix_web::test]
async fn the_store_view_is_described() {
    let house = House::new();
    let query = "{ storeConfig { store_code store_name store_group_code website_code website_name is_default_store
        customer_access_token_lifetime } }";
    let expected = json!({"data": {"storeConfig": {
        "store_code": "french", "store_name": "View french", "store_group_code": "group_1", "website_code": "base",
        "website_name": "Website base", "is_default_store": false, "customer_access_token_lifetime": 1.0,
    }}});
    assert_eq!(house.send(post(query).insert_header(("store", "french"))).await.json(), expected);
    house.set("oauth/access_token_lifetime/customer", "2.5");
    let lifetime = "{ storeConfig { customer_access_token_lifetime } }";
    let reply = house.post(lifetime).await.json();
    assert_eq!(reply["data"]["storeConfig"]["customer_access_token_lifetime"], json!(2.5));
    house.set("oauth/access_token_lifetime/customer", "");
    let reply = house.post(lifetime).await.json();
    assert_eq!(reply["data"]["storeConfig"]["customer_access_token_lifetime"], json!(null));
}

#[actix_web::test]
async fn the_schema_can_be_asked_for() {
    let house = House::new();
    let query = "{ __schema { queryType { name } mutationType { name } types { name fields { name args { name type {
        kind name ofType { kind name ofType { kind name } } } } } } } __type(name: \"RevokeScope\") { enumValues { name
        description } } __typename }";
    let reply = house.post(query).await.json();
    assert_eq!(reply["errors"], json!(null));
    assert_eq!(reply["data"]["__schema"]["mutationType"]["name"], "Mutation");
    assert_eq!(reply["data"]["__type"]["enumValues"][1]["name"], "CURRENT");
    assert_eq!(reply["data"]["__typename"], "Query");
}

#[actix_web::test]
async fn tools_can_read_the_whole_schema() {
    let house = House::new();
    let nested = "ofType { kind name ".repeat(9) + &"} ".repeat(9);
    let query = format!(
        "query Tool {{ __schema {{ description queryType {{ name }} subscriptionType {{ name }}
            types {{ ...Full }}
            directives {{ name description isRepeatable locations args(includeDeprecated: true) {{ ...Input }} }} }} }}
        fragment Full on __Type {{ kind name description specifiedByURL
            fields(includeDeprecated: true) {{ name description isDeprecated deprecationReason
                args(includeDeprecated: true) {{ ...Input }} type {{ ...Reference }} }}
            inputFields(includeDeprecated: true) {{ ...Input }} interfaces {{ ...Reference }}
            enumValues(includeDeprecated: true) {{ name description isDeprecated deprecationReason }}
            possibleTypes {{ ...Reference }} }}
        fragment Input on __InputValue {{ name description isDeprecated deprecationReason defaultValue
            type {{ ...Reference }} }}
        fragment Reference on __Type {{ kind name {nested} }}"
    );
    let reply = house.post(&query).await.json();
    assert_eq!(reply["errors"], json!(null));
    let types = reply["data"]["__schema"]["types"].as_array().unwrap();
    assert!(types.iter().any(|ty| ty["name"] == "CustomerToken" && ty["fields"][1]["name"] == "expires_at"));
}

#[actix_web::test]
async fn fragments_and_directives_work() {
    let house = House::new();
    let token = house.token(Subject::customer(CUSTOMER)).await;
    let query = "query Q { customer { ...Name __typename ... on Customer @include(if: false) { email } } }
        fragment Name on Customer { firstname lastname @skip(if: true) }";
    let expected = json!({"data": {"customer": {"firstname": "Veronica", "__typename": "Customer"}}});
    for _ in 0..2 {
        assert_eq!(house.post_as(&token, query).await.json(), expected);
    }
}
