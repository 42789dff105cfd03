//! Every route of every listener, called with every kind of token.
//!
//! The table below is compared with what is really mounted: a route that is not in it makes a test fail, and so does a
//! row whose route is gone.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use actix_web::App;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::web::ServiceConfig;
use serde_json::{Value, json};
use tokenward::http::{self, admin};

use crate::support::{Answer, ServerBuilder, TestServer, call};

/// Which listener answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listener {
    Public,
    Internal,
    Admin,
}
use Listener::{Admin, Internal, Public};

/// The statuses for: no token, a customer's, an administrator's that has expired, one whose role does not allow it, one
/// whose role does.
type Statuses = [u16; 5];

/// The place of the administrator whose role does not allow it.
const CLERK: usize = 3;

/// A route: listener, the pattern that is mounted (on the admin listener: as its own table has it), method, a path that
/// matches, statuses, and the resource of Magento that the clerk's role lacks.
struct Row(Listener, &'static str, &'static str, &'static str, Statuses, Option<&'static str>);

/// What an administrator's role has to allow for a route of the admin API.
const SETTINGS: &str = "Magento_Integration::config_oauth";
const CUSTOMERS: &str = "Magento_Customer::invalidate_tokens";
const ADMINISTRATORS: &str = "Magento_User::acl_users";

const ANYBODY: Statuses = [200; 5];
/// A token that is good, whoever holds it.
const ANY_TOKEN: Statuses = [401, 200, 401, 200, 200];
/// Magento's GraphQL refuses a bad token, whatever is asked; a guest is welcome.
const GUEST_OR_TOKEN: Statuses = [200, 200, 401, 200, 200];
/// Needs no token: the request is refused for what it lacks.
const ANYBODY_BADLY: Statuses = [400; 5];
const CUSTOMER: Statuses = [401, 200, 401, 401, 401];
/// As above, and then the request lacks something.
const CUSTOMER_BADLY: Statuses = [401, 400, 401, 401, 401];
const ADMINISTRATOR: Statuses = [401, 401, 401, 401, 200];
/// The admin API lets an administrator through whose role allows it.
const ALLOWED: Statuses = [401, 403, 401, 403, 200];
/// As above, and then there is nothing of that name.
const ALLOWED_NOT_FOUND: Statuses = [401, 403, 401, 403, 404];

/// REST has a router of its own below this pattern.
const REST: &str = "/rest/{tail:.*}";

const STORE: &str = "/{store:[A-Za-z][A-Za-z0-9_]*}/graphql";
const STORE_AND_TAIL: &str = "/{store:[A-Za-z][A-Za-z0-9_]*}/graphql/{tail:.*}";
const INDEX_AND_STORE: &str = "/index.php/{store:[A-Za-z][A-Za-z0-9_]*}/graphql";
const INDEX_STORE_AND_TAIL: &str = "/index.php/{store:[A-Za-z][A-Za-z0-9_]*}/graphql/{tail:.*}";

