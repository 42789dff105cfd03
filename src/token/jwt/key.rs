//! The prepared key: signing and reading (fact sheet 6.4, 6.6).

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use crate::magento::InstallationKey;
use crate::token::Token;
use crate::token::jwt::claims::check_header;
use crate::token::jwt::{Claims, JwtAlgorithm, JwtError};

/// How many bytes Magento pads the key's text to, with `&` on both sides.
const PADDED: usize = 2048;

/// The longest text that is looked at, in bytes; Magento's have about 160.
const LONGEST: usize = 4096;

/// The key that JWTs are signed under. Each algorithm's state after the key is kept, so that a token costs only itself.
#[derive(Clone)]
pub struct JwtKey {
    hs256: Hmac<Sha256>,
    hs384: Hmac<Sha384>,
    hs512: Hmac<Sha512>,
}

/// The key that is in force, if the installation's is known. A new one takes its place at once for every reader.
pub type SharedJwtKey = Arc<ArcSwapOption<JwtKey>>;

impl JwtKey {
    /// Prepares the key of an installation.
    pub fn new(installation: &InstallationKey) -> Self {
        let padded = pad(installation.signing_text());
        Self { hs256: prepare(&padded), hs384: prepare(&padded), hs512: prepare(&padded) }
    }

    /// A JWT with these claims.
    pub fn sign(&self, claims: &Claims, algorithm: JwtAlgorithm) -> Token {
        let mut text = String::with_capacity(320);
        self.append(claims, algorithm, &mut text);
        Token::from(text)
    }

    /// Writes a JWT with these claims behind what is there: without a copy, for the exchange at each check.
    pub fn append(&self, claims: &Claims, algorithm: JwtAlgorithm, to: &mut String) {
        let start = to.len();
        to.push_str(algorithm.header());
        to.push('.');
        URL_SAFE_NO_PAD.encode_string(claims.to_json(), to);
        let signed = &to.as_bytes()[start..];
        let signature = match algorithm {
            JwtAlgorithm::Hs256 => encoded(&self.hs256, signed),
            JwtAlgorithm::Hs384 => encoded(&self.hs384, signed),
            JwtAlgorithm::Hs512 => encoded(&self.hs512, signed),
        };
        to.push('.');
        to.push_str(&signature);
    }

    /// Reads a JWT whose signature is good. Whether its time is over, and whether it was revoked, is for the caller.
    ///
    /// # Errors
    /// Any [`JwtError`].
    pub fn read(&self, text: &str, algorithm: JwtAlgorithm) -> Result<Claims, JwtError> {
        if text.len() > LONGEST {
            return Err(JwtError::Malformed);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(JwtError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(JwtError::Malformed)?;
        if header != algorithm.header() {
            check_header(&decode(header)?, algorithm)?;
        }
        let signature = decode(signature)?;
        let good = match algorithm {
            JwtAlgorithm::Hs256 => is_signature(&self.hs256, signed, &signature),
            JwtAlgorithm::Hs384 => is_signature(&self.hs384, signed, &signature),
            JwtAlgorithm::Hs512 => is_signature(&self.hs512, signed, &signature),
        };
        if !good {
            return Err(JwtError::Signature);
        }
        Claims::from_json(&decode(payload)?)
    }
}

/// Whether a text could be a JWT: what is not is turned away before any computation. No opaque token could be one.
pub fn has_jwt_shape(text: &str) -> bool {
    text.len() <= LONGEST && text.bytes().filter(|&byte| byte == b'.').count() == 2
}

fn pad(text: &str) -> Zeroizing<Vec<u8>> {
    let mut padded = Zeroizing::new(vec![b'&'; PADDED.max(text.len())]);
    let left = (padded.len() - text.len()) / 2;
    padded[left..left + text.len()].copy_from_slice(text.as_bytes());
    padded
}

fn prepare<M: KeyInit>(padded: &[u8]) -> M {
    M::new_from_slice(padded).expect("an HMAC takes a key of any length")
}

fn encoded<M: Mac + Clone>(state: &M, signed: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(state.clone().chain_update(signed).finalize().into_bytes())
}

/// Compares in constant time.
fn is_signature<M: Mac + Clone>(state: &M, signed: &str, signature: &[u8]) -> bool {
    state.clone().chain_update(signed.as_bytes()).verify_slice(signature).is_ok()
}

/// Strict: what is not encoded as an encoder would have is refused.
fn decode(part: &str) -> Result<Vec<u8>, JwtError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| JwtError::Malformed)
}

