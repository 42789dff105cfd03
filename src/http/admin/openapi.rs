//! The OpenAPI document: the admin API, and the REST routes that give and take tokens.

use serde::Deserialize;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::server::ServerBuilder;
use utoipa::openapi::{OpenApi as Document, RefOr, Server};
use utoipa::{Modify, OpenApi, ToSchema};

use crate::http::admin::{BASE, locks, sessions, settings, users};

/// The document, as `tokenward export-openapi` prints it.
pub fn text() -> String {
    let mut text = serde_json::to_string_pretty(&document()).expect("the document has only texts and numbers in it");
    text.push('\n');
    text
}

/// The document.
pub fn document() -> Document {
    Api::openapi()
}

/// How XML is answered.
const XML: &str = "application/xml";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "tokenward",
        description = "The admin API of tokenward, and the routes of Magento's REST API that give and take tokens. The \
                       two are answered by different listeners: see the servers of each path.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    nest((path = "/admin/api/v1", api = AdminApi)),
    paths(customer_token, admin_token, admin_token_with_code, revoke_customer_token),
    modifiers(&Complete),
    tags(
        (name = "settings", description = "The live settings, by Magento's path"),
        (name = "sessions", description = "Who is signed in, and signing out"),
        (name = "locks", description = "Who is locked out, and letting them in again"),
        (name = "tokens", description = "Magento's REST routes that give and take tokens")
    )
)]
struct Api;

#[derive(OpenApi)]
#[openapi(
    paths(
        settings::list_settings,
        settings::show_setting,
        settings::change_setting,
        settings::reset_setting,
        sessions::list_sessions,
        sessions::end_sessions,
        sessions::show_session,
        sessions::end_session,
        users::end_user_sessions,
        locks::list_locked_customers,
        locks::unlock_customer,
        locks::list_throttled_names,
        locks::clear_throttled_name
    ),
    security(("token" = []))
)]
struct AdminApi;

/// What the attributes do not say: which listener answers a path, how a token is sent, and that Magento's routes read
/// and write XML as well.
struct Complete;

impl Modify for Complete {
    fn modify(&self, document: &mut Document) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A token of `POST /rest/V1/integration/admin/token`"))
            .build();
        document.components.get_or_insert_default().add_security_scheme("token", SecurityScheme::Http(bearer));
        document.servers = Some(vec![server("http://127.0.0.1:8083", "The admin listener: http.admin")]);
        for (path, item) in &mut document.paths.paths {
            let admin = path.starts_with(BASE);
            if !admin {
                item.servers = Some(vec![server("http://127.0.0.1:8080", "The public listener: http.public")]);
            }
            let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete];
            for operation in operations.into_iter().flatten() {
                if admin {
                    let needed = utoipa::openapi::SecurityRequirement::new::<_, _, &str>("token", []);
                    operation.security = Some(vec![needed]);
                } else {
                    add_xml(operation);
                }
            }
        }
    }
}

/// The forms in XML of what an operation answers as JSON (fact sheet 3.3). That nothing can be written as the client
/// wants it is always told as JSON. What is read as XML is described in words alone: a root element of any name is
/// nothing that a schema can say, and generators of clients stumble over a second form of a body.
fn add_xml(operation: &mut Operation) {
    if let Some(body) = &mut operation.request_body {
        let text = "Read as XML too (application/xml, application/xhtml+xml, text/xml): an element of any name, with an \
                    element for each argument in it";
        body.description = Some(text.to_owned());
    }
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        let json = response.content.get("application/json").cloned();
        if let Some(content) = json.filter(|_| status != "406") {
            response.content.insert(XML.to_owned(), content);
        }
    }
}

fn server(url: &str, description: &str) -> Server {
    ServerBuilder::new().url(url).description(Some(description)).build()
}

/// Who signs in as a customer.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "only described: http::rest reads it")]
struct CustomerCredentials {
    /// The customer's e-mail address
    username: String,
    /// The password
    #[schema(format = Password)]
    password: String,
}

/// Who signs in as an administrator.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "only described: http::rest reads it")]
struct AdministratorCredentials {
    /// The user name
    username: String,
    /// The password
    #[schema(format = Password)]
    password: String,
}

/// Who signs in as an administrator with the code of an authenticator app.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "only described: http::rest reads it")]
struct AdministratorCredentialsWithCode {
    /// The user name
    username: String,
    /// The password
    #[schema(format = Password)]
    password: String,
    /// The six digits that the app shows; they are good once
    otp: String,
}

/// Magento's form of an error.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "only described: http::rest writes it")]
#[expect(clippy::use_self, reason = "the document needs the name")]
struct MagentoError {
    /// What is wrong; `%1` or `%name` stand for parameters
    message: String,
    /// What is wrong in particular, when it is more than one thing
    #[schema(nullable = false, no_recursion)]
    errors: Option<Vec<MagentoError>>,
    /// What the placeholders of `message` stand for: an object, or a list where they are numbered
    #[schema(nullable = false)]
    parameters: Option<serde_json::Value>,
    /// A number for the kind of error, where it has one
    #[schema(nullable = false)]
    code: Option<u32>,
}

/// Magento's form of an error that it cannot write as the client wants it.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "only described: http::rest writes it")]
struct MagentoFallback {
    messages: MagentoFallbackMessages,
}

/// What went wrong.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "only described: http::rest writes it")]
struct MagentoFallbackMessages {
    error: Vec<MagentoFallbackMessage>,
}

