//! The engine's messages (fact sheet 1.5).

use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::repeated;
use super::support::{CUSTOMER, House, Reply};
use crate::session::Subject;

const AVAILABLE: &str = "{ isEmailAvailable(email: ARG) { is_email_available } }";

#[actix_web::test]
async fn documents_that_do_not_fit_the_schema_are_refused_in_magentos_words() {
    let house = House::new();
    let list = AVAILABLE.replace("ARG", "[\"a\"]");
    let object = AVAILABLE.replace("ARG", "{a: 1}");
    let null = AVAILABLE.replace("ARG", "null");
    let aliases = repeated(11, |n| format!(" a{n}: storeConfig {{ locale }}"));
    let deep = |levels: usize| {
        format!("{{ __type(name: \"Query\") {} name {} }}", "{ ofType ".repeat(levels) + "{", "} ".repeat(levels + 1))
    };
    let complex = format!(
        "{{ {} }} fragment F on Query {{ {} }}",
        "...F ... on Query { ...F ...F }",
        "storeConfig { locale } ".repeat(170)
    );
    for (query, status, message) in [
        ("{ customer { emial } }", 200, r#"Cannot query field "emial" on type "Customer". Did you mean "email"?"#),
        ("{ customer { zzzzzz } }", 200, r#"Cannot query field "zzzzzz" on type "Customer"."#),
        ("{ customer(zzz: 5) { email } }", 200, r#"Unknown argument "zzz" on field "customer" of type "Query"."#),
        (
            r#"{ isEmailAvailable(email: "a", emal: "b") { is_email_available } }"#,
            200,
            r#"Unknown argument "emal" on field "isEmailAvailable" of type "Query". Did you mean "email"?"#,
        ),
        (
            "{ isEmailAvailable { is_email_available } }",
            200,
            r#"Field "isEmailAvailable" argument "email" of type "String!" is required but not provided."#,
        ),
        (&null, 200, r#"Expected value of type "String!", found null."#),
        (&list, 200, r#"String cannot represent a non string value: ["a"]"#),
        (&object, 200, "String cannot represent a non string value: {a: 1}"),
        ("{ customer { email @skip(if: \"yes\") } }", 200, r#"Boolean cannot represent a non boolean value: "yes""#),
        (
            "mutation { revokeCustomerToken(scope: SOME) { result } }",
            200,
            r#"Value "SOME" does not exist in "RevokeScope" enum."#,
        ),
        (
            r#"mutation { revokeCustomerToken(scope: "ALL") { result } }"#,
            200,
            r#"Enum "RevokeScope" cannot represent non-enum value: "ALL"."#,
        ),
        (
            "mutation { generateCustomerToken(email: \"a\", password: \"b\") { token { text } } }",
            200,
            r#"Field "token" of type "String" must not have a sub selection."#,
        ),
        (
            "mutation { revokeCustomerToken { ok: result { text } } }",
            200,
            r#"Field "result" of type "Boolean!" must not have a sub selection."#,
        ),
        ("{ customer }", 200, r#"Field "customer" of type "Customer" must have a sub selection."#),
        (
            "{ customer { addresses } }",
            200,
            r#"Field "addresses" of type "[CustomerAddress]" must have a sub selection."#,
        ),
        (
            "query A { customer { email } } query B { customer { email } }",
            200,
            "Must provide operation name if query contains multiple operations.",
        ),
        ("fragment F on Customer { email }", 200, r#"Fragment "F" is never used."#),
        ("{ customer { ...F } } fragment F on Customer { ...F }", 200, r#"Cannot spread fragment "F" within itself."#),
        (
            "{ customer { ...F } } fragment F on Customer { ...G } fragment G on Customer { ...F }",
            200,
            r#"Cannot spread fragment "F" within itself via "G"."#,
        ),
        ("{ customer { ...F } }", 200, r#"Unknown fragment "F"."#),
        ("query Q($x: Int) { customer { email } }", 200, r#"Variable "$x" is never used in operation "Q"."#),
        ("query ($x: Int) { customer { email } }", 200, r#"Variable "$x" is never used."#),
        (
            "query Q { isEmailAvailable(email: $x) { is_email_available } }",
            200,
            r#"Variable "$x" is not defined by operation "Q"."#,
        ),
        (
            "query Q($x: Int!) { isEmailAvailable(email: $x) { is_email_available } }",
            200,
            r#"Variable "$x" of type "Int!" used in position expecting type "String!"."#,
        ),
        ("query Q($x: Int, $x: Int) { customer { email } }", 200, r#"There can be only one variable named "x"."#),
        (&deep(20), 200, "{ deep 20 }"),
        (&deep(21), 200, "Max query depth should be 20 but got 21."),
        (&complex, 200, "Max query complexity should be 1000 but got 1020."),
        (&format!("{{ {aliases} }}"), 400, "Max Aliases in query should be 10 but got 11."),
        (
            &format!("{{ {} }}", "storeConfig { locale } ".repeat(511)),
            400,
            "Max query complexity should be 1000 but got 1022.",
        ),
    ] {
        let reply = house.post(query).await;
        if message.starts_with("{ deep") {
            assert_eq!(reply.json()["errors"], Value::Null, "{query}");
            continue;
        }
        let (got_status, got, _) = reply.gist();
        assert_eq!((got_status, got.as_str()), (status, message), "{query}");
        assert!(reply.json().get("data").is_none(), "{query}");
    }
}

#[actix_web::test]
async fn values_of_variables_are_refused_in_magentos_words() {
    let house = House::new();
    let query = "query($x: String!) { isEmailAvailable(email: $x) { is_email_available } }";
    for (variables, message) in [
        (json!({}), r#"Variable "$x" of required type "String!" was not provided."#),
        (json!({"x": null}), r#"Variable "$x" of non-null type "String!" must not be null."#),
        (
            json!({"x": ["a"]}),
            r#"Variable "$x" got invalid value ["a"]; String cannot represent a non string value: ["a"]"#,
        ),
    ] {
        let reply = house.post_with(query, variables).await;
        assert_eq!(reply.gist(), (200, message.to_owned(), String::new()));
        assert_eq!(reply.json()["errors"][0]["locations"], json!([{"line": 1, "column": 7}]));
        assert!(reply.json().get("data").is_none());
    }
}

#[actix_web::test]
async fn a_null_where_an_argument_must_not_be_null_is_an_error_of_the_field() {
    let house = House::new();
    let query = "query($x: String = \"a\") { isEmailAvailable(email: $x) { is_email_available } }";
    let reply = house.post_with(query, json!({"x": null})).await;
    let expected = json!({
        "errors": [{
            "message": "Argument \"email\" of non-null type \"String!\" must not be null.",
            "locations": [{"line": 1, "column": 27}],
            "path": ["isEmailAvailable"],
        }],
        "data": {"isEmailAvailable": null},
    });
    assert_eq!(reply.json(), expected);
}

#[actix_web::test]
async fn the_alias_limit_is_a_setting() {
    let house = House::new();
    let query = format!("{{{}}}", repeated(11, |n| format!(" a{n}: storeConfig {{ locale }}")));
    assert_eq!(house.post(&query).await.status.as_u16(), 400);
    house.set("graphql/validation/alias_limit_enabled", "0");
    assert_eq!(house.post(&query).await.status.as_u16(), 200);
    house.set("graphql/validation/alias_limit_enabled", "1");
    house.set("graphql/validation/maximum_alias_allowed", "11");
    assert_eq!(house.post(&query).await.status.as_u16(), 200);
}

#[actix_web::test]
async fn a_null_within_an_input_object_is_left_to_the_operation() {
    let house = House::new();
    let query =
        "mutation($e: String = \"a\") { generateCustomerTokenAsAdmin(input: {customer_email: $e}) { customer_token } }";
    let reply = house.post_with(query, json!({"e": null})).await;
    let message = "Specify the \"customer email\" value.";
    assert_eq!(reply.gist(), (200, message.to_owned(), "graphql-input".to_owned()));
    assert_eq!(reply.json()["data"], json!({"generateCustomerTokenAsAdmin": null}));
    let reply = house.post_with(query, json!({})).await;
    assert_eq!(reply.gist().1, "The current customer isn't authorized.");
    let reply =
        house.post("{ __type(name: \"GenerateCustomerTokenAsAdminInput\") { inputFields { type { kind } } } }").await;
    assert_eq!(reply.json()["data"]["__type"]["inputFields"][0]["type"]["kind"], "NON_NULL");
}

#[actix_web::test]
async fn a_null_within_a_list_is_left_to_the_operation() {
    let query = "query($c: ID = \"a\") { customer { custom_attributes(attributeCodes: [$c]) { code } } }";
    let reply = with_null(query).await;
    assert_eq!(reply.json(), json!({"data": {"customer": {"custom_attributes": []}}}));
}

#[actix_web::test]
async fn the_engines_own_words_do_not_reach_a_client() {
    let query = "query($c: ID = \"a\") {
        __schema { queryType { name } } customer { custom_attributes(attributeCodes: [$c]) { code } } }";
    let reply = with_null(query).await;
    assert_eq!(reply.gist(), (200, "Internal server error".to_owned(), String::new()));
    assert_eq!(reply.json()["data"]["customer"], json!({"custom_attributes": null}));
}

/// What a customer is answered with `$c` sent as null.
async fn with_null(query: &str) -> Reply {
    let house = House::new();
    let token = house.token(Subject::customer(CUSTOMER)).await;
    let body = json!({"query": query, "variables": {"c": null}});
    let request = TestRequest::post().uri("/graphql").set_json(body);
    house.send(request.insert_header(("authorization", format!("Bearer {token}")))).await
}
