//! Time, as an argument: everything that asks what time it is holds a [`Clock`].
//!
//! Session time never runs backwards. It starts at the wall clock, is carried on by the boot-time clock (which counts
//! while the machine sleeps), adopts steps of the wall clock forwards, and ignores steps backwards, so that a token
//! ends after its lifetime has really passed and an expired one never comes alive again.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use tracing::warn;

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

    /// How often the wall clock was set. A clock that is moved by hand has no steps.
    fn steps(&self) -> ClockSteps {
        ClockSteps::default()
    }
}

/// A clock that everybody shares.
pub type SharedClock = Arc<dyn Clock>;

/// How often the wall clock was set while it ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockSteps {
    /// Forwards: session time followed.
    pub forward: u64,
    /// Backwards: session time went on as if nothing had happened.
    pub backward: u64,
}

/// A change of the wall clock that is smaller than this is no step; the boot-time clock is right then.
const STEP_MILLIS: i64 = 1000;

/// How often the wall clock is looked at: reading it every time would cost each check as much as the time itself.
const WALL_CLOCK_EVERY_MILLIS: i64 = 100;

/// When reading two clocks takes longer than this, the thread was stopped in between, and what they say does not belong
/// together.
const ONE_GLANCE_MILLIS: i64 = 20;

/// The clock of a running server.
#[derive(Debug)]
pub struct SystemClock(SessionTime);

impl SystemClock {
    /// A clock that starts at the wall clock, but not below `floor`, the last moment known from an earlier run.
    pub fn starting_at(floor: UnixSeconds) -> Self {
        Self(SessionTime::starting_at(floor, Glance::now()))
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
        if self.0.wants_to_look(boot) {
            self.0.look(Glance::now());
        }
        self.0.at(boot)
    }

    fn wall(&self) -> UnixSeconds {
        UnixSeconds(u32::try_from(wall_millis() / 1000).unwrap_or(0))
    }

    fn steps(&self) -> ClockSteps {
        self.0.steps()
    }
}

/// Both clocks at one moment, in milliseconds.
#[derive(Clone, Copy, Debug)]
struct Glance {
    wall: i64,
    boot: i64,
}

impl Glance {
    /// Tried again when the thread was stopped meanwhile; the last try counts in any case.
    fn now() -> Self {
        for _ in 0..3 {
            let before = boot_millis();
            let wall = wall_millis();
            let boot = boot_millis();
            if boot - before <= ONE_GLANCE_MILLIS {
                return Self { wall, boot };
            }
        }
        // In this order: a stop between the two looks as if the wall clock lagged, which is ignored, and not as if it
        // had gone ahead, which would be adopted for good.
        let wall = wall_millis();
        Self { wall, boot: boot_millis() }
    }

    fn ahead(self) -> i64 {
        self.wall - self.boot
    }
}

/// Session time, out of what the two clocks say.
#[derive(Debug)]
struct SessionTime {
    /// Session time minus boot time, in milliseconds; it only grows.
    offset: AtomicI64,
    /// The boot time at which the wall clock was last looked at, in milliseconds.
    looked: AtomicI64,
    /// Wall clock minus boot time then, in milliseconds.
    ahead: AtomicI64,
    forward: AtomicU64,
    backward: AtomicU64,
}

impl SessionTime {
    fn starting_at(floor: UnixSeconds, glance: Glance) -> Self {
        let start = glance.wall.max(i64::from(floor.get()) * 1000);
        Self {
            offset: AtomicI64::new(start - glance.boot),
            looked: AtomicI64::new(glance.boot),
            ahead: AtomicI64::new(glance.ahead()),
            forward: AtomicU64::new(0),
            backward: AtomicU64::new(0),
        }
    }

