//! The two clocks: ours, and that of a shop beside which the server runs.
//!
//! A revocation is a moment: what was issued then or earlier has ended. Made by one clock, it has to cover what was issued
//! by the other, so that it is carried over by the measured difference, rounded to the side on which more has ended.

use actix::Handler;

use crate::clock::UnixSeconds;
use crate::registry::{ClocksCompared, TokenRegistry};

/// How far a measured difference may be off, in milliseconds.
const MEASURED_WITHIN: i64 = 100;

/// By how much the shop's clock is ahead of ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ShopClock {
    /// Milliseconds; `None` before the clocks were compared, and without a shop.
    ahead: Option<i64>,
}

impl ShopClock {
    /// The last second that the shop may have stamped something with by now, which is so many milliseconds of our clock.
    pub(super) fn latest(self, now: u64) -> UnixSeconds {
        let ahead = self.ahead.map_or(0, |ahead| ahead.saturating_add(MEASURED_WITHIN).max(0));
        let millis = now.saturating_add_signed(ahead);
        UnixSeconds(u32::try_from(millis / 1000).unwrap_or(u32::MAX))
    }

    /// The last second of our clock in which the shop's may still have shown `moment`.
    pub(super) fn ours_through(self, moment: UnixSeconds) -> UnixSeconds {
        let behind = self.ahead.unwrap_or_default().saturating_neg();
        if behind <= MEASURED_WITHIN {
            return moment;
        }
        let seconds = behind.saturating_add(MEASURED_WITHIN).saturating_add(999) / 1000;
        moment.plus(u32::try_from(seconds).unwrap_or(u32::MAX))
    }

    /// A moment of the shop's clock by ours, to the nearest second; never a later one, so that nothing lives longer.
    pub(super) fn ours(self, moment: UnixSeconds) -> UnixSeconds {
        let seconds = self.ahead.unwrap_or_default().max(0).saturating_add(500) / 1000;
        UnixSeconds(moment.get().saturating_sub(u32::try_from(seconds).unwrap_or(u32::MAX)))
    }
}

impl Handler<ClocksCompared> for TokenRegistry {
    type Result = ();

    fn handle(&mut self, ClocksCompared { ahead }: ClocksCompared, _: &mut Self::Context) {
        self.shop_clock = ShopClock { ahead: Some(ahead) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixSeconds as At;

    fn ahead(milliseconds: i64) -> ShopClock {
        ShopClock { ahead: Some(milliseconds) }
    }

    #[test]
    fn a_revocation_goes_as_far_as_the_shops_clock_may_have_come() {
        for (difference, now, latest) in
            [(0, 10_000, 10), (0, 10_900, 11), (5_000, 10_000, 15), (5_000, 10_950, 16), (-5_000, 10_999, 10)]
        {
            assert_eq!(ahead(difference).latest(now), At(latest), "{difference} {now}");
        }
        assert_eq!(ShopClock::default().latest(10_999), At(10));
    }

    #[test]
    fn a_revocation_of_the_shop_ends_what_began_by_our_clock_until_then() {
        for (difference, through) in [(0, 10), (100, 10), (-100, 10), (-101, 11), (-5_000, 16), (5_000, 10)] {
            assert_eq!(ahead(difference).ours_through(At(10)), At(through), "{difference}");
        }
    }

    #[test]
    fn a_token_of_the_shop_lives_no_longer_by_our_clock() {
        for (difference, issued) in [(0, 100), (499, 100), (500, 99), (5_000, 95), (-5_000, 100)] {
            assert_eq!(ahead(difference).ours(At(100)), At(issued), "{difference}");
        }
    }
}
