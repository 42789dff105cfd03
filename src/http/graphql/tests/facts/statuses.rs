//! Fact sheet 1.3 and 1.4: statuses and error objects.

use actix_web::http::Method;
use serde_json::json;

use super::{Ask, Case, EMAIL, SIGN_OUT, STORE, Who, at, case, email, failed, not_authorized, refused, store};
use crate::http::graphql::tests::support::START;

const LOCKED: &str = "The account is locked.";

pub(super) fn section_1_3() -> Vec<Case> {
    let unparsable = || refused("graphql-input", "Unable to parse the request.");
    let json = |body: &str| Ask::body(body.to_owned()).header("content-type", "application/json");
    let nothing = || at(1, "Syntax Error: Unexpected <EOF>");
    let empty_email = "{ isEmailAvailable(email: \"\") { is_email_available } customer { email } }";
    let empty_second = "{ customer { email } isEmailAvailable(email: \"\") { is_email_available } }";
    let mixed = |field: &str, column: usize, category: &str, message: &str| {
        let mut body = failed(field, column, category, message);
        body["data"] = json!({"isEmailAvailable": null, "customer": null});
        body
    };
    vec![
        case("success", Ask::post(STORE)).answers(200, store("default")),
        case(
            "an error without an authentication category",
            Ask::post("{ isEmailAvailable(email: \"\") { is_email_available } }"),
        )
        .answers(200, failed("isEmailAvailable", 3, "graphql-input", "Email must be specified")),
        case("authentication", Ask::post(EMAIL).by(Who::Customer))
            .given(|house| house.change_customer(|customer| customer.lock_expires = Some(START.plus(60))))
            .with_statuses(200, 401, failed("customer", 3, "graphql-authentication", LOCKED)),
        case("authorization", Ask::post(EMAIL)).with_statuses(200, 403, not_authorized("customer", 3)),
        case(
            "a bearer token that cannot be read",
            Ask::post(STORE).by(Who::Bearer("0123456789abcdef0123456789abcdef")),
        )
        .older(200, store("default"))
        .newer(401, refused("graphql-authentication", "Composite reader could not read a token")),
        case("a syntax error", Ask::post("{ a")).with_statuses(
            500,
            400,
            at(4, "Syntax Error: Expected Name, found <EOF>"),
        ),
        case("an empty query", Ask::post("")).with_statuses(500, 400, nothing()),
        case("a missing query", json("{}")).with_statuses(500, 400, nothing()),
        case("a query that is no text", Ask::json(&json!({"query": 5}))).with_statuses(500, 400, nothing()),
        case("an empty body", json("")).with_statuses(500, 400, nothing()),
        case("a body that is not JSON", json("{customer{email}}")).with_statuses(500, 400, unparsable()),
        case(
            "a body that is not UTF-8",
            Ask::body(b"{\"query\":\"\xff\"}".to_vec()).header("content-type", "application/json"),
        )
        .with_statuses(500, 400, unparsable()),
        case("a body over the limit", json(&format!("{{\"query\":\"{}\"}}", " ".repeat(1024 * 1024)))).with_statuses(
            500,
            400,
            refused("graphql-input", "Request body is too large."),
        ),
        case("a document that does not fit the schema", Ask::post("{ nothing }"))
            .answers(200, at(3, "Cannot query field \"nothing\" on type \"Query\".")),
        case(
            "bad variables",
            Ask::post_with("query($e: String!) { isEmailAvailable(email: $e) { is_email_available } }", &json!({})),
        )
        .answers(200, at(7, "Variable \"$e\" of required type \"String!\" was not provided.")),
        case("the first category decides: input", Ask::post(empty_email))
            .answers(200, mixed("isEmailAvailable", 3, "graphql-input", "Email must be specified")),
        case("the first category decides: authorization", Ask::post(empty_second)).with_statuses(
            200,
            403,
            mixed("customer", 3, "graphql-authorization", "The current customer isn't authorized."),
        ),
        case("a guest that signs out", Ask::post(SIGN_OUT)).with_statuses(
            200,
            403,
            not_authorized("revokeCustomerToken", 12),
        ),
        case("DELETE is neither GET nor POST", Ask::get(&[]).method(Method::DELETE))
            .older(500, nothing())
            .newer(200, json!(null)),
    ]
}

