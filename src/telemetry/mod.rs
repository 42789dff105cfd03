//! Logs and metrics, and whether the server is ready.
//!
//! It knows nothing of the others; everybody may use it. No user and no token is ever a label or a field, except where
//! a log line names who was refused.

mod metrics;
mod readiness;

pub use metrics::Metrics;
pub use readiness::Readiness;
