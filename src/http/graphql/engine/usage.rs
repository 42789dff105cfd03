//! How a document uses variables, input objects, arguments and directives (fact sheet 1.5).
//!
//! apollo-compiler looks at a variable only where it is the whole of an argument, takes a field that is given twice for
//! its first value, does not tell a field that is null from one that is missing, and tells one place of a directive or an
//! argument that is given twice. What this file finds takes the place of its findings of the same names. Every
//! definition is walked once.

use std::collections::{HashMap, HashSet};

use apollo_compiler::ast::{
    self, Argument, Definition, DirectiveList, FragmentDefinition, InputValueDefinition, OperationDefinition,
    Selection, Type, Value,
};
use apollo_compiler::schema::{ExtendedType, InputObjectType};
use apollo_compiler::validation::Valid;
use apollo_compiler::{Name, Node, Schema};

use crate::http::graphql::engine::names::{Names, repeated};

/// At most so many are told.
const MOST: usize = 100;

/// What this file looks for, by the names that apollo-compiler has for it.
pub(super) const UNDEFINED_VARIABLE: &str = "UndefinedVariable";
pub(super) const MISPLACED_VARIABLE: &str = "DisallowedVariableUsage";
pub(super) const REQUIRED_FIELD: &str = "RequiredField";
pub(super) const REPEATED_DIRECTIVE: &str = "UniqueDirective";
pub(super) const REPEATED_ARGUMENT: &str = "UniqueArgument";

/// The name of what apollo-compiler does not look for.
const REPEATED_FIELD: &str = "UniqueInputField";

/// A use that is wrong.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misuse {
    /// What kind it is.
    pub(super) name: &'static str,
    /// It in Magento's words.
    pub(super) message: String,
    /// Where Magento's engine has got to when it reports it, in bytes.
    pub(super) order: usize,
    /// The places that are told, in bytes.
    pub(super) places: Vec<usize>,
}

/// What is wrong with the variables, input objects and names of a document, in no order.
pub(super) fn misuses(schema: &Valid<Schema>, document: &ast::Document) -> Vec<Misuse> {
    let mut walk = Walk { schema, part: Part::default(), misuses: Vec::new() };
    let mut fragments = HashMap::new();
    let mut operations = Vec::new();
    for definition in &document.definitions {
        match definition {
            Definition::OperationDefinition(operation) => operations.push((operation, walk.operation(operation))),
            Definition::FragmentDefinition(fragment) => {
                fragments.insert(&fragment.name, walk.fragment(fragment));
            }
            _ => {}
        }
    }
    let Walk { mut misuses, .. } = walk;
    misuses.extend(repeated(document));
    for (operation, part) in &operations {
        let (start, end) = operation.location().map_or((0, 0), |span| (span.offset(), span.end_offset()));
        Checked { schema, operation, start, end }.check(&uses_of(part, &fragments), &mut misuses);
    }
    misuses
}

/// What a place expects.
#[derive(Clone, Copy)]
struct Expected<'a> {
    ty: &'a Type,
    has_default: bool,
}

impl<'a> Expected<'a> {
    fn by(definition: &'a InputValueDefinition) -> Self {
        Self { ty: &definition.ty, has_default: definition.default_value.is_some() }
    }

    /// A list expects its items; what is in a list where none belongs is not looked at.
    fn item(self) -> Option<Self> {
        self.ty.is_list().then(|| Self { ty: self.ty.item_type(), has_default: false })
    }
}

/// A place where a variable stands.
struct Use<'a> {
    variable: &'a Name,
    offset: usize,
    /// `None` when the schema does not know the place.
    expected: Option<Expected<'a>>,
}

/// What an operation or a fragment uses itself.
#[derive(Default)]
struct Part<'a> {
    uses: Vec<Use<'a>>,
    spreads: Vec<&'a Name>,
}

