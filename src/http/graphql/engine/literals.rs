//! Lenient literals: what Magento accepts beyond the specification is rewritten in the tree before it is validated
//! (fact sheet 1.5, second table). What stays refused is left as it was written, for the message.

use apollo_compiler::ast::{self, Definition, FloatValue, IntValue, Selection, Type, Value};
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::Valid;
use apollo_compiler::{Node, Schema};

/// Rewrites the literals of all operations and fragments.
pub(super) fn coerce(schema: &Valid<Schema>, document: &mut ast::Document) {
    for definition in &mut document.definitions {
        match definition {
            Definition::OperationDefinition(operation) => {
                let operation = operation.make_mut();
                for variable in &mut operation.variables {
                    let variable = variable.make_mut();
                    let ty = variable.ty.clone();
                    if let Some(default) = &mut variable.default_value {
                        coerce_value(schema, &ty, default);
                    }
                }
                if let Some(root) = schema.root_operation(operation.operation_type) {
                    coerce_selections(schema, root, &mut operation.selection_set);
                }
            }
            Definition::FragmentDefinition(fragment) => {
                let fragment = fragment.make_mut();
                coerce_selections(schema, &fragment.type_condition, &mut fragment.selection_set);
            }
            _ => {}
        }
    }
}

fn coerce_selections(schema: &Valid<Schema>, parent: &str, selections: &mut [Selection]) {
    for selection in selections {
        match selection {
            Selection::Field(field) => coerce_field(schema, parent, field.make_mut()),
            Selection::InlineFragment(fragment) => {
                let fragment = fragment.make_mut();
                let parent = fragment.type_condition.as_ref().map_or(parent, |condition| condition.as_str());
                coerce_selections(schema, parent, &mut fragment.selection_set);
            }
            Selection::FragmentSpread(_) => {}
        }
    }
}

fn coerce_field(schema: &Valid<Schema>, parent: &str, field: &mut ast::Field) {
    let Ok(definition) = schema.type_field(parent, &field.name) else {
        return;
    };
    for argument in &mut field.arguments {
        if let Some(expected) = definition.argument_by_name(&argument.name) {
            coerce_value(schema, &expected.ty, &mut argument.make_mut().value);
        }
    }
    coerce_selections(schema, definition.ty.inner_named_type(), &mut field.selection_set);
}

fn coerce_value(schema: &Valid<Schema>, ty: &Type, node: &mut Node<Value>) {
    if let Type::List(item) | Type::NonNullList(item) = ty {
        return match &**node {
            Value::List(_) => coerce_items(schema, item, node),
            _ => coerce_value(schema, item, node),
        };
    }
    let name = ty.inner_named_type().as_str();
    let coerced = match (name, &**node) {
        ("String", value) => text(value).map(Value::String),
        ("Int", value) => whole(value).map(|number| Value::Int(number.into())),
        ("Float", value) => number(value),
        (_, Value::Object(_)) => return coerce_fields(schema, name, node),
        _ => None,
    };
    if let Some(coerced) = coerced {
        *node = node.same_location(coerced);
    }
}

fn coerce_items(schema: &Valid<Schema>, item: &Type, node: &mut Node<Value>) {
    if let Value::List(items) = node.make_mut() {
        for value in items {
            coerce_value(schema, item, value);
        }
    }
}

fn coerce_fields(schema: &Valid<Schema>, name: &str, node: &mut Node<Value>) {
    let Some(ExtendedType::InputObject(definition)) = schema.types.get(name) else {
        return;
    };
    if let Value::Object(fields) = node.make_mut() {
        for (field, value) in fields {
            if let Some(expected) = definition.fields.get(field) {
                coerce_value(schema, &expected.ty, value);
            }
        }
    }
}

/// Every scalar is a text.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Int(number) => Some(number.as_str().to_owned()),
        Value::Float(number) => Some(number.as_str().to_owned()),
        Value::Boolean(flag) => Some(if *flag { "1" } else { "" }.to_owned()),
        Value::Enum(name) => Some(name.to_string()),
        Value::String(_) | Value::Null | Value::Variable(_) | Value::List(_) | Value::Object(_) => None,
    }
}

