//! Fields that answer to one name and are not the same (fact sheet 1.5).
//!
//! Whether there are any is apollo-compiler's word. It tells one field of each two; Magento's engine looks from the
//! outermost selections inwards, tells both fields, and where they conflict only in what is selected of them, that too.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use apollo_compiler::ast::{self, Definition, Field, Selection, Type};
use apollo_compiler::collections::IndexMap;
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::Valid;
use apollo_compiler::{Name, Node, Schema};

use crate::http::graphql::engine::usage::Misuse;

/// The name of what this file finds.
const CONFLICT: &str = "ConflictingFields";

/// At most so many conflicts are told.
const MOST: usize = 100;

/// At most so many places of each of the two fields of a conflict are told.
const PLACES: usize = 20;

/// Reasons within a reason are told up to this length in bytes; at least one of them is.
const LONGEST_REASON: usize = 4096;

/// At most so many pairs of fields are compared, and fragments looked into. A thousand fields of one name make half a
/// million pairs, and each pair may lead through all fragments.
const STEPS: usize = 20_000;

/// How deep the search goes, over fields and fragments together: fragments can stand within one another in a circle, and
/// two circles meet in as many pairs as the product of their lengths. What lies deeper is not compared, so that a document
/// cannot exhaust the stack.
const NESTING: usize = 128;

/// The conflicts in a document, in no order; none when finding them would take too long.
pub(super) fn conflicts(schema: &Valid<Schema>, document: &ast::Document) -> Vec<Misuse> {
    let fragments = document.definitions.iter().filter_map(Definition::as_fragment_definition);
    let fragments = fragments.map(|fragment| {
        let selections = Selections { parent: Some(&fragment.type_condition), list: &fragment.selection_set };
        (fragment.name.as_str(), selections)
    });
    let mut search = Search {
        schema,
        fragments: fragments.collect(),
        known: HashMap::new(),
        compared: HashSet::new(),
        steps: STEPS,
        nesting: 0,
    };
    let mut misuses = Vec::new();
    for definition in &document.definitions {
        let selections = match definition {
            Definition::OperationDefinition(operation) => Selections {
                parent: schema.root_operation(operation.operation_type).map(Name::as_str),
                list: &operation.selection_set,
            },
            Definition::FragmentDefinition(fragment) => {
                Selections { parent: Some(&fragment.type_condition), list: &fragment.selection_set }
            }
            _ => continue,
        };
        search.visit(selections, &mut misuses);
    }
    misuses
}

/// Selections of a type, if the schema knows it.
#[derive(Clone, Copy)]
struct Selections<'a> {
    parent: Option<&'a str>,
    list: &'a [Selection],
}

/// A field within selections.
#[derive(Clone, Copy)]
struct Selected<'a> {
    parent: Option<&'a str>,
    field: &'a Node<Field>,
    ty: Option<&'a Type>,
}

impl<'a> Selected<'a> {
    fn selections(self) -> Selections<'a> {
        Selections { parent: self.ty.map(|ty| ty.inner_named_type().as_str()), list: &self.field.selection_set }
    }
}

/// What selections select themselves, and by which fragments they select more.
#[derive(Default)]
struct Fields<'a> {
    by_key: IndexMap<&'a str, Vec<Selected<'a>>>,
    fragments: Vec<&'a str>,
}

/// Two fields that conflict, with what conflicts within them.
struct Conflict<'a> {
    key: &'a str,
    reason: String,
    first: Vec<&'a Node<Field>>,
    second: Vec<&'a Node<Field>>,
}

impl Conflict<'_> {
    fn misuse(self, order: usize) -> Misuse {
        let Self { key, reason, first, second } = self;
        let message = format!(
            "Fields \"{key}\" conflict because {reason}. \
             Use different aliases on the fields to fetch both if this was intentional."
        );
        let places = first.into_iter().chain(second).filter_map(start).collect();
        Misuse { name: CONFLICT, message, order, places }
    }
}

