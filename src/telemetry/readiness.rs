//! Whether requests should be sent here.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

const STARTING: u8 = 0;
const READY: u8 = 1;
const STOPPING: u8 = 2;

/// Whether something that is not needed for every answer is away.
type Ailment = Box<dyn Fn() -> bool + Send + Sync>;

/// The state of the server as a load balancer needs it: starting, ready, stopping, in this order. A ready one may be
/// degraded for a time.
#[derive(Default)]
pub struct Readiness {
    /// And whether requests should go elsewhere then.
    ailment: OnceLock<(Ailment, bool)>,
    state: AtomicU8,
    loaded: AtomicU64,
    to_load: AtomicU64,
}

impl Readiness {
    /// From now on requests are welcome.
    pub fn set_ready(&self) {
        self.state.store(READY, Ordering::Release);
    }

    /// From now on requests should go elsewhere; those that come are still answered.
    pub fn set_stopping(&self) {
        self.state.store(STOPPING, Ordering::Release);
    }

    /// How far the start has come: so many sessions of so many are loaded.
    pub fn set_progress(&self, loaded: u64, of: u64) {
        self.loaded.store(loaded, Ordering::Relaxed);
        self.to_load.store(of, Ordering::Relaxed);
    }

    /// How many sessions are loaded, and of how many.
    pub fn progress(&self) -> (u64, u64) {
        (self.loaded.load(Ordering::Relaxed), self.to_load.load(Ordering::Relaxed))
    }

    /// Says how to find out that something is away, and whether requests should go elsewhere then. Only the first call
    /// counts.
    pub fn set_ailment(&self, is_ailing: impl Fn() -> bool + Send + Sync + 'static, unready: bool) {
        let _already_set = self.ailment.set((Box::new(is_ailing), unready));
    }

    /// Whether requests are welcome.
    pub fn is_ready(&self) -> bool {
        let elsewhere = self.ailment.get().is_some_and(|(is_ailing, unready)| *unready && is_ailing());
        self.state.load(Ordering::Acquire) == READY && !elsewhere
    }

    /// Whether they are not welcome yet.
    pub fn is_starting(&self) -> bool {
        self.state.load(Ordering::Acquire) == STARTING
    }

    /// The state in a word.
    pub fn name(&self) -> &'static str {
        match self.state.load(Ordering::Acquire) {
            STARTING => "starting",
            READY if self.ailment.get().is_some_and(|(is_ailing, _)| is_ailing()) => "degraded",
            READY => "ready",
            _ => "stopping",
        }
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Readiness").field(&self.name()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_away_degrades_a_ready_server_and_makes_it_unready_only_where_that_is_wanted() {
        for (unready, ready) in [(false, true), (true, false)] {
            let readiness = Readiness::default();
            readiness.set_ailment(|| true, unready);
            assert_eq!((readiness.name(), readiness.is_ready()), ("starting", false));
            readiness.set_ready();
            assert_eq!((readiness.name(), readiness.is_ready()), ("degraded", ready));
            readiness.set_stopping();
            assert_eq!((readiness.name(), readiness.is_ready()), ("stopping", false));
        }
    }
}
