//! Fragments that spread themselves (fact sheet 1.5). apollo-compiler tells the fragment, Magento's engine the spreads
//! by which it comes back to itself.

use std::collections::{HashMap, HashSet};

use apollo_compiler::ast::{self, Definition, FragmentDefinition, FragmentSpread, Selection};
use apollo_compiler::{Name, Node};

use crate::http::graphql::engine::usage::Misuse;

/// The name of what this file finds.
const CIRCLE: &str = "FragmentCircle";

/// At most so many are told, and no more once all that is said of them is so long, in bytes: each names all fragments
/// that it leads through.
const MOST: usize = 100;
const LONGEST: usize = 64 * 1024;

/// The circles of a document, each once.
pub(super) fn circles(document: &ast::Document) -> Vec<Misuse> {
    let fragments = document.definitions.iter().filter_map(Definition::as_fragment_definition);
    let mut search = Search {
        fragments: fragments.clone().map(|fragment| (&fragment.name, &**fragment)).collect(),
        visited: HashSet::new(),
        path: Vec::new(),
        place_in_path: HashMap::new(),
        found: Vec::new(),
        told: 0,
    };
    for fragment in fragments {
        let order = fragment.location().map_or(0, |span| span.offset());
        search.follow(fragment, order);
    }
    search.found
}

struct Search<'a> {
    fragments: HashMap<&'a Name, &'a FragmentDefinition>,
    visited: HashSet<&'a Name>,
    /// The spreads by which the search has come where it is.
    path: Vec<&'a Node<FragmentSpread>>,
    /// How long the path was when it came to a fragment.
    place_in_path: HashMap<&'a Name, usize>,
    found: Vec<Misuse>,
    /// How long what is said of them is, in bytes.
    told: usize,
}

impl<'a> Search<'a> {
    /// Each fragment is followed once, so the recursion is bounded by how many there may be.
    fn follow(&mut self, fragment: &'a FragmentDefinition, order: usize) {
        if !self.visited.insert(&fragment.name) {
            return;
        }
        self.place_in_path.insert(&fragment.name, self.path.len());
        for spread in spreads(fragment) {
            if self.found.len() >= MOST || self.told > LONGEST {
                break;
            }
            self.path.push(spread);
            if let Some(&place) = self.place_in_path.get(&spread.fragment_name) {
                let circle = circle(&self.path[place..], order);
                self.told += circle.message.len();
                self.found.push(circle);
            } else if let Some(&next) = self.fragments.get(&spread.fragment_name) {
                self.follow(next, order);
            }
            self.path.pop();
        }
        self.place_in_path.remove(&fragment.name);
    }
}

/// The spreads of a fragment as Magento's engine comes upon them: the outermost first, then the last nested first.
fn spreads(fragment: &FragmentDefinition) -> Vec<&Node<FragmentSpread>> {
    let mut found = Vec::new();
    let mut waiting = vec![&fragment.selection_set];
    while let Some(selections) = waiting.pop() {
        for selection in selections {
            match selection {
                Selection::FragmentSpread(spread) => found.push(spread),
                Selection::Field(field) => waiting.push(&field.selection_set),
                Selection::InlineFragment(inline) => waiting.push(&inline.selection_set),
            }
        }
    }
    found
}

/// A circle that the last spread of `path` closes.
fn circle(path: &[&Node<FragmentSpread>], order: usize) -> Misuse {
    let mut names: Vec<_> = path.iter().map(|spread| format!("\"{}\"", spread.fragment_name)).collect();
    let fragment = names.pop().unwrap_or_default();
    let via = if names.is_empty() { String::new() } else { format!(" via {}", names.join(", ")) };
    let message = format!("Cannot spread fragment {fragment} within itself{via}.");
    let places = path.iter().filter_map(|spread| spread.location()).map(|span| span.offset());
    Misuse { name: CIRCLE, message, order, places: places.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, Vec<usize>)> {
        let document = ast::Document::parse(text, "test").unwrap();
        circles(&document).into_iter().map(|misuse| (misuse.message, misuse.places)).collect()
    }

    #[test]
    fn the_spreads_of_a_circle_are_told() {
        let told = |via: &str, places: &[usize]| {
            vec![(format!("Cannot spread fragment \"F\" within itself{via}."), places.to_vec())]
        };
        assert_eq!(found("fragment F on Q { a { ...F } }"), told("", &[22]));
        assert_eq!(found("fragment F on Q { ...G } fragment G on Q { ...F }"), told(" via \"G\"", &[18, 43]));
        assert_eq!(
            found("fragment F on Q { ...G } fragment G on Q { ...H } fragment H on Q { ...F }"),
            told(" via \"G\", \"H\"", &[18, 43, 68])
        );
        assert_eq!(found("{ ...F ...F } fragment F on Q { ...G ...G } fragment G on Q { a }"), []);
    }
}
