//! Fields that answer to one name and are not the same (fact sheet 1.5).
//!
//! apollo-compiler finds them and tells the second; Magento's engine tells both.

use std::collections::HashSet;

use apollo_compiler::Name;
use apollo_compiler::ast::{self, Definition, Field, FragmentDefinition, Selection};

/// Two fields that conflict.
pub(super) struct Conflict<'a> {
    first: &'a Field,
    second: &'a Field,
    /// Where they begin, in bytes.
    pub(super) places: [usize; 2],
}

impl<'a> Conflict<'a> {
    /// The conflict of which one field begins at `offset`; `None` when the other is not in the same selections.
    pub(super) fn at(document: &'a ast::Document, offset: usize) -> Option<Self> {
        let selections = document.definitions.iter().find_map(|definition| match definition {
            Definition::OperationDefinition(operation) => around(&operation.selection_set, offset),
            Definition::FragmentDefinition(fragment) => around(&fragment.selection_set, offset),
            _ => None,
        })?;
        let mut siblings = Siblings { document, fields: Vec::new(), seen: HashSet::new() };
        siblings.collect(selections);
        let fields = siblings.fields;
        let index = fields.iter().position(|(_, start)| *start == offset)?;
        let other = fields.iter().position(|(field, _)| conflicts(field, fields[index].0))?;
        let ((first, start), (second, again)) = (fields[index.min(other)], fields[index.max(other)]);
        Some(Self { first, second, places: [start, again] })
    }

    /// The conflict in Magento's words.
    pub(super) fn message(&self) -> String {
        let key = self.first.response_name();
        let reason = if self.first.name == self.second.name {
            "they have differing arguments".to_owned()
        } else {
            format!("{} and {} are different fields", self.first.name, self.second.name)
        };
        format!(
            "Fields \"{key}\" conflict because {reason}. \
             Use different aliases on the fields to fetch both if this was intentional."
        )
    }
}

/// The selections of the field around the one that begins at `offset`, fragments in them included.
fn around(selections: &[Selection], offset: usize) -> Option<&[Selection]> {
    fn holds(selections: &[Selection], offset: usize) -> bool {
        selections.iter().any(|selection| match selection {
            Selection::Field(field) => field.location().is_some_and(|span| span.offset() == offset),
            Selection::InlineFragment(fragment) => holds(&fragment.selection_set, offset),
            Selection::FragmentSpread(_) => false,
        })
    }
    if holds(selections, offset) {
        return Some(selections);
    }
    selections.iter().find_map(|selection| match selection {
        Selection::Field(field) => around(&field.selection_set, offset),
        Selection::InlineFragment(fragment) => around(&fragment.selection_set, offset),
        Selection::FragmentSpread(_) => None,
    })
}

/// The fields of a set of selections, each fragment once.
struct Siblings<'a> {
    document: &'a ast::Document,
    fields: Vec<(&'a Field, usize)>,
    seen: HashSet<&'a Name>,
}

impl<'a> Siblings<'a> {
    fn collect(&mut self, selections: &'a [Selection]) {
        for selection in selections {
            match selection {
                Selection::Field(field) => {
                    self.fields.push((field, field.location().map_or(0, |span| span.offset())));
                }
                Selection::InlineFragment(fragment) => self.collect(&fragment.selection_set),
                Selection::FragmentSpread(spread) => {
                    if self.seen.insert(&spread.fragment_name)
                        && let Some(fragment) = fragment(self.document, &spread.fragment_name)
                    {
                        self.collect(&fragment.selection_set);
                    }
                }
            }
        }
    }
}

fn fragment<'a>(document: &'a ast::Document, name: &str) -> Option<&'a FragmentDefinition> {
    let mut fragments = document.definitions.iter().filter_map(Definition::as_fragment_definition);
    fragments.find(|fragment| fragment.name == name).map(|fragment| &**fragment)
}

fn conflicts(one: &Field, other: &Field) -> bool {
    one.response_name() == other.response_name() && (one.name != other.name || !same_arguments(one, other))
}

fn same_arguments(one: &Field, other: &Field) -> bool {
    one.arguments.len() == other.arguments.len()
        && one.arguments.iter().all(|argument| other.arguments.contains(argument))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, offset: usize) -> Option<(String, [usize; 2])> {
        let document = ast::Document::parse(text, "test").unwrap();
        Conflict::at(&document, offset).map(|conflict| (conflict.message(), conflict.places))
    }

    #[test]
    fn both_fields_are_told_in_the_order_of_the_document() {
        let end = "Use different aliases on the fields to fetch both if this was intentional.";
        let names = format!("Fields \"x\" conflict because a and b are different fields. {end}");
        let arguments = format!("Fields \"a\" conflict because they have differing arguments. {end}");
        assert_eq!(told("{ f { x: a x: b } }", 11), Some((names.clone(), [6, 11])));
        assert_eq!(told("{ x: a ... { x: b } }", 13), Some((names.clone(), [2, 13])));
        assert_eq!(told("{ x: a ...F } fragment F on Q { x: b }", 2), Some((names, [2, 32])));
        assert_eq!(told("{ a(b: 1) a(b: 2) }", 10), Some((arguments, [2, 10])));
        assert_eq!(told("{ a(b: 1, c: 2) a(c: 2, b: 1) }", 16), None);
    }
}
