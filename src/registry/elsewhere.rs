//! Tokens that are nobody's here, and may be good elsewhere.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::registry::Validation;
use crate::token::TokenDigest;

/// Knows tokens that were issued elsewhere: opaque ones in the table of a shop.
#[async_trait]
pub trait TokensElsewhere: Debug + Send + Sync {
    /// What a token is worth that has the shape of an opaque one and no session here. One that is good has a session from
    /// then on. What cannot be told is [`Validation::Unavailable`].
    async fn look_up(&self, digest: TokenDigest, text: &str) -> Validation;
}
