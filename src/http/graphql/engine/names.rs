//! Names that are given twice (fact sheet 1.5). apollo-compiler tells the second place, Magento's engine both.

use std::collections::HashMap;

use apollo_compiler::Name;
use apollo_compiler::ast::{self, Definition};

use crate::http::graphql::engine::usage::Misuse;

/// At most so many are told.
const MOST: usize = 100;

/// What this file looks for, by the names that apollo-compiler has for it.
pub(super) const REPEATED_OPERATION: &str = "OperationNameCollision";
pub(super) const REPEATED_FRAGMENT: &str = "FragmentNameCollision";
pub(super) const REPEATED_VARIABLE: &str = "UniqueVariable";

/// The operations, fragments and variables of a document whose name another one had before.
pub(super) fn repeated(document: &ast::Document) -> Vec<Misuse> {
    let mut found = Vec::new();
    let (mut operations, mut fragments) = (Names::new("operation"), Names::new("fragment"));
    for definition in &document.definitions {
        let start = definition.location().map_or(0, |span| span.offset());
        match definition {
            Definition::OperationDefinition(operation) => {
                if let Some(name) = &operation.name {
                    found.extend(operations.add(REPEATED_OPERATION, name, start));
                }
                let mut variables = Names::new("variable");
                for variable in &operation.variables {
                    let start = variable.location().map_or(start, |span| span.offset());
                    found.extend(variables.add(REPEATED_VARIABLE, &variable.name, start));
                }
            }
            Definition::FragmentDefinition(fragment) => {
                found.extend(fragments.add(REPEATED_FRAGMENT, &fragment.name, start));
            }
            _ => {}
        }
    }
    found.truncate(MOST);
    found
}

/// The names of one kind of thing that have been seen, with the first place of each.
pub(super) struct Names<'a> {
    kind: &'static str,
    first: HashMap<&'a Name, usize>,
}

impl<'a> Names<'a> {
    pub(super) fn new(kind: &'static str) -> Self {
        Self { kind, first: HashMap::new() }
    }

    /// What is wrong with one more name, of a thing that begins at `order`.
    pub(super) fn add(&mut self, misuse: &'static str, name: &'a Name, order: usize) -> Option<Misuse> {
        let place = name.location().map_or(order, |span| span.offset());
        let Some(&earlier) = self.first.get(name) else {
            self.first.insert(name, place);
            return None;
        };
        let message = format!("There can be only one {} named \"{name}\".", self.kind);
        Some(Misuse { name: misuse, message, order, places: vec![earlier, place] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, Vec<usize>)> {
        let parsed = ast::Document::parse(text, "test");
        let document = parsed.unwrap();
        repeated(&document).into_iter().map(|misuse| (misuse.message, misuse.places)).collect()
    }

    #[test]
    fn both_names_are_told() {
        let told = |kind: &str, name: &str, places: [usize; 2]| {
            vec![(format!("There can be only one {kind} named \"{name}\"."), places.to_vec())]
        };
        assert_eq!(found("query a { x } query a { x }"), told("operation", "a", [6, 20]));
        assert_eq!(found("{ ...F } fragment F on Q { x } fragment F on Q { x }"), told("fragment", "F", [18, 40]));
        assert_eq!(found("query($x: Int, $x: Int) { x }"), told("variable", "x", [7, 16]));
        assert_eq!(found("query a($x: Int) { x } query b($x: Int) { x } fragment a on Q { x }"), []);
    }
}
