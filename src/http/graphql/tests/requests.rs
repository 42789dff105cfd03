//! Request forms, the order of checks, headers and statuses (fact sheet 1.1 to 1.4, 1.7).

use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::json;

use super::repeated;
use super::support::{CUSTOMER, House, get, get_with, post};
use crate::http::MagentoVersion;
use crate::session::Subject;

const EMAIL: &str = "{ customer { email } }";
const SIGN_OUT: &str = "mutation { revokeCustomerToken { result } }";
const STORE_CODE: &str = "{ storeConfig { store_code } }";

/// A status, a message and a category.
type Gist = (u16, &'static str, &'static str);

fn expect(reply: &super::support::Reply, (status, message, category): Gist, about: &str) {
    assert_eq!(reply.gist(), (status, message.to_owned(), category.to_owned()), "{about}");
}

const UNKNOWN_TOKEN: Gist = (401, "Composite reader could not read a token", "graphql-authentication");
const CONTENT_TYPE: Gist = (400, "Request content type must be application/json", "graphql-input");
const POST_ONLY: Gist = (400, "Mutation requests allowed only for POST requests", "graphql-input");
const UNPARSABLE: Gist = (400, "Unable to parse the request.", "graphql-input");
const CURRENCY: Gist = (400, "Please correct the target currency", "graphql-input");
const END_OF_TEXT: Gist = (400, "Syntax Error: Unexpected <EOF>", "");
const SEVERAL: &str = "Must provide operation name if query contains multiple operations.";

#[actix_web::test]
async fn a_document_is_answered_by_post_and_by_get_on_every_address() {
    let house = House::new();
    let expected = json!({"data": {"storeConfig": {"store_code": "default"}}});
    for uri in [
        "/graphql",
        "/graphql/anything/else",
        "/index.php/graphql",
        "/index.php/graphql/",
        "/default/graphql",
        "/default/graphql/anything/else",
        "/index.php/default/graphql",
        "/index.php/default/graphql/anything",
    ] {
        let reply = house.send(post(STORE_CODE).uri(uri)).await;
        assert_eq!((reply.status.as_u16(), reply.json()), (200, expected.clone()), "{uri}");
    }
    let reply = house.send(get(STORE_CODE)).await;
    assert_eq!((reply.status.as_u16(), reply.json()), (200, expected));
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(house.send(post(STORE_CODE).uri("/index.php/rest/graphql")).await.status.as_u16(), 404);
    let reply = house.send(post(STORE_CODE).uri("/rest/graphql")).await;
    assert_eq!(reply.status.as_u16(), 404);
}

#[actix_web::test]
async fn the_content_type_of_a_post_is_parsed_as_a_media_type() {
    let house = House::new();
    let send = |value: &'static str| {
        house.send(
            TestRequest::post()
                .uri("/graphql")
                .insert_header(("content-type", value))
                .set_payload(json!({ "query": STORE_CODE }).to_string()),
        )
    };
    for good in ["application/json", "application/json; charset=utf-8", "Application/JSON", "application/json;"] {
        assert_eq!(send(good).await.status.as_u16(), 200, "{good}");
    }
    for bad in ["text/plain", "text/plain; application/json", "application/graphql", ""] {
        expect(&send(bad).await, CONTENT_TYPE, bad);
    }
}

#[actix_web::test]
async fn a_body_that_cannot_be_read_is_refused() {
    let house = House::new();
    let send = |body: Vec<u8>| {
        house.send(
            TestRequest::post().uri("/graphql").insert_header(("content-type", "application/json")).set_payload(body),
        )
    };
    expect(&send(Vec::new()).await, END_OF_TEXT, "empty");
    expect(&send(b"[{\"query\":\"{a}\"}]".to_vec()).await, END_OF_TEXT, "a batch");
    expect(&send(b"{\"query\":5}".to_vec()).await, END_OF_TEXT, "a number");
    expect(&send(b"{customer{email}}".to_vec()).await, UNPARSABLE, "no JSON");
    expect(&send(b"{\"query\":\"\xff\"}".to_vec()).await, UNPARSABLE, "no UTF-8");
    let large = format!("{{\"query\":\"{}\"}}", " ".repeat(1024 * 1024));
    let too_large = (400, "Request body is too large.", "graphql-input");
    expect(&send(large.into_bytes()).await, too_large, "too large");
    let reply = house.send(get_with(&[("query", STORE_CODE), ("variables", "{")])).await;
    expect(&reply, UNPARSABLE, "variables");
    let reply = house.send(TestRequest::get().uri("/graphql")).await;
    expect(&reply, END_OF_TEXT, "nothing");
    let location = json!([{"line": 1, "column": 1}]);
    assert_eq!(reply.json()["errors"][0]["locations"], location);
    assert!(reply.json().get("data").is_none());
}