/// The uses of a part and of all fragments that it comes by.
fn uses_of<'p, 'a>(part: &'p Part<'a>, fragments: &'p HashMap<&'a Name, Part<'a>>) -> Vec<&'p Use<'a>> {
    let mut uses: Vec<&Use<'a>> = part.uses.iter().collect();
    let mut seen: HashSet<&Name> = HashSet::new();
    let mut waiting = vec![part];
    while let Some(part) = waiting.pop() {
        for &name in &part.spreads {
            if let Some(fragment) = fragments.get(name).filter(|_| seen.insert(name)) {
                uses.extend(&fragment.uses);
                waiting.push(fragment);
            }
        }
    }
    uses
}

struct Walk<'a> {
    schema: &'a Valid<Schema>,
    part: Part<'a>,
    misuses: Vec<Misuse>,
}

impl<'a> Walk<'a> {
    fn operation(&mut self, operation: &'a OperationDefinition) -> Part<'a> {
        for variable in &operation.variables {
            if let Some(default) = &variable.default_value {
                self.value(Some(Expected { ty: &variable.ty, has_default: false }), default);
            }
        }
        // A default holds no variables.
        self.part = Part::default();
        self.directives(&operation.directives);
        let root = self.schema.root_operation(operation.operation_type);
        self.selections(root.map(Name::as_str), &operation.selection_set);
        std::mem::take(&mut self.part)
    }

    fn fragment(&mut self, fragment: &'a FragmentDefinition) -> Part<'a> {
        self.directives(&fragment.directives);
        self.selections(Some(&fragment.type_condition), &fragment.selection_set);
        std::mem::take(&mut self.part)
    }

    fn selections(&mut self, parent: Option<&'a str>, selections: &'a [Selection]) {
        for selection in selections {
            match selection {
                Selection::Field(field) => self.field(parent, field),
                Selection::InlineFragment(fragment) => {
                    self.directives(&fragment.directives);
                    let parent = fragment.type_condition.as_ref().map(Name::as_str).or(parent);
                    self.selections(parent, &fragment.selection_set);
                }
                Selection::FragmentSpread(spread) => {
                    self.directives(&spread.directives);
                    self.part.spreads.push(&spread.fragment_name);
                }
            }
        }
    }

    fn field(&mut self, parent: Option<&'a str>, field: &'a ast::Field) {
        let schema = self.schema;
        let definition = parent.and_then(|parent| schema.type_field(parent, &field.name).ok());
        self.arguments(&field.arguments, |name| definition?.argument_by_name(name));
        self.directives(&field.directives);
        self.selections(definition.map(|field| field.ty.inner_named_type().as_str()), &field.selection_set);
    }

    fn directives(&mut self, directives: &'a DirectiveList) {
        let schema = self.schema;
        let mut first = HashMap::new();
        for directive in &directives.0 {
            let definition = schema.directive_definitions.get(&directive.name);
            let start = directive.location().map_or(0, |span| span.offset());
            match first.get(&directive.name) {
                Some(&earlier) if definition.is_some_and(|known| !known.repeatable) => {
                    let message =
                        format!("The directive \"{}\" can only be used once at this location.", directive.name);
                    self.tell(Misuse { name: REPEATED_DIRECTIVE, message, order: start, places: vec![earlier, start] });
                }
                _ => drop(first.insert(&directive.name, start)),
            }
            self.arguments(&directive.arguments, |name| definition?.argument_by_name(name));
        }
    }

    fn arguments(
        &mut self,
        arguments: &'a [Node<Argument>],
        definition: impl Fn(&str) -> Option<&'a Node<InputValueDefinition>>,
    ) {
        let mut names = Names::new("argument");
        for argument in arguments {
            let start = argument.location().map_or(0, |span| span.offset());
            if let Some(repeated) = names.add(REPEATED_ARGUMENT, &argument.name, start) {
                self.tell(repeated);
            }
            let expected = definition(&argument.name).map(|definition| Expected::by(definition));
            self.value(expected, &argument.value);
        }
    }

    /// The parser bounds how deep values are nested.
    fn value(&mut self, expected: Option<Expected<'a>>, value: &'a Node<Value>) {
        let offset = value.location().map_or(0, |span| span.offset());
        match &**value {
            Value::Variable(variable) => self.part.uses.push(Use { variable, offset, expected }),
            Value::List(items) => {
                let expected = expected.and_then(Expected::item);
                for item in items {
                    self.value(expected, item);
                }
            }
            Value::Object(fields) => self.object(expected, fields, offset),
            _ => {}
        }
    }

    fn object(&mut self, expected: Option<Expected<'a>>, fields: &'a [(Name, Node<Value>)], offset: usize) {
        let definition = expected.and_then(|expected| input_object(self.schema, expected.ty));
        let mut first = HashMap::new();
        for (name, value) in fields {
            let start = name.location().map_or(offset, |span| span.offset());
            match first.get(name) {
                Some(&earlier) => self.repeated(name, earlier, start),
                None => drop(first.insert(name, start)),
            }
            let field = definition.and_then(|definition| definition.fields.get(name));
            self.value(field.map(|field| Expected::by(field)), value);
        }
        for (name, field) in definition.into_iter().flat_map(|definition| &definition.fields) {
            if field.ty.is_non_null() && field.default_value.is_none() && !first.contains_key(name) {
                let ty = definition.map(|definition| definition.name.as_str()).unwrap_or_default();
                let message = format!("Field {ty}.{name} of required type {} was not provided.", field.ty);
                self.tell(Misuse { name: REQUIRED_FIELD, message, order: offset, places: vec![offset] });
            }
        }
    }

    fn repeated(&mut self, field: &Name, first: usize, again: usize) {
        let message = format!("There can be only one input field named \"{field}\".");
        self.tell(Misuse { name: REPEATED_FIELD, message, order: again, places: vec![first, again] });
    }

    fn tell(&mut self, misuse: Misuse) {
        if self.misuses.len() < MOST {
            self.misuses.push(misuse);
        }
    }
}

fn input_object<'a>(schema: &'a Valid<Schema>, ty: &Type) -> Option<&'a InputObjectType> {
    match schema.types.get(ty.inner_named_type())? {
        ExtendedType::InputObject(definition) => Some(definition),
        _ => None,
    }
}

