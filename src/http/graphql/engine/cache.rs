//! Validated documents, by their text.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache as QuickCache;

use crate::http::graphql::engine::Document;
use crate::http::graphql::engine::document::Text;

/// About how many bytes all kept documents may take together.
const CAPACITY: u64 = 16 * 1024 * 1024;

/// About how many documents are expected.
const EXPECTED: usize = 1024;

/// The longest text that is kept, in bytes.
const LONGEST: usize = 32 * 1024;

/// About how many bytes a document takes for every byte of its text, and how many on top.
const FACTOR: usize = 24;
const OVERHEAD: usize = 1024;

/// A bounded cache of documents. What holds a quotation mark may hold a password and is never kept.
pub(super) struct Cache(QuickCache<Text, Arc<Document>, Weight>);

impl Cache {
    /// An empty cache.
    pub(super) fn new() -> Self {
        Self(QuickCache::with_weighter(EXPECTED, CAPACITY, Weight))
    }

    /// The document with this text.
    pub(super) fn find(&self, text: &str) -> Option<Arc<Document>> {
        may_be_kept(text).then(|| self.0.get(text)).flatten()
    }

    /// Keeps a document, if it may be kept.
    pub(super) fn keep(&self, document: &Arc<Document>) {
        if may_be_kept(document.text()) {
            self.0.insert(document.text().clone(), Arc::clone(document));
        }
    }
}

fn may_be_kept(text: &str) -> bool {
    text.len() <= LONGEST && !text.contains('"')
}

/// How much a document takes.
#[derive(Clone)]
struct Weight;

impl Weighter<Text, Arc<Document>> for Weight {
    fn weight(&self, text: &Text, _: &Arc<Document>) -> u64 {
        (text.len() * FACTOR + OVERHEAD) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_with_a_string_literal_is_not_kept() {
        assert!(may_be_kept("query($e: String!) { isEmailAvailable(email: $e) { is_email_available } }"));
        assert!(!may_be_kept(r#"mutation { generateCustomerToken(email: "a", password: "b") { token } }"#));
        assert!(!may_be_kept(r#"mutation { generateCustomerToken(email: """a""") { token } }"#));
        assert!(!may_be_kept(&" ".repeat(LONGEST + 1)));
    }
}
