//! What a document may cost (fact sheet 1.6).
//!
//! All counting is linear in the document.

use apollo_compiler::ast::{self, Definition, Selection};

use crate::http::error::Failure;
use crate::http::graphql::Options;
use crate::http::graphql::engine::Complaint;
use crate::http::graphql::engine::expansion::{Cost, Expansion};
use crate::http::graphql::engine::introspection::{LONGEST_ANSWER, LONGEST_DOCUMENT};
use crate::http::graphql::engine::lexer::longest_name;
use crate::http::graphql::line::Line;
use crate::settings::Settings;

/// Magento's depth limit.
const DEPTH: usize = 20;

/// How many fields an operation may have with fragments expanded where Magento's own limit is off.
const COMPLEXITY: usize = 10_000;

/// What is said of a document that asks for the schema where it is not shown.
const NO_INTROSPECTION: &str = "GraphQL introspection is not allowed, but the query contained __schema or __type";

/// How many operations and fragments a document may have, and how many spreads and inline fragments. Magento has no such
/// limits; without them the validation of a hostile document would take seconds.
const DEFINITIONS: usize = 250;
const SPREADS: usize = 2000;

/// The longest name, in bytes: of a field, an alias, a fragment, a variable, whatever. An answer repeats it with each
/// thing that it lists, and what is wrong with a document is told by names.
const NAME: usize = 255;

/// The largest number of PHP: Magento tells no larger one.
const LARGEST_TOLD: usize = usize::MAX >> 1;

/// The limits of one request.
#[derive(Clone, Copy, Debug)]
pub(in crate::http::graphql) struct Limits {
    /// Magento's limits.
    magento: Option<MagentoLimits>,
    /// Whether all that is wrong with a document is told, instead of what comes first.
    pub(in crate::http::graphql) tells_all: bool,
}

/// What Magento limits outside its developer mode.
#[derive(Clone, Copy, Debug)]
struct MagentoLimits {
    depth: usize,
    complexity: usize,
    /// `None` when aliases are not limited.
    aliases: Option<usize>,
    /// Whether the schema can be asked for.
    introspection: bool,
}

impl Limits {
    /// The limits of a Magento of this line with these settings.
    pub(in crate::http::graphql) fn of(line: Line, options: Options, settings: &Settings) -> Self {
        let magento = (!options.developer_mode).then(|| MagentoLimits::of(line, options, settings));
        Self { magento, tells_all: options.developer_mode }
    }

    /// The complaint about a document of this depth.
    pub(super) fn too_deep(&self, depth: usize) -> Complaint {
        match self.magento {
            Some(magento) => magento.too_deep(depth),
            None => too_large(),
        }
    }
}

impl MagentoLimits {
    fn of(line: Line, options: Options, settings: &Settings) -> Self {
        let is_limited = settings.flag("graphql/validation/alias_limit_enabled");
        let maximum = settings.number("graphql/validation/maximum_alias_allowed");
        Self {
            depth: DEPTH,
            complexity: line.complexity,
            aliases: is_limited.then(|| usize::try_from(maximum).unwrap_or(usize::MAX)),
            introspection: options.introspection,
        }
    }

    fn too_deep(self, depth: usize) -> Complaint {
        Complaint::of_all(format!("Max query depth should be {} but got {depth}.", self.depth))
    }

    fn too_complex(self, complexity: usize) -> Complaint {
        let (limit, complexity) = (self.complexity, complexity.min(LARGEST_TOLD));
        Complaint::of_all(format!("Max query complexity should be {limit} but got {complexity}."))
    }
}

/// What a document costs, or as much of it as was read.
#[derive(Clone, Debug)]
pub(super) struct Measures {
    aliases: usize,
    fields: usize,
    spreads: usize,
    definitions: usize,
    /// The length of the longest name, in bytes.
    longest_name: usize,
    /// Where the schema is first asked for, in bytes.
    introspection: Option<usize>,
    /// The cost of each operation with fragments expanded, in the order of the document; `None` when it was not
    /// measured, because the nesting is too deep.
    costs: Option<Vec<Cost>>,
}

