//! The exchange: the gateway gets an `Authorization` header to pass on in place of the client's.

use std::sync::atomic::{AtomicU32, Ordering};

use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use actix_web::web::Bytes;

use crate::clock::UnixSeconds;
use crate::decision::{Decision, Reason, Verdict};
use crate::http::Services;
use crate::session::Session;

/// A key or an algorithm is missing: there is no JWT, although the decision asks for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CannotMint;

/// What the gateway is to send upstream as `Authorization`, after this decision about a request with these headers.
///
/// A good token becomes a JWT for Magento. What it is not minted for passes as it came: a kind of user that
/// `exchange.kinds` leaves out, another scheme that the policy lets pass, a refusal that the policy only observes. For
/// guests and refusals it is empty.
pub(super) fn authorization(
    decision: &Decision,
    headers: &HeaderMap,
    services: &Services,
) -> Result<HeaderValue, CannotMint> {
    match (decision.verdict, &decision.identity) {
        (Verdict::Allow, Some(session)) if is_minted_for(session, services) => mint(session, services),
        (Verdict::Allow, _) => Ok(as_it_came(headers)),
        (Verdict::Deny, _) if decision.observed && decision.reason != Reason::Ambiguous => Ok(as_it_came(headers)),
        (Verdict::Deny | Verdict::Guest, _) => Ok(HeaderValue::from_static("")),
    }
}

fn is_minted_for(session: &Session, services: &Services) -> bool {
    services.options.exchange.as_ref().is_none_or(|exchange| exchange.kinds.contains(&session.subject.kind))
}

fn mint(session: &Session, services: &Services) -> Result<HeaderValue, CannotMint> {
    let seconds = services.options.exchange.as_ref().ok_or(CannotMint)?.seconds;
    let mut text = String::with_capacity(256);
    text.push_str("Bearer ");
    let minted = services.registry.reader().exchange(session, seconds, &mut text);
    minted.ok_or_else(|| complain(services.clock.now()))?;
    let mut value = HeaderValue::from_maybe_shared(Bytes::from(text)).map_err(|_| CannotMint)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Says at most once a second why nobody passes.
fn complain(now: UnixSeconds) -> CannotMint {
    static SAID: AtomicU32 = AtomicU32::new(0);
    if SAID.swap(now.get(), Ordering::Relaxed) != now.get() {
        tracing::error!(
            "a token cannot be exchanged: the installation's key is not known, or webapi/jwtauth/jwt_alg is none of \
             HS256, HS384 and HS512"
        );
    }
    CannotMint
}

fn as_it_came(headers: &HeaderMap) -> HeaderValue {
    headers.get(AUTHORIZATION).cloned().unwrap_or(HeaderValue::from_static(""))
}
