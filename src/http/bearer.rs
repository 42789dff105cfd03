//! What a request presents in its `Authorization` header (fact sheet 1.7).

use std::fmt;

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};

use crate::accounts::UserState;
use crate::clock::UnixSeconds;
use crate::http::Services;
use crate::http::holder::{CannotTell, Remembered};
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

/// Asks what a token is worth: the validator of this worker, or the index itself where there is no validator; and whether
/// the account of an administrator still counts, which nothing else says of a JWT that Magento issued.
///
/// Expects an `Addr<TokenValidator>` among the application's data. A validator that does not answer is
/// [`Validation::Unavailable`], never a yes.
pub async fn validate(request: &HttpRequest, services: &Services, token: BearerToken<'_>) -> Validation {
    validate_candidate(request, services, token).await.1
}

/// The same, with what the text alone tells.
pub async fn validate_candidate(
    request: &HttpRequest,
    services: &Services,
    token: BearerToken<'_>,
) -> (Option<Candidate>, Validation) {
    let (candidate, validation) = worth(request, services, token).await;
    let validation = match validation {
        Validation::Valid(session) if session.subject.kind == UserType::Admin => {
            match standing(&session, services).await {
                Ok(Standing { counts: true, .. }) => validation,
                Ok(_) => Validation::Revoked,
                Err(CannotTell) => Validation::Unavailable,
            }
        }
        _ => validation,
    };
    (candidate, validation)
}

/// What a token is worth by itself, whatever the accounts say of its holder.
///
/// What has the shape of an opaque token and no session here is looked for in the shop, when there is one: only that
/// waits for anything.
pub(super) async fn worth(
    request: &HttpRequest,
    services: &Services,
    token: BearerToken<'_>,
) -> (Option<Candidate>, Validation) {
    let candidate = services.registry.reader().examine(token.expose());
    let known = match request.app_data::<actix::Addr<TokenValidator>>() {
        Some(validator) => validator.send(ValidateToken { candidate }).await.unwrap_or(Validation::Unavailable),
        None => services.registry.reader().validate(candidate),
    };
    let validation = match (known, candidate, &services.elsewhere) {
        (Validation::Unknown, Some(Candidate::Opaque(digest)), Some(elsewhere)) => {
            elsewhere.look_up(digest, token.expose()).await
        }
        _ => known,
    };
    (candidate, validation)
}

/// What is known of the user behind a good token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The website of the session; that of no customer where it is not known.
    pub website: WebsiteId,
    /// The role of an administrator or an integration.
    pub role: Option<RoleId>,
    /// Until when the account is locked, as far as is known.
    pub locked_until: Option<UnixSeconds>,
    /// Whether tokens of the user count at all.
    pub counts: bool,
}

impl Standing {
    /// What stands in the index.
    fn indexed(session: &Session, services: &Services) -> Self {
        let SubjectFacts { locked_until, role, .. } = services.registry.reader().facts(session.subject);
        Self { website: session.website, role, locked_until, counts: true }
    }

    /// What the accounts say besides; `None` when there is no such user.
    fn with(self, told: Option<UserState>, services: &Services) -> Self {
        match (told, services.holders.are_followed()) {
            (Some(UserState { website, .. }), false) => Self { website, ..self },
            (None, false) => self,
            (None, true) => Self { counts: false, ..self },
            (Some(state), true) => {
                let UserState { website, role, locked_until, .. } = state;
                Self { website, role, locked_until, counts: state.counts_at(services.clock.now()) }
            }
        }
    }
}

/// Says what is known of the user behind a good token. Only the accounts know who is behind a JWT that Magento issued, or
/// which role an integration has: they are asked the first time, and nothing else waits for anything.
///
/// # Errors
/// [`CannotTell`] when they do not say within a second.
pub(super) async fn standing(session: &Session, services: &Services) -> Result<Standing, CannotTell> {
    let indexed = Standing::indexed(session, services);
    if !is_the_accounts(session, services) {
        return Ok(indexed);
    }
    Ok(indexed.with(services.holders.told(session.subject).await?, services))
}

/// The same for an answer that depends on neither website nor role: nobody waits. A lock that is not known yet refuses
/// nobody; it is looked up for the next time.
pub(super) fn standing_as_known(session: &Session, services: &Services) -> Standing {
    let indexed = Standing::indexed(session, services);
    if !is_the_accounts(session, services) || session.subject.kind == UserType::Integration {
        return indexed;
    }
    let (holders, subject) = (&services.holders, session.subject);
    let counts_locks = holders.are_followed() && services.options.refuse_locked;
    let remembered = if counts_locks { holders.remembered_or_asked(subject) } else { holders.remembered(subject) };
    match remembered {
        Some(Remembered { state, .. }) => indexed.with(state, services),
        // Nobody keeps up to date what the index says of users without sessions.
        None if holders.are_followed() => Standing { role: None, locked_until: None, ..indexed },
        None => indexed,
    }
}

/// Whether the accounts know what the index does not.
fn is_the_accounts(session: &Session, services: &Services) -> bool {
    let are_followed = services.holders.are_followed();
    match session.subject.kind {
        UserType::Integration => are_followed,
        UserType::Admin => are_followed && session.id == SessionId::NONE,
        UserType::Customer => session.id == SessionId::NONE,
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