/// One thing that went wrong.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "only described: http::rest writes it")]
struct MagentoFallbackMessage {
    /// The HTTP status
    code: u16,
    /// What is wrong
    message: String,
}

/// Sign a customer in
#[utoipa::path(
    post,
    path = "/rest/V1/integration/customer/token",
    tag = "tokens",
    request_body = CustomerCredentials,
    responses(
        (status = 200, description = "The token", body = String, content_type = "application/json"),
        (status = 400, description = "An argument or the body cannot be read, or is missing", body = MagentoError),
        (status = 401, description = "The sign-in is refused", body = MagentoError),
        (status = 408, description = "The body took too long", body = MagentoError),
        (status = 406, description = "Accept names nothing that can be written", body = MagentoFallback),
        (status = 503, description = "Not possible at the moment", body = MagentoError)
    )
)]
#[expect(dead_code, reason = "only described: http::rest answers it")]
fn customer_token() {}

/// Sign an administrator in
#[utoipa::path(
    post,
    path = "/rest/V1/integration/admin/token",
    tag = "tokens",
    request_body = AdministratorCredentials,
    responses(
        (status = 200, description = "The token", body = String, content_type = "application/json"),
        (status = 400, description = "An argument or the body cannot be read, or is missing; or a second factor is wanted, which has a route of its own", body = MagentoError),
        (status = 401, description = "The sign-in is refused", body = MagentoError),
        (status = 408, description = "The body took too long", body = MagentoError),
        (status = 406, description = "Accept names nothing that can be written", body = MagentoFallback),
        (status = 503, description = "Not possible at the moment", body = MagentoError)
    )
)]
#[expect(dead_code, reason = "only described: http::rest answers it")]
fn admin_token() {}

/// Sign an administrator in with the code of an authenticator app
#[utoipa::path(
    post,
    path = "/rest/V1/tfa/provider/google/authenticate",
    tag = "tokens",
    request_body = AdministratorCredentialsWithCode,
    responses(
        (status = 200, description = "The token", body = String, content_type = "application/json"),
        (status = 400, description = "An argument or the body cannot be read, or is missing; authenticator apps are not selected, or this administrator has none", body = MagentoError),
        (status = 401, description = "The sign-in is refused, or the code is wrong or was used", body = MagentoError),
        (status = 408, description = "The body took too long", body = MagentoError),
        (status = 406, description = "Accept names nothing that can be written", body = MagentoFallback),
        (status = 503, description = "Not possible at the moment", body = MagentoError)
    )
)]
#[expect(dead_code, reason = "only described: http::rest answers it")]
fn admin_token_with_code() {}

/// End all sessions of the customer who asks
#[utoipa::path(
    post,
    path = "/rest/V1/integration/customer/revoke-customer-token",
    tag = "tokens",
    responses(
        (status = 200, description = "Always true", body = bool, content_type = "application/json"),
        (status = 400, description = "The body cannot be read", body = MagentoError),
        (status = 401, description = "There is no good customer's token", body = MagentoError),
        (status = 408, description = "The body took too long", body = MagentoError),
        (status = 406, description = "Accept names nothing that can be written", body = MagentoFallback),
        (status = 503, description = "Not possible at the moment", body = MagentoError)
    ),
    security(("token" = []))
)]
#[expect(dead_code, reason = "only described: http::rest answers it")]
fn revoke_customer_token() {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::http::admin::routes::ROUTES;

    /// Method, path and operation of everything that the document describes below the admin API.
    fn described() -> Vec<(String, String, serde_json::Value)> {
        let document = serde_json::to_value(document()).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let admin = paths.iter().filter_map(|(path, item)| Some((path.strip_prefix(BASE)?, item.as_object().unwrap())));
        admin
            .flat_map(|(path, item)| {
                item.iter().map(|(method, operation)| (method.to_uppercase(), path.to_owned(), operation.clone()))
            })
            .collect()
    }

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let described: BTreeSet<_> = described().into_iter().map(|(method, path, _)| (method, path)).collect();
        let routes = ROUTES.iter().map(|route| (route.method.to_owned(), route.path.to_owned())).collect();
        assert_eq!(described, routes);
    }

    #[test]
    fn every_operation_says_what_it_answers_and_what_it_needs() {
        for (method, path, operation) in described() {
            for status in ["200", "400", "401", "403", "503"] {
                let content = &operation["responses"][status]["content"];
                assert!(content.is_object(), "{method} {path} does not describe {status}");
            }
            assert_eq!(operation["security"], serde_json::json!([{ "token": [] }]), "{method} {path}");
            assert!(operation["summary"].is_string(), "{method} {path}");
        }
    }

    #[test]
    fn what_may_be_null_is_always_there_and_nothing_else_is_ever_null() {
        let document = serde_json::to_value(document()).unwrap();
        for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            for (property, described) in schema["properties"].as_object().into_iter().flatten() {
                let may_be_null = described["type"].as_array().is_some_and(|types| types.contains(&"null".into()));
                assert!(!may_be_null || required.contains(&property.as_str().into()), "{name}.{property}");
            }
        }
    }

    #[test]
    fn whoever_ends_a_class_of_sessions_has_to_name_it_twice() {
        let described = described();
        let (_, _, operation) = described
            .iter()
            .find(|(method, path, _)| (method.as_str(), path.as_str()) == ("DELETE", "/sessions"))
            .unwrap();
        let parameters = operation["parameters"].as_array().unwrap();
        assert_eq!(parameters.len(), 2);
        assert!(parameters.iter().all(|parameter| parameter["required"] == true), "{parameters:?}");
    }
}
