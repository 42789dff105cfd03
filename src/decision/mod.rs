//! The answer to "is this request allowed, and whose is it?".
//!
//! Pure: one function, [`decide()`], for every protocol. It knows no HTTP and no registry: what was presented comes in as
//! a [`Credential`], and the answer goes out as a [`Decision`]. What always holds: when something cannot be told, the
//! answer is never yes, and a refusal names nobody.

mod credential;
mod decide;
mod policy;

pub use credential::{Credential, Holder};
pub use decide::{Circumstances, Decision, Reason, Verdict, decide};
pub use policy::{Exchange, OtherSchemes, Policy, Requirement};
