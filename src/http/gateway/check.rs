//! `/check`: may this request pass, and whose is it?
//!
//! This is the hot path. It waits for one message to the validator on its own thread, and for nothing else when the token
//! has a session. Without one it may wait for the accounts: an opaque token that may be the shop's for a batch of such
//! tokens, an administrator's JWT and a policy with `website` or `acl` for at most a second, the first time.

use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use tokio::time::Instant;

use crate::decision::{self, Circumstances, Credential, Decision, Exchange, Holder, Policy, Reason, Verdict};
use crate::http::Services;
use crate::http::bearer::{self, Presented, Standing};
use crate::http::gateway::answer::{answer, answer_bad_question};
use crate::http::gateway::exchange::{CannotMint, authorization};
use crate::http::gateway::question::{self, BadQuestion};
use crate::http::holder::CannotTell;
use crate::registry::Validation;
use crate::session::{Session, UserType};
use crate::telemetry::{CheckOutcome, RouteGroup};

/// The header by which a client asks for staged content (fact sheet 10).
const PREVIEW_VERSION: &str = "preview-version";

/// `/check?require=…&website=…&acl=…`.
pub(super) async fn check(request: HttpRequest, services: web::Data<Services>) -> HttpResponse {
    match question::from_query(request.query_string()) {
        Ok(policy) if policy.exchange.is_some() && services.options.exchange.is_none() => {
            refuse(&services, BadQuestion::NoKey)
        }
        Ok(policy) => decide(&request, &services, &policy).await,
        Err(problem) => refuse(&services, problem),
    }
}

/// `/check/policy/<name>`, whatever follows.
pub(super) async fn check_policy(request: HttpRequest, services: web::Data<Services>) -> HttpResponse {
    let name = question::policy_name(request.match_info().query("policy"));
    match services.options.policies.get(name) {
        Some(policy) => decide(&request, &services, policy).await,
        None => refuse(&services, BadQuestion::UnknownPolicy),
    }
}

/// Any other path that begins with `/check`: a gateway that appends the client's path to `/check` must not hand the
/// choice of the policy to the client.
pub(super) async fn refuse_path(services: web::Data<Services>) -> HttpResponse {
    refuse(&services, BadQuestion::UnknownRoute)
}

fn refuse(services: &Services, problem: BadQuestion) -> HttpResponse {
    services.metrics.count_check(CheckOutcome::BadQuestion, false);
    answer_bad_question(problem)
}

async fn decide(request: &HttpRequest, services: &Services, policy: &Policy) -> HttpResponse {
    let started = Instant::now();
    let credential = credential(request, policy, services).await;
    let snapshot = services.snapshot.load();
    let now = services.clock.now();
    let circumstances = Circumstances {
        now,
        snapshot: &snapshot,
        refuse_locked: services.options.refuse_locked,
        asks_for_preview: request.headers().contains_key(PREVIEW_VERSION),
    };
    let decision = decision::decide(policy, credential, &circumstances);
    let (decision, authorization) = exchanged(policy, decision, request, services);
    let mut response = answer(&decision, &snapshot.stores, now);
    if let Some(authorization) = authorization {
        response.headers_mut().insert(AUTHORIZATION, authorization);
    }
    services.metrics.count_check(outcome(&decision), decision.observed);
    services.metrics.observe_request(RouteGroup::Check, started.elapsed());
    response
}

/// The header that the gateway passes on, when the policy asks for one. Where it cannot be made nobody passes: the
/// client's own token must not take its place.
fn exchanged(
    policy: &Policy,
    decision: Decision,
    request: &HttpRequest,
    services: &Services,
) -> (Decision, Option<HeaderValue>) {
    match policy.exchange.map(|Exchange::Jwt| authorization(&decision, request.headers(), services)) {
        None => (decision, None),
        Some(Ok(value)) => (decision, Some(value)),
        Some(Err(CannotMint)) => {
            let undecided =
                Decision { verdict: Verdict::Deny, reason: Reason::Undecided, identity: None, observed: false };
            (undecided, Some(HeaderValue::from_static("")))
        }
    }
}

async fn credential(request: &HttpRequest, policy: &Policy, services: &Services) -> Credential {
    let presented = Presented::from_headers(request.headers());
    // While sessions are loaded an unknown token may be a good one. The waiting is boxed for the sake of all the checks
    // that do not wait.
    if matches!(presented, Presented::Bearer(_))
        && services.readiness.is_starting()
        && !Box::pin(services.readiness.has_started()).await
    {
        return Credential::Undecided;
    }
    let token = match presented {
        Presented::Nothing => return Credential::Nothing,
        Presented::OtherScheme => return Credential::OtherScheme,
        Presented::Malformed => return Credential::Ambiguous,
        Presented::Bearer(token) => token,
    };
    match bearer::worth(request, services, token).await.1 {
        Validation::Valid(session) => held(session, policy, services).await,
        Validation::Expired => Credential::Expired,
        Validation::Unknown => Credential::Unknown,
        Validation::Revoked => Credential::Revoked,
        Validation::Unavailable => Credential::Undecided,
    }
}

/// A good token, with as much of its holder as the policy depends on. Whether an administrator still counts is asked under
/// every policy that lets administrators through; where that cannot be told, the token goes by its signature, its time and
/// the revocations that are known, as it does in Magento (fact sheet 6.6).
async fn held(session: Session, policy: &Policy, services: &Services) -> Credential {
    let kind = session.subject.kind;
    if !policy.admits(kind) {
        return Credential::Good(Holder { session, role: None, locked_until: None });
    }
    let standing = if kind == UserType::Admin || policy.depends_on_account(kind) {
        bearer::standing(&session, services).await
    } else {
        Ok(bearer::standing_as_known(&session, services))
    };
    match standing {
        Ok(Standing { counts: false, .. }) => Credential::Revoked,
        Ok(Standing { website, role, locked_until, .. }) => {
            Credential::Good(Holder { session: Session { website, ..session }, role, locked_until })
        }
        Err(CannotTell) if policy.depends_on_account(kind) => Credential::Undecided,
        Err(CannotTell) => Credential::Good(Holder { session, role: None, locked_until: None }),
    }
}

fn outcome(decision: &Decision) -> CheckOutcome {
    match decision.reason {
        Reason::GoodToken => CheckOutcome::Allowed,
        Reason::OtherSchemePasses => CheckOutcome::OtherScheme,
        Reason::GuestWelcome => CheckOutcome::Guest,
        Reason::NoToken => CheckOutcome::NoToken,
        Reason::Ambiguous => CheckOutcome::Ambiguous,
        Reason::Unknown => CheckOutcome::Unknown,
        Reason::Expired => CheckOutcome::Expired,
        Reason::Revoked => CheckOutcome::Revoked,
        Reason::WrongKind | Reason::WrongWebsite | Reason::NotPermitted | Reason::PreviewForAdministrators => {
            CheckOutcome::Forbidden
        }
        Reason::Locked => CheckOutcome::Locked,
        Reason::Undecided => CheckOutcome::Undecided,
    }
}
