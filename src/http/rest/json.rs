//! Arguments out of a JSON body, without a copy of the password that nobody wipes.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

use crate::http::rest::arguments::{Argument, position};
use crate::http::rest::error::RestError;

/// The members with these names.
///
/// # Errors
/// [`RestError::Undecodable`].
pub(super) fn arguments<const N: usize>(names: [&'static str; N], body: &[u8]) -> Result<[Argument; N], RestError> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let arguments = Members(names).deserialize(&mut deserializer).map_err(|_| RestError::Undecodable)?;
    deserializer.end().map_err(|_| RestError::Undecodable)?;
    Ok(arguments)
}

/// Picks the members with these names out of an object; anything else than an object has none.
struct Members<const N: usize>([&'static str; N]);

impl<'de, const N: usize> DeserializeSeed<'de> for Members<N> {
    type Value = [Argument; N];

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<const N: usize> Members<N> {
    const NONE: [Argument; N] = [const { Argument::Absent }; N];
}

impl<'de, const N: usize> Visitor<'de> for Members<N> {
    type Value = [Argument; N];

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut arguments = Self::NONE;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match position(&self.0, &key) {
                Some(index) => arguments[index] = map.next_value_seed(AnyArgument)?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(arguments)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        IgnoredAny.visit_seq(seq)?;
        Ok(Self::NONE)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Self::NONE)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Self::NONE)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Self::NONE)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Self::NONE)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Self::NONE)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Self::NONE)
    }
}

/// Reads one value and casts it as PHP does: true is `1`, false is empty.
struct AnyArgument;

impl AnyArgument {
    fn text(text: impl Into<String>) -> Argument {
        Argument::Text(Zeroizing::new(text.into()))
    }
}

impl<'de> DeserializeSeed<'de> for AnyArgument {
    type Value = Argument;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Argument, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for AnyArgument {
    type Value = Argument;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Argument, A::Error> {
        IgnoredAny.visit_map(map)?;
        Ok(Argument::Structure)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Argument, A::Error> {
        IgnoredAny.visit_seq(seq)?;
        Ok(Argument::Structure)
    }

    fn visit_unit<E>(self) -> Result<Argument, E> {
        Ok(Argument::Absent)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Argument, E> {
        Ok(Self::text(if value { "1" } else { "" }))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Argument, E> {
        Ok(Self::text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Argument, E> {
        Ok(Self::text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Argument, E> {
        Ok(Self::text(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Argument, E> {
        Ok(Self::text(value))
    }
}
