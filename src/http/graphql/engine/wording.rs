//! What the validation finds, in Magento's words (fact sheet 1.5).
//!
//! apollo-compiler keeps its findings to itself except for their names and for sentences in the manner of graphql-js,
//! of which Magento's engine is a port. Where the two differ, the sentence is taken apart and put together anew; a
//! sentence that cannot be taken apart is told as it is.

use apollo_compiler::ast::{self, Definition, OperationDefinition, Selection, Type};
use apollo_compiler::diagnostic::{Diagnostic, ToCliReport};
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::{DiagnosticData, DiagnosticList, Valid};
use apollo_compiler::{Name, Node, Schema};

use crate::http::graphql::engine::circles::circles;
use crate::http::graphql::engine::conflicts::conflicts;
use crate::http::graphql::engine::document::Fresh;
use crate::http::graphql::engine::limits::too_large;
use crate::http::graphql::engine::names::{REPEATED_FRAGMENT, REPEATED_OPERATION, REPEATED_VARIABLE};
use crate::http::graphql::engine::suggestions::did_you_mean;
use crate::http::graphql::engine::usage::{
    MISPLACED_VARIABLE, Misuse, REPEATED_ARGUMENT, REPEATED_DIRECTIVE, REQUIRED_FIELD, UNDEFINED_VARIABLE,
};
use crate::http::graphql::engine::variables::{enum_hint, refused_scalar};
use crate::http::graphql::engine::{Complaint, Location};

/// At most so many findings are looked at to tell in which order Magento would report them.
const LOOKED_AT: usize = 100;

/// The complaint that Magento would report first, or all in Magento's order. `errors` is what apollo-compiler found.
pub(super) fn complaints(
    schema: &Valid<Schema>,
    errors: Option<&DiagnosticList>,
    misuses: Vec<Misuse>,
    document: &Fresh,
    all: bool,
) -> Vec<Complaint> {
    let findings = in_order(schema, errors, misuses, document);
    if findings.is_empty() {
        return vec![Complaint::of_all("The document is not valid.")];
    }
    let told = if all { findings.len() } else { 1 };
    let wordings: Vec<_> = findings.iter().take(told).map(|finding| Wording { schema, document, finding }).collect();
    let places: Vec<_> = wordings.iter().map(Wording::places).collect();
    let mut locations = Location::of_all(&document.text, &places.concat()).into_iter();
    let told = wordings.iter().zip(places).map(|(wording, places)| Complaint {
        message: wording.message(),
        locations: locations.by_ref().take(places.len()).collect(),
    });
    told.collect()
}

/// What the validation found, as far as it tells.
struct Finding {
    /// Its name.
    name: &'static str,
    /// It in the words of graphql-js.
    sentence: String,
    /// It in the words of apollo-compiler.
    own_words: String,
    /// Where it begins and ends, in bytes.
    location: Option<(usize, usize)>,
    /// The places to tell, in bytes, where they are known already.
    places: Vec<usize>,
}

impl Finding {
    fn of(diagnostic: &Diagnostic<'_, DiagnosticData>) -> Self {
        let own_words = diagnostic.error.to_string();
        Self {
            name: diagnostic.error.unstable_error_name().unwrap_or_default(),
            sentence: diagnostic.error.unstable_compat_message().unwrap_or_else(|| own_words.clone()),
            own_words,
            location: diagnostic.error.location().map(|span| (span.offset(), span.end_offset())),
            places: Vec::new(),
        }
    }

    fn of_misuse(misuse: Misuse) -> Self {
        let Misuse { name, message, order, places } = misuse;
        Self { name, sentence: message, own_words: String::new(), location: Some((order, order)), places }
    }

    /// Whether [`usage`](crate::http::graphql::engine::usage) has its own word on this.
    fn is_superseded(&self) -> bool {
        matches!(self.name, UNDEFINED_VARIABLE | MISPLACED_VARIABLE | REQUIRED_FIELD)
            || matches!(self.name, REPEATED_OPERATION | REPEATED_FRAGMENT | REPEATED_VARIABLE)
            || matches!(self.name, REPEATED_ARGUMENT | REPEATED_DIRECTIVE)
            || (self.name == "UnsupportedValueType" && self.own_words.ends_with(", found a variable"))
    }

    fn is_conflict(&self) -> bool {
        matches!(self.name, "ConflictingFieldName" | "ConflictingFieldArgument" | "ConflictingFieldType")
    }

    fn is_circle(&self) -> bool {
        self.name == "RecursiveFragmentDefinition"
    }

