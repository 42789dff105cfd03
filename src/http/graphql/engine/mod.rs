//! Reads, limits, validates and executes documents. The one door to apollo-compiler.
//!
//! It knows the schema and Magento's wording, no HTTP and no operation. A document goes through
//! [`Engine::parse`] (syntax), [`Parsed::refuse_by_size`] (what a document may cost at all, before it is validated),
//! [`Engine::validate`] (schema, depth, complexity) and [`Engine::execute`].

mod cache;
mod circles;
mod conflicts;
mod document;
mod execution;
mod expansion;
mod introspection;
mod lexer;
mod limits;
mod literals;
mod location;
mod names;
mod printed;
mod suggestions;
mod syntax;
mod usage;
mod variables;
mod wording;

use std::sync::LazyLock;

use apollo_compiler::ast::Type;
use apollo_compiler::collections::HashMap;
use apollo_compiler::schema::{ExtendedType, Implementers};
use apollo_compiler::validation::Valid;
use apollo_compiler::{Name, Schema};

use cache::Cache;

pub(super) use document::{Document, Operation, Parsed};
pub(super) use execution::{Executed, ExecutionError};
pub(super) use limits::Limits;
pub(super) use location::Location;

/// The schema as it is served: `tokenward export-schema` prints it.
pub fn schema_text() -> &'static str {
    include_str!("../../../../schema.graphql")
}

/// Schema and cache, shared by all workers: what is compiled in is read once.
static ENGINE: LazyLock<Engine> = LazyLock::new(Engine::new);

/// Reads the schema now rather than with the first request.
pub(super) fn warm_up() {
    LazyLock::force(&ENGINE);
}

/// What the engine finds wrong with a document or with values of variables, in Magento's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    /// What is wrong.
    pub(super) message: String,
    /// Where in the document.
    pub(super) locations: Vec<Location>,
}

impl Complaint {
    /// A complaint about a place in `text`.
    fn at(message: impl Into<String>, text: &str, offset: usize) -> Self {
        Self { message: message.into(), locations: vec![Location::of(text, offset)] }
    }

    /// A complaint about the document as a whole.
    fn of_all(message: impl Into<String>) -> Self {
        Self { message: message.into(), locations: Vec::new() }
    }
}

/// Reads and executes documents.
pub(super) struct Engine {
    schema: Valid<Schema>,
    /// The schema that operations are executed with unless they ask for the schema: a field of an input object and an
    /// item of a list may be null in it. When it must not be, the validation says so; only a variable with a default that
    /// is sent as null gets by, and Magento's engine hands that to the operation.
    executed: Valid<Schema>,
    implementers: HashMap<Name, Implementers>,
    documents: Cache,
}

impl Engine {
    /// The engine.
    pub(super) fn shared() -> &'static Self {
        &ENGINE
    }

    fn new() -> Self {
        let schema = Schema::parse_and_validate(schema_text(), "schema.graphql")
            .expect("schema.graphql is compiled in, and the tests of this file read it");
        Self::of(schema)
    }

    fn of(schema: Valid<Schema>) -> Self {
        let (executed, implementers) = (with_nullable_input(&schema), schema.implementers_map());
        Self { schema, executed, implementers, documents: Cache::new() }
    }
}

fn with_nullable_input(schema: &Valid<Schema>) -> Valid<Schema> {
    let mut schema = schema.clone().into_inner();
    for definition in schema.types.values_mut() {
        match definition {
            ExtendedType::InputObject(object) => {
                for field in object.make_mut().fields.values_mut() {
                    let field = field.make_mut();
                    field.ty = with_nullable_items((*field.ty).clone()).nullable().into();
                }
            }
            ExtendedType::Object(object) => {
                for field in object.make_mut().fields.values_mut() {
                    for argument in &mut field.make_mut().arguments {
                        let argument = argument.make_mut();
                        argument.ty = with_nullable_items((*argument.ty).clone()).into();
                    }
                }
            }
            _ => {}
        }
    }
    Valid::assume_valid(schema)
}