impl Measures {
    /// Measures a document.
    pub(super) fn of_size(text: &str, ast: &ast::Document) -> Self {
        let mut measures = Self {
            aliases: 0,
            fields: 0,
            spreads: 0,
            definitions: ast.definitions.len(),
            longest_name: if text.len() > NAME { longest_name(text) } else { 0 },
            introspection: None,
            costs: None,
        };
        for selections in ast.definitions.iter().filter_map(selections) {
            measures.aliases += aliases(selections);
            measures.count(selections);
        }
        if measures.definitions <= DEFINITIONS {
            measures.costs = Expansion::new(ast).of_operations(ast);
        }
        measures
    }

    fn count(&mut self, selections: &[Selection]) {
        for selection in selections {
            match selection {
                Selection::Field(field) => {
                    self.fields += 1;
                    if matches!(field.name.as_str(), "__schema" | "__type") && self.introspection.is_none() {
                        self.introspection = Some(field.location().map_or(0, |location| location.offset()));
                    }
                    self.count(&field.selection_set);
                }
                Selection::InlineFragment(fragment) => {
                    self.spreads += 1;
                    self.count(&fragment.selection_set);
                }
                Selection::FragmentSpread(_) => self.spreads += 1,
            }
        }
    }

    /// The checks before validation. A document of which only the beginning was read (`is_cut`) is refused in any case,
    /// except when it is its depth that was too much.
    pub(super) fn refuse_by_size(&self, limits: &Limits, is_cut: bool) -> Result<(), Failure> {
        if let Some(magento) = limits.magento {
            self.refuse_by_magento(magento)?;
        }
        let is_deep = self.is_nested_too_deeply() || self.height() > limits.magento.map_or(DEPTH, |limit| limit.depth);
        if self.definitions > DEFINITIONS || self.longest_name > NAME || self.spreads > SPREADS || (is_cut && !is_deep)
        {
            return Err(Failure::DocumentTooLarge);
        }
        Ok(())
    }

    fn refuse_by_magento(&self, limits: MagentoLimits) -> Result<(), Failure> {
        if let Some(limit) = limits.aliases
            && self.aliases > limit
        {
            return Err(Failure::TooManyAliases { limit, got: self.aliases });
        }
        if self.fields > limits.complexity {
            return Err(Failure::TooComplex { limit: limits.complexity, got: self.fields });
        }
        Ok(())
    }

    /// The engine's own rules: introspection, then operation by operation depth and complexity.
    pub(super) fn refuse_by_cost(&self, text: &str, limits: &Limits) -> Result<(), Complaint> {
        if let Some(limits) = limits.magento {
            self.refuse_by_magento_cost(text, limits)?;
        } else if self.costs.iter().flatten().any(|cost| cost.complexity > COMPLEXITY) {
            return Err(too_large());
        }
        if self.asks_too_much_about_the_schema(text) { Err(too_large()) } else { Ok(()) }
    }

    fn refuse_by_magento_cost(&self, text: &str, limits: MagentoLimits) -> Result<(), Complaint> {
        if let Some(offset) = self.introspection.filter(|_| !limits.introspection) {
            return Err(Complaint::at(NO_INTROSPECTION, text, offset));
        }
        for cost in self.costs.iter().flatten() {
            let depth = cost.height.saturating_sub(1);
            if depth > limits.depth {
                return Err(limits.too_deep(depth));
            }
            if cost.complexity > limits.complexity {
                return Err(limits.too_complex(cost.complexity));
            }
        }
        Ok(())
    }

    /// Whether a few bytes would be answered with very many (see [`super::introspection`]).
    fn asks_too_much_about_the_schema(&self, text: &str) -> bool {
        let longest = || self.costs.iter().flatten().map(|cost| cost.introspection.bytes()).fold(0.0, f64::max);
        self.ask_for_the_schema() && (text.len() > LONGEST_DOCUMENT || longest() > LONGEST_ANSWER)
    }

    /// Whether `__schema` or `__type` is in the document.
    pub(super) fn ask_for_the_schema(&self) -> bool {
        self.introspection.is_some()
    }

    /// Whether the validation could run out of stack.
    pub(super) fn is_nested_too_deeply(&self) -> bool {
        self.costs.is_none()
    }

    fn height(&self) -> usize {
        self.costs.iter().flatten().map(|cost| cost.height).max().unwrap_or(0)
    }
}

