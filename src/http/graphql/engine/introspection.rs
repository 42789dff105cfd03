//! How long an answer about the schema may become, told before it is made.
//!
//! A short document can ask for each type of each field of each type under many names. So the answer is estimated from
//! the document and from what the schema holds, never too low, in time linear in the document.

use std::sync::LazyLock;

use apollo_compiler::ast::Field;
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::{Node, Schema};

use crate::http::graphql::engine::Engine;

/// The longest document that may ask for the schema, in bytes. What tools send takes about two thousand.
pub(super) const LONGEST_DOCUMENT: usize = 8 * 1024;

/// How long the answer may be at most by the estimate, in bytes. What tools ask for is estimated at about a quarter of
/// it.
pub(super) const LONGEST_ANSWER: f64 = 2.0 * 1024.0 * 1024.0;

/// Quotation marks, colon, comma and brackets around a name and a value.
const PUNCTUATION: f64 = 8.0;

/// At least so many bytes are expected of a value that is neither a description nor an object: `kind`, `defaultValue`,
/// a reason why something is deprecated.
const SHORT_VALUE: usize = 32;

/// How many bytes a set of selections comes to, once for each thing it is asked of.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Weight {
    /// On average, when all things of a kind are asked, each once, as below `types`.
    each: f64,
    /// For the worst one that the document can choose.
    worst: f64,
}

impl Weight {
    /// This and another one.
    pub(super) fn plus(self, other: Self) -> Self {
        Self { each: self.each + other.each, worst: self.worst + other.worst }
    }

    /// What a field comes to whose selections come to this, with everything below it.
    pub(super) fn of_field(self, field: &Field) -> Self {
        let sizes = &*SIZES;
        let name = length(field.alias.as_ref().unwrap_or(&field.name)) + PUNCTUATION;
        let (each, worst) = match field.name.as_str() {
            "types" => (sizes.types * self.each, sizes.types * self.each),
            "directives" => (sizes.directives * self.each, sizes.directives * self.each),
            "fields" => sizes.fields.times(self),
            "inputFields" => sizes.input_fields.times(self),
            "args" => sizes.arguments.times(self),
            "enumValues" => sizes.enum_values.times(self),
            // Whoever asks for these asks for the same types again and again.
            "interfaces" | "possibleTypes" => (sizes.kin * self.worst, sizes.kin * self.worst),
            "locations" => (sizes.locations, sizes.locations),
            "description" => (sizes.description, sizes.description),
            _ if field.selection_set.is_empty() => (sizes.short, sizes.short),
            _ => (self.worst, self.worst),
        };
        Self { each: name + each, worst: name + worst }
    }

    /// The bytes of an answer that this is all of.
    pub(super) fn bytes(self) -> f64 {
        self.worst
    }
}

/// What the schema holds of a kind.
#[derive(Clone, Copy, Debug, Default)]
struct Number {
    /// For each thing that may hold it, on average.
    each: f64,
    /// At most.
    most: f64,
}

impl Number {
    fn of(counts: &[usize]) -> Self {
        let total: usize = counts.iter().sum();
        let most = counts.iter().copied().max().unwrap_or(0);
        Self { each: number(total) / number(counts.len().max(1)), most: number(most) }
    }

    /// The larger one of each.
    fn or(self, other: Self) -> Self {
        Self { each: self.each.max(other.each), most: self.most.max(other.most) }
    }

    /// Each thing adds two bytes for its brackets.
    fn times(self, weight: Weight) -> (f64, f64) {
        (self.each * (weight.each + 2.0), self.most * (weight.worst + 2.0))
    }
}

/// What an answer about the schema is multiplied by.
#[derive(Debug)]
struct Sizes {
    types: f64,
    directives: f64,
    fields: Number,
    input_fields: Number,
    arguments: Number,
    enum_values: Number,
    /// How many types an interface or union stands for at most, and how many interfaces a type has.
    kin: f64,
    /// The bytes of the longest list of places of a directive.
    locations: f64,
    /// The bytes of the longest description.
    description: f64,
    /// The bytes of any other value.
    short: f64,
}

