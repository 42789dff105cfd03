//! What identifies a person, and the key under which it is kept.

use std::fmt;
use std::net::IpAddr;

use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::session::{Subject, UserType};

/// Whose a name and an address are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Person {
    /// Somebody with an account.
    Account(Subject),
    /// Whoever has this name, which reached no account.
    Name {
        /// The kind of user that the name was meant for.
        kind: UserType,
        /// The name, folded so that all spellings are one.
        folded: String,
    },
}

/// Where a key is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyName {
    /// It is the key of this account.
    Account(Subject),
    /// It is the key with this number, of a name that reached no account.
    Name(u64),
}

/// What identifies a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Personal {
    /// The name that was typed.
    pub name: Option<String>,
    /// The address that they came from.
    pub address: Option<IpAddr>,
}

impl Personal {
    /// Whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.name.is_none() && self.address.is_none()
    }
}

/// The key of one person. Without it nobody reads what was sealed under it.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct PersonKey([u8; 32]);

/// The bytes of a nonce. It is random: a number that comes again after a failed write or in a restored copy would tell
/// something of both texts, and 96 bits do not come twice among the lines of one person.
pub(super) const NONCE: usize = 12;

impl PersonKey {
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

    /// Encrypts what identifies a person: the nonce, then the text.
    pub fn seal(&self, personal: &Personal) -> Vec<u8> {
        let nonce: [u8; NONCE] = rand::random();
        // Text and addresses can always be written, and no text of ours comes near the limit of 256 GiB.
        let clear = zeroize::Zeroizing::new(postcard::to_allocvec(personal).unwrap_or_default());
        let sealed = self.cipher().encrypt(&Nonce::from(nonce), clear.as_slice()).unwrap_or_default();
        [nonce.as_slice(), &sealed].concat()
    }

    /// Decrypts it again; `None` when it was sealed under another key, or is damaged.
    pub fn open(&self, sealed: &[u8]) -> Option<Personal> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        let clear = zeroize::Zeroizing::new(self.cipher().decrypt(&Nonce::from(*nonce), sealed).ok()?);
        postcard::from_bytes(&clear).ok()
    }

    fn cipher(&self) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new(&self.0.into())
    }
}

impl fmt::Debug for PersonKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PersonKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_key_opens_what_was_sealed_and_no_name_shows() {
        let jane = Personal { name: Some("jane@example.com".to_owned()), address: "192.0.2.1".parse().ok() };
        let (key, other) = (PersonKey::generate(), PersonKey::generate());
        let sealed = key.seal(&jane);
        assert_eq!(key.open(&sealed), Some(jane.clone()));
        assert_eq!(other.open(&sealed), None);
        assert!(!sealed.windows(4).any(|bytes| bytes == b"jane"));
        assert_ne!(key.seal(&jane), sealed, "the same text twice does not look the same");
        assert_eq!(key.open(&sealed[..NONCE - 1]), None);
    }
}