#[actix_web::test]
async fn only_a_post_may_change_something() {
    let house = House::new();
    expect(&house.send(get(SIGN_OUT)).await, POST_ONLY, "the only operation");
    let last = format!("query A {STORE_CODE} {}", SIGN_OUT.replace("mutation", "mutation B"));
    expect(&house.send(get_with(&[("query", &last), ("operationName", "A")])).await, POST_ONLY, "the last one");
    let first = format!("{} query A {STORE_CODE}", SIGN_OUT.replace("mutation", "mutation B"));
    expect(&house.send(get_with(&[("query", &first), ("operationName", "B")])).await, POST_ONLY, "the selected one");
    let reply = house.send(get_with(&[("query", &first), ("operationName", "A")])).await;
    assert_eq!(reply.status.as_u16(), 200);
    assert_eq!(reply.json()["data"]["storeConfig"]["store_code"], "default");
    let request = get(SIGN_OUT).method(Method::PUT);
    expect(&house.send(request).await, POST_ONLY, "another method");
}

#[actix_web::test]
async fn options_and_other_methods_are_answered_empty() {
    let house = House::new();
    for (method, status) in [(Method::OPTIONS, 204), (Method::PUT, 200), (Method::DELETE, 200)] {
        let reply = house.send(TestRequest::with_uri("/graphql").method(method.clone())).await;
        assert_eq!((reply.status.as_u16(), reply.text.as_str()), (status, ""), "{method}");
    }
    let bad = TestRequest::with_uri("/graphql")
        .method(Method::OPTIONS)
        .insert_header(("authorization", format!("Bearer {}", "a".repeat(32))));
    expect(&house.send(bad).await, UNKNOWN_TOKEN, "a bad token");
}

