//! Fact sheet 1.5 and 1.6: the engine's messages, lenient input, limits.

use serde_json::{Value, json};

use super::{Ask, Case, STORE, at, at_all, at_both, case, data, failed, nowhere, refused, store};
use crate::http::graphql::Options;
use crate::http::graphql::tests::repeated;

pub(super) const DEVELOPER: Options = Options { introspection: true, developer_mode: true };
const HIDDEN: Options = Options { introspection: false, developer_mode: false };

/// `isEmailAvailable` with this literal.
fn available(literal: &str) -> Ask {
    Ask::post(format!("{{ isEmailAvailable(email: {literal}) {{ is_email_available }} }}"))
}

fn as_admin(arguments: &str) -> Ask {
    Ask::post(format!("mutation {{ generateCustomerTokenAsAdmin{arguments} {{ customer_token }} }}"))
}

pub(super) fn section_1_5_documents() -> Vec<Case> {
    let syntax = |about, query: &str, column: usize, message: &str| {
        case(about, Ask::post(query)).with_statuses(500, 400, at(column, &format!("Syntax Error: {message}")))
    };
    let document = |about, query: &str, column: usize, message: &str| {
        case(about, Ask::post(query)).answers(200, at(column, message))
    };
    let both_places = |about, query: &str, columns: [usize; 2], message: &str| {
        case(about, Ask::post(query)).answers(200, at_both(columns, message))
    };
    vec![
        syntax("empty query", "", 1, "Unexpected <EOF>"),
        syntax("no selection", "{ }", 3, "Expected Name, found }"),
        syntax("no opening", "customer", 1, "Unexpected Name \"customer\""),
        syntax("a string without an end", "{ a(b: \"c) }", 13, "Unterminated string."),
        syntax("an argument without a value", "{ a(b) { c } }", 6, "Expected :, found )"),
        document("unknown field", "{ customer { x } }", 14, "Cannot query field \"x\" on type \"Customer\"."),
        document(
            "unknown field, with a suggestion",
            "{ customer { emial } }",
            14,
            "Cannot query field \"emial\" on type \"Customer\". Did you mean \"email\"?",
        ),
        document(
            "unknown field, with two suggestions",
            "{ customer { firstnam } }",
            14,
            "Cannot query field \"firstnam\" on type \"Customer\". Did you mean \"firstname\" or \"lastname\"?",
        ),
        document(
            "unknown argument",
            "{ customer(x: 5) { email } }",
            12,
            "Unknown argument \"x\" on field \"customer\" of type \"Query\".",
        ),
        document(
            "unknown argument, with a suggestion",
            "{ isEmailAvailable(email: \"a\", emal: \"b\") { is_email_available } }",
            32,
            "Unknown argument \"emal\" on field \"isEmailAvailable\" of type \"Query\". Did you mean \"email\"?",
        ),
        document(
            "missing required argument",
            "{ isEmailAvailable { is_email_available } }",
            3,
            "Field \"isEmailAvailable\" argument \"email\" of type \"String!\" is required but not provided.",
        ),
        case("null literal for a non-null type", available("null"))
            .answers(200, at(27, "Expected value of type \"String!\", found null.")),
        case("scalar literal where an input object is expected", as_admin("(input: \"x\")"))
            .answers(200, at(48, "Expected value of type \"GenerateCustomerTokenAsAdminInput!\", found \"x\".")),
        case("list literal for String", available("[\"a\"]"))
            .answers(200, at(27, "String cannot represent a non string value: [\"a\"]")),
        case("object literal for String", available("{a: 1}"))
            .answers(200, at(27, "String cannot represent a non string value: {a: 1}")),
        document(
            "anything but true and false for Boolean",
            "{ customer { email @skip(if: \"yes\") } }",
            30,
            "Boolean cannot represent a non boolean value: \"yes\"",
        ),
        case("missing required input field", as_admin("(input: {})")).answers(
            200,
            at(48, "Field GenerateCustomerTokenAsAdminInput.customer_email of required type String! was not provided."),
        ),
        case("null for a required input field", as_admin("(input: {customer_email: null})"))
            .answers(200, at(65, "Expected value of type \"String!\", found null.")),
        case("an input field given twice", as_admin("(input: {customer_email: \"a\", customer_email: \"b\"})"))
            .answers(200, at_both([49, 70], "There can be only one input field named \"customer_email\".")),
        case(
            "a variable that may be null in a required input field",
            Ask::post(
                "mutation($e: String) { generateCustomerTokenAsAdmin(input: {customer_email: $e}) { customer_token } }",
            ),
        )
        .answers(200, at_both([10, 77], "Variable \"$e\" of type \"String\" used in position expecting type \"String!\".")),
        case(
            "a variable of another type for an argument",
            Ask::post("query($e: Int!) { isEmailAvailable(email: $e) { is_email_available } }"),
        )
        .answers(200, at_both([7, 43], "Variable \"$e\" of type \"Int!\" used in position expecting type \"String!\".")),
        case(
            "a variable that is not defined",
            Ask::post(" query Q { isEmailAvailable(email: $e) { is_email_available } }"),
        )
        .answers(200, at_both([36, 2], "Variable \"$e\" is not defined by operation \"Q\".")),
        case("unknown input field", as_admin("(input: {customer_email: \"a\", test123: 1})"))
            .answers(200, at(70, "Field \"test123\" is not defined by type \"GenerateCustomerTokenAsAdminInput\".")),
        case("unknown input field, with a suggestion", as_admin("(input: {customer_email: \"a\", customer_emial: 1})")).answers(
            200,
            at(70, "Field \"customer_emial\" is not defined by type \"GenerateCustomerTokenAsAdminInput\". Did you mean \"customer_email\"?"),
        ),
        document(
            "a value that an enumeration does not have",
            "mutation { revokeCustomerToken(scope: CURENT) { result } }",
            39,
            "Value \"CURENT\" does not exist in \"RevokeScope\" enum. Did you mean the enum value \"CURRENT\"?",
        ),
        document(
            "scalar with sub-selection",
            "mutation { generateCustomerToken(email: \"a\", password: \"b\") { token { x } } }",
            69,
            "Field \"token\" of type \"String\" must not have a sub selection.",
        ),
        document(
            "object without sub-selection",
            "{ customer }",
            3,
            "Field \"customer\" of type \"Customer\" must have a sub selection.",
        ),
        case("fields of one name that differ", Ask::post("{ customer { x: email x: firstname } }")).answers(
            200,
            at_both(
                [14, 23],
                "Fields \"x\" conflict because email and firstname are different fields. Use different aliases on the fields to fetch both if this was intentional.",
            ),
        ),
        case(
            "fields of one name whose arguments differ",
            Ask::post("{ a: isEmailAvailable(email: 1) { is_email_available } a: isEmailAvailable(email: 2) { is_email_available } }"),
        )
        .answers(
            200,
            at_both(
                [3, 56],
                "Fields \"a\" conflict because they have differing arguments. Use different aliases on the fields to fetch both if this was intentional.",
            ),
        ),
        case("fields that conflict in what is selected of them", Ask::post("{ customer { x: email } customer { x: firstname } }")).answers(
            200,
            at_all(
                &[3, 14, 25, 36],
                "Fields \"customer\" conflict because subfields \"x\" conflict because email and firstname are different fields. Use different aliases on the fields to fetch both if this was intentional.",
            ),
        ),
        case("a field that conflicts with a fragment's", Ask::post("{ customer { x: email ...F } } fragment F on Customer { x: firstname }")).answers(
            200,
            at_both(
                [14, 57],
                "Fields \"x\" conflict because email and firstname are different fields. Use different aliases on the fields to fetch both if this was intentional.",
            ),
        ),
        both_places(
            "an argument that is given twice",
            "{ isEmailAvailable(email: \"a\", email: \"b\") { is_email_available } }",
            [20, 32],
            "There can be only one argument named \"email\".",
        ),
        both_places(
            "operations of one name",
            "query A { customer { email } } query A { customer { email } }",
            [7, 38],
            "There can be only one operation named \"A\".",
        ),
        both_places(
            "fragments of one name",
            "{ customer { ...F } } fragment F on Customer { email } fragment F on Customer { email }",
            [32, 65],
            "There can be only one fragment named \"F\".",
        ),
        both_places(
            "variables of one name",
            "query($x: Boolean!, $x: Boolean!) { customer { email @skip(if: $x) } }",
            [8, 22],
            "There can be only one variable named \"x\".",
        ),
        both_places(
            "fragments that spread one another",
            "{ customer { ...F } } fragment F on Customer { ...G } fragment G on Customer { ...F }",
            [48, 80],
            "Cannot spread fragment \"F\" within itself via \"G\".",
        ),
        document("unknown fragment", "{ customer { ...F } }", 17, "Unknown fragment \"F\"."),
        document(
            "a fragment for what has no fields",
            "{ customer { ...F } } fragment F on String { email }",
            37,
            "Fragment \"F\" cannot condition on non composite type \"String\".",
        ),
        document(
            "an inline fragment for what has no fields",
            "{ customer { ... on String { email } } }",
            21,
            "Fragment cannot condition on non composite type \"String\".",
        ),
        document(
            "a variable of a type for answers",
            "query($x: [Customer!]) { customer { email @skip(if: $x) } }",
            11,
            "Variable \"$x\" cannot be non-input type \"[Customer!]\".",
        ),
        document(
            "scalar with a directive and sub-selection",
            "{ customer { email @skip(if: true) { x } } }",
            36,
            "Field \"email\" of type \"String\" must not have a sub selection.",
        ),
        document(
            "unknown type of a variable",
            "query($x: [Strin]) { customer { email @skip(if: $x) } }",
            12,
            "Unknown type \"Strin\". Did you mean \"String\"?",
        ),
        document(
            "unknown type of a fragment",
            "{ customer { ... on Custome { email } } }",
            21,
            "Unknown type \"Custome\". Did you mean \"Customer\"?",
        ),
        document(
            "unknown directive",
            "{ customer { email @x } }",
            20,
            "Unknown directive \"x\".",
        ),
        document(
            "a directive where it does not belong",
            "query @skip(if: true) { customer { email } }",
            7,
            "Directive \"skip\" may not be used on \"QUERY\".",
        ),
        case("a directive given twice", Ask::post("{ customer { email @skip(if: true) @skip(if: false) } }"))
            .answers(200, at_both([20, 36], "The directive \"skip\" can only be used once at this location.")),
        case("several operations", Ask::post(format!("query A {STORE} query B {STORE}")))
            .answers(200, nowhere("Must provide operation name if query contains multiple operations.")),
    ]
}

