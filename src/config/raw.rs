//! A value as it was written, before anybody knows what it has to be.

use toml::de::DeValue;

/// A value as it was written. It may be a secret, so it has no `Debug`.
#[derive(Clone)]
pub(super) enum Raw {
    /// Text in TOML's quotes.
    Text(String),
    /// What an environment variable or a flag says: text, number, yes or no, or a list, as the key wants it.
    Untyped(String),
    /// A whole number.
    Integer(i128),
    /// A number with a fraction, as it was written.
    Fraction(String),
    /// `true` or `false`.
    Boolean(bool),
    /// A list.
    List(Vec<Self>),
    /// A table.
    Table,
    /// A date or a time: no key wants one.
    Date,
}

impl Raw {
    /// Takes a value of a TOML document over.
    pub(super) fn from_toml(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Self::Text(text.to_string()),
            DeValue::Integer(number) => i128::from_str_radix(number.as_str(), number.radix())
                .map_or_else(|_| Self::Fraction(number.to_string()), Self::Integer),
            DeValue::Float(number) => Self::Fraction(number.as_str().to_owned()),
            DeValue::Boolean(value) => Self::Boolean(*value),
            DeValue::Datetime(_) => Self::Date,
            DeValue::Array(items) => Self::List(items.iter().map(|item| Self::from_toml(item.get_ref())).collect()),
            DeValue::Table(_) => Self::Table,
        }
    }

    /// What it is, without saying the value.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::Untyped(_) => "text",
            Self::Integer(_) | Self::Fraction(_) => "a number",
            Self::Boolean(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table => "a table",
            Self::Date => "a date",
        }
    }

    /// The value for a message, or its kind where it is long.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Text(text) | Self::Untyped(text) if text.is_empty() => "empty text".to_owned(),
            Self::Text(text) | Self::Untyped(text) if text.len() <= 100 => format!("{text:?}"),
            Self::Integer(number) => number.to_string(),
            Self::Fraction(number) => number.clone(),
            Self::Boolean(value) => value.to_string(),
            _ => self.kind().to_owned(),
        }
    }

    /// Whether it is a list without items.
    pub(super) fn is_empty_list(&self) -> bool {
        matches!(self, Self::List(items) if items.is_empty())
    }

    /// The text, when it is text.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Untyped(text) => Some(text),
            _ => None,
        }
    }

    /// The items, when it is a list: comma-separated or a TOML array where it is untyped.
    pub(super) fn items(&self) -> Option<Vec<Self>> {
        match self {
            Self::List(items) => Some(items.clone()),
            Self::Untyped(text) if text.trim_start().starts_with('[') => {
                match Self::from_toml(DeValue::parse(text.trim()).ok()?.get_ref()) {
                    Self::List(items) => Some(items),
                    _ => None,
                }
            }
            Self::Untyped(text) if text.trim().is_empty() => Some(Vec::new()),
            Self::Untyped(text) => Some(text.split(',').map(|item| Self::Untyped(item.trim().to_owned())).collect()),
            _ => None,
        }
    }
}