/// An operation whose uses are compared with its variables. Magento's engine does so when it leaves the operation.
struct Checked<'a> {
    schema: &'a Valid<Schema>,
    operation: &'a OperationDefinition,
    start: usize,
    end: usize,
}

impl Checked<'_> {
    fn check(&self, uses: &[&Use<'_>], misuses: &mut Vec<Misuse>) {
        let variables: HashMap<&Name, _> = self.operation.variables.iter().map(|known| (&known.name, known)).collect();
        let found = uses.iter().filter_map(|used| match variables.get(used.variable) {
            Some(variable) => self.misplaced(used, variable),
            None => Some(self.undefined(used)),
        });
        // Many operations may use one fragment.
        misuses.extend(found.take(MOST.saturating_sub(misuses.len())));
    }

    fn undefined(&self, used: &Use<'_>) -> Misuse {
        let by = self.operation.name.as_ref().map(|name| format!(" by operation \"{name}\"")).unwrap_or_default();
        let message = format!("Variable \"${}\" is not defined{by}.", used.variable);
        Misuse { name: UNDEFINED_VARIABLE, message, order: self.end, places: vec![used.offset, self.start] }
    }

    fn misplaced(&self, used: &Use<'_>, variable: &Node<ast::VariableDefinition>) -> Option<Misuse> {
        let expected = used.expected?;
        let is_known = self.schema.types.contains_key(variable.ty.inner_named_type());
        if !is_known || is_allowed(variable, expected) {
            return None;
        }
        let message = format!(
            "Variable \"${}\" of type \"{}\" used in position expecting type \"{}\".",
            variable.name, variable.ty, expected.ty
        );
        let defined = variable.location().map_or(self.start, |span| span.offset());
        Some(Misuse { name: MISPLACED_VARIABLE, message, order: self.end, places: vec![defined, used.offset] })
    }
}