const VARIABLE: &str = "query($x: String!) { isEmailAvailable(email: $x) { is_email_available } }";
const OBJECT: &str = "mutation($input: GenerateCustomerTokenAsAdminInput!) { generateCustomerTokenAsAdmin(input: $input) { customer_token } }";
const SCOPE: &str = "mutation($s: RevokeScope) { revokeCustomerToken(scope: $s) { result } }";
const FLAG: &str = "query($b: Boolean!) { storeConfig { store_code @skip(if: $b) } }";

pub(super) fn section_1_5_variables() -> Vec<Case> {
    let variable = |about, query: &str, variables: Value, message: &str| {
        let column = query.find('$').unwrap_or_default() + 1;
        case(about, Ask::post_with(query, &variables)).answers(200, at(column, message))
    };
    vec![
        variable("missing", VARIABLE, json!({}), "Variable \"$x\" of required type \"String!\" was not provided."),
        variable(
            "null for non-null",
            VARIABLE,
            json!({"x": null}),
            "Variable \"$x\" of non-null type \"String!\" must not be null.",
        ),
        variable(
            "a wrong type",
            VARIABLE,
            json!({"x": ["a"]}),
            "Variable \"$x\" got invalid value [\"a\"]; String cannot represent a non string value: [\"a\"]",
        ),
        variable(
            "a wrong type inside an input object",
            OBJECT,
            json!({"input": {"customer_email": ["a"]}}),
            "Variable \"$input\" got invalid value [\"a\"] at \"input.customer_email\"; String cannot represent a non string value: [\"a\"]",
        ),
        variable(
            "a field of an input object that is missing",
            OBJECT,
            json!({"input": {}}),
            "Variable \"$input\" got invalid value []; Field \"customer_email\" of required type \"String!\" was not provided.",
        ),
        variable(
            "a list is an object to PHP",
            OBJECT,
            json!({"input": []}),
            "Variable \"$input\" got invalid value []; Field \"customer_email\" of required type \"String!\" was not provided.",
        ),
        variable(
            "a text without characters",
            SCOPE,
            json!({"s": ""}),
            "Variable \"$s\" got invalid value (empty string); Value \"(empty string)\" does not exist in \"RevokeScope\" enum.",
        ),
        variable(
            "a field of an input object that is unknown",
            OBJECT,
            json!({"input": {"customer_email": "a", "test123": 1}}),
            "Variable \"$input\" got invalid value {\"customer_email\":\"a\",\"test123\":1}; Field \"test123\" is not defined by type \"GenerateCustomerTokenAsAdminInput\".",
        ),
        variable(
            "a scalar for an input object",
            OBJECT,
            json!({"input": 5}),
            "Variable \"$input\" got invalid value 5; Expected type \"GenerateCustomerTokenAsAdminInput\" to be an object.",
        ),
        variable(
            "a value that an enumeration does not have",
            SCOPE,
            json!({"s": "current"}),
            "Variable \"$s\" got invalid value \"current\"; Value \"current\" does not exist in \"RevokeScope\" enum. Did you mean the enum value \"CURRENT\"?",
        ),
        variable(
            "Boolean follows the standard rules",
            FLAG,
            json!({"b": "yes"}),
            "Variable \"$b\" got invalid value \"yes\"; Boolean cannot represent a non boolean value: \"yes\"",
        ),
    ]
}

