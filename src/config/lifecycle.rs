//! `[lifecycle]`: how the server stops.

use std::time::Duration;

use crate::config::reader::Reader;
use crate::config::value::seconds;

/// How the server stops.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    /// How long it says "unready" and still takes requests, so that balancers notice before it stops listening.
    pub drain_delay: Duration,
    /// How long it then waits for the requests that run.
    pub drain_timeout: Duration,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self { drain_delay: Duration::ZERO, drain_timeout: Duration::from_secs(30) }
    }
}

impl Lifecycle {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let default = Self::default();
        Self {
            drain_delay: reader.read("lifecycle.drain_delay", seconds(0..=600)).unwrap_or(default.drain_delay),
            drain_timeout: reader.read("lifecycle.drain_timeout", seconds(1..=3600)).unwrap_or(default.drain_timeout),
        }
    }
}
