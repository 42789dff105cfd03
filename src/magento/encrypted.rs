//! Values that Magento encrypts at rest: token secrets, reset tokens, second factors, some settings (fact sheet 7.7).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::magento::InstallationKey;
use crate::magento::key::decode_leniently;

/// The number of the one cipher that Magento writes: ChaCha20-Poly1305 in the form of RFC 8439.
const CIPHER: &str = "3";

/// How many bytes a nonce has. It is also the additional data that is authenticated.
const NONCE: usize = 12;

/// What PHP's `trim` cuts off.
const WHITE_SPACE: [char; 6] = [' ', '\t', '\n', '\r', '\0', '\x0b'];

/// Why a value cannot be decrypted. Magento makes an empty text of all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecryptError {
    /// It does not have the form `<place of the key>:<cipher>:<payload>` of a value of this cipher.
    #[error("the value is not encrypted in the form that Magento 2.3 and newer write")]
    Malformed,
    /// It is of one of the ciphers that were given up long ago (0, 1, 2).
    #[error("the value is encrypted with a cipher that Magento gave up long ago")]
    OldCipher,
    /// The installation has no key at that place, or one of another length than 32 bytes.
    #[error("the installation has no key that this value could be encrypted under")]
    NoKey,
    /// It was encrypted under another key, or changed since.
    #[error("the value was encrypted under another key, or it was changed")]
    Forged,
    /// What comes out is no text.
    #[error("the decrypted value is no text")]
    NotText,
}

/// The key cannot encrypt: it does not have 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the last key of the installation does not have 32 bytes")]
pub struct EncryptError;

impl InstallationKey {
    /// Decrypts a stored value. White space around the text is cut off, as Magento does it.
    ///
    /// # Errors
    /// Any [`DecryptError`].
    pub fn decrypt(&self, stored: &str) -> Result<Zeroizing<String>, DecryptError> {
        let (place, payload) = parts(stored)?;
        let payload = decode_leniently(payload);
        let (nonce, sealed) = payload.split_first_chunk::<NONCE>().ok_or(DecryptError::Malformed)?;
        let cipher = self.bytes_at(place).and_then(|key| ChaCha20Poly1305::new_from_slice(&key).ok());
        let opened = cipher
            .ok_or(DecryptError::NoKey)?
            .decrypt(&Nonce::from(*nonce), Payload { msg: sealed, aad: nonce })
            .map_err(|_| DecryptError::Forged)?;
        let opened = Zeroizing::new(opened);
        let text = std::str::from_utf8(&opened).map_err(|_| DecryptError::NotText)?;
        Ok(Zeroizing::new(text.trim_matches(WHITE_SPACE).to_owned()))
    }

    /// Encrypts a text under the last key, with a random nonce.
    ///
    /// # Errors
    /// [`EncryptError`].
    pub fn encrypt(&self, text: &str) -> Result<String, EncryptError> {
        self.encrypt_with(text, rand::random())
    }

    fn encrypt_with(&self, text: &str, nonce: [u8; NONCE]) -> Result<String, EncryptError> {
        let cipher = ChaCha20Poly1305::new_from_slice(&self.bytes()).map_err(|_| EncryptError)?;
        let sealed = cipher.encrypt(&Nonce::from(nonce), Payload { msg: text.as_bytes(), aad: &nonce });
        let mut payload = nonce.to_vec();
        payload.extend(sealed.map_err(|_| EncryptError)?);
        Ok(format!("{}:{CIPHER}:{}", self.newest(), STANDARD.encode(payload)))
    }
}

