//! `[tokens]`: what tokens look like, and how many there may be.

use crate::config::choice::one_of;
use crate::config::raw::Raw;
use crate::config::reader::Reader;
use crate::config::value::{Parsed, mismatch, whole_number};
use crate::token::EmptyLifetime;
pub use crate::token::TokenFormat;

/// The most sessions that can be asked for. The index counts in 64 bits; memory ends far earlier.
const MOST_SESSIONS: u64 = 1_000_000_000;

/// What tokens look like, and how many there may be.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// What a new token looks like.
    pub format: TokenFormat,
    /// What an empty or zero lifetime of an opaque token means.
    pub empty_lifetime: EmptyLifetime,
    /// How many live sessions are held; beyond this none is issued.
    pub capacity: Capacity,
    /// How many live sessions one user has; the oldest ends when one more is issued.
    pub per_subject: u32,
}

/// How many live sessions are held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Capacity {
    /// What the memory limit allows: see [`Budget`](crate::config::Budget).
    #[default]
    Auto,
    /// So many.
    Sessions(u64),
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            format: TokenFormat::default(),
            empty_lifetime: EmptyLifetime::default(),
            capacity: Capacity::default(),
            per_subject: 1000,
        }
    }
}

impl Tokens {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let default = Self::default();
        Self {
            format: reader.read("tokens.format", one_of).unwrap_or_default(),
            empty_lifetime: reader.read("tokens.empty_lifetime", one_of).unwrap_or_default(),
            capacity: reader.read("tokens.capacity", capacity).unwrap_or_default(),
            per_subject: reader.read("tokens.per_subject", whole_number(1..=1_000_000)).unwrap_or(default.per_subject),
        }
    }
}

fn capacity(raw: &Raw) -> Parsed<Capacity> {
    if raw.text().is_some_and(|text| text.trim() == "auto") {
        return Ok(Capacity::Auto);
    }
    let expected = format!("\"auto\" or a whole number from 1 to {MOST_SESSIONS}");
    let number = whole_number(1..=MOST_SESSIONS)(raw);
    number.map(Capacity::Sessions).map_err(|_| mismatch(&expected, raw))
}