impl fmt::Debug for JwtKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JwtKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixSeconds;
    use crate::session::Subject;
    use crate::token::jwt::Issuer;
    use proptest::prelude::*;
    use sha2::Digest;
    use std::sync::LazyLock;

    const OLD: &str = "g9mY9KLrcuAVJfsmVUSRkKFLDdUPVkaZ";
    const MODERN: &str = "base64bWFnZW50by10ZXN0LWtleS0zMi1ieXRlcy0tLS0tLS0=";

    fn key(text: &str) -> JwtKey {
        JwtKey::new(&InstallationKey::parse(text).unwrap())
    }

    fn claims(subject: Subject, issued: u32) -> Claims {
        let issued = UnixSeconds(issued);
        Claims { subject, issued, expires: issued.plus(3600), issuer: Issuer::Magento }
    }

    /// Key, claims, algorithm and text of each vector of fact sheet 6.7.
    fn vectors() -> [(&'static str, Claims, JwtAlgorithm, &'static str); 5] {
        let then = 1_700_000_000;
        [
            (
                OLD,
                claims(Subject::customer(1), then),
                JwtAlgorithm::Hs256,
                "eyJraWQiOiIxIiwiYWxnIjoiSFMyNTYifQ.eyJ1aWQiOjEsInV0eXBpZCI6MywiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjE3MDAwMDM2MDB9.eftZ3q_UbSxL6RGiSAtunZBFrxTCIZYJKoyyGW8bBOo",
            ),
            (
                OLD,
                claims(Subject::admin(1), then),
                JwtAlgorithm::Hs256,
                "eyJraWQiOiIxIiwiYWxnIjoiSFMyNTYifQ.eyJ1aWQiOjEsInV0eXBpZCI6MiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjE3MDAwMDM2MDB9.kTvMrwf-JoffVXfdkorYB8AKfxLFleNU0JtWofb40rU",
            ),
            (
                OLD,
                claims(Subject::customer(1), then),
                JwtAlgorithm::Hs384,
                "eyJraWQiOiIxIiwiYWxnIjoiSFMzODQifQ.eyJ1aWQiOjEsInV0eXBpZCI6MywiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjE3MDAwMDM2MDB9.TIY81Sh9vob00HOFh0Itq8nbghpXivc3ycnU2lIAFUREb6H8JjbvQj5FZ0sATS3C",
            ),
            (
                OLD,
                claims(Subject::customer(1), then),
                JwtAlgorithm::Hs512,
                "eyJraWQiOiIxIiwiYWxnIjoiSFM1MTIifQ.eyJ1aWQiOjEsInV0eXBpZCI6MywiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjE3MDAwMDM2MDB9.vrpZBjFOEr8Kw3VbACumRDUQcRDIWW7ObbcsljLvVgOODO32iDyBVuDr4J5IuHgJEoU_nEOdOt-OSmLDXIEgyQ",
            ),
            (
                MODERN,
                claims(Subject::customer(6), 1_748_499_421),
                JwtAlgorithm::Hs256,
                "eyJraWQiOiIxIiwiYWxnIjoiSFMyNTYifQ.eyJ1aWQiOjYsInV0eXBpZCI6MywiaWF0IjoxNzQ4NDk5NDIxLCJleHAiOjE3NDg1MDMwMjF9.9yXtCXG7waeHKyinrG3UXLSAheoqW62R6DjA9gSV-2s",
            ),
        ]
    }

    #[test]
    fn the_vectors_are_read_and_made() {
        for (text, claims, algorithm, jwt) in vectors() {
            assert_eq!(key(text).read(jwt, algorithm), Ok(claims), "{jwt}");
            assert_eq!(key(text).sign(&claims, algorithm).expose(), jwt);
            assert!(has_jwt_shape(jwt));
        }
    }

    #[test]
    fn the_key_is_padded_on_both_sides() {
        let padded = pad(OLD);
        assert_eq!(
            hex::encode(Sha256::digest(&*padded)),
            "d1074c5ae02c525d8715db34625783b4309431c1799943a83c87aba243d00dd7"
        );
        assert_eq!((padded.len(), &padded[1007..1009], &padded[1039..1041]), (2048, &b"&g"[..], &b"Z&"[..]));
        assert_eq!((&pad(MODERN)[998..1000], pad(MODERN).len()), (&b"&b"[..], 2048));
        assert_eq!(pad("abc").iter().position(|&byte| byte == b'a'), Some(1022), "the odd byte goes to the right");
    }

    #[test]
    fn every_entry_but_the_last_is_retired() {
        let (text, claims, algorithm, jwt) = vectors()[0];
        assert_eq!(key(&format!("{MODERN} {text}")).read(jwt, algorithm), Ok(claims));
        assert_eq!(key(&format!("{text} {MODERN}")).read(jwt, algorithm), Err(JwtError::Signature));
    }

    #[test]
    fn another_algorithm_is_refused_although_the_signature_is_good() {
        for (text, _, algorithm, jwt) in vectors() {
            for other in JwtAlgorithm::ALL.into_iter().filter(|other| *other != algorithm) {
                assert_eq!(key(text).read(jwt, other), Err(JwtError::Header));
            }
        }
    }

    fn join(header: &str, payload: &str, signature: &str) -> String {
        let encode = |part: &str| URL_SAFE_NO_PAD.encode(part);
        format!("{}.{}.{signature}", encode(header), encode(payload))
    }

    #[test]
    fn an_unsigned_token_is_refused_under_every_algorithm() {
        let payload = r#"{"uid":1,"utypid":2,"iat":1700000000,"exp":4000000000}"#;
        for header in [r#"{"alg":"none"}"#, r#"{"alg":"HS256"}"#, r#"{"kid":"1","alg":"HS256"}"#] {
            for algorithm in JwtAlgorithm::ALL {
                assert!(key(OLD).read(&join(header, payload, ""), algorithm).is_err(), "{header}");
            }
        }
    }

    #[test]
    fn a_signed_token_without_all_claims_is_refused() {
        let signed =
            format!("{}.{}", JwtAlgorithm::Hs256.header(), URL_SAFE_NO_PAD.encode(r#"{"uid":1,"iat":1,"exp":2}"#));
        let signature = encoded(&key(OLD).hs256, signed.as_bytes());
        assert_eq!(key(OLD).read(&format!("{signed}.{signature}"), JwtAlgorithm::Hs256), Err(JwtError::Claims));
    }

    #[test]
    fn no_other_text_is_the_same_token() {
        let (text, claims, algorithm, jwt) = vectors()[0];
        let key = key(text);
        for byte in 0..jwt.len() {
            for other in "ABCabc019-_.=+/ \u{e9}".chars() {
                let changed = format!("{}{other}{}", &jwt[..byte], &jwt[byte + 1..]);
                let same = changed == jwt;
                assert_eq!(key.read(&changed, algorithm) == Ok(claims), same, "{changed}");
            }
        }
        for changed in [format!("{jwt}="), format!("{jwt}."), format!(" {jwt}"), format!("{jwt}\n"), format!("{jwt}A")]
        {
            assert!(key.read(&changed, algorithm).is_err(), "{changed}");
        }
    }

    #[test]
    fn a_long_text_is_not_looked_at() {
        let long = format!("{}.{}.x", JwtAlgorithm::Hs256.header(), "a".repeat(LONGEST));
        assert!(!has_jwt_shape(&long));
        assert_eq!(key(OLD).read(&long, JwtAlgorithm::Hs256), Err(JwtError::Malformed));
    }

    #[test]
    fn a_key_does_not_print_itself() {
        assert_eq!(format!("{:?}", key(OLD)), "JwtKey(…)");
    }

    /// Preparing a key takes longer than a token.
    static KEYS: LazyLock<[JwtKey; 2]> = LazyLock::new(|| [key(OLD), key(MODERN)]);

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(
            text in any::<String>(),
            header in "\\PC{0,60}",
            payload in "\\PC{0,120}",
            signature in "[A-Za-z0-9_-]{0,90}",
        ) {
            for algorithm in JwtAlgorithm::ALL {
                prop_assert!(KEYS[0].read(&text, algorithm).is_err());
                prop_assert!(KEYS[0].read(&join(&header, &payload, &signature), algorithm).is_err());
            }
        }

        #[test]
        fn what_was_signed_is_read(id in 1..=u32::MAX, issued in 1..u32::MAX, length in 0..100_000_u32, ours in any::<bool>()) {
            let claims = Claims {
                subject: Subject::customer(id),
                issued: UnixSeconds(issued),
                expires: UnixSeconds(issued).plus(length),
                issuer: if ours { Issuer::Session } else { Issuer::Magento },
            };
            for algorithm in JwtAlgorithm::ALL {
                let jwt = KEYS[1].sign(&claims, algorithm);
                prop_assert_eq!(KEYS[1].read(jwt.expose(), algorithm), Ok(claims));
                prop_assert!(KEYS[0].read(jwt.expose(), algorithm).is_err());
            }
        }
    }
}