pub(super) fn section_1_4() -> Vec<Case> {
    vec![
        case("locations and path of a field by its alias", Ask::post("{\n  me: customer { email }\n}"))
            .with_statuses(
                200,
                403,
                json!({
                    "errors": [{
                        "message": "The current customer isn't authorized.",
                        "locations": [{"line": 2, "column": 3}],
                        "path": ["me"],
                        "extensions": {"category": "graphql-authorization"},
                    }],
                    "data": {"me": null},
                }),
            ),
        case("fields of one name are one, with all their places", Ask::post("{ customer { email } customer { firstname } }"))
            .with_statuses(
                200,
                403,
                json!({
                    "errors": [{
                        "message": "The current customer isn't authorized.",
                        "locations": [{"line": 1, "column": 3}, {"line": 1, "column": 22}],
                        "path": ["customer"],
                        "extensions": {"category": "graphql-authorization"},
                    }],
                    "data": {"customer": null},
                }),
            ),
        case("an entity that is not there", Ask::post(EMAIL).by(Who::Gone))
            .answers(200, failed("customer", 3, "graphql-no-such-entity", "Customer with id \"99\" does not exist.")),
        case("only the first error is told", Ask::post("{ one: customer { email } two: customer { email } }"))
            .with_statuses(
                200,
                403,
                json!({
                    "errors": [{
                        "message": "The current customer isn't authorized.",
                        "locations": [{"line": 1, "column": 3}],
                        "path": ["one"],
                        "extensions": {"category": "graphql-authorization"},
                    }],
                    "data": {"one": null, "two": null},
                }),
            ),
        case("other fields keep their data", Ask::post("{ customer { email } storeConfig { store_code } }"))
            .with_statuses(
                200,
                403,
                json!({
                    "errors": [{
                        "message": "The current customer isn't authorized.",
                        "locations": [{"line": 1, "column": 3}],
                        "path": ["customer"],
                        "extensions": {"category": "graphql-authorization"},
                    }],
                    "data": {"customer": null, "storeConfig": {"store_code": "default"}},
                }),
            ),
        case("in developer mode all errors are told", Ask::post("{ one: customer { email } two: customer { email } }"))
            .showing(super::engine::DEVELOPER)
            .with_statuses(
                200,
                403,
                json!({
                    "errors": [
                        {
                            "message": "The current customer isn't authorized.",
                            "locations": [{"line": 1, "column": 3}],
                            "path": ["one"],
                            "extensions": {"category": "graphql-authorization"},
                        },
                        {
                            "message": "The current customer isn't authorized.",
                            "locations": [{"line": 1, "column": 27}],
                            "path": ["two"],
                            "extensions": {"category": "graphql-authorization"},
                        },
                    ],
                    "data": {"one": null, "two": null},
                }),
            ),
        case("in developer mode all complaints about a document are told", Ask::post("{ nothing nowhere }"))
            .showing(super::engine::DEVELOPER)
            .answers(
                200,
                json!({"errors": [
                    {"message": "Cannot query field \"nothing\" on type \"Query\".", "locations": [{"line": 1, "column": 3}]},
                    {"message": "Cannot query field \"nowhere\" on type \"Query\".", "locations": [{"line": 1, "column": 11}]},
                ]}),
            ),
        case("no extensions and no data where the document is wrong", Ask::post("{ customer }").by(Who::Customer))
            .answers(200, at(3, "Field \"customer\" of type \"Customer\" must have a sub selection.")),
        case("no errors where all is well", Ask::post(EMAIL).by(Who::Customer)).answers(200, email()),
    ]
}