/// The complaint about a document that is not executed because of what it would cost.
pub(super) fn too_large() -> Complaint {
    Complaint::of_all(Failure::DocumentTooLarge.row().message)
}

fn selections(definition: &Definition) -> Option<&[Selection]> {
    match definition {
        Definition::OperationDefinition(operation) => Some(&operation.selection_set),
        Definition::FragmentDefinition(fragment) => Some(&fragment.selection_set),
        _ => None,
    }
}

/// Aliases are counted through plain fields only, not into inline fragments.
fn aliases(selections: &[Selection]) -> usize {
    let fields = selections.iter().filter_map(Selection::as_field);
    fields.map(|field| usize::from(field.alias.is_some()) + aliases(&field.selection_set)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::MagentoVersion;
    use crate::http::graphql::tests::repeated;

    fn measures(text: &str) -> Measures {
        Measures::of_size(text, &ast::Document::parse(text, "test").unwrap())
    }

    fn limits() -> Limits {
        Limits::of(MagentoVersion::V248.line(), Options::default(), &Settings::default())
    }

    fn cost(text: &str) -> Cost {
        measures(text).costs.unwrap()[0]
    }

    #[test]
    fn aliases_are_counted_through_plain_fields_only() {
        let text = "{ a: x { b: y } ... on Q { c: z } ...F } fragment F on Q { d: x }";
        assert_eq!(measures(text).aliases, 3);
    }

    #[test]
    fn fields_are_counted_as_written_and_cost_with_fragments_expanded() {
        let text = "{ x { ...F ...F y } ... on Q { z } } fragment F on Q { a b }";
        assert_eq!(measures(text).fields, 5);
        assert_eq!(cost(text).complexity, 7);
    }

    #[test]
    fn the_height_counts_fields_with_selections() {
        assert_eq!(cost("{ x }").height, 0);
        assert_eq!(cost("{ x { y { z } } w { v } }").height, 2);
        assert_eq!(cost("{ x { ... on Q { ...F } } } fragment F on Q { y { z } }").height, 2);
    }

    #[test]
    fn doubling_fragments_are_measured_without_being_expanded() {
        let text = "{ ...F0 } fragment F100 on Q { a } ".to_owned()
            + &repeated(100, |level| format!("fragment F{level} on Q {{ ...F{0} ...F{0} }}", level + 1));
        let measures = measures(&text);
        assert_eq!(measures.costs.as_ref().unwrap()[0].complexity, usize::MAX);
        assert!(measures.refuse_by_cost(&text, &limits()).is_err());
        let complaint = limits().magento.unwrap().too_complex(usize::MAX);
        assert!(complaint.message.ends_with("but got 9223372036854775807."), "{}", complaint.message);
    }

    #[test]
    fn a_chain_of_fragments_that_is_too_deep_is_not_measured() {
        let text = "{ ...F0 } fragment F200 on Q { a } ".to_owned()
            + &repeated(200, |level| format!("fragment F{level} on Q {{ ...F{} }}", level + 1));
        assert!(measures(&text).is_nested_too_deeply());
    }

    #[test]
    fn a_cycle_ends() {
        let text = "{ ...A } fragment A on Q { x { ...B } } fragment B on Q { y { ...A } }";
        assert_eq!(measures(text).costs.unwrap().len(), 1);
    }

    #[test]
    fn too_much_is_refused_with_numbers() {
        let refuse = |text: &str| measures(text).refuse_by_size(&limits(), false);
        let aliases = repeated(11, |n| format!(" a{n}: x"));
        let failure = Failure::TooManyAliases { limit: 10, got: 11 };
        assert_eq!(refuse(&format!("{{{aliases}}}")), Err(failure));
        let failure = Failure::TooComplex { limit: 1000, got: 1001 };
        assert_eq!(refuse(&format!("{{{}}}", " x".repeat(1001))), Err(failure));
        assert_eq!(refuse(&format!("{{{}}}", " x".repeat(1000))), Ok(()));
        let many = repeated(251, |n| format!("query q{n} {{ x }}"));
        assert_eq!(refuse(&many), Err(Failure::DocumentTooLarge));
    }
}
