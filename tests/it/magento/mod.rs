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

use crate::support::{Answer, MariaDb, ServerBuilder, TestServer};

/// The newest entry of `crypt/key` in the kit's `env.php`.
const KEY: &str = "base64a2l0LWtleS1tYWdlbnRvLTMyLWJ5dGVzLS0tLS0tLS0=";

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

impl TestServer {
    /// What the gateway is told about a token.
    fn check(&self, token: &str) -> u16 {
        self.gateway(Some(token), "").status
    }
}
