//! What a JWT says: header and claims as text (fact sheet 6.1, 6.6).

use std::fmt::Write;

use serde::Deserialize;
use serde::de::IgnoredAny;
use thiserror::Error;

use crate::clock::UnixSeconds;
use crate::session::{Subject, UserType};
use crate::token::jwt::JwtAlgorithm;

/// What the `jti` of a session of ours begins with. Nobody else writes it, and nobody else could sign it.
const OURS: &str = "tokenward-";

/// How many random bytes follow: as many as make it certain that no two tokens are the same text.
const RANDOM: usize = 12;

/// What a JWT says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Whose it is: `utypid` and `uid`.
    pub subject: Subject,
    /// When it was issued, by the wall clock: `iat`.
    pub issued: UnixSeconds,
    /// The first second at which it is no longer good: `exp`.
    pub expires: UnixSeconds,
    /// Who issued it.
    pub issuer: Issuer,
}

/// Who issued a JWT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issuer {
    /// Magento, or the exchange in Magento's place: nobody keeps anything of it.
    Magento,
    /// Tokenward, as a session that it keeps.
    Session,
}

/// Why a text is no good JWT. Nobody outside is told which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum JwtError {
    /// It is not three parts of canonical base64url with JSON objects in the first two.
    #[error("it is not a signed JWT")]
    Malformed,
    /// Another algorithm than the configured one, or a header that changes what a signature means.
    #[error("its header is not one that is accepted")]
    Header,
    /// The signature is not that of this key.
    #[error("its signature is wrong")]
    Signature,
    /// A claim is missing, zero, or not what it should be.
    #[error("a claim is missing or wrong")]
    Claims,
}

#[derive(Deserialize)]
struct Header<'a> {
    #[serde(borrow)]
    alg: Option<std::borrow::Cow<'a, str>>,
    /// A nested token, which Magento does not read.
    cty: Option<IgnoredAny>,
    /// Extensions that must be understood (RFC 7515, section 4.1.11): none is.
    crit: Option<IgnoredAny>,
}

/// Reads a header, and refuses all but those that ask for `algorithm`. `kid` and what is unknown is ignored.
pub(super) fn check_header(json: &[u8], algorithm: JwtAlgorithm) -> Result<(), JwtError> {
    let header: Header<'_> = serde_json::from_slice(json).map_err(|_| JwtError::Malformed)?;
    let fits = header.alg.as_deref() == Some(algorithm.name()) && header.cty.is_none() && header.crit.is_none();
    if fits { Ok(()) } else { Err(JwtError::Header) }
}

#[derive(Deserialize)]
struct Payload {
    uid: Option<u32>,
    utypid: Option<u8>,
    iat: Option<u64>,
    exp: Option<u64>,
    #[serde(default)]
    jti: serde_json::Value,
}

impl Claims {
    /// Reads the claims: all four must be there, whole numbers, and not 0. What is unknown is ignored.
    pub(super) fn from_json(json: &[u8]) -> Result<Self, JwtError> {
        let payload: Payload = serde_json::from_slice(json).map_err(|_| JwtError::Claims)?;
        let present = |claim: Option<u64>| claim.filter(|&claim| claim != 0).ok_or(JwtError::Claims);
        let kind = payload.utypid.and_then(UserType::from_number).ok_or(JwtError::Claims)?;
        let id = payload.uid.filter(|&id| id != 0).ok_or(JwtError::Claims)?;
        let ours = payload.jti.as_str().is_some_and(|jti| jti.starts_with(OURS));
        Ok(Self {
            subject: Subject { kind, id },
            issued: seconds(present(payload.iat)?),
            expires: seconds(present(payload.exp)?),
            issuer: if ours { Issuer::Session } else { Issuer::Magento },
        })
    }