fn start(field: &Node<Field>) -> Option<usize> {
    field.location().map(|span| span.offset())
}

struct Search<'a> {
    schema: &'a Valid<Schema>,
    fragments: HashMap<&'a str, Selections<'a>>,
    /// The fields of selections, by where these are in memory.
    known: HashMap<*const Selection, Rc<Fields<'a>>>,
    /// The pairs of fragments that were compared, and whether as parts of what excludes one another.
    compared: HashSet<(&'a str, &'a str, bool)>,
    /// How many steps may still be taken.
    steps: usize,
    nesting: usize,
}

impl<'a> Search<'a> {
    /// Looks within `selections`, then within what stands in them.
    fn visit(&mut self, selections: Selections<'a>, misuses: &mut Vec<Misuse>) {
        let order = selections.list.first().and_then(Selection::location).map_or(0, |span| span.offset());
        let found = self.within(selections);
        let room = MOST.saturating_sub(misuses.len());
        misuses.extend(found.into_iter().take(room).map(|conflict| conflict.misuse(order.saturating_sub(1))));
        for selection in selections.list {
            match selection {
                Selection::Field(field) if !field.selection_set.is_empty() => {
                    let selected = self.selected(selections.parent, field);
                    self.visit(selected.selections(), misuses);
                }
                Selection::InlineFragment(fragment) => {
                    let parent = fragment.type_condition.as_ref().map(Name::as_str).or(selections.parent);
                    self.visit(Selections { parent, list: &fragment.selection_set }, misuses);
                }
                _ => {}
            }
        }
    }

    fn within(&mut self, selections: Selections<'a>) -> Vec<Conflict<'a>> {
        let fields = self.fields(selections);
        let mut found = Vec::new();
        for (key, same) in &fields.by_key {
            for (index, &one) in same.iter().enumerate() {
                for &other in &same[index + 1..] {
                    found.extend(self.compare(false, key, one, other));
                }
            }
        }
        let mut seen = HashSet::new();
        for (index, &fragment) in fields.fragments.iter().enumerate() {
            self.between_fields_and_fragment(false, &fields, fragment, &mut seen, &mut found);
            for &other in &fields.fragments[index + 1..] {
                self.between_fragments(false, fragment, other, &mut found);
            }
        }
        found
    }

    /// Compares two fields. Those of different objects never meet in one answer, so only their types have to agree.
    fn compare(
        &mut self,
        exclusive: bool,
        key: &'a str,
        one: Selected<'a>,
        other: Selected<'a>,
    ) -> Option<Conflict<'a>> {
        self.steps = self.steps.checked_sub(1)?;
        let exclusive = exclusive || (one.parent != other.parent && self.is_object(one) && self.is_object(other));
        let own = if exclusive { None } else { difference(one.field, other.field) };
        let reason = own.or_else(|| self.conflicting_types(one.ty?, other.ty?));
        if let Some(reason) = reason {
            return Some(Conflict { key, reason, first: vec![one.field], second: vec![other.field] });
        }
        if one.field.selection_set.is_empty() || other.field.selection_set.is_empty() {
            return None;
        }
        let found = self.deeper(|search| search.between(exclusive, one.selections(), other.selections()))?;
        conflict_within(key, one.field, other.field, found)
    }

    /// Takes a step, unless there have been too many.
    fn is_exhausted(&mut self) -> bool {
        self.steps = self.steps.saturating_sub(1);
        self.steps == 0
    }

    /// Looks one level deeper, unless that is too deep.
    fn deeper<T>(&mut self, look: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.nesting >= NESTING {
            return None;
        }
        self.nesting += 1;
        let found = look(self);
        self.nesting -= 1;
        Some(found)
    }

    fn is_object(&self, selected: Selected<'a>) -> bool {
        let ty = selected.parent.and_then(|parent| self.schema.types.get(parent));
        ty.is_some_and(ExtendedType::is_object)
    }

