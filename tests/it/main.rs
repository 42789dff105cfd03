//! What tokenward promises, shown on the running program.
//!
//! One binary, so that everything is linked once. Each test starts a server of its own with ports and a folder of its
//! own, so that they run side by side.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod admin;
mod audits;
mod bad_input;
mod citations;
mod cli;
mod clients;
mod config;
mod demo;
mod durability;
mod gateway;
mod graphql;
mod layers;
mod lifecycle;
mod magento;
mod panics;
mod readme;
mod revoke;
mod routes;
mod sign_in;
mod support;
