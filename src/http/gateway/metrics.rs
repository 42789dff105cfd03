//! `/metrics`.

use actix_web::{HttpResponse, web};

use crate::http::Services;
use crate::registry;
use crate::session::UserType;
use crate::sign_in::{self, Refusal};
use crate::telemetry::{CONTENT_TYPE, SessionSample, SignInSample};

/// OpenMetrics text. A registry that does not answer leaves its own metrics out.
pub(super) async fn metrics(services: web::Data<Services>) -> HttpResponse {
    let sessions = services.registry.statistics().await.ok().map(sessions);
    let sign_in = sign_ins(&services.sign_in.statistics());
    HttpResponse::Ok().content_type(CONTENT_TYPE).body(services.metrics.render(sessions, sign_in))
}

fn sessions(statistics: registry::Statistics) -> SessionSample {
    let kinds = UserType::ALL.into_iter().map(UserType::name);
    SessionSample {
        live: kinds.zip(statistics.live.into_iter().map(count)).collect(),
        expired: count(statistics.expired),
        pending: count(statistics.pending),
        capacity: count(statistics.capacity),
        issued: statistics.issued,
        revoked: statistics.revoked,
        ended: statistics.ended,
    }
}

fn sign_ins(statistics: &sign_in::Statistics) -> SignInSample {
    let refused = |refusal: Refusal| (refusal.name(), statistics.refused(refusal));
    SignInSample {
        waiting: count(statistics.load.waiting),
        running: count(statistics.load.running),
        hashed: statistics.load.hashed,
        hashing: statistics.load.hashing,
        succeeded: statistics.succeeded,
        refused: Refusal::ALL.into_iter().map(refused).collect(),
        failed: vec![("busy", statistics.busy), ("full", statistics.full), ("unavailable", statistics.unavailable)],
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
