//! A word in time, before sign-ins have to be refused because there is no room.

/// From this share of the capacity on, in percent, the log warns.
const NEARLY_FULL: usize = 90;

/// Below this share, in percent, it says that there is room again. A little lower, so that it does not say so in turns.
const ROOMY: usize = 80;

/// Whether the registry was nearly full when it was last looked at.
#[derive(Debug, Default)]
pub(super) struct Fullness {
    nearly_full: bool,
}

impl Fullness {
    /// Looks at how many sessions there are, and tells the log of a change.
    pub(super) fn look_at(&mut self, held: usize, capacity: usize) {
        if !self.nearly_full && is_above(NEARLY_FULL, held, capacity) {
            self.nearly_full = true;
            tracing::warn!(
                held,
                capacity,
                "nearly as many sessions as tokens.capacity allows: beyond it sign-ins are refused"
            );
        } else if self.nearly_full && !is_above(ROOMY, held, capacity) {
            self.nearly_full = false;
            tracing::info!(held, capacity, "there is room for sessions again");
        }
    }
}

fn is_above(percent: usize, held: usize, capacity: usize) -> bool {
    held.saturating_mul(100) >= capacity.saturating_mul(percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_nearly_full_from_nine_tenths_on_and_until_it_has_fallen_below_eight() {
        let mut fullness = Fullness::default();
        let mut nearly_full = |held| {
            fullness.look_at(held, 1000);
            fullness.nearly_full
        };
        assert_eq!([899, 900, 850, 800, 799, 899].map(&mut nearly_full), [false, true, true, true, false, false]);
    }
}