/// A variable that may be null may stand where null may not when either of both has a default.
fn is_allowed(variable: &ast::VariableDefinition, expected: Expected<'_>) -> bool {
    let has_default = variable.default_value.as_ref().is_some_and(|default| !default.is_null()) || expected.has_default;
    if has_default && !variable.ty.is_non_null() {
        return variable.ty.is_assignable_to(&expected.ty.clone().nullable());
    }
    variable.ty.is_assignable_to(expected.ty)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = "
        type Query { f(in: In, list: [String!], text: String!, open: String! = \"a\"): Int }
        input In { text: String!, whole: Int = 1, in: In }
    ";

    fn found(text: &str) -> Vec<(String, Vec<usize>)> {
        let schema = Schema::parse_and_validate(SCHEMA, "schema").unwrap();
        let document = ast::Document::parse(text, "test").unwrap();
        misuses(&schema, &document).into_iter().map(|misuse| (misuse.message, misuse.places)).collect()
    }

    fn position(variable: &str, expected: &str, places: [usize; 2]) -> Vec<(String, Vec<usize>)> {
        let message = format!("Variable \"$x\" of type \"{variable}\" used in position expecting type \"{expected}\".");
        vec![(message, places.to_vec())]
    }

    #[test]
    fn variables_are_checked_wherever_they_stand() {
        assert_eq!(found("query($x: String) { f(text: $x) }"), position("String", "String!", [6, 28]));
        assert_eq!(found("query($x: String) { f(in: {text: $x}) }"), position("String", "String!", [6, 33]));
        assert_eq!(found("query($x: String) { f(list: [$x]) }"), position("String", "String!", [6, 29]));
        assert_eq!(found("query($x: String) { f(list: $x) }"), position("String", "[String!]", [6, 28]));
        assert_eq!(
            found("query($x: Int) { ...F } fragment F on Query { f(in: {text: \"a\", in: {text: $x}}) }"),
            position("Int", "String!", [6, 75])
        );
        assert_eq!(found("query($x: Int) { f @skip(if: $x) }"), position("Int", "Boolean!", [6, 29]));
        assert_eq!(found("query($x: String = null) { f(text: $x) }"), position("String", "String!", [6, 35]));
    }

    #[test]
    fn what_has_a_default_may_be_left_out() {
        for good in [
            "query($x: String = \"a\") { f(text: $x, in: {text: $x}, list: [$x]) }",
            "query($x: String) { f(open: $x) }",
            "query($x: String!) { f(text: $x, in: {text: $x}, list: [$x]) }",
            "query($x: Int) { f(in: {text: \"a\", whole: $x}) }",
        ] {
            assert_eq!(found(good), [], "{good}");
        }
    }

    #[test]
    fn a_variable_that_no_operation_defines_is_told_of_every_operation() {
        let found = found("query A { ...F } query B { ...F } fragment F on Query { f(in: {text: $x}) }");
        let expected = [("A", vec![69, 0]), ("B", vec![69, 17])].map(|(operation, places)| {
            (format!("Variable \"$x\" is not defined by operation \"{operation}\"."), places)
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn a_field_of_an_input_object_is_given_once_and_null_is_not_missing() {
        let twice = "There can be only one input field named \"text\".".to_owned();
        assert_eq!(found("{ f(in: {text: \"a\", text: \"b\"}) }"), [(twice, vec![9, 20])]);
        let missing = "Field In.text of required type String! was not provided.".to_owned();
        assert_eq!(found("{ f(in: {text: \"a\", in: {}}) }"), [(missing.clone(), vec![24])]);
        assert_eq!(found("query($x: In = {}) { f(in: $x) }"), [(missing, vec![15])]);
        assert_eq!(found("{ f(in: {text: null}) }"), []);
    }
}
