//! What the hashers count and measure.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// How long a hash takes as long as none was measured.
const ASSUMED_HASH_TIME: Duration = Duration::from_millis(100);

/// One for all hashers of a pool.
#[derive(Debug, Default)]
pub(super) struct Meter {
    running: AtomicUsize,
    hashed: AtomicU64,
    /// How long all of that took, in nanoseconds.
    spent: AtomicU64,
    /// Moving average in nanoseconds; 0 as long as nothing was measured.
    nanoseconds: AtomicU64,
}

impl Meter {
    /// Says that a password is being hashed, until the answer is dropped.
    pub(super) fn begin(&self) -> Running<'_> {
        self.running.fetch_add(1, Ordering::Relaxed);
        Running { meter: self, since: Instant::now() }
    }

    /// Counts so many argon2 computations.
    pub(super) fn count(&self, runs: u64) {
        self.hashed.fetch_add(runs, Ordering::Relaxed);
    }

    /// How many passwords are being hashed.
    pub(super) fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    /// How many argon2 computations there were.
    pub(super) fn hashed(&self) -> u64 {
        self.hashed.load(Ordering::Relaxed)
    }

    /// How long hashers were at it in all.
    pub(super) fn spent(&self) -> Duration {
        Duration::from_nanos(self.spent.load(Ordering::Relaxed))
    }

    /// Takes this for what a password takes of late.
    #[cfg(test)]
    pub(super) fn assume(&self, took: Duration) {
        self.nanoseconds.store(u64::try_from(took.as_nanos()).unwrap(), Ordering::Relaxed);
    }

    /// How long a password took of late.
    pub(super) fn hash_time(&self) -> Duration {
        match self.nanoseconds.load(Ordering::Relaxed) {
            0 => ASSUMED_HASH_TIME,
            nanoseconds => Duration::from_nanos(nanoseconds),
        }
    }

    /// Two hashers that end at once may lose one of the measurements, which does not matter.
    fn measure(&self, took: Duration) {
        self.spent.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        let (took, average) = (took.as_nanos(), self.hash_time().as_nanos());
        let average = u64::try_from((7 * average + took) / 8).unwrap_or(u64::MAX);
        self.nanoseconds.store(average.max(1), Ordering::Relaxed);
    }
}

/// A password is being hashed.
pub(super) struct Running<'a> {
    meter: &'a Meter,
    since: Instant,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.meter.running.fetch_sub(1, Ordering::Relaxed);
        self.meter.measure(self.since.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_follows_what_is_measured_without_jumping() {
        let meter = Meter::default();
        assert_eq!(meter.hash_time(), ASSUMED_HASH_TIME);
        meter.measure(Duration::from_millis(900));
        assert_eq!(meter.hash_time(), Duration::from_millis(200));
        for _ in 0..100 {
            meter.measure(Duration::from_millis(75));
        }
        assert_eq!(meter.hash_time().as_millis(), 75);
        assert_eq!(meter.spent(), Duration::from_millis(900 + 100 * 75));
    }

    #[test]
    fn what_is_being_hashed_is_counted_until_it_is_done() {
        let meter = Meter::default();
        let running = meter.begin();
        assert_eq!(meter.running(), 1);
        drop(running);
        assert_eq!(meter.running(), 0);
    }
}
