//! What the registry promises, tried out.

mod actor;
mod bulk;
mod durability;
mod jwts;
mod model;
mod questions;
mod table;

use std::sync::Arc;

use crate::clock::UnixSeconds;
use crate::registry::Options;
use crate::registry::index::Index;
use crate::registry::table::Table;
use crate::session::SessionId;
use crate::settings::{Roles, Scope, Settings, Snapshot, StoreDirectory};
use crate::store::Durability;
use crate::token::{EmptyLifetime, TokenDigest};

/// The time at which tests begin.
const START: UnixSeconds = UnixSeconds(1_000_000);

fn options() -> Options {
    Options { capacity: 10_000_000, per_subject: 1000, durability: Durability::Sync, outbox: false }
}

fn table(options: Options) -> (Arc<Index>, Table) {
    let index = Arc::new(Index::default());
    let table = Table::new(Arc::clone(&index), options, SessionId(1));
    (index, table)
}

/// A snapshot in which a customer's token lives for so many hours, written as the setting is.
fn customer_hours(hours: &str) -> Snapshot {
    let mut settings = Settings::default();
    settings.set("oauth/access_token_lifetime/customer", Scope::Default, Some(hours.to_owned()));
    Snapshot::new(settings, StoreDirectory::fresh(), Roles::default(), EmptyLifetime::AtOnce)
}

/// A digest that is as uniform as a real one, and different for each number.
fn digest(number: u64) -> TokenDigest {
    let mut digest = [0; 16];
    digest.copy_from_slice(&blake3::hash(&number.to_le_bytes()).as_bytes()[..16]);
    TokenDigest(digest)
}
