//! Logs and metrics, and whether the server is ready.
//!
//! It knows nothing of the others; everybody may use it. Counting takes no lock and, as long as there are not more
//! workers than shards, shares no cache line with another worker. No user, no token and nothing that a client sends is
//! ever a label; a user is a field only where a log line names who was refused.

mod counts;
mod exposition;
mod histogram;
pub mod logging;
mod metrics;
mod readiness;

pub use exposition::{CONTENT_TYPE, SessionSample, ShopSample, SignInSample};
pub use metrics::{CheckOutcome, Metrics, RouteGroup};
pub use readiness::Readiness;
