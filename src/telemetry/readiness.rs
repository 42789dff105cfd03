//! Whether requests should be sent here.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

const STARTING: u8 = 0;
const READY: u8 = 1;
const STOPPING: u8 = 2;

/// The state of the server as a load balancer needs it: starting, ready, stopping, in this order.
#[derive(Debug, Default)]
pub struct Readiness {
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

    /// Whether requests are welcome.
    pub fn is_ready(&self) -> bool {
        self.state.load(Ordering::Acquire) == READY
    }

    /// Whether they are not welcome yet.
    pub fn is_starting(&self) -> bool {
        self.state.load(Ordering::Acquire) == STARTING
    }

    /// The state in a word.
    pub fn name(&self) -> &'static str {
        match self.state.load(Ordering::Acquire) {
            STARTING => "starting",
            READY => "ready",
            _ => "stopping",
        }
    }
}
