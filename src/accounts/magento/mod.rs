//! Accounts, websites and settings in a shop's own database (fact sheet 5, 8).
//!
//! | file | what |
//! |---|---|
//! | `options` | how to reach the database: [`DatabaseOptions`] |
//! | `database` | the pool: every question has a limit of time, and none waits while the database is away |
//! | `opening` | the first look, which may have to be waited for: [`ShopDatabase`] |
//! | `schema` | what the database has: looked at once, at the start |
//! | `rights` | what may be written there: tried once, at the start |
//! | `customers`, `administrators`, `throttle`, `second_factors`, `revocations`, `directory`, `config` | the statements |
//! | `store` | [`MagentoAccounts`], which puts them together |
//! | `locks` | who is locked out there, for the operator |
//! | `settings` | settings, websites and roles, read and written |
//! | `watching` | what is asked while the shop is watched: users, tokens, revocations, the clock |
//! | `states` | what became of users who have sessions |
//! | `holders` | what a check has to know of users whose tokens have no sessions |
//! | `tokens` | opaque tokens that the shop issued, and what became of them |
//! | `mirror` | tokens issued here that stand in the shop's table, too |
//! | `hashes` | password hashes that are renewed |
//!
//! What always holds: the session's time zone is UTC; every moment is compared with our clock, as Magento compares it
//! with that of its own server; names are compared once more here, since the database takes accents for the letters
//! below them; with `magento.write = false` nothing but `SELECT` is sent. No cause that the database tells reaches a
//! client.

mod administrators;
mod config;
mod customers;
mod database;
mod directory;
mod hashes;
mod holders;
mod locks;
mod mirror;
mod opening;
mod options;
mod revocations;
mod rights;
mod row;
mod schema;
mod second_factors;
mod settings;
mod states;
mod store;
#[cfg(test)]
mod tests;
mod throttle;
mod tokens;
mod watching;

pub use config::{FixedSettings, ShopSettings};
pub use database::Condition;
pub use opening::ShopDatabase;
pub use options::DatabaseOptions;
pub use schema::{DoneWithout, MissingTable, SchemaReport, Weight};
pub use states::{AdministratorState, CustomerState};
pub use store::MagentoAccounts;
pub use tokens::{ShopToken, TokenHolder, TokenRow};
pub use watching::ClockDifference;
