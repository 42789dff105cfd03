//! Time, as an argument: everything that asks what time it is holds a [`Clock`].
//!
//! Session time never runs backwards. It starts at the wall clock, is carried on by the boot-time clock (which counts
//! while the machine sleeps), adopts steps of the wall clock forwards, and ignores steps backwards, so that a token
//! ends after its lifetime has really passed and an expired one never comes alive again.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// A moment in whole seconds since the Unix epoch. Thirty-two bits last until the year 2106.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UnixSeconds(pub u32);

impl UnixSeconds {
    /// The number of seconds.
    pub fn get(self) -> u32 {
        self.0
    }

    /// This moment and `seconds` later, at most the last representable moment.
    #[must_use]
    pub fn plus(self, seconds: u32) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// The seconds that have passed since `earlier`; 0 when `earlier` lies ahead.
    pub fn since(self, earlier: Self) -> u32 {
        self.0.saturating_sub(earlier.0)
    }

    /// RFC 3339 text in UTC, such as `2026-01-31T12:00:00Z`.
    pub fn to_rfc3339(self) -> String {
        self.timestamp().to_string()
    }

    /// Magento's `YYYY-MM-DD HH:MM:SS` in UTC (fact sheet 2.4).
    pub fn to_magento(self) -> String {
        self.timestamp().strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    fn timestamp(self) -> jiff::Timestamp {
        jiff::Timestamp::from_second(i64::from(self.0)).expect("thirty-two bits of seconds are within jiff's range")
    }
}

impl fmt::Display for UnixSeconds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.to_rfc3339())
    }
}

/// Where the time comes from.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Session time in milliseconds since the Unix epoch; never less than an earlier answer.
    fn now_millis(&self) -> u64;

    /// The wall clock, steps and all: what JWTs are stamped with.
    fn wall(&self) -> UnixSeconds;

    /// Session time in seconds.
    fn now(&self) -> UnixSeconds {
        UnixSeconds(u32::try_from(self.now_millis() / 1000).unwrap_or(u32::MAX))
    }
}

/// A clock that everybody shares.
pub type SharedClock = Arc<dyn Clock>;

/// A step of the wall clock forwards that is smaller than this is left to the boot-time clock.
const ADOPTED_STEP_MILLIS: i64 = 1000;

/// How often the wall clock is looked at: reading it every time would cost each check as much as the time itself.
const WALL_CLOCK_EVERY_MILLIS: i64 = 100;

/// The clock of a running server.
#[derive(Debug)]
pub struct SystemClock {
    /// Session time minus boot time, in milliseconds; it only grows.
    offset: AtomicI64,
    /// The boot time at which the wall clock was last looked at, in milliseconds.
    looked: AtomicI64,
}

impl SystemClock {
    /// A clock that starts at the wall clock, but not below `floor`, the last moment known from an earlier run.
    pub fn starting_at(floor: UnixSeconds) -> Self {
        let start = wall_millis().max(i64::from(floor.get()) * 1000);
        let boot = boot_millis();
        Self { offset: AtomicI64::new(start - boot), looked: AtomicI64::new(boot) }
    }

    fn adopt_step(&self) {
        // In this order: a thread that is stopped between the two seems to lag, which is ignored, and not to have been
        // overtaken by the wall clock, which would be adopted for good.
        let wall = wall_millis();
        let boot = boot_millis();
        self.looked.store(boot, Ordering::Relaxed);
        let ahead = wall - boot;
        if ahead - self.offset.load(Ordering::Relaxed) > ADOPTED_STEP_MILLIS {
            self.offset.fetch_max(ahead, Ordering::Relaxed);
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::starting_at(UnixSeconds(0))
    }
}

impl Clock for SystemClock {
    fn now_millis(&self) -> u64 {
        let boot = boot_millis();
        if boot - self.looked.load(Ordering::Relaxed) >= WALL_CLOCK_EVERY_MILLIS {
            self.adopt_step();
        }
        u64::try_from(boot + self.offset.load(Ordering::Relaxed)).unwrap_or(0)
    }

    fn wall(&self) -> UnixSeconds {
        UnixSeconds(u32::try_from(wall_millis() / 1000).unwrap_or(0))
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
fn wall_millis() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |passed| i64::try_from(passed.as_millis()).unwrap_or(i64::MAX))
}

fn boot_millis() -> i64 {
    let passed = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    passed.tv_sec * 1000 + passed.tv_nsec / 1_000_000
}

/// A clock that stands still until it is moved: for tests and benches.
#[derive(Debug)]
pub struct MockClock {
    millis: AtomicU64,
}

impl MockClock {
    /// A clock that shows `now`.
    pub fn at(now: UnixSeconds) -> Arc<Self> {
        Arc::new(Self { millis: AtomicU64::new(u64::from(now.get()) * 1000) })
    }

    /// Moves the clock forwards.
    pub fn advance(&self, by: std::time::Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.millis.fetch_add(millis, Ordering::Relaxed);
    }
}

impl Clock for MockClock {
    fn now_millis(&self) -> u64 {
        self.millis.load(Ordering::Relaxed)
    }

    fn wall(&self) -> UnixSeconds {
        self.now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_time_starts_at_the_wall_clock_and_not_below_the_floor() {
        let clock = SystemClock::default();
        assert!(clock.now().get().abs_diff(clock.wall().get()) <= 1);
        let tomorrow = clock.wall().plus(86_400);
        assert!(SystemClock::starting_at(tomorrow).now() >= tomorrow);
    }

    #[test]
    fn a_moment_is_written_as_rfc_3339_and_as_magento_does() {
        let moment = UnixSeconds(1_700_000_000);
        assert_eq!(moment.to_rfc3339(), "2023-11-14T22:13:20Z");
        assert_eq!(moment.to_magento(), "2023-11-14 22:13:20");
    }
}