    /// Session time at a boot time, in milliseconds.
    fn at(&self, boot: i64) -> u64 {
        u64::try_from(boot + self.offset.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// Whether it is time to look at the wall clock. One thread is told so, not all that ask at this moment.
    fn wants_to_look(&self, boot: i64) -> bool {
        let looked = self.looked.load(Ordering::Relaxed);
        boot - looked >= WALL_CLOCK_EVERY_MILLIS
            && self.looked.compare_exchange(looked, boot, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Adopts a step forwards, and notices those backwards.
    fn look(&self, glance: Glance) {
        let ahead = glance.ahead();
        if ahead - self.offset.load(Ordering::Relaxed) > STEP_MILLIS {
            self.offset.fetch_max(ahead, Ordering::Relaxed);
        }
        let milliseconds = ahead - self.ahead.swap(ahead, Ordering::Relaxed);
        if milliseconds > STEP_MILLIS {
            self.forward.fetch_add(1, Ordering::Relaxed);
            warn!(milliseconds, "the system's clock was set forward: sessions are older by that much");
        } else if milliseconds < -STEP_MILLIS {
            self.backward.fetch_add(1, Ordering::Relaxed);
            warn!(milliseconds, "the system's clock was set back: the time of sessions goes on as before");
        }
    }

    fn steps(&self) -> ClockSteps {
        ClockSteps { forward: self.forward.load(Ordering::Relaxed), backward: self.backward.load(Ordering::Relaxed) }
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

    const MORNING: i64 = 1_700_000_000_000;
    const DAY: i64 = 86_400_000;

    fn morning() -> SessionTime {
        SessionTime::starting_at(UnixSeconds(0), Glance { wall: MORNING, boot: 5000 })
    }

    #[test]
    fn a_step_forwards_is_adopted_and_counted() {
        let time = morning();
        time.look(Glance { wall: MORNING + DAY + 100, boot: 5100 });
        assert_eq!(time.at(5100).cast_signed(), MORNING + DAY + 100);
        assert_eq!(time.steps(), ClockSteps { forward: 1, backward: 0 });
    }

    #[test]
    fn a_step_backwards_is_counted_and_time_goes_on() {
        let time = morning();
        time.look(Glance { wall: MORNING - DAY + 100, boot: 5100 });
        assert_eq!(time.at(5100).cast_signed(), MORNING + 100);
        // And back: it is a step, but session time is there already.
        time.look(Glance { wall: MORNING + 200, boot: 5200 });
        assert_eq!(time.at(5200).cast_signed(), MORNING + 200);
        assert_eq!(time.steps(), ClockSteps { forward: 1, backward: 1 });
    }

    #[test]
    fn sleep_of_the_machine_is_time_that_passes_and_no_step() {
        let time = morning();
        let night = 8 * 3_600_000;
        assert!(time.wants_to_look(5000 + night));
        time.look(Glance { wall: MORNING + night, boot: 5000 + night });
        assert_eq!(time.at(5000 + night).cast_signed(), MORNING + night);
        assert_eq!(time.steps(), ClockSteps::default());
    }

    #[test]
    fn a_clock_that_is_corrected_little_by_little_has_no_steps() {
        let time = morning();
        for look in 1..=100 {
            time.look(Glance { wall: MORNING + look * 110, boot: 5000 + look * 100 });
        }
        assert_eq!(time.steps(), ClockSteps::default());
        assert_eq!(time.at(15_000).cast_signed(), MORNING + 10_000);
    }

    #[test]
    fn the_wall_clock_is_looked_at_by_one_thread_and_not_every_time() {
        let time = morning();
        assert!(!time.wants_to_look(5099));
        assert!(time.wants_to_look(5100));
        assert!(!time.wants_to_look(5100));
    }

    #[test]
    fn a_moment_is_written_as_rfc_3339_and_as_magento_does() {
        let moment = UnixSeconds(1_700_000_000);
        assert_eq!(moment.to_rfc3339(), "2023-11-14T22:13:20Z");
        assert_eq!(moment.to_magento(), "2023-11-14 22:13:20");
    }
}
