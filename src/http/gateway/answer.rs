//! A decision as an answer: status, headers, body.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use serde_json::json;

use crate::clock::UnixSeconds;
use crate::decision::{Decision, Reason, Verdict};
use crate::http::error::{Category, Failure};
use crate::http::gateway::question::BadQuestion;
use crate::http::problem::problem;
use crate::session::{Session, SessionId};
use crate::settings::StoreDirectory;

static DECISION: HeaderName = HeaderName::from_static("x-token-decision");
static USER_TYPE: HeaderName = HeaderName::from_static("x-token-user-type");
static USER_ID: HeaderName = HeaderName::from_static("x-token-user-id");
static WEBSITE: HeaderName = HeaderName::from_static("x-token-website");
static SESSION_ID: HeaderName = HeaderName::from_static("x-token-session-id");
static EXPIRES_IN: HeaderName = HeaderName::from_static("x-token-expires-in");

const EMPTY: HeaderValue = HeaderValue::from_static("");

/// The answer to a gateway's question.
pub(super) fn answer(decision: &Decision, stores: &StoreDirectory, now: UnixSeconds) -> HttpResponse {
    let mut response = if decision.passes() { HttpResponse::new(StatusCode::OK) } else { refusal(decision.reason) };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(DECISION.clone(), verdict(decision.verdict));
    match &decision.identity {
        Some(session) => name(session, stores, now, headers),
        None => name_nobody(decision.verdict, headers),
    }
    response
}

