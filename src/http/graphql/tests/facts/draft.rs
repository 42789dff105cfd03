//! Beside the fact sheet: the statuses of the GraphQL-over-HTTP draft, for clients that ask for its media type.

use serde_json::{Value, json};

use super::{Ask, Case, EMAIL, SIGN_OUT, STORE, Who, at, case, not_authorized, nowhere, refused, store};

const DRAFT: &str = "application/graphql-response+json";
const WRITTEN: &str = "application/graphql-response+json; charset=utf-8";

pub(super) fn statuses() -> Vec<Case> {
    let draft = |about, ask: Ask, status, body: Value| {
        case(about, ask.header("accept", DRAFT)).answers(status, body).with_header("content-type", WRITTEN)
    };
    let json = |body: &str| Ask::body(body.to_owned()).header("content-type", "application/json");
    let input = |message: &str| refused("graphql-input", message);
    let variable = "query($e: String!) { isEmailAvailable(email: $e) { is_email_available } }";
    vec![
        draft("data", Ask::post(STORE), 200, store("default")),
        draft("data by GET", Ask::get(&[("query", STORE)]), 200, store("default")),
        draft("a body that is not JSON", json("{"), 400, input("Unable to parse the request.")),
        draft("a missing query", json("{}"), 400, at(1, "Syntax Error: Unexpected <EOF>")),
        draft("a syntax error", Ask::post("{ }"), 400, at(3, "Syntax Error: Expected Name, found }")),
        draft(
            "a document that does not fit the schema",
            Ask::post("{ nothing }"),
            400,
            at(3, "Cannot query field \"nothing\" on type \"Query\"."),
        ),
        draft(
            "bad variables",
            Ask::post_with(variable, &json!({})),
            400,
            at(7, "Variable \"$e\" of required type \"String!\" was not provided."),
        ),
        draft(
            "an operation that is not there",
            Ask::json(&json!({"query": STORE, "operationName": "X"})),
            400,
            nowhere("Unknown operation named \"X\"."),
        ),
        draft("another content type", Ask::body("{}"), 400, input("Request content type must be application/json")),
        draft(
            "a mutation by GET",
            Ask::get(&[("query", SIGN_OUT)]),
            400,
            input("Mutation requests allowed only for POST requests"),
        ),
        draft("data with errors of fields", Ask::post(EMAIL), 200, not_authorized("customer", 3)),
        case("a bad token, before anything is executed", {
            Ask::post(STORE).header("accept", DRAFT).by(Who::Bearer("unknown"))
        })
        .older(200, store("default"))
        .newer(401, refused("graphql-authentication", "Composite reader could not read a token"))
        .with_header("content-type", WRITTEN),
        case("any media type is answered as Magento answers", Ask::post(EMAIL).header("accept", "*/*"))
            .with_statuses(200, 403, not_authorized("customer", 3))
            .with_header("content-type", "application/json"),
        case(
            "a media type that is not there is answered as Magento answers",
            Ask::post(EMAIL).header("accept", "text/html"),
        )
        .with_statuses(200, 403, not_authorized("customer", 3))
        .with_header("content-type", "application/json"),
    ]
}
