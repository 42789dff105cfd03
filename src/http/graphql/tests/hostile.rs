//! Nothing that a client sends panics, takes long or is answered with a 500.

use std::time::Duration;

use serde_json::json;

use super::repeated;
use super::support::{House, post};
use crate::http::MagentoVersion;
use crate::http::graphql::Options;

/// Far more than any of these takes in an unoptimised build, and far less than what a careless engine takes.
const PATIENCE: Duration = Duration::from_secs(5);

fn documents() -> Vec<(&'static str, String)> {
    let megabyte = 1024 * 1024 - 100;
    let chain = |count: usize| {
        let links = repeated(count, |n| format!(" fragment F{n} on Query {{ ...F{} }}", n + 1));
        format!("{{ ...F0 }}{links} fragment F{count} on Query {{ storeConfig {{ locale }} }}")
    };
    vec![
        ("many aliases", format!("{{{}}}", repeated(10_000, |n| format!(" a{n}: customer {{ email }}")))),
        (
            "aliases in an inline fragment",
            format!("{{ ... on Query {{{}}} }}", repeated(490, |n| format!(" a{n}: customer {{ email }}"))),
        ),
        ("deep selections", format!("{} a {}", "{ a ".repeat(1000), "}".repeat(1000))),
        ("less deep selections", format!("{} a {}", "{ a ".repeat(100), "}".repeat(100))),
        ("deep inline fragments", format!("{}a{}", "{ ... ".repeat(1000), "}".repeat(1000))),
        ("deep lists", format!("{{ isEmailAvailable(email: {}{}) {{ a }} }}", "[".repeat(1000), "]".repeat(1000))),
        (
            "deep objects",
            format!("{{ isEmailAvailable(email: {}1{}) {{ a }} }}", "{a: ".repeat(1000), "}".repeat(1000)),
        ),
        ("deep types", format!("query($a: {}Int{}) {{ a }}", "[".repeat(1000), "]".repeat(1000))),
        ("braces", "{".repeat(megabyte)),
        ("brackets", "[".repeat(megabyte)),
        ("quotation marks", "\"\"".repeat(megabyte / 4)),
        ("backslashes", format!("{{ a(b: \"{}\") }}", "\\q".repeat(megabyte / 4))),
        ("strange characters", "§".repeat(megabyte / 2)),
        (
            "a long string",
            format!("{{ isEmailAvailable(email: \"{}\") {{ is_email_available }} }}", "a".repeat(megabyte - 100)),
        ),
        ("a long name", format!("{{ {} }}", "a".repeat(megabyte - 100))),
        ("commas", format!("{{ storeConfig {{ locale {} }} }}", ",".repeat(megabyte - 100))),
        ("many operations", repeated(2000, |n| format!("query q{n} {{ a }} "))),
        ("many fragments", repeated(1500, |n| format!("fragment f{n} on Query {{ ...f{n} }} "))),
        ("a chain of fragments", chain(1000)),
        ("a shorter chain of fragments", chain(200)),
        ("a chain of fragments that may be read", chain(100)),
        (
            "doubling fragments",
            format!(
                "{{ ...F0 }}{} fragment F60 on Query {{ storeConfig {{ locale }} }}",
                repeated(60, |n| format!(" fragment F{n} on Query {{ ...F{0} ...F{0} }}", n + 1))
            ),
        ),
        (
            "many operations over many fragments",
            repeated(120, |n| format!("query q{n} {{ ...F0 }} "))
                + &chain(100).replacen("{ ...F0 }", "query last { ...F0 }", 1),
        ),
        (
            "a cycle of fragments",
            format!("{} fragment F50 on Query {{ ...F0 }}", chain(50).rsplit_once(" fragment").unwrap().0),
        ),
        ("two circles of fragments beside a conflict", two_circles(124, 123)),
        ("many circles of long names", many_circles(60, 200)),
        ("many operations over a long variable", many_operations(240, &"v".repeat(megabyte / 4))),
        ("many operations over many variables", many_operations(240, &"v".repeat(200))),
        ("many errors", format!("{{{}}}", " nothing".repeat(900))),
        (
            "many errors on a long line",
            format!("{{ #{}\n{} }}", "a".repeat(megabyte - 20_000), repeated(900, |n| format!(" nothing{n}"))),
        ),
        ("many variables", format!("query({}) {{ a }}", repeated(3000, |n| format!("$v{n}: Int ")))),
        ("many directives", format!("{{ a {} }}", "@skip(if: true) ".repeat(1500))),
        ("many arguments", format!("{{ a({}) }}", "b: 1 ".repeat(3000))),
        ("many fields that merge", format!("{{{}}}", " customer { email }".repeat(500))),
        ("definitions of types", "type A { a: Int } ".repeat(1000)),
        ("subscription", "subscription { a }".to_owned()),
        ("deferred", "mutation { ... @defer { revokeCustomerToken { result } } }".to_owned()),
        (
            "introspection in depth",
            "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }".to_owned(),
        ),
        (
            "a long alias in depth",
            format!(
                "{{ __schema {{ types {{ fields {{ type {{ fields {{ type {{ {}: name }} }} }} }} }} }} }}",
                "A".repeat(1_000_000)
            ),
        ),
        ("many aliases in depth", in_depth(900, |n| format!(" an_alias_of_some_length_{n}: description"))),
        ("short aliases in depth", in_depth(490, |n| format!(" a{n}: name"))),
        ("nothing but spaces", " ".repeat(megabyte)),
        ("a zero byte", "\0".to_owned()),
    ]
}

