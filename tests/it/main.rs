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
mod exchange;
mod gateway;
mod graphql;
mod jwt;
mod layers;
mod lifecycle;
mod magento;
mod memory;
mod opening;
mod panics;
mod readme;
mod referee;
mod revoke;
mod routes;
mod runbook;
mod second_factor;
mod secrets;
mod sign_in;
mod sockets;
mod support;
mod time;
