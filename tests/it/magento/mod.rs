//! Beside a shop: its accounts, its settings, and what its operator does meanwhile.

mod accounts;
mod away;
mod changes;
mod deployed;
mod proxy;
mod tokens;

use crate::support::{Answer, MariaDb, ServerBuilder, TestServer};

/// A server beside this shop, by its `env.php`, that looks at it every second.
fn beside(database: &MariaDb) -> ServerBuilder {
    ServerBuilder::new()
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
