//! Values of variables: coerced leniently and refused in Magento's words (fact sheet 1.5).

use apollo_compiler::ast::{Type, Value as Literal};
use apollo_compiler::executable::{Operation, VariableDefinition};
use apollo_compiler::response::{JsonMap, JsonValue};
use apollo_compiler::schema::{EnumType, ExtendedType, InputObjectType};
use apollo_compiler::validation::Valid;
use apollo_compiler::{Name, Schema};
use serde_json::{Map, Value};

use crate::http::graphql::engine::Complaint;
use crate::http::graphql::engine::literals::{numeric_text, whole_number, whole_text};
use crate::http::graphql::engine::printed::{printed, printed_text};
use crate::http::graphql::engine::suggestions::did_you_mean;

/// Why a value is refused.
struct Refusal {
    /// The part that is wrong, as it is printed.
    value: String,
    /// Where it is within the value, such as `.email` or `[0]`; written from the inside out.
    path: String,
    /// What is wrong with it.
    reason: String,
}

impl Refusal {
    fn of(value: &Value, reason: impl Into<String>) -> Self {
        Self { value: printed(value), path: String::new(), reason: reason.into() }
    }

    fn within(self, step: &str) -> Self {
        let path = format!("{step}{}", self.path);
        Self { path, ..self }
    }
}

/// The values that an operation is executed with.
///
/// # Errors
/// The first value that is missing or refused, or `all` of them.
pub(super) fn coerce(
    schema: &Valid<Schema>,
    operation: &Operation,
    values: &Map<String, Value>,
    text: &str,
    all: bool,
) -> Result<Valid<JsonMap>, Vec<Complaint>> {
    let mut coerced = JsonMap::new();
    let mut complaints = Vec::new();
    for definition in &operation.variables {
        let name = definition.name.as_str();
        let outcome = variable(schema, definition, values.get(name));
        let offset = definition.location().map_or(0, |location| location.offset());
        match outcome {
            Ok(Some(value)) => {
                coerced.insert(name, value);
            }
            Ok(None) => {}
            Err(message) => complaints.push(Complaint::at(message, text, offset)),
        }
        if !complaints.is_empty() && !all {
            break;
        }
    }
    if complaints.is_empty() { Ok(Valid::assume_valid(coerced)) } else { Err(complaints) }
}

/// `None` when a variable that may be left out was left out.
fn variable(
    schema: &Valid<Schema>,
    definition: &VariableDefinition,
    value: Option<&Value>,
) -> Result<Option<JsonValue>, String> {
    let VariableDefinition { name, ty, .. } = definition;
    match (value, &definition.default_value) {
        (None, Some(default)) => Ok(Some(literal(default))),
        (None, None) if ty.is_non_null() => {
            Err(format!("Variable \"${name}\" of required type \"{ty}\" was not provided."))
        }
        (None, None) => Ok(None),
        (Some(Value::Null), _) if ty.is_non_null() => {
            Err(format!("Variable \"${name}\" of non-null type \"{ty}\" must not be null."))
        }
        (Some(value), _) => coerce_value(schema, ty, value).map(Some).map_err(|refusal| {
            let Refusal { value, path, reason } = refusal;
            let place = if path.is_empty() { path } else { format!(" at \"{name}{path}\"") };
            format!("Variable \"${name}\" got invalid value {value}{place}; {reason}")
        }),
    }
}

/// Types and values are followed together, so the recursion is bounded by the depth of the parsed JSON.
fn coerce_value(schema: &Valid<Schema>, ty: &Type, value: &Value) -> Result<JsonValue, Refusal> {
    if value.is_null() {
        return if ty.is_non_null() {
            let reason = format!("Expected non-nullable type \"{ty}\" not to be null.");
            Err(Refusal::of(value, reason))
        } else {
            Ok(JsonValue::Null)
        };
    }
    let name = match ty {
        Type::List(item) | Type::NonNullList(item) => return coerce_list(schema, item, value),
        Type::Named(name) | Type::NonNullNamed(name) => name.as_str(),
    };
    match schema.types.get(name) {
        Some(ExtendedType::Enum(definition)) => coerce_enum(definition, value),
        Some(ExtendedType::InputObject(definition)) => coerce_object(schema, definition, value),
        _ => coerce_scalar(name, value),
    }
}

/// What is no list counts as a list of one.
fn coerce_list(schema: &Valid<Schema>, item: &Type, value: &Value) -> Result<JsonValue, Refusal> {
    let Value::Array(values) = value else {
        return Ok(JsonValue::Array(vec![coerce_value(schema, item, value)?]));
    };
    let coerced = values.iter().enumerate().map(|(index, value)| {
        coerce_value(schema, item, value).map_err(|refusal| refusal.within(&format!("[{index}]")))
    });
    coerced.collect::<Result<Vec<_>, _>>().map(JsonValue::Array)
}