/// The place of the key and the payload.
fn parts(stored: &str) -> Result<(usize, &str), DecryptError> {
    let mut parts = stored.split(':');
    let (Some(place), Some(cipher), Some(payload), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(DecryptError::Malformed);
    };
    match cipher {
        CIPHER => {}
        "0" | "1" | "2" => return Err(DecryptError::OldCipher),
        _ => return Err(DecryptError::Malformed),
    }
    if !place.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(DecryptError::Malformed);
    }
    Ok((place.parse().map_err(|_| DecryptError::Malformed)?, payload))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: &str = "g9mY9KLrcuAVJfsmVUSRkKFLDdUPVkaZ";
    const STORED: &str = "0:3:AAECAwQFBgcICQoL1/KsIiBtmP5MffIAtlt79pZK/YfARPIKXSoWp4LBV4Ajv8MSPTQOjs2jqSg6x/cE";
    const PLAIN: &str = "abcdefghijklmnopqrstuvwxyz012345";

    fn key(text: &str) -> InstallationKey {
        InstallationKey::parse(text).unwrap()
    }

    #[test]
    fn the_published_vectors_are_decrypted() {
        for (text, payload) in [
            ("6wRADHwwCBGgdxbcHhovGB0upmg0mbsN", "146BhsQ3grT0VgkYuY3ii3gpClXHkFqlIcNpAD4+bAMBP+ToCHZHiJID"),
            ("uPuzBU067DXTM4PqEi14Sv5tbWjVcRZI", "6SQaVrCnY10n8tOxYyvWuVGKddjR12ZbGylM9K+bRHqsqltRwuLs15vV"),
        ] {
            assert_eq!(key(text).decrypt(&format!("0:3:{payload}")).unwrap().as_str(), "Hello World!!!");
        }
    }

    #[test]
    fn the_derived_vector_is_decrypted_and_made() {
        assert_eq!(key(KEY).decrypt(STORED).unwrap().as_str(), PLAIN);
        let nonce = std::array::from_fn(|place| u8::try_from(place).unwrap());
        assert_eq!(key(KEY).encrypt_with(PLAIN, nonce).unwrap(), STORED);
    }

    #[test]
    fn a_value_is_decrypted_under_the_key_whose_place_it_names_and_written_under_the_last() {
        let rotated = key(&format!("{KEY} base64bWFnZW50by10ZXN0LWtleS0zMi1ieXRlcy0tLS0tLS0="));
        assert_eq!(rotated.decrypt(STORED).unwrap().as_str(), PLAIN);
        let new = rotated.encrypt(" text\n").unwrap();
        assert!(new.starts_with("1:3:"), "{new}");
        assert_eq!(rotated.decrypt(&new).unwrap().as_str(), "text");
        assert_ne!(rotated.encrypt("text").unwrap(), rotated.encrypt("text").unwrap());
        assert_eq!(key(KEY).decrypt(&new), Err(DecryptError::NoKey));
    }

    #[test]
    fn what_cannot_be_decrypted_says_why() {
        for (stored, error) in [
            ("", DecryptError::Malformed),
            ("plain", DecryptError::Malformed),
            ("0:3", DecryptError::Malformed),
            ("0:3:AAAA", DecryptError::Malformed),
            ("0:3:AAECAwQFBgcICQoL:x", DecryptError::Malformed),
            ("0:4:AAECAwQFBgcICQoL", DecryptError::Malformed),
            ("-1:3:AAECAwQFBgcICQoL", DecryptError::Malformed),
            ("+1:3:AAECAwQFBgcICQoL", DecryptError::Malformed),
            ("99999999999999999999:3:AAECAwQFBgcICQoL", DecryptError::Malformed),
            ("0:2:AAECAwQFBgcICQoL", DecryptError::OldCipher),
            ("1:3:AAECAwQFBgcICQoL", DecryptError::NoKey),
            ("0:3:AAECAwQFBgcICQoL", DecryptError::Forged),
        ] {
            assert_eq!(key(KEY).decrypt(stored), Err(error), "{stored}");
        }
        assert_eq!(key("short").decrypt(STORED), Err(DecryptError::NoKey));
        assert_eq!(key("short").encrypt("text"), Err(EncryptError));
        let changed = STORED.replace("x/cE", "x/cF");
        assert_eq!(key(KEY).decrypt(&changed), Err(DecryptError::Forged));
    }

    proptest! {
        #[test]
        fn any_stored_value_is_decrypted_or_refused(stored in any::<String>(), payload in "[A-Za-z0-9+/=]{0,200}") {
            drop(key(KEY).decrypt(&stored));
            drop(key(KEY).decrypt(&format!("0:3:{payload}")));
        }

        #[test]
        fn what_was_encrypted_is_decrypted(text in "\\PC{0,100}") {
            let stored = key(KEY).encrypt(&text).unwrap();
            let opened = key(KEY).decrypt(&stored).unwrap();
            prop_assert_eq!(opened.as_str(), text.trim_matches(WHITE_SPACE));
        }
    }
}
