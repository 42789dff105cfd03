//! The answer to "is this request allowed, and whose is it?".
//!
//! Pure: one function, [`decide`], for every protocol. It knows no HTTP: what was presented comes in as a value, and
//! the answer goes out as one. When something cannot be told, the answer is never yes.

mod policy;

pub use policy::{OtherSchemes, Policy, Requirement};
