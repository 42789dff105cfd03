//! In what the two lines of Magento differ on GraphQL, beside the statuses of [`crate::http::error`] (fact sheet 0.3).

use crate::http::MagentoVersion;

/// One line's ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "it is a table: each row is a difference of its own")]
pub(super) struct Line {
    /// Whether a bearer token that is not good ends the request; else its bearer is a guest (fact sheet 1.7).
    pub(super) refuses_bad_tokens: bool,
    /// Whether a customer counts as one only in the website of the account (fact sheet 1.8).
    pub(super) keeps_to_the_website: bool,
    /// Whether other methods than GET and POST are answered with an empty body; else they are an empty document
    /// (fact sheet 0.3, 1.2).
    pub(super) answers_other_methods_empty: bool,
    /// Whether an empty `variables` in a query string counts as none; else it is not JSON (fact sheet 1.1).
    pub(super) reads_empty_variables_as_none: bool,
    /// How many fields an operation may have (fact sheet 1.6).
    pub(super) complexity: usize,
}

/// 2.4.7 and older.
const OLDER: Line = Line {
    refuses_bad_tokens: false,
    keeps_to_the_website: false,
    answers_other_methods_empty: false,
    reads_empty_variables_as_none: false,
    complexity: 300,
};

/// 2.4.8 and newer.
const NEWER: Line = Line {
    refuses_bad_tokens: true,
    keeps_to_the_website: true,
    answers_other_methods_empty: true,
    reads_empty_variables_as_none: true,
    complexity: 1000,
};

impl MagentoVersion {
    /// This version's ways on GraphQL.
    pub(super) fn line(self) -> Line {
        match self {
            Self::V247 => OLDER,
            Self::V248 => NEWER,
        }
    }
}
