//! Executing an operation.

use apollo_compiler::Name;
use apollo_compiler::executable::{Field, Operation, SelectionSet};
use apollo_compiler::introspection::check_max_depth;
use apollo_compiler::request::RequestError;
use apollo_compiler::resolvers::{AsyncObjectValue, Execution};
use apollo_compiler::response::{GraphQLError, JsonMap, ResponseDataPathSegment};
use apollo_compiler::validation::Valid;

use crate::http::graphql::engine::{Complaint, Document, Engine, Location, variables};
use crate::http::graphql::request::Variables;

/// What the engine writes in front of an operation's own text.
const OPERATION_ERROR: &str = "resolver error: ";

/// What the engine writes in front of the name of an argument that is null where it must not be.
const NULL_ARGUMENT: &str = "null value for non-nullable argument ";

/// At most so many places are told of one error.
const LOCATIONS: usize = 20;

/// What came of an operation.
pub(in crate::http::graphql) struct Executed {
    /// The data, complete but for the fields that failed.
    pub(in crate::http::graphql) data: Option<JsonMap>,
    /// What failed, in order.
    pub(in crate::http::graphql) errors: Vec<ExecutionError>,
}

/// A field that could not be resolved.
pub(in crate::http::graphql) struct ExecutionError {
    /// The operation's own text, else the engine's.
    pub(in crate::http::graphql) message: String,
    /// Whether the message is Magento's wording of what the engine found.
    pub(in crate::http::graphql) is_worded: bool,
    /// Where the field stands in the document.
    pub(in crate::http::graphql) locations: Vec<Location>,
    /// Where the field stands in the data.
    pub(in crate::http::graphql) path: Vec<ResponseDataPathSegment>,
}

impl Engine {
    /// Coerces the values of variables for `operation`.
    ///
    /// # Errors
    /// The first value that is missing or refused, or `all` of them.
    pub(in crate::http::graphql) fn coerce_variables(
        &self,
        document: &Document,
        operation: &Operation,
        values: &Variables,
        all: bool,
    ) -> Result<Valid<JsonMap>, Vec<Complaint>> {
        variables::coerce(&self.schema, operation, values.values(), document.text(), all)
    }

    /// Executes `operation` of `document` on `root`, one field after the other. A place is looked for in the whole text,
    /// so only the first error has one, unless `all` errors are going to be told.
    ///
    /// # Errors
    /// When introspection would go too deep.
    pub(in crate::http::graphql) async fn execute(
        &self,
        document: &Document,
        operation: &Operation,
        variables: &Valid<JsonMap>,
        root: &dyn AsyncObjectValue,
        all: bool,
    ) -> Result<Executed, Complaint> {
        let complain = |error: RequestError| Complaint::of_all(error.message().to_string());
        check_max_depth(&document.executable, operation).map_err(complain)?;
        let schema = if document.asks_for_the_schema() { &self.schema } else { &self.executed };
        let execution = Execution::new(schema, &document.executable)
            .implementers_map(&self.implementers)
            .operation(operation)
            .coerced_variable_values(variables)
            .enable_schema_introspection(true);
        let response = execution.execute_async(root).await.map_err(complain)?;
        let located = if all { usize::MAX } else { 1 };
        let errors = response.errors.into_iter().enumerate().map(|(index, error)| {
            if index < located {
                document.locate(operation, error)
            } else {
                ExecutionError::without_place(error.message, error.path)
            }
        });
        Ok(Executed { data: response.data, errors: errors.collect() })
    }
}

impl ExecutionError {
    fn without_place(message: String, path: Vec<ResponseDataPathSegment>) -> Self {
        let message = message.strip_prefix(OPERATION_ERROR).map(ToOwned::to_owned).unwrap_or(message);
        let locations = Vec::new();
        Self { message, is_worded: false, locations, path }
    }
}

impl Document {
    fn locate(&self, operation: &Operation, error: GraphQLError) -> ExecutionError {
        let fields = self.fields(operation, &error.path);
        let mut located = ExecutionError::without_place(error.message, error.path);
        located.locations = fields.iter().take(LOCATIONS).filter_map(|field| self.place(field)).collect();
        if let (Some(field), Some(argument)) = (fields.first(), located.message.strip_prefix(NULL_ARGUMENT)) {
            located.message = null_argument(field, argument);
            located.is_worded = true;
        }
        located
    }

    fn place(&self, field: &Field) -> Option<Location> {
        let start = field.alias.as_ref().and_then(Name::location).or_else(|| field.name.location())?;
        Some(Location::of(self.text(), start.offset()))
    }

    /// The fields that stand at `path` in the data: those of one name are one.
    fn fields<'a>(&'a self, operation: &'a Operation, path: &[ResponseDataPathSegment]) -> Vec<&'a Field> {
        let mut sets: Vec<&SelectionSet> = vec![&operation.selection_set];
        let mut found = Vec::new();
        for segment in path {
            let ResponseDataPathSegment::Field(key) = segment else {
                continue;
            };
            let fields: Vec<&Field> = sets
                .iter()
                .flat_map(|set| set.root_fields(&self.executable))
                .map(|field| &**field)
                .filter(|field| field.response_key() == key)
                .collect();
            sets = fields.iter().map(|field| &field.selection_set).collect();
            found = fields;
        }
        found
    }
}

fn null_argument(field: &Field, argument: &str) -> String {
    let definition = field.definition.argument_by_name(argument);
    let ty = definition.map(|definition| definition.ty.to_string()).unwrap_or_default();
    format!("Argument \"{argument}\" of non-null type \"{ty}\" must not be null.")
}
