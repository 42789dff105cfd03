//! The digest under which a token is kept.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// The key of all digests of one data folder. Without it a stolen copy of the digests cannot be searched for a token.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct DigestKey([u8; 32]);

impl DigestKey {
    /// A new key from the operating system's generator.
    pub fn generate() -> Self {
        Self(rand::random())
    }

    /// A key that was kept.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key itself, to keep it.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Another key for another purpose; neither tells anything about the other.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        blake3::derive_key(purpose, &self.0)
    }

    /// The digest of a token's text.
    pub fn digest(&self, token: &str) -> TokenDigest {
        let hash = blake3::keyed_hash(&self.0, token.as_bytes());
        let mut digest = [0; 16];
        digest.copy_from_slice(&hash.as_bytes()[..16]);
        TokenDigest(digest)
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DigestKey(…)")
    }
}

/// A keyed 128-bit digest of a token: what a session is found by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenDigest(pub [u8; 16]);

impl fmt::Debug for TokenDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TokenDigest(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_has_the_same_digest_under_one_key_and_another_under_another() {
        let (one, other) = (DigestKey::from_bytes([1; 32]), DigestKey::from_bytes([2; 32]));
        assert_eq!(one.digest("a"), one.digest("a"));
        assert_ne!(one.digest("a"), one.digest("b"));
        assert_ne!(one.digest("a"), other.digest("a"));
    }
}
