//! What metrics and health show of looking at the shop.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::accounts::MagentoAccounts;
use crate::app::shop::parts::{Looked, Part, Parts};
use crate::telemetry::ShopSample;

/// How many questions a second the database may get about users and tokens.
const QUESTIONS_A_SECOND: u64 = 50;

/// So many intervals, and so long besides, may pass in which a part of looking is not whole.
const INTERVALS: u32 = 10;
const GRACE: Duration = Duration::from_secs(10);

/// What metrics and health show of looking, and how often users and tokens are asked about.
#[derive(Debug)]
pub(in crate::app) struct Figures {
    begun: Instant,
    poll_milliseconds: AtomicU64,
    clock_ahead_milliseconds: AtomicI64,
    outbox_users: Waiting,
    outbox_tokens: Waiting,
    parts: Mutex<Parts>,
}

/// What the shop is still to be told.
#[derive(Debug, Default)]
struct Waiting {
    entries: AtomicU64,
    oldest_seconds: AtomicU64,
}

impl Waiting {
    fn store(&self, entries: u64, oldest_seconds: u64) {
        self.entries.store(entries, Ordering::Relaxed);
        self.oldest_seconds.store(oldest_seconds, Ordering::Relaxed);
    }
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            poll_milliseconds: AtomicU64::default(),
            clock_ahead_milliseconds: AtomicI64::default(),
            outbox_users: Waiting::default(),
            outbox_tokens: Waiting::default(),
            parts: Mutex::default(),
        }
    }
}

impl Figures {
    /// Whether a part of looking has failed for so long that somebody should know.
    pub(in crate::app) fn are_stale(&self) -> bool {
        self.since_whole() > self.interval() * INTERVALS + GRACE
    }

    /// The time between two looks at what takes few questions.
    pub(super) fn poll(&self) -> Duration {
        Duration::from_millis(self.poll_milliseconds.load(Ordering::Relaxed))
    }

    /// The time between two looks at users and tokens: with very many of them longer than [`Self::poll`], so that the
    /// database never gets more than [`QUESTIONS_A_SECOND`] about them.
    pub(super) fn interval(&self) -> Duration {
        let wanted = self.parts().asked().saturating_mul(1000) / QUESTIONS_A_SECOND;
        self.poll().max(Duration::from_millis(wanted))
    }

    /// `magento.poll`.
    pub(super) fn set_poll(&self, poll: Duration) {
        self.poll_milliseconds.store(u64::try_from(poll.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// By how many milliseconds the shop's clock is ahead.
    pub(super) fn set_clock_ahead(&self, milliseconds: i64) {
        self.clock_ahead_milliseconds.store(milliseconds, Ordering::Relaxed);
    }

    /// How many users' revocations wait for the shop, and for how many seconds the oldest.
    pub(super) fn set_waiting_users(&self, entries: u32, oldest_seconds: u32) {
        self.outbox_users.store(entries.into(), oldest_seconds.into());
    }

    /// How many tokens wait for being taken out of the shop, and since when there are any.
    pub(super) fn set_waiting_tokens(&self, entries: usize, since: Option<Instant>) {
        self.outbox_tokens.store(entries as u64, since.map_or(0, |since| since.elapsed().as_secs()));
    }

    /// Takes over how a part of looking went.
    pub(super) fn note(&self, part: Part, looked: Looked, is_away: bool) {
        self.parts().note(part, looked, is_away);
    }

    /// What went wrong with the first of these parts that was not whole.
    pub(super) fn problem(&self, parts: &[Part]) -> Option<String> {
        self.parts().problem(parts)
    }

    fn parts(&self) -> MutexGuard<'_, Parts> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn since_whole(&self) -> Duration {
        self.parts().whole_since(self.begun).elapsed()
    }

    /// How it goes with the shop.
    pub(in crate::app) fn sample(&self, accounts: &MagentoAccounts) -> ShopSample {
        let condition = accounts.condition();
        let (users, tokens) = (&self.outbox_users, &self.outbox_tokens);
        let oldest = |waiting: &Waiting| waiting.oldest_seconds.load(Ordering::Relaxed);
        ShopSample {
            reachable: !condition.is_away(),
            questions: condition.questions(),
            failures: condition.failures(),
            poll_seconds: self.interval().as_secs_f64(),
            clock_ahead_seconds: seconds(self.clock_ahead_milliseconds.load(Ordering::Relaxed)),
            last_look_seconds: self.since_whole().as_secs_f64(),
            outbox_users: users.entries.load(Ordering::Relaxed),
            outbox_tokens: tokens.entries.load(Ordering::Relaxed),
            outbox_oldest_seconds: oldest(users).max(oldest(tokens)),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody's clock is wrong by so much that a millisecond matters")]
fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every part but `without` is whole, with so many questions about users.
    fn look(figures: &Figures, users: u64, without: Option<Part>) {
        for part in [
            Part::Clocks,
            Part::Delivery,
            Part::Revocations,
            Part::Settings,
            Part::Mirror,
            Part::Deletion,
            Part::Tokens,
            Part::Users,
            Part::Holders,
        ] {
            let asked = if part == Part::Users { users } else { 0 };
            let done = if Some(part) == without { Err("it is locked") } else { Ok(asked) };
            figures.note(part, Looked::from(done), false);
        }
    }

    #[actix_rt::test]
    async fn a_part_that_stays_broken_is_told_after_some_intervals() {
        tokio::time::pause();
        let figures = Figures::default();
        figures.set_poll(Duration::from_secs(2));
        tokio::time::advance(Duration::from_secs(100)).await;
        assert!(figures.are_stale());
        look(&figures, 1, None);
        for _ in 0..30 {
            tokio::time::advance(Duration::from_secs(1)).await;
            look(&figures, 1, Some(Part::Holders));
            assert!(!figures.are_stale());
        }
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(figures.are_stale());
    }

    #[test]
    fn above_fifty_questions_a_second_users_and_tokens_are_asked_about_less_often() {
        let figures = Figures::default();
        figures.set_poll(Duration::from_secs(2));
        for (questions, seconds) in [(0, 2.0), (100, 2.0), (101, 2.02), (1_000, 20.0), (1, 2.0)] {
            look(&figures, questions, None);
            let interval = figures.interval().as_secs_f64();
            assert!((interval - seconds).abs() < 1e-9, "{questions} questions every {interval} seconds");
            assert_eq!(figures.poll(), Duration::from_secs(2));
        }
        // A million users, and their table is held while the look goes on.
        look(&figures, 1_000, None);
        look(&figures, 0, Some(Part::Users));
        assert_eq!(figures.interval(), Duration::from_secs(20));
    }
}
