//! The two clocks: ours, and that of a shop beside which the server runs.
//!
//! Each moment that is kept is of one of them. A session begins by ours, which is session time. What ends tokens of which
//! nobody keeps a session is of the shop's, as in Magento (fact sheet 6.5): the second of issue in a JWT or in a row of the
//! shop, and the second up to which a user's tokens, or a kind's, are revoked. Only the shop's seconds are compared with
//! one another, and only ours. While no shop's clock was compared with ours, the wall clock stands for it.
//!
//! A revocation has to cover what either side has issued, so that it is carried over by the measured difference, to the
//! side on which more has ended. Made here, it ends the sessions that there are, and reaches to the last second that the
//! shop may have stamped by now. Made there, it ends the sessions that began by the last second of ours in which the shop's
//! clock may have shown it. A JWT that is signed here carries a second that the shop's clock has come to, so that whatever
//! is revoked later reaches it on both sides.
//!
//! A row of the shop that shows the very second that is known of its user is that revocation heard again, and tells of
//! nothing else. Any other one that is recent is taken for new, be it earlier than what is known: the shop's clock may have
//! been set back. Hearing of an old one again ends nothing, since what it covers has ended.

use actix::Handler;

use crate::clock::{Clock, UnixSeconds};
use crate::registry::{ClocksCompared, TokenRegistry};

/// How far the clocks of the shop's machines may be apart, and one may drift between two looks, in milliseconds.
const MARGIN: i64 = 100;

/// How the shop's clock stands to ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ShopClock {
    /// The last comparison; none before the first, and without a shop.
    last: Option<Difference>,
    /// The one before. What has happened between the two may be stamped by either, when the clock was set meanwhile.
    before: Option<Difference>,
}

/// By how many milliseconds the shop's clock is ahead of ours; negative when it is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Difference {
    ahead: i64,
    /// How far that may be off.
    within: i64,
}

impl Difference {
    fn least(self) -> i64 {
        self.ahead.saturating_sub(self.within)
    }
}

impl ShopClock {
    fn compared(self, ClocksCompared { ahead, within }: ClocksCompared) -> Self {
        let within = MARGIN.saturating_add_unsigned(within);
        Self { last: Some(Difference { ahead, within }), before: self.last }
    }

    /// Whether it is known at all.
    pub(super) fn is_known(self) -> bool {
        self.last.is_some()
    }

    /// The last second that the shop may have stamped something with by now.
    pub(super) fn latest(self, clock: &dyn Clock) -> UnixSeconds {
        self.last.map_or_else(
            || clock.wall(),
            |Difference { ahead, within }| {
                second(signed(clock.now_millis()).saturating_add(ahead.saturating_add(within)))
            },
        )
    }

    /// The second that a JWT carries which is signed now: one that our wall clock and the shop's have come to.
    pub(super) fn stamp(self, clock: &dyn Clock) -> UnixSeconds {
        self.showed(clock.now_millis()).map_or_else(|| clock.wall(), |shown| shown.min(clock.wall()))
    }

    /// The first second that the shop's clock may have shown at so many milliseconds of ours; `None` when it is not known.
    pub(super) fn showed(self, millis: u64) -> Option<UnixSeconds> {
        Some(second(signed(millis).saturating_add(self.least()?)))
    }

    /// The last second of our clock in which the shop's may have shown `moment`.
    pub(super) fn ours_through(self, moment: UnixSeconds) -> UnixSeconds {
        let end = i64::from(moment.get()) * 1000 + 999;
        second(end.saturating_sub(self.least().unwrap_or_default()))
    }

    /// A moment of the shop's clock by ours, to the nearest second; never a later one, so that nothing lives longer.
    pub(super) fn ours(self, moment: UnixSeconds) -> UnixSeconds {
        let ahead = self.last.map_or(0, |last| last.ahead.max(0));
        let seconds = ahead.saturating_add(500) / 1000;
        UnixSeconds(moment.get().saturating_sub(u32::try_from(seconds).unwrap_or(u32::MAX)))
    }

    /// By how many milliseconds it is ahead of ours at least.
    fn least(self) -> Option<i64> {
        self.last.into_iter().chain(self.before).map(Difference::least).min()
    }
}

fn signed(millis: u64) -> i64 {
    i64::try_from(millis).unwrap_or(i64::MAX)
}

fn second(millis: i64) -> UnixSeconds {
    UnixSeconds(u32::try_from(millis.max(0) / 1000).unwrap_or(u32::MAX))
}

impl Handler<ClocksCompared> for TokenRegistry {
    type Result = ();

    fn handle(&mut self, compared: ClocksCompared, _: &mut Self::Context) {
        let jwts = self.index.jwts();
        jwts.set_shop_clock(jwts.shop_clock().compared(compared));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::{MockClock, UnixSeconds as At};

    fn ahead(ahead: i64, within: u64) -> ShopClock {
        ShopClock::default().compared(ClocksCompared { ahead, within })
    }

    #[test]
    fn a_revocation_goes_as_far_as_the_shops_clock_may_have_come_and_no_further() {
        for (difference, within, millis, latest) in [
            (0, 0, 0, 100),
            (0, 0, 900, 101),
            (5_000, 0, 0, 105),
            (5_000, 0, 950, 106),
            (-5_000, 0, 899, 95),
            (-5_000, 0, 900, 96),
            (4_200, 800, 0, 105),
        ] {
            let clock = MockClock::at(At(100));
            clock.advance(Duration::from_millis(millis));
            assert_eq!(ahead(difference, within).latest(&*clock), At(latest), "{difference} {within} {millis}");
        }
        assert_eq!(ShopClock::default().latest(&*MockClock::at(At(10))), At(10), "by the wall clock");
    }

    #[test]
    fn what_is_signed_carries_a_second_that_every_clock_has_come_to() {
        for (difference, within, stamp) in [(0, 0, 99), (100, 0, 100), (5_000, 0, 100), (-5_000, 0, 94), (0, 1_000, 98)]
        {
            assert_eq!(ahead(difference, within).stamp(&*MockClock::at(At(100))), At(stamp), "{difference} {within}");
        }
        assert_eq!(ShopClock::default().stamp(&*MockClock::at(At(100))), At(100));
    }

    #[test]
    fn a_revocation_of_the_shop_ends_what_began_by_our_clock_until_then() {
        for (difference, within, through) in
            [(0, 0, 11), (-5_000, 0, 16), (-5_000, 1_000, 17), (5_000, 0, 6), (5_000, 1_000, 7)]
        {
            assert_eq!(ahead(difference, within).ours_through(At(10)), At(through), "{difference} {within}");
        }
    }

    #[test]
    fn a_revocation_from_before_the_shops_clock_was_set_forward_reaches_as_far() {
        let set = ahead(-5_000, 0).compared(ClocksCompared { ahead: 0, within: 0 });
        assert_eq!((set.ours_through(At(10)), set.showed(20_000)), (At(16), Some(At(14))));
        let settled = set.compared(ClocksCompared { ahead: 0, within: 0 });
        assert_eq!(settled.ours_through(At(10)), At(11));
    }

    #[test]
    fn a_token_of_the_shop_lives_no_longer_by_our_clock() {
        for (difference, issued) in [(0, 100), (499, 100), (500, 99), (5_000, 95), (-5_000, 100)] {
            assert_eq!(ahead(difference, 0).ours(At(100)), At(issued), "{difference}");
        }
    }
}