fn whole(value: &Value) -> Option<i32> {
    match value {
        Value::String(text) => whole_text(text),
        Value::Float(number) => whole_text(number.as_str()),
        Value::Boolean(flag) => Some(i32::from(*flag)),
        _ => None,
    }
}

fn number(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => numeric_text(text).map(literal),
        Value::Boolean(flag) => Some(Value::Int(i32::from(*flag).into())),
        _ => None,
    }
}

fn literal(number: f64) -> Value {
    let text = format!("{number:?}");
    if text.contains(['.', 'e']) {
        Value::Float(FloatValue::new_parsed(&text))
    } else {
        Value::Int(IntValue::new_parsed(&text))
    }
}

/// The number that a text stands for, as far as numbers go.
pub(super) fn numeric_text(text: &str) -> Option<f64> {
    let is_numeric = text.trim().starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
    let number: f64 = text.trim().parse().ok()?;
    (is_numeric && number.is_finite()).then_some(number)
}

/// The whole number of thirty-two bits that a text stands for.
pub(super) fn whole_text(text: &str) -> Option<i32> {
    whole_number(numeric_text(text)?)
}

/// The whole number of thirty-two bits that this number is.
pub(super) fn whole_number(number: f64) -> Option<i32> {
    let is_whole = number.fract() == 0.0 && (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&number);
    #[expect(clippy::cast_possible_truncation, reason = "checked: it is whole and within the range")]
    is_whole.then_some(number as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = "
        type Query { f(text: String, whole: Int, number: Float, flag: Boolean, id: ID, texts: [String!], in: In): Int }
        input In { text: String!, in: In }
    ";

    fn coerced(arguments: &str) -> String {
        let schema = Schema::parse_and_validate(SCHEMA, "schema").unwrap();
        let mut document = ast::Document::parse(format!("{{ f({arguments}) }}"), "test").unwrap();
        coerce(&schema, &mut document);
        let text = document.serialize().no_indent().to_string();
        text.trim_start_matches("query ").trim_start_matches("{ f(").trim_end_matches(") }").to_owned()
    }

    #[test]
    fn every_scalar_is_a_text() {
        assert_eq!(coerced("text: 5"), r#"text: "5""#);
        assert_eq!(coerced("text: 1.50"), r#"text: "1.50""#);
        assert_eq!(coerced("text: true"), r#"text: "1""#);
        assert_eq!(coerced("text: false"), r#"text: """#);
        assert_eq!(coerced("text: FOO"), r#"text: "FOO""#);
        assert_eq!(coerced("text: null"), "text: null");
        assert_eq!(coerced(r#"text: ["a"]"#), r#"text: ["a"]"#);
        assert_eq!(coerced("text: {a: 1}"), "text: {a: 1}");
    }

    #[test]
    fn whole_numbers_may_be_texts_and_flags() {
        assert_eq!(coerced(r#"whole: "5""#), "whole: 5");
        assert_eq!(coerced("whole: 5.0"), "whole: 5");
        assert_eq!(coerced("whole: true"), "whole: 1");
        for refused in
            [r#"whole: "abc""#, r#"whole: "1.5""#, "whole: 1.5", r#"whole: "99999999999""#, r#"whole: "inf""#]
        {
            assert_eq!(coerced(refused), refused);
        }
    }

    #[test]
    fn numbers_may_be_texts_and_flags() {
        assert_eq!(coerced(r#"number: "1.5""#), "number: 1.5");
        assert_eq!(coerced(r#"number: "5""#), "number: 5.0");
        assert_eq!(coerced(r#"number: "1e300""#), "number: 1e300");
        assert_eq!(coerced("number: false"), "number: 0");
        assert_eq!(coerced(r#"number: "ten""#), r#"number: "ten""#);
    }

    #[test]
    fn flags_and_ids_follow_the_specification() {
        assert_eq!(coerced(r#"flag: "yes", id: true"#), r#"flag: "yes", id: true"#);
    }

    #[test]
    fn lists_and_input_objects_are_coerced_within() {
        assert_eq!(coerced("texts: [5, true]"), r#"texts: ["5", "1"]"#);
        assert_eq!(coerced("texts: 5"), r#"texts: "5""#);
        assert_eq!(coerced("in: {text: 5, in: {text: A}}"), r#"in: {text: "5", in: {text: "A"}}"#);
    }
}