/// Circles of these lengths, which meet in as many pairs of fragments as the product of both.
fn two_circles(one: usize, other: usize) -> String {
    let circle = |name: &str, length: usize| {
        repeated(length, |n| format!("fragment {name}{n} on Customer {{...{name}{}}}", (n + 1) % length))
    };
    let conflict = "{x: customer {email} x: storeConfig {locale} customer {...A0 ...B0}}";
    format!("{conflict}{}{}", circle("A", one), circle("B", other))
}

/// A chain of fragments whose last one leads back to each of them.
fn many_circles(length: usize, name: usize) -> String {
    let name = |n: usize| format!("{}{n}", "F".repeat(name));
    let chain = repeated(length, |n| format!("fragment {} on Query {{...{}}}", name(n), name(n + 1)));
    let last = repeated(length, |n| format!("...{}", name(n)));
    format!("{{...{}}}{chain}fragment {} on Query {{{last}}}", name(0), name(length))
}

/// Operations that all use one fragment, in which variables are that none of them has.
fn many_operations(count: usize, variable: &str) -> String {
    let operations = repeated(count, |n| format!("query q{n} {{...F}}"));
    let uses = 1 + 20_000 / variable.len();
    let fields = format!(" storeConfig @skip(if: ${variable}) {{locale}}").repeat(uses);
    format!("{operations}fragment F on Query {{{fields}}}")
}

/// So many fields, hidden from the count of aliases, of each type of each field of each type of a field.
fn in_depth(count: usize, field: impl Fn(usize) -> String) -> String {
    let fields = repeated(count, field);
    format!("{{ __schema {{ types {{ fields {{ type {{ fields {{ type {{ ... {{ {fields} }} }} }} }} }} }} }} }}")
}

#[actix_web::test]
async fn hostile_documents_are_answered_in_good_time() {
    let house = House::new();
    for (about, document) in documents() {
        let began = tokio::time::Instant::now();
        let reply = house.send(post(&document)).await;
        assert!(began.elapsed() < PATIENCE, "{about} took {:?}", began.elapsed());
        assert!(matches!(reply.status.as_u16(), 200 | 400 | 403), "{about}: {}", reply.status);
        assert!(reply.text.len() < 64 * 1024, "{about}: {} bytes", reply.text.len());
        assert!(reply.json().is_object(), "{about}");
        assert_eq!(reply.json()["errors"].as_array().unwrap().len(), 1, "{about}");
    }
    assert_eq!(house.post("{ storeConfig { store_code } }").await.status.as_u16(), 200);
}

#[actix_web::test]
async fn developer_mode_lifts_magentos_limits_and_not_ours() {
    let options = Options { introspection: true, developer_mode: true };
    let house = House::showing(MagentoVersion::V248, options);
    for (about, document) in documents() {
        let began = tokio::time::Instant::now();
        let reply = house.send(post(&document)).await;
        assert!(began.elapsed() < PATIENCE, "{about} took {:?}", began.elapsed());
        assert!(matches!(reply.status.as_u16(), 200 | 400 | 403), "{about}: {}", reply.status);
        // A hundred findings are told, each with a name of the document.
        assert!(reply.text.len() < document.len() + 256 * 1024, "{about}: {} bytes", reply.text.len());
    }
    let doubling = documents().into_iter().find(|(about, _)| *about == "doubling fragments").unwrap().1;
    assert_eq!(house.post(&doubling).await.gist(), (200, "Query is too large.".to_owned(), String::new()));
}

#[actix_web::test]
async fn what_is_too_much_is_named() {
    let house = House::new();
    let find = |name: &str| documents().into_iter().find(|(about, _)| *about == name).unwrap().1;
    for (about, status, message) in [
        ("many aliases", 400, "Max Aliases in query should be 10 but got "),
        ("deep selections", 400, "Max query complexity should be 1000 but got 1001."),
        ("less deep selections", 200, "Max query depth should be 20 but got "),
        ("braces", 400, "Syntax Error: Expected Name, found {"),
        ("many operations", 400, "Max query complexity should be 1000 but got "),
        ("a chain of fragments", 400, "Query is too large."),
        ("a shorter chain of fragments", 200, "Query is too large."),
        ("a chain of fragments that may be read", 200, "Query is too large."),
        ("a long name", 400, "Query is too large."),
        ("two circles of fragments beside a conflict", 200, "Fields \"x\" conflict because customer and storeConfig"),
        ("many circles of long names", 200, "Cannot spread fragment \"FFF"),
        ("many operations over a long variable", 400, "Query is too large."),
        ("many operations over many variables", 200, "Variable \"$vvv"),
        ("a long alias in depth", 400, "Query is too large."),
        ("many aliases in depth", 200, "Query is too large."),
        ("short aliases in depth", 200, "Query is too large."),
        ("subscription", 200, "Schema is not configured for subscriptions"),
        ("doubling fragments", 200, "Max query complexity should be 1000 but got "),
    ] {
        let (got_status, got, _) = house.post(&find(about)).await.gist();
        assert!(got_status == status && got.starts_with(message), "{about}: {got_status} {got}");
    }
}

#[actix_web::test]
async fn hostile_variables_are_answered() {
    let house = House::new();
    let query = "query($x: String!) { isEmailAvailable(email: $x) { is_email_available } }";
    for value in [
        json!(vec![1; 100_000]),
        json!("a".repeat(900_000)),
        json!({ "a": "b".repeat(900_000) }),
        json!(1e308),
        json!(u64::MAX),
    ] {
        let reply = house.post_with(query, json!({ "x": value })).await;
        assert_eq!(reply.status.as_u16(), 200);
        assert!(reply.json()["errors"].is_array());
    }
}