#[actix_web::test]
async fn checks_come_in_magentos_order() {
    let house = House::new();
    let token = format!("Bearer {}", "a".repeat(32));
    let request = || {
        TestRequest::post()
            .uri("/graphql")
            .insert_header(("authorization", token.clone()))
            .insert_header(("store", "nowhere"))
            .insert_header(("content-currency", "XXX"))
    };
    let broken = || request().set_payload("{");
    expect(&house.send(broken()).await, UNPARSABLE, "the body before everything");
    let untyped = request().set_payload(r#"{"query":"{"}"#);
    expect(&house.send(untyped).await, CONTENT_TYPE, "the content type before headers");
    let store = (400, "Requested store is not found (nowhere)", "graphql-input");
    expect(&house.send(request().set_json(json!({"query": "{"}))).await, store, "the store");
    let currency = request().insert_header(("store", "french")).set_json(json!({"query": "{"}));
    expect(&house.send(currency).await, CURRENCY, "the currency");
    let token_only = post("{").insert_header(("authorization", token.clone()));
    expect(&house.send(token_only).await, UNKNOWN_TOKEN, "the token before the document");
    let verb = get(SIGN_OUT).insert_header(("authorization", token));
    expect(&house.send(verb).await, POST_ONLY, "the verb before the token");
}

#[actix_web::test]
async fn operation_names_select_and_may_be_left_out_when_there_is_one_operation() {
    let house = House::new();
    let query = "query A { storeConfig { store_code } } query B { storeConfig { website_code } }";
    let send = |name: serde_json::Value| {
        house.send(TestRequest::post().uri("/graphql").set_json(json!({ "query": query, "operationName": name })))
    };
    assert_eq!(send(json!("B")).await.json(), json!({"data": {"storeConfig": {"website_code": "base"}}}));
    for none in [json!(null), json!("")] {
        let reply = send(none).await;
        expect(&reply, (200, SEVERAL, ""), "no name");
        assert!(reply.json().get("data").is_none());
    }
    expect(&send(json!("C")).await, (200, "Unknown operation named \"C\".", ""), "an unknown name");
    let reply = house.send(get_with(&[("query", query), ("operationName", "A")])).await;
    assert_eq!(reply.json(), json!({"data": {"storeConfig": {"store_code": "default"}}}));
}

#[actix_web::test]
async fn the_first_error_with_a_category_decides_the_status() {
    for (version, authentication, authorization) in [(MagentoVersion::V248, 401, 403), (MagentoVersion::V247, 200, 200)]
    {
        let house = House::speaking(version);
        let authorization = (authorization, "The current customer isn't authorized.", "graphql-authorization");
        expect(&house.post(EMAIL).await, authorization, "authorization");
        let first = "{ a: isEmailAvailable(email: \"\") { is_email_available } customer { email } }";
        expect(&house.post(first).await, (200, "Email must be specified", "graphql-input"), "input first");
        let second = "{ customer { email } a: isEmailAvailable(email: \"\") { is_email_available } }";
        let reply = house.post(second).await;
        expect(&reply, authorization, "authorization first");
        assert_eq!(reply.json()["errors"].as_array().unwrap().len(), 1);
        assert_eq!(reply.json()["data"], json!({"customer": null, "a": null}));
        let token = house.token(Subject::customer(CUSTOMER)).await;
        house.change_customer(|customer| customer.lock_expires = Some(super::support::START.plus(1)));
        let locked = (authentication, "The account is locked.", "graphql-authentication");
        expect(&house.post_as(&token, EMAIL).await, locked, "authentication");
        expect(&house.post("{ nothing }").await, (200, "Cannot query field \"nothing\" on type \"Query\".", ""), "");
    }
}

#[actix_web::test]
async fn what_is_refused_before_execution_is_400_and_was_500() {
    for (version, status) in [(MagentoVersion::V248, 400), (MagentoVersion::V247, 500)] {
        let house = House::speaking(version);
        let statuses = [
            house.post("{").await.status,
            house.post("").await.status,
            house.send(get(SIGN_OUT)).await.status,
            house.send(post(EMAIL).insert_header(("store", "closed"))).await.status,
            house.send(post(EMAIL).insert_header(("content-currency", "XXX"))).await.status,
            house.post(&format!("{{{}}}", repeated(11, |n| format!(" a{n}: storeConfig {{ locale }}")))).await.status,
        ];
        assert_eq!(statuses.map(|status| status.as_u16()), [status; 6]);
    }
}

#[actix_web::test]
async fn bearer_tokens_are_judged_before_the_document() {
    let house = House::new();
    let token = house.token(Subject::customer(CUSTOMER)).await;
    let good = house.post_as(&token, EMAIL).await;
    assert_eq!(good.json(), json!({"data": {"customer": {"email": "customer@example.com"}}}));
    house.clock.advance(std::time::Duration::from_hours(1));
    let expired = (401, "Consumer key has expired", "graphql-authentication");
    let reply = house.post_as(&token, STORE_CODE).await;
    expect(&reply, expired, "expired, and the query public");
    assert!(reply.json().get("data").is_none());
    let token = house.token(Subject::customer(CUSTOMER)).await;
    house.revoke_everything().await;
    expect(&house.post_as(&token, STORE_CODE).await, UNKNOWN_TOKEN, "revoked");
    for unknown in ["x", "eyJh.eyJ1.c2ln", &"a".repeat(32)] {
        expect(&house.post_as(unknown, STORE_CODE).await, UNKNOWN_TOKEN, unknown);
    }
}

#[actix_web::test]
async fn headers_that_magento_ignores_make_a_guest() {
    let house = House::new();
    for value in ["", "Bearer", "Bearer  a", "Bearer a b", "Basic YTpi", "OAuth x=\"y\""] {
        let reply = house.send(post(STORE_CODE).insert_header(("authorization", value))).await;
        assert_eq!(reply.status.as_u16(), 200, "{value}");
    }
    let reply = house.send(post(STORE_CODE).insert_header(("x-magento-cache-id", "null"))).await;
    assert_eq!(reply.status.as_u16(), 200);
}

#[actix_web::test]
async fn a_bad_token_made_a_guest_up_to_2_4_7() {
    let house = House::speaking(MagentoVersion::V247);
    assert_eq!(house.post_as(&"a".repeat(32), STORE_CODE).await.status.as_u16(), 200);
}

#[actix_web::test]
async fn the_store_header_selects_the_store_view_and_the_path_does_without_it() {
    let house = House::new();
    let code = |request: TestRequest| async {
        house.send(request).await.json()["data"]["storeConfig"]["store_code"].as_str().map(ToOwned::to_owned)
    };
    assert_eq!(code(post(STORE_CODE).insert_header(("store", " french "))).await.unwrap(), "french");
    assert_eq!(code(post(STORE_CODE).insert_header(("store", "DEFAULT"))).await.unwrap(), "default");
    for uri in ["/french/graphql", "/french/graphql/", "/index.php/french/graphql"] {
        assert_eq!(code(post(STORE_CODE).uri(uri)).await.unwrap(), "french");
    }
    let two = post(STORE_CODE).append_header(("store", "french")).append_header(("store", "other"));
    assert_eq!(code(two).await.unwrap(), "french");
    assert_eq!(code(post(STORE_CODE).uri("/french/graphql").insert_header(("store", "other"))).await.unwrap(), "other");
    for unknown in ["closed", "French"] {
        let reply = house.send(post(STORE_CODE).uri(&format!("/{unknown}/graphql"))).await;
        let message = format!("Requested store is not found ({unknown})");
        assert_eq!(reply.gist(), (400, message, "graphql-input".to_owned()));
    }
}

#[actix_web::test]
async fn a_currency_has_to_be_allowed() {
    let house = House::new();
    for allowed in ["USD", " usd ", ""] {
        let reply = house.send(post(STORE_CODE).insert_header(("content-currency", allowed))).await;
        assert_eq!(reply.status.as_u16(), 200, "{allowed}");
    }
    expect(&house.send(post(STORE_CODE).insert_header(("content-currency", "EUR"))).await, CURRENCY, "EUR");
}

#[actix_web::test]
async fn only_what_is_the_same_for_everybody_may_be_stored() {
    let house = House::new();
    let (email, both) =
        ("{ isEmailAvailable(email: \"a@b.cd\") { is_email_available } }", format!("{STORE_CODE} {EMAIL}"));
    let both = both.replace("} {", " ");
    for query in [SIGN_OUT, EMAIL, email, &both, "{", "{ nothing }"] {
        let reply = house.post(query).await;
        assert_eq!(reply.header("pragma"), "no-cache", "{query}");
        assert_eq!(reply.header("cache-control"), "no-store, no-cache, must-revalidate, max-age=0", "{query}");
    }
    for query in [STORE_CODE, "{ __typename }"] {
        let reply = house.post(query).await;
        assert!(!reply.headers.contains_key("pragma") && !reply.headers.contains_key("cache-control"), "{query}");
        assert_eq!(reply.header("vary"), "Accept, Authorization, Content-Currency, Store");
    }
}

#[actix_web::test]
async fn an_error_object_has_magentos_keys_in_magentos_order() {
    let house = House::new();
    let reply = house.post("{\n  me: customer { email }\n}").await;
    assert_eq!(
        reply.text,
        r#"{"errors":[{"message":"The current customer isn't authorized.","locations":[{"line":2,"column":3}],"path":["me"],"extensions":{"category":"graphql-authorization"}}],"data":{"me":null}}"#
    );
    let reply = house.post_as("x", EMAIL).await;
    assert_eq!(
        reply.text,
        r#"{"errors":[{"message":"Composite reader could not read a token","extensions":{"category":"graphql-authentication"}}]}"#
    );
}
