//! tokenward issues, checks and revokes Magento authorization tokens, from memory, outside Magento.
//!
//! Pure state stands in the middle, actors that own it around it, protocols at the edge that only translate, and
//! one place that puts them together. Data flows one way: protocol → actor → pure state.
//!
//! | you look for | open |
//! |---|---|
//! | what a token, a session, a setting *is* | [`token`], [`session`], [`settings`] |
//! | who holds the sessions, and how a check reads them | [`registry`] |
//! | what a Magento installation's files, key and encrypted values say | [`magento`] |
//! | who may sign in, and how a password is checked | [`sign_in`], [`accounts`] |
//! | the answer to "is this request allowed?" | [`decision`] |
//! | what is said on the wire | [`http`] |
//! | what is kept on disk | [`store`] |
//! | what is written down of who did what, and how that is proved | [`audit`] |
//! | what can be configured | [`config`] (at start), [`settings`] and [`keeper`] (while it runs) |
//! | how the parts are started and stopped | [`app`], [`lifecycle`] |
//! | the command line, and how it talks to a running server | [`cli`], [`control`] |
//!
//! Who may import whom is written down in `tests/it/layers/mod.rs`, which fails when an arrow is added.

pub mod accounts;
pub mod app;
pub mod audit;
pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod decision;
pub mod http;
pub mod keeper;
pub mod lifecycle;
pub mod magento;
pub mod registry;
pub mod secret;
pub mod session;
pub mod settings;
pub mod sign_in;
pub mod store;
pub mod telemetry;
pub mod token;
