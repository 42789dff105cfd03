//! `/metrics`.

use actix_web::{HttpResponse, web};

use crate::http::Services;
use crate::registry::Statistics;
use crate::session::UserType;
use crate::telemetry::{CONTENT_TYPE, SessionSample};

/// OpenMetrics text. A registry that does not answer leaves its own metrics out.
pub(super) async fn metrics(services: web::Data<Services>) -> HttpResponse {
    let sessions = services.registry.statistics().await.ok().map(sample);
    HttpResponse::Ok().content_type(CONTENT_TYPE).body(services.metrics.render(sessions))
}

fn sample(statistics: Statistics) -> SessionSample {
    let kinds = UserType::ALL.into_iter().map(UserType::name);
    SessionSample {
        live: kinds.zip(statistics.live.into_iter().map(count)).collect(),
        expired: count(statistics.expired),
        pending: count(statistics.pending),
        issued: statistics.issued,
        revoked: statistics.revoked,
        ended: statistics.ended,
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