static SIZES: LazyLock<Sizes> = LazyLock::new(|| Sizes::of(&Engine::shared().schema));

impl Sizes {
    fn of(schema: &Schema) -> Self {
        let per_type = |count: fn(&ExtendedType) -> usize| schema.types.values().map(count).collect::<Vec<_>>();
        let definitions = schema.types.values().flat_map(field_definitions);
        let arguments: Vec<usize> = definitions.map(|field| field.arguments.len()).collect();
        let of_directives: Vec<usize> = schema.directive_definitions.values().map(|one| one.arguments.len()).collect();
        let places = schema.directive_definitions.values().map(|one| one.locations.len()).max().unwrap_or(0);
        let names = schema
            .types
            .iter()
            .flat_map(|(name, ty)| field_definitions(ty).map(|field| field.name.len()).chain([name.len()]));
        Self {
            types: number(schema.types.len()) + 1.0,
            directives: number(schema.directive_definitions.len()) + 1.0,
            fields: Number::of(&per_type(|ty| field_definitions(ty).count())),
            input_fields: Number::of(&per_type(|ty| ty.as_input_object().map_or(0, |input| input.fields.len()))),
            arguments: Number::of(&arguments).or(Number::of(&of_directives)),
            enum_values: Number::of(&per_type(|ty| ty.as_enum().map_or(0, |one| one.values.len()))),
            kin: number(kin(schema)),
            locations: number(places * SHORT_VALUE),
            description: number(longest_description(schema)),
            short: number(names.max().unwrap_or(0).max(SHORT_VALUE)),
        }
    }
}

fn field_definitions(ty: &ExtendedType) -> impl Iterator<Item = &apollo_compiler::schema::FieldDefinition> {
    let fields = match ty {
        ExtendedType::Object(object) => Some(&object.fields),
        ExtendedType::Interface(interface) => Some(&interface.fields),
        _ => None,
    };
    fields.into_iter().flat_map(|fields| fields.values().map(|field| &***field))
}

/// Input fields and values of enumerations are looked at, too. What stands for a quotation mark or a line feed in JSON
/// takes two bytes.
fn longest_description(schema: &Schema) -> usize {
    let of_types = schema.types.values().flat_map(descriptions);
    let of_directives = schema.directive_definitions.values().flat_map(|one| {
        one.arguments.iter().filter_map(|argument| argument.description.as_ref()).chain(one.description.as_ref())
    });
    let all = of_types.chain(of_directives);
    all.map(|text| text.len() + text.matches(['"', '\n', '\\']).count()).max().unwrap_or(0)
}

/// The descriptions of a type and of what is in it.
fn descriptions(ty: &ExtendedType) -> Vec<&Node<str>> {
    let of_fields = field_definitions(ty).flat_map(|field| {
        field.arguments.iter().filter_map(|argument| argument.description.as_ref()).chain(field.description.as_ref())
    });
    let inputs = ty.as_input_object().into_iter().flat_map(|input| input.fields.values());
    let values = ty.as_enum().into_iter().flat_map(|one| one.values.values());
    let of_inputs = inputs.filter_map(|field| field.description.as_ref());
    let of_values = values.filter_map(|value| value.description.as_ref());
    ty.description().into_iter().chain(of_fields).chain(of_inputs).chain(of_values).collect()
}

/// How many types implement an interface or belong to a union, or how many interfaces a type has, whichever is most.
fn kin(schema: &Schema) -> usize {
    let implementers = schema.implementers_map();
    let implementers = implementers.values().map(|types| types.iter().count());
    let counts = schema.types.values().map(|ty| match ty {
        ExtendedType::Union(union) => union.members.len(),
        ExtendedType::Object(object) => object.implements_interfaces.len(),
        ExtendedType::Interface(interface) => interface.implements_interfaces.len(),
        _ => 0,
    });
    counts.chain(implementers).max().unwrap_or(0)
}

fn length(text: &str) -> f64 {
    number(text.len())
}