const ROWS: &[Row] = &[
    Row(Public, "/graphql", "GET", "/graphql?query=%7B__typename%7D", GUEST_OR_TOKEN, None),
    Row(Public, "/graphql", "POST", "/graphql", GUEST_OR_TOKEN, None),
    Row(Public, "/graphql/{tail:.*}", "POST", "/graphql/x", GUEST_OR_TOKEN, None),
    Row(Public, "/index.php/graphql", "POST", "/index.php/graphql", GUEST_OR_TOKEN, None),
    Row(Public, "/index.php/graphql/{tail:.*}", "POST", "/index.php/graphql/x", GUEST_OR_TOKEN, None),
    Row(Public, STORE, "POST", "/default/graphql", GUEST_OR_TOKEN, None),
    Row(Public, STORE_AND_TAIL, "POST", "/default/graphql/x", GUEST_OR_TOKEN, None),
    Row(Public, INDEX_AND_STORE, "POST", "/index.php/default/graphql", GUEST_OR_TOKEN, None),
    Row(Public, INDEX_STORE_AND_TAIL, "POST", "/index.php/default/graphql/x", GUEST_OR_TOKEN, None),
    Row(Public, "/rest", "GET", "/rest", ANYBODY_BADLY, None),
    Row(Public, "/index.php/rest", "GET", "/index.php/rest", ANYBODY_BADLY, None),
    Row(Public, "/index.php/rest/{tail:.*}", "GET", "/index.php/rest/V1/customers/me", CUSTOMER, None),
    Row(Public, REST, "POST", "/rest/V1/integration/customer/token", ANYBODY_BADLY, None),
    Row(Public, REST, "POST", "/rest/V1/integration/admin/token", ANYBODY_BADLY, None),
    Row(Public, REST, "POST", "/rest/V1/tfa/provider/google/authenticate", ANYBODY_BADLY, None),
    Row(Public, REST, "POST", "/rest/V1/tfa/provider/google/configure", ANYBODY_BADLY, None),
    Row(Public, REST, "POST", "/rest/V1/tfa/provider/google/activate", ANYBODY_BADLY, None),
    Row(Public, REST, "POST", "/rest/V1/tfa/provider/duo_security/configure", ANYBODY_BADLY, None),
    Row(Public, REST, "POST", "/rest/V1/tfa/provider/duo_security/activate", ANYBODY_BADLY, None),
    Row(Public, REST, "POST", "/rest/V1/tfa/provider/duo_security/authenticate", ANYBODY_BADLY, None),
    Row(Public, REST, "POST", "/rest/V1/tfa/provider/authy/configure", ANYBODY_BADLY, None),
    Row(Public, REST, "POST", "/rest/V1/tfa/provider/authy/activate", ANYBODY_BADLY, None),
    Row(Public, REST, "POST", "/rest/V1/tfa/provider/authy/send-token/sms", ANYBODY_BADLY, None),
    Row(Public, REST, "POST", "/rest/V1/tfa/provider/authy/send-token/call", ANYBODY_BADLY, None),
    Row(Public, REST, "POST", "/rest/V1/tfa/provider/authy/authenticate", ANYBODY_BADLY, None),
    Row(Public, REST, "POST", "/rest/V1/tfa/provider/authy/authenticate-onetouch", ANYBODY_BADLY, None),
    Row(Public, REST, "POST", "/rest/V1/tfa/provider/u2fkey/configure", ANYBODY_BADLY, None),
    Row(Public, REST, "POST", "/rest/V1/tfa/provider/u2fkey/activate", ANYBODY_BADLY, None),
    Row(Public, REST, "POST", "/rest/V1/tfa/provider/u2fkey/authentication-challenge", ANYBODY_BADLY, None),
    Row(Public, REST, "POST", "/rest/V1/tfa/provider/u2fkey/verify", ANYBODY_BADLY, None),
    Row(Public, REST, "GET", "/rest/V1/customers/me", CUSTOMER, None),
    Row(Public, REST, "PUT", "/rest/V1/customers/me/password", CUSTOMER_BADLY, None),
    Row(Public, REST, "POST", "/rest/V1/customers/isEmailAvailable", ANYBODY_BADLY, None),
    Row(Public, REST, "GET", "/rest/V1/store/websites", ADMINISTRATOR, None),
    Row(Public, REST, "GET", "/rest/V1/store/storeViews", ADMINISTRATOR, None),
    Row(Public, REST, "GET", "/rest/V1/store/storeConfigs", ADMINISTRATOR, None),
    Row(Internal, "/check", "GET", "/check", ANY_TOKEN, None),
    Row(Internal, "/check/policy/{policy:.*}", "GET", "/check/policy/any", ANY_TOKEN, None),
    Row(Internal, "/check{anything:.*}", "GET", "/checks", [404; 5], None),
    Row(Internal, "/{anything:.*}", "GET", "/CHECK", [404; 5], None),
    Row(Internal, "/health/live", "GET", "/health/live", ANYBODY, None),
    Row(Internal, "/health/ready", "GET", "/health/ready", ANYBODY, None),
    Row(Internal, "/metrics", "GET", "/metrics", ANYBODY, None),
    Row(Admin, "/settings", "GET", "/settings", ALLOWED, Some(SETTINGS)),
    Row(Admin, "/settings/{path}", "GET", "/settings/general/locale/code", ALLOWED, Some(SETTINGS)),
    Row(Admin, "/settings/{path}", "PUT", "/settings/general/locale/code", ALLOWED, Some(SETTINGS)),
    Row(Admin, "/settings/{path}", "DELETE", "/settings/general/locale/code", ALLOWED, Some(SETTINGS)),
    Row(Admin, "/sessions", "GET", "/sessions", ALLOWED, Some(ADMINISTRATORS)),
    Row(Admin, "/sessions", "DELETE", "/sessions?kind=integration&confirm=integration", ALLOWED, Some(ADMINISTRATORS)),
    Row(Admin, "/sessions/{id}", "GET", "/sessions/4711", ALLOWED_NOT_FOUND, Some(CUSTOMERS)),
    Row(Admin, "/sessions/{id}", "DELETE", "/sessions/4711", ALLOWED_NOT_FOUND, Some(CUSTOMERS)),
    Row(
        Admin,
        "/users/{kind}/{id}/sessions",
        "DELETE",
        "/users/admin/4711/sessions",
        ALLOWED_NOT_FOUND,
        Some(ADMINISTRATORS),
    ),
    Row(Admin, "/locks/customers", "GET", "/locks/customers", ALLOWED, Some(CUSTOMERS)),
    Row(Admin, "/locks/customers/{id}", "DELETE", "/locks/customers/4711", ALLOWED_NOT_FOUND, Some(CUSTOMERS)),
    Row(Admin, "/locks/throttle", "GET", "/locks/throttle", ALLOWED, Some(ADMINISTRATORS)),
    Row(
        Admin,
        "/locks/throttle",
        "DELETE",
        "/locks/throttle?kind=customer&name=nobody",
        ALLOWED_NOT_FOUND,
        Some(CUSTOMERS),
    ),
    Row(Admin, "/sessions", "GET", "/sessions?kind=customer", ALLOWED, Some(CUSTOMERS)),
    Row(
        Admin,
        "/users/{kind}/{id}/sessions",
        "DELETE",
        "/users/customer/4711/sessions",
        ALLOWED_NOT_FOUND,
        Some(CUSTOMERS),
    ),
    Row(Admin, "/locks/throttle", "GET", "/locks/throttle?kind=customer", ALLOWED, Some(CUSTOMERS)),
    Row(
        Admin,
        "/locks/throttle",
        "DELETE",
        "/locks/throttle?kind=admin&name=nobody",
        ALLOWED_NOT_FOUND,
        Some(ADMINISTRATORS),
    ),
    // The last one, because it ends the session that it is asked with.
    Row(Public, REST, "POST", "/rest/V1/integration/customer/revoke-customer-token", CUSTOMER, None),
];