    /// Where Magento's engine has got to when it reports this: it looks for what is missing or unused when it leaves a
    /// field, an operation or the document.
    fn order(&self, document: &Fresh) -> usize {
        let Some((start, end)) = self.location else {
            return usize::MAX;
        };
        match self.name {
            "RequiredArgument" => end,
            "UnusedVariable" => operation_at(document, start).map_or(usize::MAX, |(_, end)| end),
            "UnusedFragment" => usize::MAX,
            _ => start,
        }
    }

    /// Fields that are wrong are left out before selections are looked at, so that a field whose selections are all wrong
    /// seems to have none. And a fragment for what has no fields is wrong where it stands, not where it is spread.
    fn is_echo(&self, schema: &Valid<Schema>, document: &Fresh) -> bool {
        if self.name == "InvalidFragmentSpread" {
            let ty = self.sentence.rsplit('"').nth(1).and_then(|name| schema.types.get(name));
            return ty.is_some_and(|ty| !(ty.is_object() || ty.is_interface() || ty.is_union()));
        }
        let field = self.location.and_then(|(start, _)| field_at(schema, &document.ast, start));
        self.name == "MissingSubselection" && field.is_some_and(|(field, _)| !field.selection_set.is_empty())
    }

    /// In which order Magento's engine reports what it finds at one place.
    fn rank(&self) -> usize {
        match self.name {
            UNDEFINED_VARIABLE => 0,
            "UnusedVariable" => 1,
            _ => 2,
        }
    }
}

/// apollo-compiler's findings without what others say better, unless nobody does.
fn in_order(
    schema: &Valid<Schema>,
    errors: Option<&DiagnosticList>,
    mut misuses: Vec<Misuse>,
    document: &Fresh,
) -> Vec<Finding> {
    let errors = errors.into_iter().flat_map(DiagnosticList::iter).take(LOOKED_AT);
    let found = errors.map(|diagnostic| Finding::of(&diagnostic));
    let mut found: Vec<_> = found.filter(|finding| !finding.is_echo(schema, document)).collect();
    replace(&mut found, &mut misuses, Finding::is_conflict, || conflicts(schema, &document.ast));
    replace(&mut found, &mut misuses, Finding::is_circle, || circles(&document.ast));
    let (superseded, mut findings): (Vec<_>, Vec<_>) = found.into_iter().partition(Finding::is_superseded);
    findings.extend(misuses.into_iter().map(Finding::of_misuse));
    if findings.is_empty() {
        findings = superseded;
    }
    findings.sort_by_key(|finding| (finding.order(document), finding.rank()));
    findings
}

/// Looks again for what was found of one kind, and takes what is found then in its place, if it is anything.
fn replace(
    found: &mut Vec<Finding>,
    misuses: &mut Vec<Misuse>,
    is_meant: fn(&Finding) -> bool,
    look: impl FnOnce() -> Vec<Misuse>,
) {
    if !found.iter().any(is_meant) {
        return;
    }
    let better = look();
    if !better.is_empty() {
        found.retain(|finding| !is_meant(finding));
        misuses.extend(better);
    }
}

struct Wording<'a> {
    schema: &'a Valid<Schema>,
    document: &'a Fresh,
    finding: &'a Finding,
}

