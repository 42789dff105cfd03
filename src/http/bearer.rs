//! What a request presents in its `Authorization` header (fact sheet 1.7).

use std::fmt;

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};

use crate::clock::UnixSeconds;
use crate::http::Services;
use crate::http::holder::Known;
use crate::registry::{Candidate, SubjectFacts, TokenValidator, ValidateToken, Validation};
use crate::session::{Session, SessionId, UserType};
use crate::settings::{RoleId, WebsiteId};

/// The text of a bearer token, borrowed from the request: a secret that does not print itself. The request owns and
/// frees the bytes, so there is no copy to wipe.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BearerToken<'a>(&'a str);

impl<'a> BearerToken<'a> {
    /// The text: to be examined, and for nothing that prints. Empty when what was sent is not UTF-8, which no token is.
    pub fn expose(self) -> &'a str {
        self.0
    }
}

impl fmt::Debug for BearerToken<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("BearerToken(…)")
    }
}

/// What a request presents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presented<'a> {
    /// No header, an empty one, or the scheme `Bearer` in a form that Magento ignores: without a token, with two spaces,
    /// with a third word.
    Nothing,
    /// A header of another scheme, such as `OAuth` or `Basic`.
    OtherScheme,
    /// Two `Authorization` headers: whoever stands behind might read the other one.
    Malformed,
    /// A bearer token, good or not.
    Bearer(BearerToken<'a>),
}

impl<'a> Presented<'a> {
    /// Reads the headers of a request. It is a bearer token when splitting at single spaces gives exactly two parts and
    /// the first, lower-cased, is `bearer`.
    pub fn from_headers(headers: &'a HeaderMap) -> Self {
        let mut values = headers.get_all(AUTHORIZATION);
        let Some(value) = values.next() else {
            return Self::Nothing;
        };
        if values.next().is_some() {
            return Self::Malformed;
        }
        Self::from_value(value.as_bytes())
    }

    fn from_value(value: &'a [u8]) -> Self {
        let value = value.trim_ascii();
        let scheme_length = value.iter().position(u8::is_ascii_whitespace).unwrap_or(value.len());
        let (scheme, rest) = value.split_at(scheme_length);
        if scheme.is_empty() {
            return Self::Nothing;
        }
        if !scheme.eq_ignore_ascii_case(b"bearer") {
            return Self::OtherScheme;
        }
        match rest.split_first() {
            Some((b' ', token)) if !token.iter().any(u8::is_ascii_whitespace) => {
                Self::Bearer(BearerToken(std::str::from_utf8(token).unwrap_or_default()))
            }
            _ => Self::Nothing,
        }
    }

    /// The token, as Magento's own routes see it: everything but one bearer token is a guest.
    pub fn bearer(self) -> Option<BearerToken<'a>> {
        match self {
            Self::Bearer(token) => Some(token),
            Self::Nothing | Self::OtherScheme | Self::Malformed => None,
        }
    }
}

/// Asks what a token is worth: the validator of this worker, or the index itself where there is no validator.
///
/// Expects an `Addr<TokenValidator>` among the application's data. A validator that does not answer is
/// [`Validation::Unavailable`], never a yes.
///
/// What has the shape of an opaque token and no session here is looked for in the shop, when there is one: only that
/// waits for anything.
pub async fn validate(request: &HttpRequest, services: &Services, token: BearerToken<'_>) -> Validation {
    validate_candidate(request, services, token).await.1
}

/// The same, with what the text alone tells.
pub async fn validate_candidate(
    request: &HttpRequest,
    services: &Services,
    token: BearerToken<'_>,
) -> (Option<Candidate>, Validation) {
    let candidate = services.registry.reader().examine(token.expose());
    let validation = match (known_here(request, services, candidate).await, candidate, &services.elsewhere) {
        (Validation::Unknown, Some(Candidate::Opaque(digest)), Some(elsewhere)) => {
            elsewhere.look_up(digest, token.expose()).await
        }
        (validation, ..) => validation,
    };
    (candidate, validation)
}

async fn known_here(request: &HttpRequest, services: &Services, candidate: Option<Candidate>) -> Validation {
    let validation = match request.app_data::<actix::Addr<TokenValidator>>() {
        Some(validator) => validator.send(ValidateToken { candidate }).await.unwrap_or(Validation::Unavailable),
        None => services.registry.reader().validate(candidate),
    };
    match validation {
        Validation::Valid(session) if session.subject.kind == UserType::Admin && !counts(&session, services).await => {
            Validation::Revoked
        }
        _ => validation,
    }
}

