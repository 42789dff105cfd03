//! Holds every session, from memory.
//!
//! [`TokenRegistry`] is one actor and the only writer. Everybody else reads: a [`TokenValidator`] on each worker's own
//! thread, or a [`Reader`] where there is no actor; both look a digest up in the shared index without a lock and
//! without another thread. Changes go through a [`Registry`], which stands in front of the actor with a limit on how
//! many may wait and on how long.
//!
//! It knows neither HTTP nor accounts: a subject is a kind and a number. What always holds:
//!
//! - only the registry changes the index (readers note in it when a session was used, and what was issued ahead of the
//!   clock);
//! - a session is in the index exactly while it is live or kept as expired: a `Pending` one is not yet there, a
//!   `Revoking` one no longer;
//! - one timer is armed, for the earliest deadline;
//! - a reply to a change means that the store has committed it; only sessions of tokens that a shop keeps are never
//!   stored: what ends them here is.

mod actor;
mod adopted;
mod audit;
mod clocks;
mod deadlines;
mod elsewhere;
mod ended_elsewhere;
mod ending;
mod forgotten;
mod fullness;
mod handle;
mod index;
mod jwts;
mod loading;
mod messages;
mod questions;
mod reader;
mod revoked_elsewhere;
mod revoking;
mod subjects;
mod table;
mod unstored;
mod validator;

pub use actor::{Parts, TokenRegistry};
pub use deadlines::KEEP_ENDED;
pub use elsewhere::TokensElsewhere;
pub use handle::{Options, Registry, RegistryError};
pub use messages::{
    AdoptSession, BeginLoading, ClocksCompared, CollectStatistics, CountEnding, EndTokens, FindSession, IssueToken,
    Issued, JwtDenial, ListSessions, ListUsers, LoadJwts, LoadSessions, PreloadSession, PreloadSessions,
    ReleaseSessions, Revocation, RevokeSessions, SettingsChanged, Statistics, TakeRevocations, ValidateToken,
    ValidateTokens,
};
pub use reader::{Candidate, NewToken, Reader, SubjectFacts, TokenForms, Validation};
pub use validator::{TokenValidator, ValidatorCounts};

#[cfg(test)]
mod tests;
