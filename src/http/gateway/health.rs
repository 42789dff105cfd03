//! Is the server alive, and should requests be sent here?

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use crate::http::Services;
use crate::telemetry::Readiness;

/// 200 as long as requests are answered at all.
pub(super) async fn live() -> HttpResponse {
    state(StatusCode::OK, "alive")
}

/// 200 when requests are welcome, 503 while the server starts or stops.
pub(super) async fn ready(services: web::Data<Services>) -> HttpResponse {
    readiness(&services.readiness)
}

fn readiness(readiness: &Readiness) -> HttpResponse {
    let status = if readiness.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let (loaded, of) = readiness.progress();
    if readiness.is_starting() && of > 0 {
        answer(status, &json!({ "status": readiness.name(), "sessions_loaded": loaded, "sessions_stored": of }))
    } else {
        state(status, readiness.name())
    }
}

fn state(status: StatusCode, name: &str) -> HttpResponse {
    answer(status, &json!({ "status": name }))
}

fn answer(status: StatusCode, body: &Value) -> HttpResponse {
    HttpResponse::build(status).insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store"))).json(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_welcome_between_start_and_stop() {
        let state = Readiness::default();
        assert_eq!(readiness(&state).status(), 503);
        state.set_ready();
        assert_eq!(readiness(&state).status(), 200);
        state.set_stopping();
        assert_eq!(readiness(&state).status(), 503);
    }
}
