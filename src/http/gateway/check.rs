//! `/check`: may this request pass, and whose is it?
//!
//! This is the hot path. It waits for one message to the validator on its own thread, and for nothing else.

use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use tokio::time::Instant;

use crate::decision::{self, Circumstances, Credential, Decision, Exchange, Holder, Policy, Reason, Verdict};
use crate::http::Services;
use crate::http::bearer::{self, Presented, Standing};
use crate::http::gateway::answer::{answer, answer_bad_question};
use crate::http::gateway::exchange::{CannotMint, authorization};
use crate::http::gateway::question::{self, BadQuestion};
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
    let (credential, is_told) = credential(request, policy, services).await;
    let snapshot = services.snapshot.load();
    let now = services.clock.now();
    let circumstances = Circumstances {
        now,
        snapshot: &snapshot,
        refuse_locked: services.options.refuse_locked,
        asks_for_preview: request.headers().contains_key(PREVIEW_VERSION),
    };
    let decision = decision::decide(policy, credential, &circumstances);
    let decision = if is_told { decision } else { as_far_as_told(decision, policy, credential, &circumstances) };
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

/// The credential, and whether all could be told that is known of its holder.
async fn credential(request: &HttpRequest, policy: &Policy, services: &Services) -> (Credential, bool) {
    let presented = Presented::from_headers(request.headers());
    // While sessions are loaded an unknown token may be a good one. The waiting is boxed for the sake of all the checks
    // that do not wait.
    if matches!(presented, Presented::Bearer(_))
        && services.readiness.is_starting()
        && !Box::pin(services.readiness.has_started()).await
    {
        return (Credential::Undecided, true);
    }
    let credential = match presented {
        Presented::Nothing => Credential::Nothing,
        Presented::OtherScheme => Credential::OtherScheme,
        Presented::Malformed => Credential::Ambiguous,
        Presented::Bearer(token) => {
            let validation = bearer::validate(request, services, token).await;
            return looked_up(validation, policy, services).await;
        }
    };
    (credential, true)
}

async fn looked_up(validation: Validation, policy: &Policy, services: &Services) -> (Credential, bool) {
    let credential = match validation {
        Validation::Valid(session) if !policy.admits(session.subject.kind) => {
            Credential::Good(Holder { session, role: None, locked_until: None })
        }
        Validation::Valid(session) => {
            let Standing { website, role, locked_until, counts, is_told } = bearer::standing(&session, services).await;
            let session = Session { website, ..session };
            let good = Credential::Good(Holder { session, role, locked_until });
            return (if counts { good } else { Credential::Revoked }, is_told);
        }
        Validation::Expired => Credential::Expired,
        Validation::Unknown => Credential::Unknown,
        Validation::Revoked => Credential::Revoked,
        Validation::Unavailable => Credential::Undecided,
    };
    (credential, true)
}

/// A no that follows only from what could not be told is none: it cannot be told either. A lock that could not be told
/// refuses nobody, because checks go on while the accounts cannot be read.
fn as_far_as_told(decision: Decision, policy: &Policy, credential: Credential, around: &Circumstances<'_>) -> Decision {
    let is_admin = matches!(credential, Credential::Good(holder) if holder.session.subject.kind == UserType::Admin);
    match decision.reason {
        Reason::WrongWebsite => decision::decide(policy, Credential::Undecided, around),
        Reason::NotPermitted if is_admin => decision::decide(policy, Credential::Undecided, around),
        _ => decision,
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