impl Wording<'_> {
    fn message(&self) -> String {
        let sentence = &self.finding.sentence;
        let reworded = match self.finding.name {
            "UndefinedField" => self.undefined_field(),
            "UndefinedArgument" => self.undefined_argument(),
            "RequiredArgument" => sentence
                .strip_suffix("is required, but it was not provided.")
                .map(|start| format!("{start}is required but not provided.")),
            "UnsupportedValueType" => self.unsupported_value(),
            "SubselectionOnScalarType" | "SubselectionOnEnumType" => self.selection_on_leaf(),
            "MissingSubselection" => self.missing_selection(),
            "UndefinedEnumValue" => self.undefined_enum_value(),
            "UndefinedInputValue" => self.undefined_input_field(),
            "IntCoercionError" => self.number_out_of_range("Int"),
            "FloatCoercionError" => self.number_out_of_range("Float"),
            "UndefinedDefinition"
            | "UndefinedTypeInNamedFragmentTypeCondition"
            | "UndefinedTypeInInlineFragmentTypeCondition" => self.undefined_type(),
            "UndefinedDirective" => Some(sentence.replacen("\"@", "\"", 1)),
            "UnsupportedLocation" => self.directive_elsewhere(),
            "UnusedVariable" => self.unused_variable(),
            // Fragments within fragments: Magento validates them, and has no words for this.
            "RecursionError" | "RecursionLimitError" | "DeeplyNestedType" => Some(too_large().message),
            "UndefinedRootOperation" => Some("Schema is not configured for subscriptions".to_owned()),
            _ => None,
        };
        reworded.unwrap_or_else(|| sentence.clone())
    }

    /// Where Magento's engine says that it is, in bytes.
    fn places(&self) -> Vec<usize> {
        let Finding { places, location, .. } = self.finding;
        if !places.is_empty() {
            return places.clone();
        }
        let Some((start, _)) = *location else {
            return Vec::new();
        };
        let place = match self.finding.name {
            "UndefinedInputValue" => self.name_before(start),
            "UndefinedDefinition" | "UndefinedFragment" => self.name_after(start),
            "VariableInputType" => self.type_of_variable(start),
            "InvalidFragmentTarget" => self.type_condition(start),
            "SubselectionOnScalarType" | "SubselectionOnEnumType" => self.selection_set_of(start),
            _ => None,
        };
        vec![place.unwrap_or(start)]
    }

    /// A field of an input object begins with its name, where apollo-compiler points to its value.
    fn name_before(&self, start: usize) -> Option<usize> {
        let field = self.quoted().next()?;
        self.document.text.get(..start)?.rfind(field)
    }

    /// A type begins with its name, where a list begins with its bracket.
    fn name_after(&self, start: usize) -> Option<usize> {
        let name = self.quoted().next()?;
        Some(start + self.document.text.get(start..)?.find(name)?)
    }

    /// Where the type of the variable begins that is defined here.
    fn type_of_variable(&self, start: usize) -> Option<usize> {
        let (name, rest) = self.document.text.get(start..)?.split_once(':')?;
        Some(start + name.len() + 1 + (rest.len() - rest.trim_start().len()))
    }

    /// Where the type begins that the fragment is for that begins here; its own name stands before, if it has one.
    fn type_condition(&self, start: usize) -> Option<usize> {
        let mut place = start;
        for name in self.quoted() {
            place = place + self.document.text.get(place..)?.find(name)?;
        }
        Some(place)
    }

    /// Where the selections of the field begin that begins here: what stands between is ignored by the grammar, a
    /// comment or the end of the arguments.
    fn selection_set_of(&self, start: usize) -> Option<usize> {
        let (field, _) = field_at(self.schema, &self.document.ast, start)?;
        let arguments = field.arguments.iter().filter_map(Node::location);
        let directives = field.directives.iter().filter_map(Node::location);
        let spans = arguments.chain(directives).chain(field.name.location());
        let mut end = spans.map(|span| span.end_offset()).max()?;
        loop {
            let rest = self.document.text.get(end..)?;
            let next = rest.find(['{', '#'])?;
            if rest[next..].starts_with('{') {
                return Some(end + next);
            }
            end += next + rest[next..].find(['\n', '\r'])?;
        }
    }

    /// The texts in quotation marks of the sentence.
    fn quoted(&self) -> impl Iterator<Item = &str> {
        self.finding.sentence.split('"').skip(1).step_by(2)
    }

    fn undefined_type(&self) -> Option<String> {
        let name = self.quoted().next()?;
        let hint = did_you_mean(name, self.schema.types.keys().map(Name::as_str));
        Some(format!("{}{hint}", self.finding.sentence))
    }

    fn directive_elsewhere(&self) -> Option<String> {
        let name = self.quoted().next()?.strip_prefix('@')?;
        let (_, place) = self.finding.sentence.split_once(" may not be used on ")?;
        Some(format!("Directive \"{name}\" may not be used on \"{}\".", place.strip_suffix('.')?))
    }

    fn undefined_field(&self) -> Option<String> {
        let mut quoted = self.quoted();
        let (field, ty) = (quoted.next()?, quoted.next()?);
        let hint = match self.schema.types.get(ty)? {
            ExtendedType::Object(object) => did_you_mean(field, object.fields.keys().map(Name::as_str)),
            ExtendedType::Interface(interface) => did_you_mean(field, interface.fields.keys().map(Name::as_str)),
            _ => String::new(),
        };
        Some(format!("{}{hint}", self.finding.sentence))
    }

    fn undefined_argument(&self) -> Option<String> {
        let mut quoted = self.quoted();
        let (argument, coordinate) = (quoted.next()?, quoted.next()?);
        if coordinate.starts_with('@') {
            return Some(format!("Unknown argument \"{argument}\" on directive \"{coordinate}\"."));
        }
        let (ty, field) = coordinate.split_once('.')?;
        let definition = self.schema.type_field(ty, field).ok()?;
        let hint = did_you_mean(argument, definition.arguments.iter().map(|known| known.name.as_str()));
        Some(format!("Unknown argument \"{argument}\" on field \"{field}\" of type \"{ty}\".{hint}"))
    }

    fn undefined_enum_value(&self) -> Option<String> {
        let mut quoted = self.quoted();
        let (value, ty) = (quoted.next()?, quoted.next()?);
        let hint = match self.schema.types.get(ty)? {
            ExtendedType::Enum(enumeration) => enum_hint(value, enumeration),
            _ => String::new(),
        };
        Some(format!("{}{hint}", self.finding.sentence))
    }

    fn undefined_input_field(&self) -> Option<String> {
        let mut quoted = self.quoted();
        let (field, ty) = (quoted.next()?, quoted.next()?);
        let hint = match self.schema.types.get(ty)? {
            ExtendedType::InputObject(object) => did_you_mean(field, object.fields.keys().map(Name::as_str)),
            _ => String::new(),
        };
        Some(format!("{}{hint}", self.finding.sentence))
    }

    /// Magento's types do not tell a number that is too large from one that is none.
    fn number_out_of_range(&self, ty: &str) -> Option<String> {
        let (start, end) = self.finding.location?;
        Some(refused_scalar(ty, self.document.text.get(start..end)?.trim()))
    }

    /// The value is told as it was written, on one line or several.
    fn unsupported_value(&self) -> Option<String> {
        let words = self.finding.own_words.strip_prefix("expected value of type ")?;
        let (ty, found) = words.split_once(", found ")?;
        let (name, _) = self.finding.sentence.split_once(" cannot represent value: ")?;
        let (start, end) = self.finding.location?;
        let value = self.document.text.get(start..end)?.trim();
        if found == "null" || found == "a variable" {
            return Some(format!("Expected value of type \"{ty}\", found {value}."));
        }
        match self.schema.types.get(name)? {
            ExtendedType::Scalar(_) => Some(refused_scalar(name, value)),
            ExtendedType::Enum(_) => Some(format!("Enum \"{name}\" cannot represent non-enum value: {value}.")),
            _ => Some(format!("Expected value of type \"{ty}\", found {value}.")),
        }
    }

    fn selection_on_leaf(&self) -> Option<String> {
        let (offset, _) = self.finding.location?;
        let (field, ty) = field_at(self.schema, &self.document.ast, offset)?;
        let name = &field.name;
        Some(format!("Field \"{name}\" of type \"{ty}\" must not have a sub selection."))
    }

    fn missing_selection(&self) -> Option<String> {
        let mut quoted = self.quoted();
        let (field, parent) = (quoted.next()?, quoted.next()?);
        let ty = &self.schema.type_field(parent, field).ok()?.ty;
        Some(format!("Field \"{field}\" of type \"{ty}\" must have a sub selection."))
    }

    /// Names the operation, when the finding stands in one that has a name.
    fn unused_variable(&self) -> Option<String> {
        let (offset, _) = self.finding.location?;
        let variable = self.quoted().next()?;
        let (operation, _) = operation_at(self.document, offset)?;
        let name = operation.name.as_ref()?;
        Some(format!("Variable \"{variable}\" is never used in operation \"{name}\"."))
    }
}

