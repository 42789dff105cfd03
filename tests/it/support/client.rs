//! Well-behaved requests.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use ureq::http::Request;

use super::{Answer, TestServer};

/// Longer than any answer takes, even when all tests hash passwords at once.
const PATIENCE: Duration = Duration::from_mins(1);

/// The accounts of `serve --demo`.
pub(crate) const CUSTOMER: (&str, &str) = ("customer@example.com", "password");
pub(crate) const ADMINISTRATOR: (&str, &str) = ("admin", "admin123");

/// Sends a request, whatever its status is going to be.
#[track_caller]
pub(crate) fn send(request: Request<String>) -> Answer {
    let configuration = ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .build();
    let mut answer = ureq::Agent::new_with_config(configuration).run(request).unwrap();
    let body = answer.body_mut().read_to_string().unwrap();
    Answer { status: answer.status().as_u16(), headers: answer.headers().clone(), body }
}

/// A request that carries `token` when there is one.
fn request(method: &str, address: SocketAddr, path: &str, token: Option<&str>) -> ureq::http::request::Builder {
    let builder = Request::builder().method(method).uri(format!("http://{address}{path}"));
    match token {
        Some(token) => builder.header("authorization", format!("Bearer {token}")),
        None => builder,
    }
}

/// Any request, with a JSON body when there is one.
#[track_caller]
pub(crate) fn call(method: &str, address: SocketAddr, token: Option<&str>, path: &str, body: Option<&Value>) -> Answer {
    let request = request(method, address, path, token);
    send(match body {
        Some(body) => request.header("content-type", "application/json").body(body.to_string()).unwrap(),
        None => request.body(String::new()).unwrap(),
    })
}

impl TestServer {
    /// A request to the admin API; `path` is what follows `/admin/api/v1`.
    #[track_caller]
    pub(crate) fn admin_api(&self, method: &str, token: &str, path: &str, body: Option<&Value>) -> Answer {
        call(method, self.admin_listener, Some(token), &format!("/admin/api/v1{path}"), body)
    }

    /// A GraphQL operation by POST.
    #[track_caller]
    pub(crate) fn graphql(&self, token: Option<&str>, query: &str) -> Answer {
        self.graphql_body(token, &json!({ "query": query, "variables": null, "operationName": null }).to_string())
    }

    /// A GraphQL request by POST, with a body that may be anything.
    #[track_caller]
    pub(crate) fn graphql_body(&self, token: Option<&str>, body: &str) -> Answer {
        let request = request("POST", self.public, "/graphql", token).header("content-type", "application/json");
        send(request.body(body.to_owned()).unwrap())
    }

    /// A REST request with a JSON body.
    #[track_caller]
    pub(crate) fn post(&self, token: Option<&str>, path: &str, body: &Value) -> Answer {
        let request = request("POST", self.public, path, token).header("content-type", "application/json");
        send(request.body(body.to_string()).unwrap())
    }

    /// A REST request without a body.
    #[track_caller]
    pub(crate) fn get(&self, token: Option<&str>, path: &str) -> Answer {
        send(request("GET", self.public, path, token).body(String::new()).unwrap())
    }

    /// A request to the internal listener.
    #[track_caller]
    pub(crate) fn internal(&self, token: Option<&str>, path: &str) -> Answer {
        send(request("GET", self.internal, path, token).body(String::new()).unwrap())
    }

    /// The gateway's question; `policy` is what follows `/check`, such as `?require=customer`.
    #[track_caller]
    pub(crate) fn gateway(&self, token: Option<&str>, policy: &str) -> Answer {
        self.internal(token, &format!("/check{policy}"))
    }

    /// Whether the server says that requests should be sent to it.
    #[track_caller]
    pub(crate) fn is_ready(&self) -> bool {
        self.internal(None, "/health/ready").status == 200
    }

    /// Signs a customer in.
    #[track_caller]
    pub(crate) fn try_customer(&self, email: &str, password: &str) -> Answer {
        let query = "mutation($email: String!, $password: String!) {
            generateCustomerToken(email: $email, password: $password) { token }
        }";
        let variables = json!({ "email": email, "password": password });
        self.graphql_body(None, &json!({ "query": query, "variables": variables }).to_string())
    }

    /// The token of the demonstration's customer.
    #[track_caller]
    pub(crate) fn customer(&self) -> String {
        let answer = self.try_customer(CUSTOMER.0, CUSTOMER.1);
        answer.assert_status(200).at("/data/generateCustomerToken/token").as_str().unwrap().to_owned()
    }

    /// Signs an administrator in.
    #[track_caller]
    pub(crate) fn try_admin(&self, username: &str, password: &str) -> Answer {
        let body = json!({ "username": username, "password": password });
        self.post(None, "/rest/V1/integration/admin/token", &body)
    }

    /// The token of the demonstration's administrator.
    #[track_caller]
    pub(crate) fn admin(&self) -> String {
        let answer = self.try_admin(ADMINISTRATOR.0, ADMINISTRATOR.1);
        answer.assert_status(200).json().as_str().unwrap().to_owned()
    }
}