const SEED: &str = r#"
[[roles]]
name = "Nothing of ours"
allow = ["Magento_Sales::sales"]
[[customers]]
email = "customer@example.com"
password = "password"
[[administrators]]
username = "chief"
email = "chief@example.com"
password = "password"
[[administrators]]
username = "clerk"
email = "clerk@example.com"
password = "password"
role = "Nothing of ours"
"#;

#[test]
fn every_route_answers_every_kind_of_token_as_the_table_says() {
    let folder = tempfile::tempdir().unwrap();
    let seed = folder.path().join("seed.toml");
    std::fs::write(&seed, SEED).unwrap();
    let server = ServerBuilder::new().argument("--seed").argument(seed.to_str().unwrap()).start();
    let administrator =
        |name| server.try_admin(name, "password").assert_status(200).json().as_str().unwrap().to_owned();
    let (chief, clerk, customer) = (administrator("chief"), administrator("clerk"), server.customer());
    let mut wrong = Vec::new();
    for (place, token) in [(0, None), (1, Some(customer)), (CLERK, Some(clerk)), (4, Some(chief.clone()))] {
        wrong.extend(deviations(&server, place, token.as_deref()));
    }
    let lifetime = "/settings/oauth/access_token_lifetime/admin";
    server.admin_api("PUT", &chief, lifetime, Some(&json!({ "value": "0" }))).assert_status(200);
    wrong.extend(deviations(&server, 2, Some(&chief)));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    server.assert_unharmed();
}

