//! What operations cost when their fragments are expanded.
//!
//! Nothing is expanded: a fragment is measured once, however often it is used.

use std::collections::HashMap;

use apollo_compiler::ast::{self, Definition, Selection};

use crate::http::graphql::engine::introspection::Weight;

/// How deep selections may be nested with fragments followed, so that nothing runs out of stack.
const NESTING: usize = 128;

/// What a set of selections costs with fragments expanded.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Cost {
    /// How many fields with selections stand within one another.
    pub(super) height: usize,
    /// How many fields there are.
    pub(super) complexity: usize,
    /// How long the answer about the schema would be at most, where they ask for it.
    pub(super) introspection: Weight,
    /// How many selections, fragments included, stand within one another.
    nesting: usize,
}

/// Measures with fragments expanded, each of them once.
pub(super) struct Expansion<'a> {
    fragments: HashMap<&'a str, &'a [Selection]>,
    /// What is known; `None` while a fragment is being measured, which is how a cycle ends. The validation refuses it.
    known: HashMap<&'a str, Option<Cost>>,
}

impl<'a> Expansion<'a> {
    /// Knows the fragments of a document.
    pub(super) fn new(ast: &'a ast::Document) -> Self {
        let fragments = ast.definitions.iter().filter_map(Definition::as_fragment_definition);
        Self {
            fragments: fragments.map(|fragment| (fragment.name.as_str(), fragment.selection_set.as_slice())).collect(),
            known: HashMap::new(),
        }
    }

    /// The cost of each operation; `None` when the nesting is too deep. Fragments that no operation uses are measured,
    /// too, because they are validated.
    pub(super) fn of_operations(mut self, ast: &'a ast::Document) -> Option<Vec<Cost>> {
        for definition in ast.definitions.iter().filter_map(Definition::as_fragment_definition) {
            self.of_fragment(&definition.name, 0)?;
        }
        let operations = ast.definitions.iter().filter_map(Definition::as_operation_definition);
        operations.map(|operation| self.of_selections(&operation.selection_set, 0)).collect()
    }

    /// `None` when the nesting is too deep.
    fn of_selections(&mut self, selections: &'a [Selection], level: usize) -> Option<Cost> {
        let mut cost = Cost::default();
        for selection in selections {
            let inner = match selection {
                Selection::Field(field) => {
                    let inner = self.of_selections(&field.selection_set, level + 1)?;
                    Cost {
                        height: inner.height + usize::from(!field.selection_set.is_empty()),
                        complexity: inner.complexity.saturating_add(1),
                        introspection: inner.introspection.of_field(field),
                        nesting: inner.nesting + 1,
                    }
                }
                Selection::InlineFragment(fragment) => {
                    let inner = self.of_selections(&fragment.selection_set, level + 1)?;
                    let nesting = inner.nesting + 1;
                    Cost { nesting, ..inner }
                }
                Selection::FragmentSpread(spread) => self.of_fragment(&spread.fragment_name, level)?,
            };
            cost.height = cost.height.max(inner.height);
            cost.complexity = cost.complexity.saturating_add(inner.complexity);
            cost.introspection = cost.introspection.plus(inner.introspection);
            cost.nesting = cost.nesting.max(inner.nesting);
        }
        (level + cost.nesting <= NESTING).then_some(cost)
    }

    fn of_fragment(&mut self, name: &'a str, level: usize) -> Option<Cost> {
        let Some(&selections) = self.fragments.get(name) else {
            return Some(Cost::default());
        };
        if let Some(known) = self.known.get(name) {
            let cost = known.unwrap_or_default();
            return (level + cost.nesting <= NESTING).then_some(cost);
        }
        if level >= NESTING {
            return None;
        }
        self.known.insert(name, None);
        let inner = self.of_selections(selections, level + 1)?;
        let nesting = inner.nesting + 1;
        let cost = Cost { nesting, ..inner };
        self.known.insert(name, Some(cost));
        Some(cost)
    }
}
