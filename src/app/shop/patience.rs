//! Waiting at the start for a shop whose database is away: a container that is moved at that moment must not give up.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use crate::accounts::AccountError;
use crate::keeper::KeeperError;

/// How long the first pause between two attempts is; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// How long a pause is at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How often it is said that the start still waits.
const TELL: Duration = Duration::from_secs(30);

/// Whether a start waits for the shop's database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::app) enum Patience {
    /// It fails at once: a command does, whose operator wants to know.
    None,
    /// It waits for as long as it takes: a server does, which answers nothing until then.
    Endless,
}

/// What may pass by itself, and what waiting does not mend.
pub(in crate::app) trait MayPass: Display {
    /// Whether it may.
    fn may_pass(&self) -> bool;
}

impl MayPass for AccountError {
    fn may_pass(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Conflict(_) => false,
        }
    }
}

impl MayPass for KeeperError {
    fn may_pass(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Busy => true,
            Self::Refused(_) | Self::Conflict(_) => false,
        }
    }
}

impl Patience {
    /// Carries `work` out, again and again where that is to be waited for. That it waits is said at once, and every half
    /// minute from then on.
    pub(in crate::app) async fn until<T, E: MayPass>(
        self,
        mut work: impl AsyncFnMut() -> Result<T, E>,
    ) -> Result<T, E> {
        let (begun, mut pause, mut told) = (Instant::now(), FIRST_PAUSE, None::<Instant>);
        loop {
            let error = match work().await {
                Err(error) if self == Self::Endless && error.may_pass() => error,
                outcome => {
                    if told.is_some() && outcome.is_ok() {
                        info!(
                            waited_seconds = begun.elapsed().as_secs(),
                            "the start goes on: the shop's database is there"
                        );
                    }
                    return outcome;
                }
            };
            if told.is_none_or(|at| at.elapsed() >= TELL) {
                let waited_seconds = begun.elapsed().as_secs();
                warn!(%error, waited_seconds, "the start waits for the shop's database: nothing but health is answered");
                told = Some(Instant::now());
            }
            sleep(pause).await;
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Fails so many times, and says how often it was tried and how long that took.
    async fn tried(patience: Patience, failures: u32, error: AccountError) -> (bool, u32, u64) {
        let (begun, attempts) = (Instant::now(), Cell::new(0));
        let outcome = patience.until(async || {
            attempts.set(attempts.get() + 1);
            if attempts.get() > failures { Ok(()) } else { Err(error.clone()) }
        });
        (outcome.await.is_ok(), attempts.get(), begun.elapsed().as_secs())
    }

    fn away() -> AccountError {
        AccountError::Unavailable("connection refused".to_owned())
    }

    #[actix::test]
    async fn a_start_waits_longer_and_longer_and_never_more_than_five_seconds() {
        tokio::time::pause();
        assert_eq!(tried(Patience::Endless, 5, away()).await, (true, 6, 1 + 2 + 4 + 5 + 5));
    }

    #[actix::test]
    async fn a_command_and_what_waiting_does_not_mend_fail_at_once() {
        assert_eq!(tried(Patience::None, 5, away()).await, (false, 1, 0));
        let missing = AccountError::Conflict("a table is missing".to_owned());
        assert_eq!(tried(Patience::Endless, 5, missing).await, (false, 1, 0));
    }
}
