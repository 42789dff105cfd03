//! The key of an installation: `crypt/key` of `app/etc/env.php` (fact sheet 6.4, 7.4, 7.7).

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use thiserror::Error;
use zeroize::Zeroizing;

/// What a modern entry begins with.
const PREFIX: &str = "base64";

/// The key of a Magento installation: one entry, or several of which the last one counts and the earlier ones are there
/// for values that were encrypted before.
///
/// An entry has two faces. JWTs are signed under its text as it stands; passwords that are no hashes are compared, and
/// values are encrypted, under its bytes: decoded when the text begins with `base64`. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct InstallationKey {
    /// Never empty, and no entry is.
    entries: Arc<[Zeroizing<String>]>,
}

/// The key that is in force, if it is known. A new one takes its place at once for whoever reads it.
pub type SharedInstallationKey = Arc<ArcSwapOption<InstallationKey>>;

/// Why a text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// There is nothing in it but white space.
    #[error("has no entry")]
    Empty,
    /// It is longer than any key.
    #[error("is longer than {MOST} bytes, which no key is")]
    TooLong,
}

/// The longest text that is taken for a key, in bytes: Magento pads to 2,048, and longer ones have never been made.
const MOST: usize = 2048;

impl InstallationKey {
    /// Reads `crypt/key`: entries, separated by white space, oldest first.
    ///
    /// # Errors
    /// Any [`KeyError`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let entries: Arc<[_]> = text.split_whitespace().map(|entry| Zeroizing::new(entry.to_owned())).collect();
        if entries.is_empty() {
            return Err(KeyError::Empty);
        }
        if entries.iter().any(|entry| entry.len() > MOST) {
            return Err(KeyError::TooLong);
        }
        Ok(Self { entries })
    }

    /// The text of the last entry, as JWTs are signed under (fact sheet 6.4): `base64` is part of it.
    pub fn signing_text(&self) -> &str {
        self.entries.last().map_or("", |entry| entry.as_str())
    }

    /// The bytes of the last entry, as passwords that are no hashes are compared under (fact sheet 7.4).
    pub fn bytes(&self) -> Zeroizing<Vec<u8>> {
        bytes_of(self.signing_text())
    }

    /// The place of the last entry, under which new values are encrypted.
    pub(super) fn newest(&self) -> usize {
        self.entries.len() - 1
    }

    /// The bytes of the entry at this place, under which values are encrypted, when there is one.
    pub(super) fn bytes_at(&self, place: usize) -> Option<Zeroizing<Vec<u8>>> {
        self.entries.get(place).map(|entry| bytes_of(entry))
    }
}

fn bytes_of(entry: &str) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(match entry.strip_prefix(PREFIX) {
        Some(encoded) => decode_leniently(encoded),
        None => entry.as_bytes().to_vec(),
    })
}

/// Decodes as PHP's `base64_decode` does unless told to be strict (fact sheet 7.7): characters that do not belong there
/// are skipped, and what is left over at the end is dropped.
pub(super) fn decode_leniently(text: &str) -> Vec<u8> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::RequireNone),
    );
    let belongs = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let mut characters = Zeroizing::new(text.bytes().filter(belongs).collect::<Vec<_>>());
    if characters.len() % 4 == 1 {
        characters.pop();
    }
    LENIENT.decode(&*characters).unwrap_or_default()
}

impl fmt::Debug for InstallationKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("InstallationKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MODERN: &str = "base64bWFnZW50by10ZXN0LWtleS0zMi1ieXRlcy0tLS0tLS0=";

    #[test]
    fn the_last_entry_counts_and_the_others_keep_their_places() {
        let key = InstallationKey::parse(&format!("  first\n\tsecond {MODERN}\n")).unwrap();
        assert_eq!(key.signing_text(), MODERN);
        assert_eq!(key.newest(), 2);
        assert_eq!(key.bytes_at(0).unwrap().as_slice(), b"first");
        assert_eq!(key.bytes_at(1).unwrap().as_slice(), b"second");
        assert_eq!(key.bytes_at(2), Some(key.bytes()));
        assert_eq!(key.bytes_at(3), None);
    }

    #[test]
    fn a_modern_entry_is_decoded_for_bytes_and_not_for_its_text() {
        let key = InstallationKey::parse(MODERN).unwrap();
        assert_eq!(key.bytes().as_slice(), b"magento-test-key-32-bytes-------");
        assert_eq!(key.signing_text().len(), 50);
        let old = InstallationKey::parse("g9mY9KLrcuAVJfsmVUSRkKFLDdUPVkaZ").unwrap();
        assert_eq!(old.bytes().as_slice(), old.signing_text().as_bytes());
    }

    #[test]
    fn what_is_no_base64_is_decoded_as_far_as_php_decodes_it() {
        for (text, decoded) in [("bWFn", "mag"), ("bW Fn\n", "mag"), ("b-W!F=n", "mag"), ("bWFnZ", "mag"), ("", "")] {
            assert_eq!(decode_leniently(text), decoded.as_bytes(), "{text}");
        }
    }

    #[test]
    fn an_empty_text_and_one_that_is_too_long_are_no_keys() {
        for empty in ["", " ", "\n\t"] {
            assert_eq!(InstallationKey::parse(empty).err(), Some(KeyError::Empty));
        }
        assert_eq!(InstallationKey::parse(&"x".repeat(2049)).err(), Some(KeyError::TooLong));
        assert!(InstallationKey::parse(&"x".repeat(2048)).is_ok());
    }

    #[test]
    fn a_key_does_not_print_itself() {
        assert_eq!(format!("{:?}", InstallationKey::parse("hunter2").unwrap()), "InstallationKey(…)");
    }

    proptest! {
        #[test]
        fn any_text_is_a_key_or_refused(text in any::<String>()) {
            if let Ok(key) = InstallationKey::parse(&text) {
                prop_assert!(!key.signing_text().is_empty());
                prop_assert_eq!(key.bytes_at(key.newest()), Some(key.bytes()));
            }
        }
    }
}
