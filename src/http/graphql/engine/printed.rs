//! Values of variables as Magento's engine prints them into messages: PHP knows no difference between an empty list and
//! an empty object, and its JSON escapes the slash and everything beyond ASCII.

use std::fmt::Write;

use serde_json::{Map, Number, Value};

/// What stands for a text without characters.
const EMPTY: &str = "(empty string)";

/// A value within a message.
pub(super) fn printed(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => EMPTY.to_owned(),
        Value::String(text) => format!("\"{text}\""),
        Value::Number(number) => printed_number(number),
        Value::Array(_) | Value::Object(_) => json(value),
        Value::Null | Value::Bool(_) => value.to_string(),
    }
}

/// A text within a message that puts it in quotes.
pub(super) fn printed_text(text: &str) -> &str {
    if text.is_empty() { EMPTY } else { text }
}

/// A number with a fraction of nothing has none.
fn printed_number(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => float.to_string(),
        _ => number.to_string(),
    }
}

/// The reader of JSON bounds how deep values are nested.
fn json(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) => value.to_string(),
        Value::Number(number) => printed_number(number),
        Value::String(text) => json_text(text),
        Value::Array(items) => list(items),
        Value::Object(fields) if is_list(fields) => list(fields.values()),
        Value::Object(fields) => {
            let fields: Vec<_> =
                fields.iter().map(|(name, value)| format!("{}:{}", json_text(name), json(value))).collect();
            format!("{{{}}}", fields.join(","))
        }
    }
}

fn list<'a>(items: impl IntoIterator<Item = &'a Value>) -> String {
    let items: Vec<_> = items.into_iter().map(json).collect();
    format!("[{}]", items.join(","))
}

/// Whether the names are 0, 1, 2 and so on, which makes it a list for PHP.
fn is_list(fields: &Map<String, Value>) -> bool {
    fields.keys().enumerate().all(|(index, name)| *name == index.to_string())
}

fn json_text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 2);
    for character in Value::from(text).to_string().chars() {
        match character {
            '/' => escaped.push_str("\\/"),
            _ if character.is_ascii() => escaped.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    // Writing to a string cannot fail.
                    let _ = write!(escaped, "\\u{unit:04x}");
                }
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_printed_as_php_prints_them() {
        for (value, expected) in [
            (json!(null), "null"),
            (json!(true), "true"),
            (json!(5), "5"),
            (json!(1.0), "1"),
            (json!(1.5), "1.5"),
            (json!(""), "(empty string)"),
            (json!("a\"/é"), "\"a\"/é\""),
            (json!([]), "[]"),
            (json!({}), "[]"),
            (json!({"0": "a", "1": {}}), r#"["a",[]]"#),
            (json!({"1": "a"}), r#"{"1":"a"}"#),
            (json!(["", "a\"/é😀", 1.0]), r#"["","a\"\/\u00e9\ud83d\ude00",1]"#),
        ] {
            assert_eq!(printed(&value), expected, "{value}");
        }
    }
}