fn coerce_enum(definition: &EnumType, value: &Value) -> Result<JsonValue, Refusal> {
    let name = &definition.name;
    match value {
        Value::String(text) if definition.values.contains_key(text.as_str()) => Ok(text.as_str().into()),
        Value::String(text) => {
            let hint = enum_hint(text, definition);
            let reason = format!("Value \"{}\" does not exist in \"{name}\" enum.{hint}", printed_text(text));
            Err(Refusal::of(value, reason))
        }
        _ => {
            let reason = format!("Enum \"{name}\" cannot represent non-string value: {}.", printed(value));
            Err(Refusal::of(value, reason))
        }
    }
}

/// The question with the values that resemble `text`.
pub(super) fn enum_hint(text: &str, definition: &EnumType) -> String {
    let known = definition.values.keys().map(Name::as_str);
    did_you_mean(text, known).replacen("Did you mean ", "Did you mean the enum value ", 1)
}

fn coerce_object(schema: &Valid<Schema>, definition: &InputObjectType, value: &Value) -> Result<JsonValue, Refusal> {
    let name = &definition.name;
    let numbered;
    let given = match value {
        Value::Object(given) => given,
        Value::Array(items) => {
            numbered = numbered_fields(items);
            &numbered
        }
        _ => return Err(Refusal::of(value, format!("Expected type \"{name}\" to be an object."))),
    };
    let mut coerced = JsonMap::new();
    for (field, expected) in &definition.fields {
        match (given.get(field.as_str()), &expected.default_value) {
            (Some(inner), _) => {
                let inner = coerce_value(schema, &expected.ty, inner);
                coerced.insert(field.as_str(), inner.map_err(|refusal| refusal.within(&format!(".{field}")))?);
            }
            (None, Some(default)) => {
                coerced.insert(field.as_str(), literal(default));
            }
            (None, None) if expected.ty.is_non_null() => {
                let ty = &expected.ty;
                let reason = format!("Field \"{field}\" of required type \"{ty}\" was not provided.");
                return Err(Refusal::of(value, reason));
            }
            (None, None) => {}
        }
    }
    if let Some(unknown) = given.keys().find(|key| !definition.fields.contains_key(key.as_str())) {
        let hint = did_you_mean(unknown, definition.fields.keys().map(Name::as_str));
        let reason = format!("Field \"{unknown}\" is not defined by type \"{name}\".{hint}");
        return Err(Refusal::of(value, reason));
    }
    Ok(JsonValue::Object(coerced))
}

/// A list is an object to PHP, whose fields have numbers for names. No type has such fields, so what they hold is not
/// looked at.
fn numbered_fields(items: &[Value]) -> Map<String, Value> {
    items.iter().take(1).map(|_| ("0".to_owned(), Value::Null)).collect()
}

fn coerce_scalar(name: &str, value: &Value) -> Result<JsonValue, Refusal> {
    let coerced = match name {
        "String" => text(value).map(JsonValue::from),
        "Int" => whole(value).map(JsonValue::from),
        "Float" => number(value).map(JsonValue::from),
        "Boolean" => value.as_bool().map(JsonValue::from),
        "ID" => identifier(value).map(JsonValue::from),
        _ => Some(value.clone().into()),
    };
    coerced.ok_or_else(|| Refusal::of(value, refused_scalar(name, &printed(value))))
}