/// What is counted here is far below the numbers that are not exact.
fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use apollo_compiler::ExecutableDocument;
    use apollo_compiler::ast;
    use apollo_compiler::introspection::partial_execute;
    use apollo_compiler::request::coerce_variable_values;
    use apollo_compiler::response::JsonMap;

    use crate::http::graphql::engine::expansion::Expansion;
    use crate::http::graphql::tests::repeated;

    /// The query of graphql-js, which `GraphiQL`, Apollo and others send, with types followed through so many wrappers.
    fn tool(wrappers: usize) -> String {
        let nested = format!("{}{}", "ofType { kind name ".repeat(wrappers), "} ".repeat(wrappers));
        format!(
            "query IntrospectionQuery {{ __schema {{ description queryType {{ name kind }} mutationType {{ name kind }}
                subscriptionType {{ name kind }} types {{ ...FullType }}
                directives {{ name description isRepeatable locations
                    args(includeDeprecated: true) {{ ...InputValue }} }} }} }}
            fragment FullType on __Type {{ kind name description specifiedByURL
                fields(includeDeprecated: true) {{ name description args(includeDeprecated: true) {{ ...InputValue }}
                    type {{ ...TypeRef }} isDeprecated deprecationReason }}
                inputFields(includeDeprecated: true) {{ ...InputValue }} interfaces {{ ...TypeRef }}
                enumValues(includeDeprecated: true) {{ name description isDeprecated deprecationReason }}
                possibleTypes {{ ...TypeRef }} }}
            fragment InputValue on __InputValue {{ name description type {{ ...TypeRef }} defaultValue isDeprecated
                deprecationReason }}
            fragment TypeRef on __Type {{ kind name {nested} }}"
        )
    }

    fn estimate(text: &str) -> f64 {
        let ast = ast::Document::parse(text, "test").unwrap();
        Expansion::new(&ast).of_operations(&ast).unwrap()[0].introspection.bytes()
    }

    fn answer(text: &str) -> f64 {
        let engine = Engine::shared();
        let document = ExecutableDocument::parse_and_validate(&engine.schema, text, "test").unwrap();
        let operation = document.operations.get(None).unwrap();
        let variables = coerce_variable_values(&engine.schema, operation, &JsonMap::new()).unwrap();
        let answer = partial_execute(&engine.schema, &engine.implementers, &document, operation, &variables).unwrap();
        length(&serde_json::to_string(&answer.data).unwrap())
    }

    #[test]
    fn an_answer_is_never_longer_than_it_is_estimated() {
        let fields = repeated(40, |n| format!(" a{n}: description b{n}: name c{n}: kind"));
        for text in [
            tool(9),
            "{ __typename __schema { types { name } } }".to_owned(),
            format!(
                "{{ __schema {{ types {{ fields {{ type {{ fields {{ {} }} }} }} }} }} }}",
                fields.replace("kind", "name")
            ),
            format!(
                "{{ __schema {{ types {{ {fields} }} directives {{ locations args {{ name type {{ {fields} }} }} }} }} }}"
            ),
            format!(
                "{{ __schema {{ mutationType {{ fields {{ args {{ type {{ {fields} ofType {{ {fields} }} }} }} }} }} }} }}"
            ),
            format!(
                "{{ __type(name: \"__DirectiveLocation\") {{ enumValues {{ {} }} }} }}",
                fields.replace("kind", "name")
            ),
            format!("{{ __type(name: \"__Type\") {{ fields {{ args {{ defaultValue type {{ {fields} }} }} }} }} }}"),
        ] {
            let (estimated, is) = (estimate(&text), answer(&text));
            assert!(is <= estimated, "{is} is more than {estimated}: {text}");
        }
    }

    #[test]
    fn what_tools_ask_for_is_far_from_too_much() {
        assert!(tool(20).len() < LONGEST_DOCUMENT / 2);
        assert!(estimate(&tool(9)) < LONGEST_ANSWER / 3.0, "{}", estimate(&tool(9)));
        assert!(estimate(&tool(20)) < LONGEST_ANSWER / 2.0, "{}", estimate(&tool(20)));
    }
}
