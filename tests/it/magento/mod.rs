//! Beside a shop: its accounts, its settings, and what its operator does meanwhile.

mod accounts;
mod away;
mod changes;
mod deployed;
mod jwts;
mod mirror;
mod proxy;
mod rehash;
mod revocations;
mod rotation;
mod second_factor;
mod tls;
mod tokens;

use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::{Answer, MariaDb, ServerBuilder, TestServer};

/// The newest entry of `crypt/key` in the kit's `env.php`.
const KEY: &str = "base64a2l0LWtleS1tYWdlbnRvLTMyLWJ5dGVzLS0tLS0tLS0=";

/// What happens in the shop is honoured within `magento.poll`, which is a second for these servers, and one more.
const HONOURED: Duration = Duration::from_secs(1 + 1);

/// A server beside this shop, by its `env.php`, that looks at it every second.
fn beside(database: &MariaDb) -> ServerBuilder {
    by(ServerBuilder::new(), database)
}

/// The same on a folder that outlives the server.
fn beside_on(folder: &Path, database: &MariaDb) -> ServerBuilder {
    by(ServerBuilder::on(folder), database)
}

fn by(builder: ServerBuilder, database: &MariaDb) -> ServerBuilder {
    builder
        .key("ACCOUNTS__SOURCE", "magento")
        .key("MAGENTO__ENV_PHP", database.env_php().to_str().unwrap())
        .key("MAGENTO__POLL", "1")
        .key("MAGENTO__TIMEOUT", "1")
}

/// The token of an answer of the GraphQL sign-in.
#[track_caller]
fn token(answer: &Answer) -> String {
    answer.assert_status(200).at("/data/generateCustomerToken/token").as_str().unwrap().to_owned()
}

/// Waits until the gateway's answer for a token is this one, and fails when that takes longer than is promised.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "the promise is one of real time")]
fn becomes(server: &TestServer, token: &str, status: u16) {
    let begun = Instant::now();
    server.wait_until(|server| server.check(token) == status || begun.elapsed() > 2 * HONOURED);
    let (took, told) = (begun.elapsed(), server.check(token));
    assert!(told == status && took <= HONOURED, "{told} after {took:?}:\n{}", server.process.log.text());
}

impl TestServer {
    /// What the gateway is told about a token.
    fn check(&self, token: &str) -> u16 {
        self.gateway(Some(token), "").status
    }
}