    /// The claims in Magento's order, and the random `jti` of a session behind them.
    pub(super) fn to_json(self) -> String {
        let mut json = format!(
            r#"{{"uid":{},"utypid":{},"iat":{},"exp":{}"#,
            self.subject.id,
            self.subject.kind.number(),
            self.issued.get(),
            self.expires.get()
        );
        if self.issuer == Issuer::Session {
            let random = hex::encode(rand::random::<[u8; RANDOM]>());
            // Writing to a text cannot fail.
            let _ = write!(json, r#","jti":"{OURS}{random}""#);
        }
        json.push('}');
        json
    }
}

/// A moment beyond the last that can be kept is as good as the last.
fn seconds(number: u64) -> UnixSeconds {
    UnixSeconds(u32::try_from(number).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"uid":7,"utypid":3,"iat":1700000000,"exp":1700003600}"#;

    #[test]
    fn claims_are_written_in_magentos_order_and_read_back() {
        let claims = Claims::from_json(GOOD.as_bytes()).unwrap();
        assert_eq!(claims.subject, Subject::customer(7));
        assert_eq!((claims.issued, claims.expires), (UnixSeconds(1_700_000_000), UnixSeconds(1_700_003_600)));
        assert_eq!(claims.issuer, Issuer::Magento);
        assert_eq!(claims.to_json(), GOOD);
    }

    #[test]
    fn a_session_has_a_random_jti_behind_magentos_claims() {
        let claims = Claims { issuer: Issuer::Session, ..Claims::from_json(GOOD.as_bytes()).unwrap() };
        let (one, other) = (claims.to_json(), claims.to_json());
        assert_ne!(one, other);
        assert!(one.starts_with(GOOD.trim_end_matches('}')) && one.contains(r#","jti":"tokenward-"#), "{one}");
        assert_eq!(Claims::from_json(one.as_bytes()), Ok(claims));
    }

    #[test]
    fn missing_zero_and_odd_claims_are_refused() {
        for claim in ["uid", "utypid", "iat", "exp"] {
            let renamed = GOOD.replace(claim, "other");
            assert_eq!(Claims::from_json(renamed.as_bytes()), Err(JwtError::Claims), "{renamed}");
            let start = GOOD.find(claim).unwrap() + claim.len() + 2;
            let end = start + GOOD[start..].find([',', '}']).unwrap();
            for value in ["0", "null", "-1", "1.5", "\"1\"", "[1]", "true", "1e99", "99999999999999999999"] {
                let json = format!("{}{value}{}", &GOOD[..start], &GOOD[end..]);
                assert_eq!(Claims::from_json(json.as_bytes()), Err(JwtError::Claims), "{json}");
            }
        }
        for json in ["", "{}", "[]", "null", "{\"uid\":7,\"uid\":8,\"utypid\":3,\"iat\":1,\"exp\":2}"] {
            assert_eq!(Claims::from_json(json.as_bytes()), Err(JwtError::Claims), "{json}");
        }
        let guest = GOOD.replace("\"utypid\":3", "\"utypid\":4");
        assert_eq!(Claims::from_json(guest.as_bytes()), Err(JwtError::Claims));
    }

    #[test]
    fn unknown_claims_and_a_foreign_jti_change_nothing() {
        for more in [r#","jti":"abc""#, r#","jti":5"#, r#","iss":"x","aud":["y"]"#, r#","nbf":9999999999"#] {
            let json = format!("{}{more}}}", GOOD.trim_end_matches('}'));
            assert_eq!(Claims::from_json(json.as_bytes()).unwrap().issuer, Issuer::Magento, "{json}");
        }
    }

    #[test]
    fn only_the_configured_algorithm_and_no_extension_is_accepted() {
        let check = |json: &str| check_header(json.as_bytes(), JwtAlgorithm::Hs256);
        for good in [r#"{"kid":"1","alg":"HS256"}"#, r#"{"alg":"HS256"}"#, r#"{"typ":"JWT","alg":"HS256","kid":"9"}"#] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            r#"{"alg":"none"}"#,
            r#"{"alg":"None"}"#,
            r#"{"alg":"HS512"}"#,
            r#"{"alg":"RS256"}"#,
            r#"{"alg":"hs256"}"#,
            r#"{"alg":null}"#,
            r#"{"kid":"1"}"#,
            r#"{"alg":"HS256","cty":"JWT"}"#,
            r#"{"alg":"HS256","crit":["b64"],"b64":false}"#,
        ] {
            assert_eq!(check(bad), Err(JwtError::Header), "{bad}");
        }
        for broken in ["", "[]", "{", r#"{"alg":"HS256","alg":"none"}"#, r#"{"alg":5}"#] {
            assert_eq!(check(broken), Err(JwtError::Malformed), "{broken}");
        }
    }
}
