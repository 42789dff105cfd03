//! How often it is said that accounts cannot be reached: whoever may try to sign in must not fill the log.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::clock::UnixSeconds;

/// How long nothing more is said of it, in seconds.
const PAUSE: u32 = 60;

/// What has been said of accounts that cannot be reached.
#[derive(Debug, Default)]
pub(super) struct Outage {
    /// When it was said last, in Unix seconds; 0 when never.
    said: AtomicU32,
    unsaid: AtomicU32,
}

impl Outage {
    /// Counts an attempt that failed for it. When it is time to say so again: how many have failed since the last time,
    /// this one included.
    pub(super) fn count(&self, now: UnixSeconds) -> Option<u32> {
        let failed = self.unsaid.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let said = self.said.load(Ordering::Relaxed);
        let is_due = said == 0 || now.since(UnixSeconds(said)) >= PAUSE;
        if !is_due || self.said.compare_exchange(said, now.get(), Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return None;
        }
        self.unsaid.store(0, Ordering::Relaxed);
        Some(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_once_a_minute_with_how_many_there_were() {
        let outage = Outage::default();
        let begin = UnixSeconds(1_700_000_000);
        let said: Vec<_> = [0, 0, 1, 59, 60, 61, 400].map(|after| outage.count(begin.plus(after))).into();
        assert_eq!(said, [Some(1), None, None, None, Some(4), None, Some(2)]);
    }
}
