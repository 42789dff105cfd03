//! One request: Magento's checks in Magento's order (fact sheet 1.2).

use std::sync::Arc;

use actix_web::http::header::{CONTENT_TYPE, COOKIE, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{Data, Payload, Query};
use actix_web::{HttpRequest, HttpResponse};
use mime::Mime;

use crate::http::error::Failure;
use crate::http::graphql::accept::Form;
use crate::http::graphql::answer::{Answer, Manner};
use crate::http::graphql::context::{Context, Failures, Personal};
use crate::http::graphql::engine::{Engine, Limits, Operation, Parsed};
use crate::http::graphql::identity::Identity;
use crate::http::graphql::operations::{MutationRoot, QueryRoot};
use crate::http::graphql::request::GraphqlRequest;
use crate::http::{Services, client, store};
use crate::settings::{Snapshot, StoreDirectory, StoreView};
use crate::sign_in::Caller;

const STORE: HeaderName = HeaderName::from_static("store");
const CONTENT_CURRENCY: HeaderName = HeaderName::from_static("content-currency");

/// Answers a request of any method.
pub(super) async fn answer(request: HttpRequest, services: Data<Services>, payload: Payload) -> HttpResponse {
    let manner = Manner { version: services.options.version, form: Form::preferred(request.headers()) };
    match carry_out(&request, services.into_inner(), payload).await {
        Ok(Reply::Empty(status)) => HttpResponse::new(status),
        Ok(Reply::Answer(answer)) | Err(answer) => answer.into_response(manner),
    }
}

/// What a request is answered with, when nothing refuses it.
enum Reply {
    /// An empty body.
    Empty(StatusCode),
    /// The answer to an operation.
    Answer(Answer),
}

async fn carry_out(request: &HttpRequest, services: Arc<Services>, payload: Payload) -> Result<Reply, Answer> {
    let line = services.options.version.line();
    let max_body = services.options.max_body;
    let asked = GraphqlRequest::read(request, payload, max_body, line).await.map_err(Answer::Refused)?;
    let snapshot = services.snapshot.load_full();
    check_content_type(request).map_err(Answer::Refused)?;
    let early = check_verb(request, &asked)?;
    let store = store_view(request, &snapshot).map_err(Answer::Refused)?;
    check_currency(request.headers(), &snapshot, &store).map_err(Answer::Refused)?;
    let identity = Identity::of(request, &services).await.map_err(Answer::Refused)?;
    match *request.method() {
        Method::GET | Method::POST => {}
        _ if !line.answers_other_methods_empty => return Err(nothing_asked()),
        Method::OPTIONS => return Ok(Reply::Empty(StatusCode::NO_CONTENT)),
        _ => return Ok(Reply::Empty(StatusCode::OK)),
    }
    let context = Context {
        caller: Caller { address: client::address(request, &services.options.trusted_proxies), protocol: "graphql" },
        services,
        snapshot,
        store,
        identity,
        failures: Failures::default(),
        personal: Personal::default(),
    };
    execute(asked, early, &context).await.map(Reply::Answer)
}

/// Reads, limits, validates and executes the document.
async fn execute(asked: GraphqlRequest, early: Option<Parsed>, context: &Context) -> Result<Answer, Answer> {
    let engine = Engine::shared();
    let options = &context.services.options;
    let limits = Limits::of(options.version.line(), options.graphql, &context.snapshot.settings);
    let all = limits.tells_all;
    let parsed = match early {
        Some(parsed) => parsed,
        None => engine.parse(&asked.query).map_err(Answer::Unreadable)?,
    };
    parsed.refuse_by_size(&limits).map_err(Answer::Refused)?;
    let document = engine.validate(parsed, &limits).map_err(Answer::Invalid)?;
    let only = |complaint| Answer::Invalid(vec![complaint]);
    let operation = document.select(asked.operation_name.as_deref()).map_err(only)?;
    let variables = engine.coerce_variables(&document, operation, &asked.variables, all).map_err(Answer::Invalid)?;
    // What the client sent is wiped before anything waits; the text of the document is with the document. Not wiped are
    // the copies that the engine makes and does not let anybody write to: literals of the syntax tree, coerced values of
    // variables, and arguments of fields. They are freed when the answer is there.
    drop(asked);
    let executed = if operation.is_mutation() {
        engine.execute(&document, operation, &variables, &MutationRoot(context), all).await
    } else {
        engine.execute(&document, operation, &variables, &QueryRoot(context), all).await
    };
    let is_public = !operation.is_mutation() && !context.personal.is_marked();
    Ok(Answer::executed(executed.map_err(only)?, &context.failures, all, is_public))
}

/// The answer to an empty document.
fn nothing_asked() -> Answer {
    match Engine::shared().parse("") {
        Err(complaint) => Answer::Unreadable(complaint),
        Ok(_) => Answer::Refused(Failure::RequestUnparsable),
    }
}

/// A POST has to be JSON. The content type is parsed as a media type.
fn check_content_type(request: &HttpRequest) -> Result<(), Failure> {
    let is_json = |value: &HeaderValue| {
        let media_type: Option<Mime> = value.to_str().ok().and_then(|text| text.parse().ok());
        media_type.is_some_and(|media_type| media_type.essence_str() == mime::APPLICATION_JSON.essence_str())
    };
    if request.method() == Method::POST && !request.headers().get(CONTENT_TYPE).is_some_and(is_json) {
        return Err(Failure::JsonRequired);
    }
    Ok(())
}

/// Only a POST may change something. Magento looks at the last operation; the selected one is looked at as well. The
/// document has to be read for this, and need not be read again.
fn check_verb(request: &HttpRequest, asked: &GraphqlRequest) -> Result<Option<Parsed>, Answer> {
    if request.method() == Method::POST || asked.query.is_empty() {
        return Ok(None);
    }
    let parsed = Engine::shared().parse(&asked.query).map_err(Answer::Unreadable)?;
    let operations = parsed.operations();
    let selected = operations.iter().filter(|operation| operation.name == asked.operation_name);
    if operations.last().into_iter().chain(selected).any(Operation::is_mutation) {
        return Err(Answer::Refused(Failure::PostRequired));
    }
    Ok(Some(parsed))
}

/// The store view of the `Store` header, else of the path, else of the parameter or the cookie, else the default one
/// (fact sheet 1.7). The last two are hints: a code that is not there is overlooked.
fn store_view(request: &HttpRequest, snapshot: &Snapshot) -> Result<StoreView, Failure> {
    let stores = &snapshot.stores;
    if request.headers().contains_key(&STORE) {
        return store::named_by_header(request.headers(), stores).cloned();
    }
    if let Some(code) = request.match_info().get("store") {
        return named(code, stores).cloned();
    }
    let hinted = hints(request).into_iter().flatten().find_map(|code| named(&code, stores).ok());
    Ok(hinted.unwrap_or_else(|| stores.default_store()).clone())
}

fn named<'a>(code: &str, stores: &'a StoreDirectory) -> Result<&'a StoreView, Failure> {
    let mut headers = HeaderMap::new();
    let value = HeaderValue::from_str(code).map_err(|_| Failure::StoreUnknown(code.to_owned()))?;
    headers.insert(STORE, value);
    store::named_by_header(&headers, stores)
}

/// The parameter `___store` and the cookie `store`.
fn hints(request: &HttpRequest) -> [Option<String>; 2] {
    let parameters = Query::<Vec<(String, String)>>::from_query(request.query_string());
    let parameter = parameters.ok().and_then(|Query(pairs)| pairs.into_iter().rfind(|(name, _)| name == "___store"));
    let cookies = request.headers().get_all(COOKIE).filter_map(|value| value.to_str().ok());
    let cookie = cookies.flat_map(|text| text.split(';')).find_map(|pair| pair.trim().strip_prefix("store="));
    [parameter.map(|(_, code)| code), cookie.map(ToOwned::to_owned)]
}

/// The currency has to be allowed in the store view.
fn check_currency(headers: &HeaderMap, snapshot: &Snapshot, store: &StoreView) -> Result<(), Failure> {
    let Some(value) = headers.get(CONTENT_CURRENCY) else {
        return Ok(());
    };
    let wanted = String::from_utf8_lossy(value.as_bytes()).trim().to_uppercase();
    let allowed = snapshot.settings.text_for("currency/options/allow", store);
    if wanted.is_empty() || allowed.split(',').any(|code| code.trim() == wanted) {
        return Ok(());
    }
    Err(Failure::CurrencyNotAllowed)
}
