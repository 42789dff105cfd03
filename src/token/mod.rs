//! What a token is: its text, its digest, how long it lives; and [`jwt`], the other shape.
//!
//! Pure: no actor, no clock, no file. The text of a token exists only on its way to or from a client; what is kept is a
//! [`TokenDigest`] under a [`DigestKey`].

pub mod jwt;

mod digest;
mod format;
mod lifetime;
mod opaque;

pub use digest::{DigestKey, TokenDigest};
pub use format::TokenFormat;
pub use lifetime::{EmptyLifetime, Lifetime};
pub use opaque::{Token, has_opaque_shape};