/// Whether an administrator's account still counts, as far as can be told. Sessions of one that does not are ended.
async fn counts(session: &Session, services: &Services) -> bool {
    session.id != SessionId::NONE || standing(session, services).await.counts
}

/// What is known of the user behind a good token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The website of the session; that of no customer where it cannot be told.
    pub website: WebsiteId,
    /// The role of an administrator.
    pub role: Option<RoleId>,
    /// Until when the account is locked.
    pub locked_until: Option<UnixSeconds>,
    /// Whether tokens of the user count at all.
    pub counts: bool,
    /// Whether the accounts could be asked, where they had to be: if not, neither website nor role nor lock is known.
    pub is_told: bool,
}

impl Standing {
    /// What stands in the index.
    fn indexed(session: &Session, facts: SubjectFacts) -> Self {
        let SubjectFacts { locked_until, role, .. } = facts;
        Self { website: session.website, role, locked_until, counts: true, is_told: true }
    }
}

/// Says what is known of the user behind a good token. A JWT that Magento issued says nothing of it, so that the accounts
/// are asked the first time; nothing else waits for anything.
pub async fn standing(session: &Session, services: &Services) -> Standing {
    let indexed = Standing::indexed(session, services.registry.reader().facts(session.subject));
    let are_followed = services.holders.are_followed();
    let is_indexed = !are_followed && session.subject.kind != UserType::Customer;
    if session.id != SessionId::NONE || is_indexed {
        return indexed;
    }
    let (accounts, now) = (services.accounts.as_ref(), services.clock.now());
    match services.holders.of(session.subject, accounts, now).await {
        Ok(Some(known)) if are_followed => {
            let Known { website, role, locked_until, .. } = known;
            Standing { website, role, locked_until, counts: known.counts_at(now), is_told: true }
        }
        Ok(Some(known)) => Standing { website: known.website, ..indexed },
        Ok(None) => Standing { counts: !are_followed, ..indexed },
        Err(_) if are_followed => Standing { role: None, locked_until: None, is_told: false, ..indexed },
        Err(_) => Standing { is_told: false, ..indexed },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn presented(values: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in values {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            headers.append(AUTHORIZATION, value);
        }
        match Presented::from_headers(&headers) {
            Presented::Bearer(token) => format!("token {}", token.expose()),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn exactly_two_parts_with_bearer_in_any_case_are_a_token() {
        assert_eq!(presented(&["Bearer abc"]), "token abc");
        assert_eq!(presented(&["bEARER abc"]), "token abc");
        assert_eq!(presented(&["Bearer a.b-c_d~+/="]), "token a.b-c_d~+/=");
    }

    #[test]
    fn forms_that_magento_ignores_are_no_token_and_no_other_scheme() {
        for ignored in ["", " ", "Bearer", "Bearer ", "Bearer  abc", "Bearer a b", "Bearer\tabc", "bearer a, bearer b"]
        {
            assert_eq!(presented(&[ignored]), "Nothing", "{ignored:?}");
        }
        assert_eq!(presented(&[]), "Nothing");
    }

    #[test]
    fn another_scheme_is_told_apart() {
        for other in ["Basic YTpi", "OAuth oauth_version=\"1.0\", realm=\"x\"", "abc", "Bearerabc"] {
            assert_eq!(presented(&[other]), "OtherScheme", "{other:?}");
        }
    }

    #[test]
    fn two_headers_are_malformed_even_when_they_are_the_same() {
        assert_eq!(presented(&["Bearer abc", "Bearer abc"]), "Malformed");
        assert_eq!(presented(&["", "Bearer abc"]), "Malformed");
    }

    #[test]
    fn a_token_that_is_not_utf_8_is_still_a_token() {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_bytes(b"Bearer \xff\xfe").unwrap());
        assert_eq!(Presented::from_headers(&headers), Presented::Bearer(BearerToken("")));
    }

    #[test]
    fn a_bearer_token_does_not_print_itself() {
        assert_eq!(format!("{:?}", Presented::Bearer(BearerToken("secret"))), "Bearer(BearerToken(…))");
    }
}