pub(super) fn section_1_5_lenient_input() -> Vec<Case> {
    let invalid = || failed("isEmailAvailable", 3, "graphql-input", "Email is invalid");
    let empty = || failed("isEmailAvailable", 3, "graphql-input", "Email must be specified");
    let variable = |value: Value| Ask::post_with(VARIABLE, &json!({ "x": value }));
    let at_variable = |mut body: Value| {
        body["errors"][0]["locations"][0]["column"] = json!(22);
        body
    };
    vec![
        case("a whole number is a String", available("5")).answers(200, invalid()),
        case("a number is a String", available("1.50")).answers(200, invalid()),
        case("true is the String 1", available("true")).answers(200, invalid()),
        case("false is the empty String", available("false")).answers(200, empty()),
        case("a bare word is a String", available("FOO")).answers(200, invalid()),
        case("a whole number is a String, as JSON", variable(json!(5))).answers(200, at_variable(invalid())),
        case("a number is a String, as JSON", variable(json!(1.5))).answers(200, at_variable(invalid())),
        case("true is the String 1, as JSON", variable(json!(true))).answers(200, at_variable(invalid())),
        case("false is the empty String, as JSON", variable(json!(false))).answers(200, at_variable(empty())),
        case(
            "generateCustomerToken(email: 5, …) passes validation",
            Ask::post("mutation { generateCustomerToken(email: 5, password: 0) { token } }"),
        )
        .answers(200, failed("generateCustomerToken", 12, "graphql-input", "Specify the \"password\" value.")),
    ]
}