/// The answer to any request before anything can be told.
pub(in crate::http) fn cannot_tell() -> HttpResponse {
    let mut response = refusal(Reason::Undecided);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The answer to a question that was not understood.
pub(super) fn answer_bad_question(question: BadQuestion) -> HttpResponse {
    let status = match question {
        BadQuestion::UnknownPolicy | BadQuestion::UnknownRoute => StatusCode::NOT_FOUND,
        BadQuestion::UnknownParameter
        | BadQuestion::Repeated(_)
        | BadQuestion::Empty(_)
        | BadQuestion::UnknownRequirement
        | BadQuestion::UnknownExchange
        | BadQuestion::NoKey
        | BadQuestion::Unreadable => StatusCode::BAD_REQUEST,
    };
    let mut response = problem(status, &question.to_string());
    let headers = response.headers_mut();
    headers.insert(DECISION.clone(), verdict(Verdict::Deny));
    name_nobody(Verdict::Deny, headers);
    response
}

fn verdict(verdict: Verdict) -> HeaderValue {
    HeaderValue::from_static(match verdict {
        Verdict::Allow => "allow",
        Verdict::Guest => "guest",
        Verdict::Deny => "deny",
    })
}

fn name(session: &Session, stores: &StoreDirectory, now: UnixSeconds, headers: &mut HeaderMap) {
    let website = stores.website(session.website).and_then(|website| HeaderValue::from_str(&website.code).ok());
    headers.insert(USER_TYPE.clone(), HeaderValue::from_static(session.subject.kind.name()));
    headers.insert(USER_ID.clone(), HeaderValue::from(session.subject.id));
    headers.insert(WEBSITE.clone(), website.unwrap_or(EMPTY));
    let id = (session.id != SessionId::NONE).then(|| HeaderValue::from(session.id.0));
    headers.insert(SESSION_ID.clone(), id.unwrap_or(EMPTY));
    headers.insert(EXPIRES_IN.clone(), session.expires_in(now).map_or(EMPTY, HeaderValue::from));
}

/// The headers are there all the same: a gateway that copies them overwrites what a client may have forged.
fn name_nobody(verdict: Verdict, headers: &mut HeaderMap) {
    let kind = if verdict == Verdict::Guest { "guest" } else { "" };
    headers.insert(USER_TYPE.clone(), HeaderValue::from_static(kind));
    for header in [&USER_ID, &WEBSITE, &SESSION_ID, &EXPIRES_IN] {
        headers.insert(header.clone(), EMPTY);
    }
}

/// A body that REST and GraphQL clients both understand, with Magento's words.
fn refusal(reason: Reason) -> HttpResponse {
    let (status, challenge, failure) = words(reason);
    let row = failure.row();
    let mut error = json!({ "message": row.message });
    if let Some(category) = category(status, row.category) {
        error["extensions"] = json!({ "category": category.name() });
    }
    let mut response = HttpResponse::build(status);
    response.insert_header((CONTENT_TYPE, HeaderValue::from_static("application/json")));
    if let Some(challenge) = challenge {
        response.insert_header((WWW_AUTHENTICATE, HeaderValue::from_static(challenge)));
    }
    if let Some(delay) = row.retry_after {
        response.insert_header((RETRY_AFTER, delay.as_secs().max(1)));
    }
    response.body(json!({ "message": row.message, "errors": [error] }).to_string())
}

/// Whoever has to sign in is told so by the category, too, also where Magento's words are those of another failure.
fn category(status: StatusCode, of_the_row: Option<Category>) -> Option<Category> {
    if status == StatusCode::UNAUTHORIZED { Some(Category::Authentication) } else { of_the_row }
}

/// Status, challenge (RFC 6750, section 3) and failure for a reason to refuse. Reasons to pass are here because an arm
/// that does not exist cannot be forgotten; they are refused like what cannot be told.
fn words(reason: Reason) -> (StatusCode, Option<&'static str>, Failure) {
    const UNAUTHORIZED: StatusCode = StatusCode::UNAUTHORIZED;
    const FORBIDDEN: StatusCode = StatusCode::FORBIDDEN;
    match reason {
        Reason::NoToken => (UNAUTHORIZED, Some("Bearer"), Failure::CustomerRequired),
        Reason::Ambiguous => (
            UNAUTHORIZED,
            Some(r#"Bearer error="invalid_token", error_description="There is more than one Authorization header""#),
            Failure::TokenUnknown,
        ),
        Reason::Unknown => (
            UNAUTHORIZED,
            Some(r#"Bearer error="invalid_token", error_description="The access token is not known""#),
            Failure::TokenUnknown,
        ),
        Reason::Expired => (
            UNAUTHORIZED,
            Some(r#"Bearer error="invalid_token", error_description="The access token has expired""#),
            Failure::TokenExpired,
        ),
        Reason::Revoked => (
            UNAUTHORIZED,
            Some(r#"Bearer error="invalid_token", error_description="The access token was revoked""#),
            Failure::TokenRevoked,
        ),
        Reason::WrongKind | Reason::WrongWebsite | Reason::NotPermitted | Reason::PreviewForAdministrators => {
            (FORBIDDEN, Some(INSUFFICIENT), Failure::CustomerRequired)
        }
        Reason::Locked => (FORBIDDEN, Some(INSUFFICIENT), Failure::AccountLocked),
        Reason::Undecided | Reason::GoodToken | Reason::OtherSchemePasses | Reason::GuestWelcome => {
            (StatusCode::SERVICE_UNAVAILABLE, None, Failure::Unavailable)
        }
    }
}

const INSUFFICIENT: &str =
    r#"Bearer error="insufficient_scope", error_description="The access token does not permit this request""#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Subject;
    use crate::settings::WebsiteId;
    use actix_web::body::to_bytes;

    const NOW: UnixSeconds = UnixSeconds(1_000);

    fn session(subject: Subject, website: WebsiteId) -> Session {
        Session { id: SessionId(12), subject, website, issued: NOW, ends: Some(NOW.plus(60)), last_used: NOW }
    }

    fn decision(verdict: Verdict, reason: Reason, identity: Option<Session>) -> Decision {
        Decision { verdict, reason, identity, observed: false }
    }

    /// Status, the six headers from the decision to the expiry, `WWW-Authenticate`, body.
    async fn seen(response: HttpResponse) -> (u16, [String; 6], Option<String>, String) {
        let text = |name: &HeaderName| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let six = [&DECISION, &USER_TYPE, &USER_ID, &WEBSITE, &SESSION_ID, &EXPIRES_IN]
            .map(|name| text(name).expect("all six headers are always there"));
        let challenge = text(&WWW_AUTHENTICATE);
        assert_eq!(text(&CACHE_CONTROL).as_deref(), Some("no-store"));
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body()).await.unwrap();
        (status, six, challenge, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn answered(decision: Decision) -> (u16, [String; 6], Option<String>, String) {
        seen(answer(&decision, &StoreDirectory::fresh(), NOW)).await
    }

    #[actix_web::test]
    async fn a_good_token_names_its_holder() {
        let customer = session(Subject::customer(7), WebsiteId(1));
        let (status, six, challenge, body) =
            answered(decision(Verdict::Allow, Reason::GoodToken, Some(customer))).await;
        assert_eq!((status, body.as_str(), challenge), (200, "", None));
        assert_eq!(six, ["allow", "customer", "7", "base", "12", "60"]);
    }

    #[actix_web::test]
    async fn what_there_is_nothing_to_say_about_is_empty() {
        let mut administrator = session(Subject::admin(3), WebsiteId::ADMIN);
        administrator.ends = None;
        let (_, six, ..) = answered(decision(Verdict::Allow, Reason::GoodToken, Some(administrator))).await;
        assert_eq!(six, ["allow", "admin", "3", "", "12", ""]);
        let (status, six, ..) = answered(decision(Verdict::Allow, Reason::OtherSchemePasses, None)).await;
        assert_eq!((status, six), (200, ["allow", "", "", "", "", ""].map(str::to_owned)));
        let (status, six, ..) = answered(decision(Verdict::Guest, Reason::GuestWelcome, None)).await;
        assert_eq!((status, six), (200, ["guest", "guest", "", "", "", ""].map(str::to_owned)));
    }

    #[actix_web::test]
    async fn a_refusal_names_nobody_and_speaks_to_rest_and_graphql() {
        let (status, six, challenge, body) = answered(decision(Verdict::Deny, Reason::Expired, None)).await;
        assert_eq!(status, 401);
        assert_eq!(six, ["deny", "", "", "", "", ""]);
        assert_eq!(
            challenge.as_deref(),
            Some(r#"Bearer error="invalid_token", error_description="The access token has expired""#)
        );
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&body).unwrap(),
            json!({
                "message": "Consumer key has expired",
                "errors": [{
                    "message": "Consumer key has expired",
                    "extensions": { "category": "graphql-authentication" },
                }],
            })
        );
    }

    #[actix_web::test]
    async fn the_category_says_whether_signing_in_helps() {
        for (reason, category) in [
            (Reason::NoToken, "graphql-authentication"),
            (Reason::Unknown, "graphql-authentication"),
            (Reason::WrongKind, "graphql-authorization"),
        ] {
            let (.., body) = answered(decision(Verdict::Deny, reason, None)).await;
            let body: serde_json::Value = serde_json::from_str(&body).unwrap();
            assert_eq!(body["errors"][0]["extensions"]["category"], category, "{reason:?}");
        }
    }

    #[actix_web::test]
    async fn statuses_and_challenges_follow_the_reason() {
        for (reason, status, challenge) in [
            (Reason::NoToken, 401, "Bearer"),
            (Reason::Ambiguous, 401, "Bearer error=\"invalid_token\""),
            (Reason::Unknown, 401, "Bearer error=\"invalid_token\""),
            (Reason::Revoked, 401, "Bearer error=\"invalid_token\""),
            (Reason::WrongKind, 403, "Bearer error=\"insufficient_scope\""),
            (Reason::WrongWebsite, 403, "Bearer error=\"insufficient_scope\""),
            (Reason::NotPermitted, 403, "Bearer error=\"insufficient_scope\""),
            (Reason::PreviewForAdministrators, 403, "Bearer error=\"insufficient_scope\""),
            (Reason::Locked, 403, "Bearer error=\"insufficient_scope\""),
        ] {
            let (seen, _, header, _) = answered(decision(Verdict::Deny, reason, None)).await;
            let header = header.unwrap();
            assert_eq!(seen, status, "{reason:?}");
            assert_eq!(header.split(", ").next(), Some(challenge), "{reason:?}");
        }
    }

    #[actix_web::test]
    async fn what_cannot_be_told_is_unavailable_and_says_when_to_try_again() {
        let response = answer(&decision(Verdict::Deny, Reason::Undecided, None), &StoreDirectory::fresh(), NOW);
        assert_eq!(response.headers().get(RETRY_AFTER).unwrap(), "1");
        assert_eq!(seen(response).await.0, 503);
    }

    #[actix_web::test]
    async fn an_observed_refusal_passes_and_still_says_deny() {
        let observed = Decision { observed: true, ..decision(Verdict::Deny, Reason::Undecided, None) };
        let (status, six, challenge, body) = answered(observed).await;
        assert_eq!((status, body.as_str(), challenge), (200, "", None));
        assert_eq!(six, ["deny", "", "", "", "", ""]);
    }

    #[actix_web::test]
    async fn a_bad_question_is_denied_with_all_headers() {
        let (status, six, _, body) = seen(answer_bad_question(BadQuestion::Repeated("require"))).await;
        assert_eq!(status, 400);
        assert_eq!(six, ["deny", "", "", "", "", ""]);
        assert!(body.contains("is repeated"), "{body}");
        assert_eq!(seen(answer_bad_question(BadQuestion::UnknownPolicy)).await.0, 404);
    }
}
