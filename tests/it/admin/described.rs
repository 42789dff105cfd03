//! Whether an answer of the admin API is one that the OpenAPI document describes.

use std::sync::LazyLock;

use serde_json::{Value, json};
use tokenward::http::admin;

use crate::support::Answer;

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::to_value(admin::openapi::document()).expect("the document is JSON"));

/// Fails unless the document knows this status of the operation, its content type, and every member of the body. Where
/// it has no such operation, the answer has to say so.
#[track_caller]
pub(super) fn assert_described(method: &str, path: &str, answer: &Answer) {
    let asked = if method == "HEAD" { "GET" } else { method };
    let Some(operation) = operation(asked, path) else {
        assert!(matches!(answer.status, 401 | 404 | 405), "{method} {path} is not described: {answer:?}");
        return;
    };
    let response = &operation["responses"][answer.status.to_string()];
    assert!(response.is_object(), "{method} {path}: {} is not described", answer.status);
    let content = &response["content"][answer.header("content-type")];
    assert!(content.is_object(), "{method} {path}: this content type is not described: {answer:?}");
    if method != "HEAD" {
        let wrong = deviations(&content["schema"], &answer.json());
        assert!(wrong.is_empty(), "{method} {path}: {wrong:?} in {answer:?}");
    }
}

fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let path = path.split('?').next().unwrap_or_default();
    let paths = DOCUMENT["paths"].as_object()?;
    let (_, item) = paths
        .iter()
        .find(|(pattern, _)| pattern.strip_prefix(admin::BASE).is_some_and(|pattern| matches(pattern, path)))?;
    item.get(method.to_lowercase())
}

/// A setting's path may have slashes; all else is compared part by part.
fn matches(pattern: &str, path: &str) -> bool {
    if pattern == "/settings/{path}" {
        return path.starts_with("/settings/");
    }
    let (pattern, path): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
    pattern.len() == path.len() && pattern.iter().zip(path).all(|(part, seen)| part.starts_with('{') || *part == seen)
}

/// How a value differs from its schema: types, members that are missing, members that nothing is said about.
fn deviations(schema: &Value, value: &Value) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let schema = DOCUMENT.pointer(reference.trim_start_matches('#')).expect("a reference leads somewhere");
        return deviations(schema, value);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = choices.iter().any(|schema| deviations(schema, value).is_empty());
        return if fits { Vec::new() } else { vec![format!("{value} is none of the choices")] };
    }
    let mut wrong = Vec::new();
    if !is_of_type(&schema["type"], value) {
        wrong.push(format!("{value} is no {}", schema["type"]));
    }
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    wrong.extend(required.filter(|name| value.get(name).is_none()).map(|name| format!("{name} is missing")));
    for (name, value) in value.as_object().into_iter().flatten() {
        match schema["properties"].get(name) {
            Some(schema) => wrong.extend(deviations(schema, value)),
            None => wrong.push(format!("{name} is not described")),
        }
    }
    wrong.extend(value.as_array().into_iter().flatten().flat_map(|value| deviations(&schema["items"], value)));
    wrong
}

/// Whether this is a value of the type, or of one of the types. No type is any.
fn is_of_type(types: &Value, value: &Value) -> bool {
    match types {
        Value::Array(types) => types.iter().any(|one| is_of_type(one, value)),
        Value::String(name) => match name.as_str() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_u64(),
            "number" => value.is_number(),
            "null" => value.is_null(),
            other => panic!("the document has a type {other}"),
        },
        _ => true,
    }
}

#[test]
fn an_answer_that_is_not_described_is_noticed() {
    let page = json!({ "$ref": "#/components/schemas/LockedCustomerPage" });
    let deviating = |value| !deviations(&page, &value).is_empty();
    assert!(!deviating(json!({ "customers": [], "next": null })));
    assert!(deviating(json!({})));
    assert!(deviating(json!({ "customers": [], "next": "1" })));
    assert!(deviating(json!({ "customers": [], "token": "x" })));
    assert!(deviating(json!({ "customers": [{ "id": 1 }] })));
}
