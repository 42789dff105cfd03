//! The algorithms that a JWT can be signed with (fact sheet 6.3).

/// An algorithm of `webapi/jwtauth/jwt_alg` that tokenward supports: those that sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JwtAlgorithm {
    /// HMAC with SHA-256.
    #[default]
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

impl JwtAlgorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Hs256, Self::Hs384, Self::Hs512];

    /// The algorithm with this name; `None` for those that encrypt, and for everything else.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// Its name, in the setting and in the header of a JWT.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }

    /// The header as Magento writes it, `{"kid":"1","alg":"HS256"}`, encoded.
    pub(super) fn header(self) -> &'static str {
        match self {
            Self::Hs256 => "eyJraWQiOiIxIiwiYWxnIjoiSFMyNTYifQ",
            Self::Hs384 => "eyJraWQiOiIxIiwiYWxnIjoiSFMzODQifQ",
            Self::Hs512 => "eyJraWQiOiIxIiwiYWxnIjoiSFM1MTIifQ",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    #[test]
    fn the_header_has_magentos_members_in_magentos_order() {
        for algorithm in JwtAlgorithm::ALL {
            let text = format!(r#"{{"kid":"1","alg":"{}"}}"#, algorithm.name());
            assert_eq!(algorithm.header(), URL_SAFE_NO_PAD.encode(text));
        }
    }

    #[test]
    fn algorithms_that_encrypt_and_none_are_not_supported() {
        assert_eq!(JwtAlgorithm::from_name("HS384"), Some(JwtAlgorithm::Hs384));
        for name in ["A128KW", "A256GCMKW", "none", "hs256", "RS256", ""] {
            assert_eq!(JwtAlgorithm::from_name(name), None, "{name}");
        }
    }
}
