//! Is the server alive, and should requests be sent here?

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use crate::http::Services;
use crate::telemetry::Readiness;

/// 200 as long as requests are answered at all.
pub(super) async fn live() -> HttpResponse {
    alive()
}

/// 200 when requests are welcome, 503 while the server starts or stops.
pub(super) async fn ready(services: web::Data<Services>) -> HttpResponse {
    readiness(&services.readiness)
}

/// The answer to a question about health while there is nothing else to be answered; `None` when it is another question.
pub(in crate::http) fn answer_early(method: &Method, path: &str, state: &Readiness) -> Option<HttpResponse> {
    match (method, path) {
        (&Method::GET | &Method::HEAD, "/health/live") => Some(alive()),
        (&Method::GET | &Method::HEAD, "/health/ready") => Some(readiness(state)),
        _ => None,
    }
}

fn alive() -> HttpResponse {
    state(StatusCode::OK, "alive")
}

fn readiness(readiness: &Readiness) -> HttpResponse {
    let status = if readiness.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut body = json!({ "status": readiness.name() });
    if readiness.is_starting() {
        let (step, (loaded, of)) = (readiness.step(), readiness.progress());
        if !step.is_empty() {
            body["doing"] = json!(step);
        }
        if of > 0 {
            body["sessions_loaded"] = json!(loaded);
            body["sessions_stored"] = json!(of);
        }
    }
    answer(status, &body)
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
