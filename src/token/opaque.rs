//! Opaque tokens, Magento's own shape (fact sheet 4.1).

use std::fmt;

use rand::RngExt;
use zeroize::Zeroizing;

/// How many characters an opaque token has.
const LENGTH: usize = 32;

/// The 36 characters that a token is made of.
const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// The text of a token: a secret.
pub struct Token(Zeroizing<String>);

impl Token {
    /// A new opaque token: each character drawn independently and uniformly from a cryptographic generator that the
    /// operating system seeds.
    pub fn generate() -> Self {
        let mut generator = rand::rng();
        let character = |_| char::from(ALPHABET[generator.random_range(0..ALPHABET.len())]);
        Self::from((0..LENGTH).map(character).collect::<String>())
    }

    /// The text: for the client, and for the digest.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Token {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(…)")
    }
}

/// Whether `text` could be an opaque token: what is not is turned away before any look-up.
pub fn has_opaque_shape(text: &str) -> bool {
    text.len() == LENGTH && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_the_shape_that_is_recognised() {
        for _ in 0..100 {
            assert!(has_opaque_shape(Token::generate().expose()));
        }
        for wrong in ["", "short", &"A".repeat(32), &"a".repeat(33), &"é".repeat(16)] {
            assert!(!has_opaque_shape(wrong), "{wrong}");
        }
    }

    #[test]
    fn every_character_of_the_alphabet_is_drawn_about_equally_often() {
        let mut counts = [0_u32; 256];
        for _ in 0..3600 {
            for byte in Token::generate().expose().bytes() {
                counts[usize::from(byte)] += 1;
            }
        }
        // 115,200 draws over 36 characters: 3,200 each, with a standard deviation of 56.
        for &byte in ALPHABET {
            let count = counts[usize::from(byte)];
            assert!((2800..3600).contains(&count), "{} was drawn {count} times", char::from(byte));
        }
    }

    #[test]
    fn a_token_does_not_print_itself() {
        assert_eq!(format!("{:?}", Token::generate()), "Token(…)");
    }
}