fn with_nullable_items(ty: Type) -> Type {
    match ty {
        Type::List(item) => Type::List(Box::new(with_nullable_items(*item).nullable())),
        Type::NonNullList(item) => Type::NonNullList(Box::new(with_nullable_items(*item).nullable())),
        Type::Named(_) | Type::NonNullNamed(_) => ty,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::MagentoVersion;
    use crate::http::graphql::Options;
    use crate::settings::Settings;

    #[test]
    fn everything_in_the_schema_is_described() {
        let schema = Schema::parse_and_validate(schema_text(), "schema.graphql").unwrap();
        let mut missing = Vec::new();
        for (name, definition) in schema.types.iter().filter(|(_, definition)| !definition.is_built_in()) {
            if definition.description().is_none() {
                missing.push(name.to_string());
            }
            match definition {
                ExtendedType::Object(object) => {
                    for field in object.fields.values() {
                        let arguments = field.arguments.iter();
                        if field.description.is_none() || arguments.clone().any(|a| a.description.is_none()) {
                            missing.push(format!("{name}.{}", field.name));
                        }
                    }
                }
                ExtendedType::InputObject(object) => {
                    for field in object.fields.values().filter(|field| field.description.is_none()) {
                        missing.push(format!("{name}.{}", field.name));
                    }
                }
                ExtendedType::Enum(enumeration) => {
                    for value in enumeration.values.values().filter(|value| value.description.is_none()) {
                        missing.push(format!("{name}.{}", value.value));
                    }
                }
                _ => {}
            }
        }
        assert_eq!(missing, Vec::<String>::new());
    }

    /// Reads and validates `text` twice, and says whether the second time found the document.
    fn is_kept(text: &str) -> bool {
        let (engine, limits) =
            (Engine::new(), Limits::of(MagentoVersion::V248.line(), Options::default(), &Settings::default()));
        let parsed = engine.parse(text).unwrap();
        let _ = engine.validate(parsed, &limits);
        matches!(engine.parse(text).unwrap(), Parsed::Known(_))
    }

    /// What is said first of `{ f(ARGUMENT) }`, in a schema that has arguments of all types.
    fn complaint(argument: &str) -> Option<String> {
        let schema = "type Query { f(i: Int, n: Float, b: Boolean, d: ID, l: [String!], in: In): Int }
            input In { i: Int!, in: In }";
        let engine = Engine::of(Schema::parse_and_validate(schema, "test").unwrap());
        let limits = Limits::of(MagentoVersion::V248.line(), Options::default(), &Settings::default());
        let parsed = engine.parse(&format!("{{ f({argument}) }}")).unwrap();
        engine.validate(parsed, &limits).err().map(|complaints| complaints[0].message.clone())
    }

    #[test]
    fn literals_of_every_type_are_refused_in_magentos_words() {
        for (argument, message) in [
            (r#"i: "abc""#, r#"Int cannot represent non-integer value: "abc""#),
            ("i: 1.5", "Int cannot represent non-integer value: 1.5"),
            ("i: 99999999999", "Int cannot represent non-integer value: 99999999999"),
            ("i: [1]", "Int cannot represent non-integer value: [1]"),
            (r#"n: "ten""#, r#"Float cannot represent non numeric value: "ten""#),
            ("b: 1", "Boolean cannot represent a non boolean value: 1"),
            ("l: [null]", "Expected value of type \"String!\", found null."),
            ("l: [[\"a\"]]", "String cannot represent a non string value: [\"a\"]"),
            ("in: 5", "Expected value of type \"In\", found 5."),
            ("in: {i: 1, in: {}}", "Field In.i of required type Int! was not provided."),
        ] {
            assert_eq!(complaint(argument).as_deref(), Some(message), "{argument}");
        }
        for accepted in [r#"i: "5""#, "i: 5.0", "i: true", r#"n: "1.5""#, "n: false", "d: 5", "l: 5", "in: {i: \"1\"}"]
        {
            assert_eq!(complaint(accepted), None, "{accepted}");
        }
    }

    #[test]
    fn a_valid_document_is_kept_unless_it_may_hold_a_password() {
        assert!(is_kept("{ customer { email } }"));
        assert!(!is_kept("{ customer { emial } }"));
        assert!(!is_kept(r#"mutation { generateCustomerToken(email: "a", password: "b") { token } }"#));
        assert!(!is_kept("{ customer { email } } # \"quoted\""));
    }
}
