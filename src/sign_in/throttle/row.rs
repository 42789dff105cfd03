//! What is known of one name, and whether it lets another attempt through. Pure.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

use crate::clock::UnixSeconds;
use crate::settings::Settings;

/// How many attempts may wait for a result on one name. Waiting costs nothing but memory, and every result wakes all.
pub(super) const MOST_WAITING: u32 = 1024;

/// The failures and the attempts of one name.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) failures: u32,
    /// The first second at which the failures no longer count.
    pub(super) lock_expires: UnixSeconds,
    pub(super) in_flight: u32,
    pub(super) waiting: u32,
    /// Wakes those who wait. Made by the first of them.
    pub(super) changed: Option<Arc<Notify>>,
}

/// Why an attempt is not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sign_in) enum Denied {
    /// The name has failed too often.
    Throttled,
    /// Too many attempts on this name wait for a result.
    Crowded,
}

/// What the settings say now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// So many failures lock the name; 0 locks every name.
    pub(super) failures: u32,
    /// For so many seconds since the last one; 0 disables the throttle.
    pub(super) timeout: u32,
}

/// What becomes of an attempt.
pub(super) enum Admission {
    Granted,
    Denied(Denied),
    Later(OwnedNotified),
}

impl Row {
    /// Lets an attempt through, turns it away, or tells it to wait for a result.
    pub(super) fn admit(&mut self, limits: Limits, now: UnixSeconds) -> Admission {
        if limits.timeout == 0 {
            self.in_flight += 1;
            return Admission::Granted;
        }
        let failures = self.failures_at(now);
        if failures >= limits.failures {
            Admission::Denied(Denied::Throttled)
        } else if failures.saturating_add(self.in_flight) < limits.failures {
            self.in_flight += 1;
            Admission::Granted
        } else if self.waiting >= MOST_WAITING {
            Admission::Denied(Denied::Crowded)
        } else {
            // Made while the row is locked: no result can come between looking and waiting.
            Admission::Later(Arc::clone(self.changed.get_or_insert_default()).notified_owned())
        }
    }

    /// A row past its lock counts as absent.
    pub(super) fn failures_at(&self, now: UnixSeconds) -> u32 {
        if self.lock_expires > now { self.failures } else { 0 }
    }

    /// Takes over what somebody else has counted, and until when it counts, where that is more.
    pub(super) fn heed(&mut self, (failures, lock_expires): (u32, UnixSeconds), now: UnixSeconds) {
        if lock_expires > now && failures >= self.failures_at(now) {
            self.lock_expires =
                if failures == self.failures { self.lock_expires.max(lock_expires) } else { lock_expires };
            self.failures = failures;
        }
    }

    /// Whether all that are in flight may be there.
    pub(super) fn lets_go_on(&self, limits: Limits, now: UnixSeconds) -> bool {
        limits.timeout == 0 || self.failures_at(now).saturating_add(self.in_flight) <= limits.failures
    }

    /// Counts a failure, unless the throttle is disabled.
    pub(super) fn fail(&mut self, limits: Limits, now: UnixSeconds) -> Option<(u32, UnixSeconds)> {
        if limits.timeout == 0 {
            return None;
        }
        self.failures = self.failures_at(now).saturating_add(1);
        self.lock_expires = now.plus(limits.timeout);
        Some((self.failures, self.lock_expires))
    }

    /// Whether an attempt depends on it.
    pub(super) fn is_used(&self) -> bool {
        self.in_flight > 0 || self.waiting > 0
    }

    /// Whether it is as good as absent.
    pub(super) fn is_idle(&self, now: UnixSeconds) -> bool {
        !self.is_used() && self.failures_at(now) == 0
    }
}

impl Limits {
    pub(super) fn of(settings: &Settings) -> Self {
        Self {
            failures: settings.number("oauth/authentication_lock/max_failures_count"),
            timeout: settings.number("oauth/authentication_lock/timeout"),
        }
    }
}
