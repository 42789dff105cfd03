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
    const START: Self = Self { line: 1, column: 1 };

    /// The place at `offset` bytes into `text`. Lines end with a line feed, a carriage return, or both together.
    pub(super) fn of(text: &str, offset: usize) -> Self {
        Self::START.moved(text, 0, offset)
    }

    /// The places at several offsets, for which `text` is gone through once.
    pub(super) fn of_all(text: &str, offsets: &[usize]) -> Vec<Self> {
        let mut order: Vec<_> = offsets.iter().copied().enumerate().collect();
        order.sort_by_key(|(_, offset)| *offset);
        let mut places = vec![Self::START; offsets.len()];
        let (mut place, mut from) = (Self::START, 0);
        for (index, offset) in order {
            place = place.moved(text, from, offset);
            places[index] = place;
            from = offset;
        }
        places
    }

    /// From this place, which is at `from`, on to `to`.
    fn moved(mut self, text: &str, from: usize, to: usize) -> Self {
        let bytes = text.as_bytes();
        for index in from..to.min(bytes.len()) {
            let byte = bytes[index];
            let is_first_of_two = byte == b'\r' && bytes.get(index + 1) == Some(&b'\n');
            if byte == b'\n' || (byte == b'\r' && !is_first_of_two) {
                self = Self { line: self.line + 1, column: 1 };
            } else if byte & 0b1100_0000 != 0b1000_0000 {
                // The other bytes continue a character.
                self.column += 1;
            }
        }
        self
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
        let all = Location::of_all("{\n  é a\n}", &[8, 0, 4, 7]);
        assert_eq!(all, [8, 0, 4, 7].map(|offset| Location::of("{\n  é a\n}", offset)));
    }
}
