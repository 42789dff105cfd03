//! Nothing acknowledged is lost: restarts, crashes, faults and damage.

mod audit;
mod backup;
mod belonging;
mod broken_disk;
mod crash;
mod damage;
mod file_system;
mod full_disk;
mod power_cut;
mod restart;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use ureq::http::Request;

use crate::support::{ServerBuilder, TestServer};

/// Longer than any start or stop takes.
const SOON: Duration = Duration::from_mins(1);

/// A data folder that outlives its servers, and a seed with customers for it.
struct Home {
    own: tempfile::TempDir,
    customers: usize,
}

impl Home {
    fn with_customers(customers: usize) -> Self {
        let own = tempfile::tempdir().unwrap();
        let rows = (0..customers)
            .map(|number| format!("[[customers]]\nemail = \"{}\"\npassword = \"{PASSWORD}\"\n", email(number)));
        std::fs::write(own.path().join("seed.toml"), rows.collect::<String>()).unwrap();
        Self { own, customers }
    }

    fn folder(&self) -> PathBuf {
        self.own.path().join("data")
    }

    fn database(&self) -> PathBuf {
        self.folder().join("tokenward.db")
    }

    fn builder(&self) -> ServerBuilder {
        let seed = self.own.path().join("seed.toml").to_str().unwrap().to_owned();
        ServerBuilder::on(&self.folder()).argument("--seed").argument(seed)
    }

    #[track_caller]
    fn start(&self) -> TestServer {
        self.builder().start()
    }
}

const PASSWORD: &str = "a password for durability";

fn email(number: usize) -> String {
    format!("customer-{number}@example.com")
}

/// The token of a customer who signs in.
#[track_caller]
fn sign_in(server: &TestServer, customer: usize) -> String {
    let answer = server.try_customer(&email(customer), PASSWORD);
    answer.assert_status(200).at("/data/generateCustomerToken/token").as_str().unwrap().to_owned()
}

const REVOKE: &str = "mutation { revokeCustomerToken(scope: CURRENT) { result } }";

#[track_caller]
fn revoke(server: &TestServer, token: &str) {
    server.graphql(Some(token), REVOKE).assert_status(200);
}

/// The number of a token's session, when it is good.
fn session(server: &TestServer, token: &str) -> Option<u64> {
    let answer = server.gateway(Some(token), "");
    (answer.status == 200).then(|| answer.header("x-token-session-id").parse().unwrap())
}

/// A GraphQL answer from a server that may die meanwhile: status and body.
fn ask(public: SocketAddr, token: Option<&str>, query: &Value) -> Option<(u16, Value)> {
    let configuration = ureq::Agent::config_builder().timeout_global(Some(SOON)).http_status_as_error(false).build();
    let request = Request::post(format!("http://{public}/graphql")).header("content-type", "application/json");
    let request = match token {
        Some(token) => request.header("authorization", format!("Bearer {token}")),
        None => request,
    };
    let mut answer = ureq::Agent::new_with_config(configuration).run(request.body(query.to_string()).unwrap()).ok()?;
    let body = answer.body_mut().read_to_string().ok()?;
    Some((answer.status().as_u16(), serde_json::from_str(&body).ok()?))
}

fn sign_in_query(customer: usize) -> Value {
    let query = "mutation($email: String!, $password: String!) {
        generateCustomerToken(email: $email, password: $password) { token }
    }";
    json!({ "query": query, "variables": { "email": email(customer), "password": PASSWORD } })
}
