//! Fact sheet 1.1 and 1.2: request forms, and the order in which they are checked.

use actix_web::http::Method;
use serde_json::{Value, json};

use super::{Ask, Case, EMAIL, SIGN_OUT, STORE, Who, at, case, nowhere, refused, store};

const NO_CACHE: &str = "no-store, no-cache, must-revalidate, max-age=0";
const LOCALE: &str = "query Q($skip: Boolean = false) { storeConfig { store_code @skip(if: $skip) } }";

fn input(message: &str) -> Value {
    refused("graphql-input", message)
}

fn empty_document() -> Value {
    at(1, "Syntax Error: Unexpected <EOF>")
}

fn post_only() -> Value {
    input("Mutation requests allowed only for POST requests")
}

fn json_only() -> Value {
    input("Request content type must be application/json")
}

fn unparsable() -> Value {
    input("Unable to parse the request.")
}

pub(super) fn section_1_1() -> Vec<Case> {
    let two = format!("query A {STORE} query B {STORE}");
    let mutation_last = format!("query A {STORE} {}", SIGN_OUT.replace("mutation", "mutation B"));
    let mutation_first = format!("{} query A {STORE}", SIGN_OUT.replace("mutation", "mutation B"));
    let payload = json!({ "query": STORE }).to_string();
    let typed = |content_type: &str| Ask::body(payload.clone()).header("content-type", content_type);
    vec![
        case("POST with a query alone", Ask::post(STORE))
            .answers(200, store("default"))
            .with_header("content-type", "application/json")
            .with_header("cache-control", None),
        case(
            "official clients send all three members, null for the unused ones",
            Ask::json(&json!({"query": STORE, "variables": null, "operationName": null})),
        )
        .answers(200, store("default")),
        case("further segments of the path are not inspected", Ask::post(STORE).at("/graphql/further/segments"))
            .answers(200, store("default")),
        case("the address without rewrites", Ask::post(STORE).at("/index.php/graphql")).answers(200, store("default")),
        case("a store code may lead the path", Ask::post(STORE).at("/french/graphql")).answers(200, store("french")),
        case("GET with a query", Ask::get(&[("query", STORE)])).answers(200, store("default")),
        case("GET needs no content type", Ask::get(&[("query", STORE)]).header("content-type", "text/plain"))
            .answers(200, store("default")),
        case("variables of a GET are a JSON string", Ask::get(&[("query", LOCALE), ("variables", "{\"skip\":true}")]))
            .answers(200, json!({"data": {"storeConfig": {}}})),
        case(
            "variables of a GET that are no object count as absent",
            Ask::get(&[("query", STORE), ("variables", "5")]),
        )
        .answers(200, store("default")),
        case("an empty value counts as absent in 2.4.8", Ask::get(&[("query", STORE), ("variables", "")]))
            .older(500, unparsable())
            .newer(200, store("default")),
        case("variables of a GET that are not JSON", Ask::get(&[("query", STORE), ("variables", "{")])).with_statuses(
            500,
            400,
            unparsable(),
        ),
        case("several operations need a name", Ask::post(two))
            .answers(200, nowhere("Must provide operation name if query contains multiple operations.")),
        case("a batch has no query", Ask::json(&json!([{ "query": STORE }]))).with_statuses(500, 400, empty_document()),
        case("a mutation by GET", Ask::get(&[("query", SIGN_OUT)])).with_statuses(500, 400, post_only()),
        case("the last operation decides: a mutation", Ask::get(&[("query", &mutation_last), ("operationName", "A")]))
            .with_statuses(500, 400, post_only()),
        case("the last operation decides: a query", Ask::get(&[("query", &mutation_first), ("operationName", "A")]))
            .answers(200, store("default")),
        case("a mutation by another method", Ask::get(&[("query", SIGN_OUT)]).method(Method::PUT)).with_statuses(
            500,
            400,
            post_only(),
        ),
        case("a content type with parameters", typed("application/json; charset=utf-8")).answers(200, store("default")),
        case("another content type", typed("text/plain")).with_statuses(500, 400, json_only()),
        case("a form", typed("application/x-www-form-urlencoded")).with_statuses(500, 400, json_only()),
        case("no content type", Ask::body(payload.clone())).with_statuses(500, 400, json_only()),
        case("the answer to a mutation is not to be stored", Ask::post(SIGN_OUT).by(Who::Customer))
            .answers(200, json!({"data": {"revokeCustomerToken": {"result": true}}}))
            .with_header("pragma", "no-cache")
            .with_header("cache-control", NO_CACHE)
            .with_header("content-type", "application/json"),
        case("what only a customer sees is not to be stored", Ask::post(EMAIL).by(Who::Customer))
            .answers(200, super::email())
            .with_header("pragma", "no-cache")
            .with_header("cache-control", NO_CACHE),
        case("no headers for other origins", Ask::post(STORE).header("origin", "https://elsewhere.example"))
            .answers(200, store("default"))
            .with_header("access-control-allow-origin", None),
    ]
}

pub(super) fn section_1_2() -> Vec<Case> {
    let unknown = || refused("graphql-authentication", "Composite reader could not read a token");
    let nowhere = || input("Requested store is not found (nowhere)");
    let currency = || input("Please correct the target currency");
    let bare = |method: Method| Ask::get(&[]).method(method);
    vec![
        case("1: the body before the content type", Ask::body("{").header("store", "nowhere")).with_statuses(
            500,
            400,
            unparsable(),
        ),
        case("2: the content type before the Store header", Ask::body("{}").header("store", "nowhere")).with_statuses(
            500,
            400,
            json_only(),
        ),
        case("2: the verb before the Store header", Ask::get(&[("query", SIGN_OUT)]).header("store", "nowhere"))
            .with_statuses(500, 400, post_only()),
        case("2: the Store header before the document", Ask::post("{").header("store", "nowhere")).with_statuses(
            500,
            400,
            nowhere(),
        ),
        case("2: the currency before the document", Ask::post("{").header("content-currency", "XXX")).with_statuses(
            500,
            400,
            currency(),
        ),
        case("2: the token before the document", Ask::post("{").by(Who::Bearer("unknown")))
            .older(500, at(2, "Syntax Error: Expected Name, found <EOF>"))
            .newer(401, unknown()),
        case("3: OPTIONS", bare(Method::OPTIONS)).older(500, empty_document()).newer(204, Value::Null),
        case("3: OPTIONS with a query", Ask::get(&[("query", STORE)]).method(Method::OPTIONS))
            .older(500, empty_document())
            .newer(204, Value::Null),
        case("3: any other method", bare(Method::PUT)).older(500, empty_document()).newer(200, Value::Null),
        case("OPTIONS with a bad token", bare(Method::OPTIONS).by(Who::Bearer("unknown")))
            .older(500, empty_document())
            .newer(401, unknown()),
        case("OPTIONS with a bad Store header", bare(Method::OPTIONS).header("store", "nowhere")).with_statuses(
            500,
            400,
            nowhere(),
        ),
    ]
}