    fn conflicting_types(&self, one: &Type, other: &Type) -> Option<String> {
        self.do_types_conflict(one, other).then(|| format!("they return conflicting types {one} and {other}"))
    }

    /// Objects agree whatever they are: what is selected of them is compared.
    fn do_types_conflict(&self, one: &Type, other: &Type) -> bool {
        match (one, other) {
            (Type::List(one), Type::List(other)) | (Type::NonNullList(one), Type::NonNullList(other)) => {
                self.do_types_conflict(one, other)
            }
            (Type::Named(one), Type::Named(other)) | (Type::NonNullNamed(one), Type::NonNullNamed(other)) => {
                one != other && (self.is_leaf(one) || self.is_leaf(other))
            }
            _ => true,
        }
    }

    fn is_leaf(&self, name: &str) -> bool {
        self.schema.types.get(name).is_some_and(ExtendedType::is_leaf)
    }

    fn between(&mut self, exclusive: bool, one: Selections<'a>, other: Selections<'a>) -> Vec<Conflict<'a>> {
        let (one, other) = (self.fields(one), self.fields(other));
        let mut found = Vec::new();
        self.between_fields(exclusive, &one, &other, &mut found);
        for (fields, fragments) in [(&one, &other.fragments), (&other, &one.fragments)] {
            let mut seen = HashSet::new();
            for &fragment in fragments {
                self.between_fields_and_fragment(exclusive, fields, fragment, &mut seen, &mut found);
            }
        }
        for &fragment in &one.fragments {
            for &other in &other.fragments {
                self.between_fragments(exclusive, fragment, other, &mut found);
            }
        }
        found
    }

    fn between_fields(&mut self, exclusive: bool, one: &Fields<'a>, other: &Fields<'a>, found: &mut Vec<Conflict<'a>>) {
        for (key, fields) in &one.by_key {
            for &field in fields {
                for &other in other.by_key.get(key).into_iter().flatten() {
                    found.extend(self.compare(exclusive, key, field, other));
                }
            }
        }
    }

    fn between_fields_and_fragment(
        &mut self,
        exclusive: bool,
        fields: &Rc<Fields<'a>>,
        fragment: &'a str,
        seen: &mut HashSet<&'a str>,
        found: &mut Vec<Conflict<'a>>,
    ) {
        let Some(&selections) = self.fragments.get(fragment).filter(|_| seen.insert(fragment)) else {
            return;
        };
        let of_fragment = self.fields(selections);
        if Rc::ptr_eq(fields, &of_fragment) || self.is_exhausted() {
            return;
        }
        self.deeper(|search| {
            search.between_fields(exclusive, fields, &of_fragment, found);
            for &fragment in &of_fragment.fragments {
                search.between_fields_and_fragment(exclusive, fields, fragment, seen, found);
            }
        });
    }

    fn between_fragments(&mut self, exclusive: bool, one: &'a str, other: &'a str, found: &mut Vec<Conflict<'a>>) {
        let pair = (one.min(other), one.max(other), exclusive);
        if one == other || self.is_exhausted() || !self.compared.insert(pair) {
            return;
        }
        let (Some(&first), Some(&second)) = (self.fragments.get(one), self.fragments.get(other)) else {
            return;
        };
        let (first, second) = (self.fields(first), self.fields(second));
        self.deeper(|search| {
            search.between_fields(exclusive, &first, &second, found);
            for &fragment in &second.fragments {
                search.between_fragments(exclusive, one, fragment, found);
            }
            for &fragment in &first.fragments {
                search.between_fragments(exclusive, fragment, other, found);
            }
        });
    }

    fn fields(&mut self, selections: Selections<'a>) -> Rc<Fields<'a>> {
        if let Some(known) = self.known.get(&selections.list.as_ptr()) {
            return Rc::clone(known);
        }
        let mut fields = Fields::default();
        self.collect(selections, &mut fields);
        let fields = Rc::new(fields);
        self.known.insert(selections.list.as_ptr(), Rc::clone(&fields));
        fields
    }

    fn collect(&self, selections: Selections<'a>, fields: &mut Fields<'a>) {
        for selection in selections.list {
            match selection {
                Selection::Field(field) => {
                    let selected = self.selected(selections.parent, field);
                    fields.by_key.entry(field.response_name()).or_default().push(selected);
                }
                Selection::InlineFragment(fragment) => {
                    let parent = fragment.type_condition.as_ref().map(Name::as_str).or(selections.parent);
                    self.collect(Selections { parent, list: &fragment.selection_set }, fields);
                }
                Selection::FragmentSpread(spread) => {
                    if !fields.fragments.contains(&spread.fragment_name.as_str()) {
                        fields.fragments.push(&spread.fragment_name);
                    }
                }
            }
        }
    }

    fn selected(&self, parent: Option<&'a str>, field: &'a Node<Field>) -> Selected<'a> {
        let schema: &'a Schema = self.schema;
        let definition = parent.and_then(|parent| schema.type_field(parent, &field.name).ok());
        Selected { parent, field, ty: definition.map(|definition| &definition.ty) }
    }
}

