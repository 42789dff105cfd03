//! Values that are one of a few words. The words are those of the enum's `Deserialize`, so there is no second list.

use std::fmt;

use serde::Deserialize;
use serde::de::value::StrDeserializer;
use serde::de::{Error, IntoDeserializer};

use crate::config::raw::Raw;
use crate::config::value::{Parsed, mismatch, some_text};

/// One of the names of an enum's variants.
pub(super) fn one_of<T: for<'de> Deserialize<'de>>(raw: &Raw) -> Parsed<T> {
    // What is not text becomes the empty word, which is none of the words, and hears which they are.
    let word = some_text(raw, "text").unwrap_or_default();
    let deserializer: StrDeserializer<'_, NotOneOf> = word.into_deserializer();
    T::deserialize(deserializer).map_err(|NotOneOf(words)| mismatch(&spoken(words), raw))
}

/// The words that would have been right.
#[derive(Debug)]
struct NotOneOf(&'static [&'static str]);

impl Error for NotOneOf {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(&[])
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self(expected)
    }
}

impl fmt::Display for NotOneOf {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&spoken(self.0))
    }
}

impl std::error::Error for NotOneOf {}

/// `"a", "b" or "c"`.
fn spoken(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}
