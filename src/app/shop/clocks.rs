//! Compares the clock of the shop's database with ours.

use std::sync::Arc;

use tracing::warn;

use crate::accounts::{AccountError, MagentoAccounts};
use crate::app::shop::Figures;
use crate::registry::{ClocksCompared, Registry};

/// From which difference on there is a warning, in milliseconds.
const REMARKABLE_MILLISECONDS: u64 = 2_000;

/// Compares the clocks.
pub(super) struct Clocks {
    accounts: Arc<MagentoAccounts>,
    registry: Registry,
    figures: Arc<Figures>,
    difference: Difference,
}

/// Whether the clocks differed the last time.
#[derive(Debug, Default)]
struct Difference {
    is_remarkable: bool,
}

impl Clocks {
    /// They have not been compared yet.
    pub(super) fn new(accounts: Arc<MagentoAccounts>, registry: Registry, figures: Arc<Figures>) -> Self {
        Self { accounts, registry, figures, difference: Difference::default() }
    }

    /// Compares, and tells the registry. How many questions that took.
    pub(super) async fn compare(&mut self) -> Result<u64, AccountError> {
        let ahead = self.accounts.clock_difference().await?;
        self.figures.set_clock_ahead(ahead);
        // A registry that is gone ends the process by its guard.
        self.registry.actor().do_send(ClocksCompared { ahead });
        if self.difference.becomes_remarkable(ahead) {
            warn!(
                ahead_milliseconds = ahead,
                "the clocks of the shop's database and of this server differ: locks and tokens end at other moments there"
            );
        }
        Ok(1)
    }
}

impl Difference {
    fn becomes_remarkable(&mut self, ahead: i64) -> bool {
        let was_remarkable = self.is_remarkable;
        self.is_remarkable = ahead.unsigned_abs() >= REMARKABLE_MILLISECONDS;
        self.is_remarkable && !was_remarkable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_differ_by_two_seconds_are_told_of_once_until_they_agree_again() {
        let mut difference = Difference::default();
        let told = [1_999, -1_999, 2_000, -2_000, 3_600_000, 1_999, -2_000];
        let told = told.map(|ahead| difference.becomes_remarkable(ahead));
        assert_eq!(told, [false, false, true, false, false, false, true]);
    }
}