/// The operation within which this place is, with its end.
fn operation_at(document: &Fresh, offset: usize) -> Option<(&OperationDefinition, usize)> {
    let operations = document.ast.definitions.iter().filter_map(Definition::as_operation_definition);
    operations.into_iter().find_map(|operation| {
        let span = operation.location()?;
        (span.offset()..span.end_offset()).contains(&offset).then_some((&**operation, span.end_offset()))
    })
}

/// The field that begins at this place, with its type.
fn field_at<'a>(schema: &'a Schema, document: &'a ast::Document, offset: usize) -> Option<(&'a ast::Field, &'a Type)> {
    document.definitions.iter().find_map(|definition| match definition {
        Definition::OperationDefinition(operation) => {
            let root = schema.root_operation(operation.operation_type)?;
            field_among(schema, root, &operation.selection_set, offset)
        }
        Definition::FragmentDefinition(fragment) => {
            field_among(schema, &fragment.type_condition, &fragment.selection_set, offset)
        }
        _ => None,
    })
}

fn field_among<'a>(
    schema: &'a Schema,
    parent: &str,
    selections: &'a [Selection],
    offset: usize,
) -> Option<(&'a ast::Field, &'a Type)> {
    selections.iter().find_map(|selection| match selection {
        Selection::Field(field) => {
            let ty = &schema.type_field(parent, &field.name).ok()?.ty;
            if field.location().is_some_and(|location| location.offset() == offset) {
                return Some((&**field, ty));
            }
            field_among(schema, ty.inner_named_type(), &field.selection_set, offset)
        }
        Selection::InlineFragment(fragment) => {
            let parent = fragment.type_condition.as_ref().map_or(parent, |condition| condition.as_str());
            field_among(schema, parent, &fragment.selection_set, offset)
        }
        Selection::FragmentSpread(_) => None,
    })
}
