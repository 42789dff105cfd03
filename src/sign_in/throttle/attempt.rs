//! An attempt on a name, from the moment that the throttle knows of it.

use std::sync::Arc;

use dashmap::Entry;

use super::row::Row;
use super::{Key, Throttle};
use crate::store::ThrottleRow;

/// An attempt that was let through. Dropped without a word it counts as neither failure nor success.
#[derive(Debug)]
pub(in crate::sign_in) struct InFlight {
    pub(super) throttle: Arc<Throttle>,
    pub(super) key: Key,
    /// Whether the row no longer counts it as in flight.
    pub(super) settled: bool,
}

impl InFlight {
    /// The name that is counted.
    pub(in crate::sign_in) fn key(&self) -> Key {
        self.key.clone()
    }

    /// Takes over what somebody else has counted for this name, where that is more. `None` when the attempt may not go on
    /// by what is known now: it has to begin again, and is refused, or waits for the others in flight.
    pub(in crate::sign_in) fn heed(self, counted: &ThrottleRow) -> Option<Self> {
        let (limits, now) = (self.throttle.limits(), self.throttle.clock.now());
        let goes_on = self.throttle.update(&self.key, |row| {
            row.heed((counted.failures, counted.lock_expires), now);
            row.lets_go_on(limits, now)
        });
        goes_on.unwrap_or(true).then_some(self)
    }

    /// Counts a failure, and gives what has to be stored of it; nothing while the throttle is disabled.
    pub(in crate::sign_in) fn fail(mut self) -> Option<ThrottleRow> {
        let (limits, now) = (self.throttle.limits(), self.throttle.clock.now());
        let stored = self.settle(|row| row.fail(limits, now)).flatten();
        self.throttle.make_room();
        let (failures, lock_expires) = stored?;
        Some(ThrottleRow { kind: self.key.kind, name: self.key.name(), failures, lock_expires })
    }

    /// Forgets the failures of this name.
    pub(in crate::sign_in) fn succeed(mut self) {
        self.settle(|row| row.failures = 0);
    }

    fn settle<R>(&mut self, change: impl FnOnce(&mut Row) -> R) -> Option<R> {
        self.settled = true;
        self.throttle.update(&self.key, |row| {
            row.in_flight = row.in_flight.saturating_sub(1);
            change(row)
        })
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if !self.settled {
            self.settle(|_| ());
        }
    }
}

/// An attempt that waits, or no longer does when this is dropped: also when its caller has gone.
pub(super) struct Waiting<'a> {
    pub(super) throttle: &'a Throttle,
    pub(super) key: &'a Key,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let now = self.throttle.clock.now();
        if let Entry::Occupied(mut entry) = self.throttle.rows.entry(self.key.clone()) {
            let row = entry.get_mut();
            row.waiting = row.waiting.saturating_sub(1);
            if row.is_idle(now) {
                entry.remove();
            }
        }
    }
}
