//! An object whose fields are known when it is made.

use apollo_compiler::resolvers::{AsyncObjectValue, AsyncResolvedValue, FieldError, ResolveInfo};
use apollo_compiler::response::{JsonMap, JsonValue};
use futures_util::future::BoxFuture;

/// An object of scalars and lists of scalars. A field that it does not name is null.
pub(super) struct Record {
    type_name: &'static str,
    fields: JsonMap,
}

impl Record {
    /// An object of this type without fields.
    pub(super) fn new(type_name: &'static str) -> Self {
        Self { type_name, fields: JsonMap::new() }
    }

    /// The object with one field more.
    pub(super) fn with(mut self, field: &'static str, value: impl Into<JsonValue>) -> Self {
        self.fields.insert(field, value.into());
        self
    }
}

impl AsyncObjectValue for Record {
    fn type_name(&self) -> &'static str {
        self.type_name
    }

    fn resolve_field<'a>(
        &'a self,
        info: &'a ResolveInfo<'a>,
    ) -> BoxFuture<'a, Result<AsyncResolvedValue<'a>, FieldError>> {
        let value = self.fields.get(info.field_name()).cloned().unwrap_or(JsonValue::Null);
        let resolved = match value {
            JsonValue::Array(items) => AsyncResolvedValue::list(items.into_iter().map(AsyncResolvedValue::Leaf)),
            leaf => AsyncResolvedValue::Leaf(leaf),
        };
        Box::pin(std::future::ready(Ok(resolved)))
    }
}