/// Calls every route with a token, and says where the status is another one than that in this place of the table.
fn deviations(server: &TestServer, place: usize, token: Option<&str>) -> Vec<String> {
    let deviation = |Row(listener, pattern, method, path, statuses, resource): &Row| {
        let answer = call(
            method,
            address(server, *listener),
            token,
            &full_path(*listener, path),
            body(pattern, method).as_ref(),
        );
        // The customer is no administrator, so nobody has asked yet what a role allows.
        let resource = resource.filter(|_| place == CLERK);
        let expected = (statuses[place], resource.map(str::to_owned));
        let seen = (answer.status, lacking(&answer));
        (seen != expected)
            .then(|| format!("{method} {path}, token {place}: {seen:?} instead of {expected:?}: {}", answer.body))
    };
    ROWS.iter().filter_map(deviation).collect()
}

/// The resource that a refusal of the admin API names.
fn lacking(answer: &Answer) -> Option<String> {
    let problem = (answer.status == 403).then(|| serde_json::from_str::<Value>(&answer.body).ok())??;
    problem["resource"].as_str().map(str::to_owned)
}

fn address(server: &TestServer, listener: Listener) -> SocketAddr {
    match listener {
        Public => server.public,
        Internal => server.internal,
        Admin => server.admin_listener,
    }
}

fn full_path(listener: Listener, path: &str) -> String {
    let base = if listener == Admin { admin::BASE } else { "" };
    format!("{base}{path}")
}

/// A body that changes nothing.
fn body(pattern: &str, method: &str) -> Option<Value> {
    match (pattern, method) {
        (_, "POST") if pattern.contains("graphql") => Some(json!({ "query": "{__typename}" })),
        (_, "POST") | (REST, "PUT") => Some(json!({})),
        ("/settings/{path}", "PUT") => Some(json!({ "value": "en_US" })),
        _ => None,
    }
}

#[actix_web::test]
async fn every_pattern_that_is_mounted_is_in_the_table() {
    assert_eq!(mounted(http::public).await, listed(Public));
    assert_eq!(mounted(http::internal).await, listed(Internal));
    let admin = mounted(admin).await.into_iter().map(|pattern| pattern.replace(":.+}", "}")).collect();
    assert_eq!(listed(Admin), admin);
}

#[test]
fn every_method_of_the_admin_api_is_in_the_table() {
    let rows = ROWS.iter().filter(|row| row.0 == Admin).map(|row| (row.2, row.1)).collect::<BTreeSet<_>>();
    let routes = admin::routes::ROUTES.iter().map(|route| (route.method, route.path)).collect();
    assert_eq!(rows, routes);
}

#[test]
fn every_row_of_the_admin_api_says_what_it_needs() {
    assert!(ROWS.iter().all(|row| (row.0 == Admin) == row.5.is_some()));
}

#[test]
fn every_route_of_rest_is_in_the_table() {
    let rows = ROWS.iter().filter(|row| row.1 == REST).map(|row| (row.2, row.3.to_owned())).collect::<BTreeSet<_>>();
    assert_eq!(rows, http::rest::routes().collect());
}

fn listed(listener: Listener) -> BTreeSet<String> {
    ROWS.iter().filter(|row| row.0 == listener).map(|row| row.1.to_owned()).collect()
}

/// The patterns of all resources that a listener mounts. There is no other way to learn of them than how the map of an
/// application's resources prints itself; if that changes, nothing is found and the tests fail.
async fn mounted(listener: fn(&mut ServiceConfig)) -> BTreeSet<String> {
    let service = init_service(App::new().configure(listener)).await;
    let answer = call_service(&service, TestRequest::get().uri("/nowhere").to_request()).await;
    let map = format!("{:?}", answer.request().resource_map());
    let resources = map.split("ResourceDef {").skip(1).filter(|definition| definition.contains("is_prefix: false"));
    let pattern = |definition: &str| {
        let (_, patterns) = definition.split_once("patterns: Single(\"").expect("a resource has one pattern");
        patterns.split_once("\")").expect("a pattern ends").0.replace("\\\\", "\\")
    };
    resources.map(pattern).collect()
}
