//! `[exchange]`: the JWT that Magento receives in place of the client's token.

use std::time::Duration;

use serde::Deserialize;

use crate::config::choice::one_of;
use crate::config::reader::Reader;
use crate::config::value::{list_of, seconds};

/// The JWT that Magento receives in place of the client's token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// How long it lives; never longer than the session.
    pub lifetime: Duration,
    /// For whom it is minted.
    pub kinds: Vec<ExchangeKind>,
}

/// For whom a token is exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExchangeKind {
    /// Customers.
    Customer,
    /// Administrators.
    Admin,
}

impl Default for Exchange {
    fn default() -> Self {
        Self { lifetime: Duration::from_mins(1), kinds: vec![ExchangeKind::Customer, ExchangeKind::Admin] }
    }
}

impl Exchange {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let default = Self::default();
        Self {
            lifetime: reader.read("exchange.lifetime", seconds(1..=3600)).unwrap_or(default.lifetime),
            kinds: reader.read("exchange.kinds", list_of(one_of)).unwrap_or(default.kinds),
        }
    }
}