/// What is said of a value that a scalar type refuses; `value` as it was written.
pub(super) fn refused_scalar(name: &str, value: &str) -> String {
    let kind = match name {
        "Int" => "non-integer",
        "Float" => "non numeric",
        "Boolean" => "a non boolean",
        "ID" => "a non-string and non-integer",
        _ => "a non string",
    };
    format!("{name} cannot represent {kind} value: {value}")
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(if *flag { "1" } else { "" }.to_owned()),
        Value::Number(number) => Some(match number.as_f64() {
            Some(float) if number.is_f64() => float.to_string(),
            _ => number.to_string(),
        }),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn whole(value: &Value) -> Option<i32> {
    match value {
        Value::String(text) => whole_text(text),
        Value::Bool(flag) => Some(i32::from(*flag)),
        Value::Number(number) => number.as_f64().and_then(whole_number),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => numeric_text(text),
        Value::Bool(flag) => Some(f64::from(u8::from(*flag))),
        Value::Number(number) => number.as_f64(),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn identifier(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

/// A literal of a valid document or of the schema as a value. It holds no variable where a constant is expected.
fn literal(literal: &Literal) -> JsonValue {
    match literal {
        Literal::Null | Literal::Variable(_) => JsonValue::Null,
        Literal::Enum(name) => name.as_str().into(),
        Literal::String(text) => text.as_str().into(),
        Literal::Boolean(flag) => (*flag).into(),
        Literal::Int(number) => number.try_to_i32().map_or(JsonValue::Null, JsonValue::from),
        Literal::Float(number) => number.try_to_f64().map_or(JsonValue::Null, JsonValue::from),
        Literal::List(items) => JsonValue::Array(items.iter().map(|item| self::literal(item)).collect()),
        Literal::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.as_str(), self::literal(value)));
            JsonValue::Object(fields.map(|(name, value)| (name.into(), value)).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apollo_compiler::ExecutableDocument;
    use serde_json::json;

    const SCHEMA: &str = "
        type Query { f(s: String, i: Int, n: Float, b: Boolean, d: ID, e: E, l: [String!], in: In): Int }
        enum E { ALL CURRENT }
        input In { email: String!, tags: [Int], nested: In }
    ";

    fn coerced(ty: &str, values: &Value) -> Result<Value, String> {
        let schema = Schema::parse_and_validate(SCHEMA, "schema").unwrap();
        let argument = match ty.trim_end_matches('!') {
            "String" => "s",
            "Int" => "i",
            "Float" => "n",
            "Boolean" => "b",
            "ID" => "d",
            "E" => "e",
            "In" => "in",
            _ => "l",
        };
        let text = format!("query($x: {ty}) {{ f({argument}: $x) }}");
        let document = ExecutableDocument::parse_and_validate(&schema, &text, "test").unwrap();
        let operation = document.operations.iter().next().unwrap();
        coerce(&schema, operation, values.as_object().unwrap(), &text, false)
            .map(|values| serde_json::to_value(&*values).unwrap())
            .map_err(|complaints| complaints[0].message.clone())
    }

    #[test]
    fn values_are_coerced_leniently() {
        for (ty, given, expected) in [
            ("String", json!(5), json!("5")),
            ("String", json!(1.5), json!("1.5")),
            ("String", json!(true), json!("1")),
            ("String", json!(false), json!("")),
            ("String", json!(null), json!(null)),
            ("Int", json!("5"), json!(5)),
            ("Int", json!(5.0), json!(5)),
            ("Int", json!(true), json!(1)),
            ("Float", json!("1.5"), json!(1.5)),
            ("ID", json!(5), json!("5")),
            ("E", json!("ALL"), json!("ALL")),
            ("[String!]", json!(5), json!(["5"])),
            ("In", json!({"email": 5, "tags": "7"}), json!({"email": "5", "tags": [7]})),
        ] {
            assert_eq!(coerced(ty, &json!({ "x": given })), Ok(json!({ "x": expected })), "{ty} {given}");
        }
        assert_eq!(coerced("String", &json!({})), Ok(json!({})));
    }

    #[test]
    fn refusals_are_worded_as_magento_words_them() {
        for (ty, values, message) in [
            ("String!", json!({}), r#"Variable "$x" of required type "String!" was not provided."#),
            ("String!", json!({"x": null}), r#"Variable "$x" of non-null type "String!" must not be null."#),
            (
                "String",
                json!({"x": ["a"]}),
                r#"Variable "$x" got invalid value ["a"]; String cannot represent a non string value: ["a"]"#,
            ),
            (
                "Int",
                json!({"x": 1.1}),
                r#"Variable "$x" got invalid value 1.1; Int cannot represent non-integer value: 1.1"#,
            ),
            (
                "Boolean",
                json!({"x": "yes"}),
                r#"Variable "$x" got invalid value "yes"; Boolean cannot represent a non boolean value: "yes""#,
            ),
            (
                "Float",
                json!({"x": "ten"}),
                r#"Variable "$x" got invalid value "ten"; Float cannot represent non numeric value: "ten""#,
            ),
            (
                "E",
                json!({"x": "all"}),
                r#"Variable "$x" got invalid value "all"; Value "all" does not exist in "E" enum. Did you mean the enum value "ALL"?"#,
            ),
            (
                "In",
                json!({"x": {"email": ["a"]}}),
                r#"Variable "$x" got invalid value ["a"] at "x.email"; String cannot represent a non string value: ["a"]"#,
            ),
            (
                "In",
                json!({"x": {"email": "a", "tags": [1, "b"]}}),
                r#"Variable "$x" got invalid value "b" at "x.tags[1]"; Int cannot represent non-integer value: "b""#,
            ),
            (
                "In",
                json!({"x": {}}),
                r#"Variable "$x" got invalid value []; Field "email" of required type "String!" was not provided."#,
            ),
            (
                "In",
                json!({"x": []}),
                r#"Variable "$x" got invalid value []; Field "email" of required type "String!" was not provided."#,
            ),
            (
                "String",
                json!({"x": {}}),
                r#"Variable "$x" got invalid value []; String cannot represent a non string value: []"#,
            ),
            (
                "E",
                json!({"x": ""}),
                r#"Variable "$x" got invalid value (empty string); Value "(empty string)" does not exist in "E" enum."#,
            ),
            (
                "E",
                json!({"x": 1.0}),
                r#"Variable "$x" got invalid value 1; Enum "E" cannot represent non-string value: 1."#,
            ),
            ("In", json!({"x": 5}), r#"Variable "$x" got invalid value 5; Expected type "In" to be an object."#),
        ] {
            assert_eq!(coerced(ty, &values), Err(message.to_owned()), "{ty} {values}");
        }
    }
}
