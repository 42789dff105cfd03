//! Where something stands in a document.

use serde::Serialize;

/// A place, as clients are told: line and column count from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(in crate::http::graphql) struct Location {
    /// The line.
    pub(in crate::http::graphql) line: usize,
    /// The column.
    pub(in crate::http::graphql) column: usize,
}

impl Location {
    /// The place at `offset` bytes into `text`. Lines end with a line feed, a carriage return, or both together.
    pub(super) fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let mut line = 1;
        let mut start = 0;
        let bytes = before.as_bytes();
        for (index, &byte) in bytes.iter().enumerate() {
            let is_first_of_two = byte == b'\r' && text.as_bytes().get(index + 1) == Some(&b'\n');
            if byte == b'\n' || (byte == b'\r' && !is_first_of_two) {
                line += 1;
                start = index + 1;
            }
        }
        let column = before[start..].chars().count() + 1;
        Self { line, column }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_and_columns_in_characters() {
        let at = |text: &str, offset| {
            let location = Location::of(text, offset);
            (location.line, location.column)
        };
        assert_eq!(at("", 0), (1, 1));
        assert_eq!(at("{\n  a\n}", 4), (2, 3));
        assert_eq!(at("{\r\n  a", 5), (2, 3));
        assert_eq!(at("{\ra", 2), (2, 1));
        assert_eq!(at("\"é\" a", 5), (1, 5));
        assert_eq!(at("a", 9), (1, 2));
    }
}
