//! A document on its way from text to something that can be executed.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use apollo_compiler::ExecutableDocument;
use apollo_compiler::ast::{self, Definition, OperationType};
use apollo_compiler::parser::Parser;
use apollo_compiler::validation::Valid;
use zeroize::Zeroizing;

use crate::http::error::Failure;
use crate::http::graphql::engine::limits::{Limits, Measures, too_large};
use crate::http::graphql::engine::{Complaint, Engine, literals, syntax, usage, wording};

/// How deep a document may be nested to be read at all. The parser works recursively.
const PARSER_DEPTH: usize = 64;

/// How many tokens are read of a document, spaces included. The work of the parser grows with them.
const PARSER_TOKENS: usize = 15_000;

/// An operation of a document.
#[derive(Clone, Debug)]
pub(in crate::http::graphql) struct Operation {
    /// Its name, if it has one.
    pub(in crate::http::graphql) name: Option<String>,
    /// Whether it is a query, a mutation or a subscription.
    kind: OperationType,
}

impl Operation {
    /// Whether it changes something.
    pub(in crate::http::graphql) fn is_mutation(&self) -> bool {
        self.kind.is_mutation()
    }
}

/// The text of a document, which is wiped when nobody needs it any more: a literal in it may be a password.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Text(Arc<Zeroizing<String>>);

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Arc::new(Zeroizing::new(text.to_owned())))
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self
    }
}

/// As its text does, so that it can be looked up by it.
impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

/// A document that has been read, or that was validated earlier.
pub(in crate::http::graphql) enum Parsed {
    /// It was validated earlier.
    Known(Arc<Document>),
    /// It has been read.
    Fresh(Fresh),
}

/// A document that has been read.
pub(in crate::http::graphql) struct Fresh {
    pub(super) text: Text,
    pub(super) ast: ast::Document,
    operations: Vec<Operation>,
    measures: Measures,
    /// Whether the parser gave up: what was read is only the beginning.
    is_cut: bool,
}

/// A valid document.
pub(in crate::http::graphql) struct Document {
    text: Text,
    operations: Vec<Operation>,
    measures: Measures,
    /// Its sources are taken out, so that nothing looks up lines and columns except [`super::Location`].
    pub(super) executable: Valid<ExecutableDocument>,
}

impl Engine {
    /// Reads a document.
    ///
    /// # Errors
    /// The first syntax error.
    pub(in crate::http::graphql) fn parse(&self, text: &str) -> Result<Parsed, Complaint> {
        if let Some(document) = self.documents.find(text) {
            return Ok(Parsed::Known(document));
        }
        syntax::check(text)?;
        let mut parser = Parser::new().recursion_limit(PARSER_DEPTH).token_limit(PARSER_TOKENS);
        let (ast, is_cut) = match parser.parse_ast(text, "query") {
            Ok(ast) => (ast, false),
            Err(problem) => match syntax::first_error(&problem.errors, text) {
                Some(complaint) => return Err(complaint),
                None => (problem.partial, true),
            },
        };
        Ok(Parsed::Fresh(Fresh {
            text: Text::from(text),
            operations: operations(&ast),
            measures: Measures::of_size(text, &ast),
            ast,
            is_cut,
        }))
    }

    /// Validates a document against the schema and against the limits that the engine itself has.
    ///
    /// # Errors
    /// The first complaint, or all where all are told. [`Parsed::refuse_by_size`] has to be asked before.
    pub(in crate::http::graphql) fn validate(
        &self,
        parsed: Parsed,
        limits: &Limits,
    ) -> Result<Arc<Document>, Vec<Complaint>> {
        let document = match parsed {
            Parsed::Known(document) => document,
            Parsed::Fresh(fresh) => self.validate_fresh(fresh, limits)?,
        };
        let refused = document.measures.refuse_by_cost(&document.text, limits);
        refused.map(|()| document).map_err(|complaint| vec![complaint])
    }

    fn validate_fresh(&self, mut fresh: Fresh, limits: &Limits) -> Result<Arc<Document>, Vec<Complaint>> {
        if fresh.measures.is_nested_too_deeply() || fresh.is_cut {
            let refused = fresh.measures.refuse_by_cost(&fresh.text, limits);
            let nested = || if fresh.is_cut { limits.too_deep(PARSER_DEPTH) } else { too_large() };
            return Err(vec![refused.err().unwrap_or_else(nested)]);
        }
        literals::coerce(&self.schema, &mut fresh.ast);
        let misuses = usage::misuses(&self.schema, &fresh.ast);
        let mut executable = match fresh.ast.to_executable_validate(&self.schema) {
            Ok(valid) if misuses.is_empty() => valid.into_inner(),
            validated => {
                let errors = validated.err().map(|invalid| invalid.errors);
                return Err(wording::complaints(&self.schema, errors.as_ref(), misuses, &fresh, limits.tells_all));
            }
        };
        executable.sources = Arc::default();
        let document = Arc::new(Document {
            text: fresh.text,
            operations: fresh.operations,
            measures: fresh.measures,
            executable: Valid::assume_valid(executable),
        });
        self.documents.keep(&document);
        Ok(document)
    }
}

impl Parsed {
    /// The operations in the order of the document.
    pub(in crate::http::graphql) fn operations(&self) -> &[Operation] {
        match self {
            Self::Known(document) => &document.operations,
            Self::Fresh(fresh) => &fresh.operations,
        }
    }

    /// Says whether the document has too many aliases or fields. This is asked before it is validated.
    ///
    /// # Errors
    /// [`Failure::TooManyAliases`], [`Failure::TooComplex`], [`Failure::DocumentTooLarge`].
    pub(in crate::http::graphql) fn refuse_by_size(&self, limits: &Limits) -> Result<(), Failure> {
        match self {
            Self::Known(document) => document.measures.refuse_by_size(limits, false),
            Self::Fresh(fresh) => fresh.measures.refuse_by_size(limits, fresh.is_cut),
        }
    }
}

impl Document {
    /// Whether any of its operations asks for the schema.
    pub(super) fn asks_for_the_schema(&self) -> bool {
        self.measures.ask_for_the_schema()
    }

    /// The text.
    pub(super) fn text(&self) -> &Text {
        &self.text
    }

    /// The operation to execute: the one with this name, else the only one (fact sheet 1.1: Magento ignores names).
    ///
    /// # Errors
    /// There is no such operation, or it is not clear which one is meant.
    pub(in crate::http::graphql) fn select(
        &self,
        name: Option<&str>,
    ) -> Result<&apollo_compiler::executable::Operation, Complaint> {
        let operations = &self.executable.operations;
        if let Some(name) = name {
            let unknown = || Complaint::of_all(format!("Unknown operation named \"{name}\"."));
            return operations.named.get(name).map(|operation| &**operation).ok_or_else(unknown);
        }
        let mut all = operations.iter();
        match (all.next(), all.next()) {
            (Some(operation), None) => Ok(operation),
            (None, _) => Err(Complaint::of_all("Must provide an operation.")),
            (Some(_), Some(_)) => {
                Err(Complaint::of_all("Must provide operation name if query contains multiple operations."))
            }
        }
    }
}

fn operations(ast: &ast::Document) -> Vec<Operation> {
    let operation = |definition: &Definition| {
        let operation = definition.as_operation_definition()?;
        Some(Operation { name: operation.name.as_ref().map(ToString::to_string), kind: operation.operation_type })
    };
    ast.definitions.iter().filter_map(operation).collect()
}
