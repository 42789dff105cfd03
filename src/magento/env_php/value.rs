//! A PHP value that is plain data.

use std::fmt;

use zeroize::Zeroizing;

/// A value of the file.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Fraction(f64),
    /// Text: wiped when it is dropped, since passwords and keys are among them.
    Text(Zeroizing<String>),
    /// An array, in the order in which the keys were first written.
    Array(Vec<(Key, Self)>),
}

/// A key of an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// A number, or text that is one.
    Number(i64),
    /// Any other text.
    Name(String),
}

impl Value {
    /// Text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(Zeroizing::new(text.into()))
    }

    /// The value at a path of keys such as `db/connection/default`.
    pub fn at(&self, path: &str) -> Option<&Self> {
        path.split('/').try_fold(self, |value, key| value.entry(&Key::of(key)))
    }

    /// Keys and values, when it is an array.
    pub fn entries(&self) -> &[(Key, Self)] {
        match self {
            Self::Array(entries) => entries,
            _ => &[],
        }
    }

    /// What PHP makes of it when text is wanted; `None` for an array.
    pub fn to_text(&self) -> Option<Zeroizing<String>> {
        let text = match self {
            Self::Text(text) => return Some(text.clone()),
            Self::Null | Self::Boolean(false) => String::new(),
            Self::Boolean(true) => "1".to_owned(),
            Self::Integer(number) => number.to_string(),
            Self::Fraction(number) => number.to_string(),
            Self::Array(_) => return None,
        };
        Some(Zeroizing::new(text))
    }

    /// Whether PHP takes it for true.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Array(entries) => !entries.is_empty(),
            Self::Fraction(number) => *number != 0.0,
            other => other.to_text().is_some_and(|text| !matches!(text.as_str(), "" | "0")),
        }
    }

    /// Sets an entry of an array; a later value takes the place of an earlier one, as in PHP.
    pub(super) fn set(&mut self, key: Key, value: Self) {
        if !matches!(self, Self::Array(_)) {
            *self = Self::Array(Vec::new());
        }
        let Self::Array(entries) = self else { return };
        match entries.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => *known = value,
            None => entries.push((key, value)),
        }
    }

    /// Lays `other` over this one, array by array.
    pub(super) fn merge(&mut self, other: Self) {
        match other {
            Self::Array(entries) if matches!(self, Self::Array(_)) => {
                for (key, value) in entries {
                    match self.entry_mut(&key) {
                        Some(known) => known.merge(value),
                        None => self.set(key, value),
                    }
                }
            }
            other => *self = other,
        }
    }

    fn entry(&self, wanted: &Key) -> Option<&Self> {
        self.entries().iter().find(|(key, _)| key == wanted).map(|(_, value)| value)
    }

    fn entry_mut(&mut self, wanted: &Key) -> Option<&mut Self> {
        let Self::Array(entries) = self else { return None };
        entries.iter_mut().find(|(key, _)| key == wanted).map(|(_, value)| value)
    }
}

impl Key {
    /// The key that PHP makes of text: a whole number in its shortest form is a number.
    pub(super) fn of(text: &str) -> Self {
        match text.parse::<i64>() {
            Ok(number) if number.to_string() == text => Self::Number(number),
            _ => Self::Name(text.to_owned()),
        }
    }

    /// The key as text.
    pub fn name(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Name(name) => name.clone(),
        }
    }
}

/// Says what kind of value it is, and nothing else: see [`crate::magento`].
impl fmt::Debug for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Null => "null",
            Self::Boolean(_) => "a boolean",
            Self::Integer(_) | Self::Fraction(_) => "a number",
            Self::Text(_) => "text",
            Self::Array(_) => "an array",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_truth_are_those_of_php() {
        assert_eq!(Key::of("12"), Key::Number(12));
        for name in ["012", "+1", "1.0", "", "-0", "99999999999999999999"] {
            assert_eq!(Key::of(name), Key::Name(name.to_owned()));
        }
        for (value, text, truth) in [
            (Value::Null, "", false),
            (Value::Boolean(true), "1", true),
            (Value::Boolean(false), "", false),
            (Value::Integer(0), "0", false),
            (Value::Fraction(1.5), "1.5", true),
            (Value::text("0.0"), "0.0", true),
        ] {
            assert_eq!((value.to_text().unwrap().as_str(), value.is_true()), (text, truth));
        }
        assert_eq!(Value::Array(Vec::new()).to_text(), None);
    }

    #[test]
    fn arrays_are_merged_key_by_key_and_everything_else_is_replaced() {
        let array = |entries: &[(&str, Value)]| {
            Value::Array(entries.iter().map(|(key, value)| (Key::of(key), value.clone())).collect())
        };
        let mut one = array(&[("a", array(&[("x", Value::Integer(1)), ("y", Value::Integer(2))])), ("b", Value::Null)]);
        one.merge(array(&[("a", array(&[("y", Value::Integer(3))])), ("b", Value::text("t"))]));
        assert_eq!(one.at("a/x"), Some(&Value::Integer(1)));
        assert_eq!(one.at("a/y"), Some(&Value::Integer(3)));
        assert_eq!(one.at("b"), Some(&Value::text("t")));
        assert_eq!(format!("{:?}", Value::text("hunter2")), "text");
    }
}
