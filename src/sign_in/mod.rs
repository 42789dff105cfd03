//! Signing in: the use case that GraphQL, REST, the page and second factors share.
//!
//! throttle → place in front of the hashers → account → password hash → second factor → session, in this order, for
//! every protocol. It knows no wire format. What always holds:
//!
//! - an unknown, locked, unconfirmed or old-hash account costs one argon2 like every other; a throttled name costs none;
//! - all spellings of a name that reach one account share one throttle, and attempts in flight count;
//! - what follows the password check is carried out even when the caller has gone;
//! - a caller that has gone before its hash began is not hashed for, and counts for nothing;
//! - a sign-in decides on an account and begins its session while nobody else who takes turns changes the account;
//! - a code of an authenticator app is good once; wrong ones count for the throttle, which only a session clears;
//! - failures of one account are counted one after the other, so that none is lost;
//! - a session and its line in the audit trail are one transaction; a refusal has a line or is counted for one;
//! - what cannot be read or stored never makes an answer better: it is "unavailable", or the refusal that it was.

pub mod password;

mod administrator;
mod attempt;
mod change_password;
mod contract;
mod customer;
mod lockout;
mod outage;
mod password_rules;
mod rehash;
mod report;
mod second_factor;
mod service;
#[cfg(test)]
mod support;
mod throttle;
mod totp;
mod trail;
mod turns;

pub use change_password::{PasswordChange, PasswordChangeError};
pub use contract::{
    AdministratorCredentials, Caller, CustomerCredentials, IssuedToken, Options, Refusal, SecondFactorRule, SignInError,
};
pub use password_rules::PasswordProblem;
pub use report::Statistics;
pub use service::{Parts, SignIn};
pub use totp::{InvalidSecret, TotpSecret};
pub use turns::AccountTurn;