fn difference(one: &Node<Field>, other: &Node<Field>) -> Option<String> {
    if one.name != other.name {
        return Some(format!("{} and {} are different fields", one.name, other.name));
    }
    let is_same = one.arguments.len() == other.arguments.len()
        && one.arguments.iter().all(|argument| other.arguments.contains(argument));
    (!is_same).then(|| "they have differing arguments".to_owned())
}

/// The conflict of two fields that conflict in what is selected of them.
fn conflict_within<'a>(
    key: &'a str,
    one: &'a Node<Field>,
    other: &'a Node<Field>,
    found: Vec<Conflict<'a>>,
) -> Option<Conflict<'a>> {
    if found.is_empty() {
        return None;
    }
    let (mut reason, mut first, mut second) = (String::new(), vec![one], vec![other]);
    for conflict in found {
        let part = format!("subfields \"{}\" conflict because {}", conflict.key, conflict.reason);
        if !reason.is_empty() {
            if reason.len() + part.len() > LONGEST_REASON {
                break;
            }
            reason.push_str(" and ");
        }
        reason.push_str(&part);
        first.extend(conflict.first);
        second.extend(conflict.second);
    }
    first.truncate(PLACES);
    second.truncate(PLACES);
    Some(Conflict { key, reason, first, second })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::graphql::tests::repeated;

    const SCHEMA: &str = "
        type Query { a: Int b: Int n(x: Int, y: Int): Int f: T g: T list: [T] node: Node }
        interface Node { id: ID! }
        type T implements Node { id: ID! a: Int b: Int s: String t: T }
        type U implements Node { id: ID! a: String! s: String t: T }
    ";

    const END: &str = ". Use different aliases on the fields to fetch both if this was intentional.";

    /// Reasons and places of what is found.
    fn found(text: &str) -> Vec<(String, Vec<usize>)> {
        let schema = Schema::parse_and_validate(SCHEMA, "schema").unwrap();
        let document = ast::Document::parse(text, "test").unwrap();
        let told = conflicts(&schema, &document).into_iter().map(|misuse| {
            let reason = misuse.message.strip_suffix(END).unwrap().strip_prefix("Fields ").unwrap().to_owned();
            (reason, misuse.places)
        });
        told.collect()
    }

    #[track_caller]
    fn first(text: &str, reason: &str, places: &[usize]) {
        let found = found(text);
        assert_eq!(found.first(), Some(&(reason.to_owned(), places.to_vec())), "{text}");
    }

    #[test]
    fn both_fields_are_told_in_the_order_in_which_they_meet() {
        let names = r#""x" conflict because a and b are different fields"#;
        first("{ f { x: a x: b } }", names, &[6, 11]);
        first("{ x: a ... { x: b } }", names, &[2, 13]);
        first("{ x: a ...F } fragment F on Query { x: b }", names, &[2, 36]);
        first("{ ...F x: a } fragment F on Query { x: b }", names, &[7, 36]);
        first("{ ...F ...G } fragment F on Query { x: a } fragment G on Query { x: b }", names, &[36, 65]);
        first("{ x: a ...F } fragment F on Query { ...G } fragment G on Query { x: b }", names, &[2, 65]);
        first("{ n(x: 1) n(x: 2) }", r#""n" conflict because they have differing arguments"#, &[2, 10]);
        assert_eq!(found("{ n(x: 1, y: 2) n(y: 2, x: 1) }"), []);
    }

    #[test]
    fn what_conflicts_within_fields_is_told_of_the_outermost_ones() {
        let nested = r#""f" conflict because subfields "x" conflict because a and b are different fields"#;
        first("{ f { x: a } f { x: b } }", nested, &[2, 6, 13, 17]);
        first(
            "{ f { ...F } f { x: b } } fragment F on T { x: a }",
            nested.replace("a and b", "b and a").as_str(),
            &[2, 17, 13, 44],
        );
        first(
            "{ f { x: a y: a } f { x: b y: b } }",
            r#""f" conflict because subfields "x" conflict because a and b are different fields and subfields "y" conflict because a and b are different fields"#,
            &[2, 6, 11, 18, 22, 27],
        );
        first(
            "{ f { t { x: a } } f { t { x: b } } }",
            r#""f" conflict because subfields "t" conflict because subfields "x" conflict because a and b are different fields"#,
            &[2, 6, 10, 19, 23, 27],
        );
        first("{ f: g { a } f { a } }", r#""f" conflict because g and f are different fields"#, &[2, 13]);
    }

    #[test]
    fn fields_of_different_objects_may_differ_but_not_in_what_they_return() {
        let types = r#""x" conflict because they return conflicting types Int and String!"#;
        first("{ node { ... on T { x: a } ... on U { x: a } } }", types, &[20, 38]);
        assert_eq!(found("{ node { ... on T { x: s } ... on U { x: s } ... on T { y: id } ... on U { y: id } } }"), []);
        first(
            "{ node { ... on T { x: t { y: a } } ... on U { x: t { y: s } } } }",
            r#""x" conflict because subfields "y" conflict because they return conflicting types Int and String"#,
            &[20, 27, 47, 54],
        );
        assert_eq!(found("{ node { ... on T { x: t { y: a } } ... on U { x: t { y: b } } } }"), []);
        first(
            "{ node { id: __typename ... on T { id: s } } }",
            r#""id" conflict because __typename and s are different fields"#,
            &[9, 35],
        );
    }

    #[test]
    fn circles_of_fragments_end_and_many_fields_are_not_compared_for_ever() {
        let circle = "{ f { ...F } f { ...F } } fragment F on T { t { ...F } t { ...F x: a } x: b }";
        assert!(found(circle).len() <= MOST);
        let many = repeated(500, |n| format!("x: n(x: {n}) "));
        assert_eq!(found(&format!("{{ {many} }}")).len(), MOST);
        let (a, b) = ("x: a ".repeat(500), "x: b ".repeat(500));
        let nested = found(&format!("{{ f {{ {a} }} f {{ {b} }} }}"));
        assert!(nested[0].0.len() < 2 * LONGEST_REASON, "{}", nested[0].0.len());
        let chain = repeated(240, |n| format!("fragment F{n} on T {{ ...F{} }} ", n + 1));
        let fields = "f { ...F0 } ".repeat(400);
        assert_eq!(found(&format!("{{ {fields} }} {chain} fragment F240 on T {{ a }}")), []);
    }
}