pub(super) fn section_1_6() -> Vec<Case> {
    let aliases = |count| Ask::post(format!("{{{}}}", repeated(count, |n| format!(" a{n}: __typename"))));
    let named = |count: usize| {
        let fields: serde_json::Map<_, _> = (0..count).map(|n| (format!("a{n}"), json!("Query"))).collect();
        json!({ "data": fields })
    };
    let fields = |count: usize| Ask::post(format!("{{ {} }}", "storeConfig { store_code } ".repeat(count)));
    let too_complex = |limit: usize, got: usize| {
        refused("graphql-input", &format!("Max query complexity should be {limit} but got {got}."))
    };
    let expanded = |spreads: usize| {
        let query = "{ ".to_owned() + &"...F ".repeat(spreads) + "} fragment F on Query { storeConfig { store_code } }";
        Ask::post(query)
    };
    let deep = |levels: usize| {
        let nested = "{ ofType ".repeat(levels) + "{ name" + &" }".repeat(levels + 1);
        Ask::post(format!("{{ __type(name: \"Query\") {nested} }}"))
    };
    let schema = || Ask::post("{ __schema { queryType { name } } }");
    let hidden = "GraphQL introspection is not allowed, but the query contained __schema or __type";
    vec![
        case("ten aliases", aliases(10)).answers(200, named(10)),
        case("eleven aliases", aliases(11)).with_statuses(
            500,
            400,
            refused("graphql-input", "Max Aliases in query should be 10 but got 11."),
        ),
        case("aliases without a limit", aliases(11))
            .set("graphql/validation/alias_limit_enabled", "0")
            .answers(200, named(11)),
        case("another limit of aliases", aliases(11))
            .set("graphql/validation/maximum_alias_allowed", "11")
            .answers(200, named(11)),
        case(
            "aliases are not counted into inline fragments",
            Ask::post(format!("{{ ... on Query {{{}}} }}", repeated(11, |n| format!(" a{n}: __typename")))),
        )
        .answers(200, named(11)),
        case("a plain count of fields, before validation", fields(151))
            .older(500, too_complex(300, 302))
            .newer(200, store("default")),
        case("a plain count of fields, over both limits", fields(511))
            .older(500, too_complex(300, 1022))
            .newer(400, too_complex(1000, 1022)),
        case("complexity with fragments expanded", expanded(151))
            .older(200, nowhere("Max query complexity should be 300 but got 302."))
            .newer(200, store("default")),
        case("complexity with fragments expanded, over both limits", expanded(511))
            .older(200, nowhere("Max query complexity should be 300 but got 1022."))
            .newer(200, nowhere("Max query complexity should be 1000 but got 1022.")),
        case("twenty-three levels", deep(23)).answers(200, nowhere("Max query depth should be 20 but got 23.")),
        case("the schema can be asked for", schema())
            .answers(200, data("__schema", &json!({"queryType": {"name": "Query"}}))),
        case("introspection disabled: __schema", schema()).showing(HIDDEN).answers(200, at(3, hidden)),
        case("introspection disabled: __type", Ask::post("{ __type(name: \"Query\") { name } }"))
            .showing(HIDDEN)
            .answers(200, at(3, hidden)),
        case("introspection disabled: __typename is something else", Ask::post("{ __typename }"))
            .showing(HIDDEN)
            .answers(200, data("__typename", &json!("Query"))),
        case("no limit of aliases in developer mode", aliases(11)).showing(DEVELOPER).answers(200, named(11)),
        case("no limit of complexity in developer mode", fields(511)).showing(DEVELOPER).answers(200, store("default")),
        case("the schema can be asked for in developer mode", schema())
            .showing(Options { introspection: false, ..DEVELOPER })
            .answers(200, data("__schema", &json!({"queryType": {"name": "Query"}}))),
    ]
}
