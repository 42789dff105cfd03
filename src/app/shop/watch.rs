//! Looks at the shop again and again: what Magento, or its operator, has done to settings, roles and users.
//!
//! Only users who have sessions, or whose JWTs are seen, are asked about. With very many of them a look takes more
//! questions, and looks become rarer, so that the database never gets more than [`QUESTIONS_A_SECOND`] of them.
//!
//! A part that fails keeps no other from being looked at. What fails is told of once, and shows in the metrics and in the
//! server's health when it lasts.

use std::any::Any;
use std::collections::HashSet;
use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{info, warn};

use crate::accounts::magento::{AdministratorState, ClockDifference, CustomerState};
use crate::accounts::{AccountError, MagentoAccounts};
use crate::app::shop::parts::{Part, Parts};
use crate::app::shop::revocations::Broken;
use crate::app::shop::{KeyWatch, Mirror, Revocations, ShopTokens};
use crate::audit::Origin;
use crate::clock::SharedClock;
use crate::http::holder::{Holders, Known};
use crate::keeper::Keeper;
use crate::registry::{ClocksCompared, ListUsers, Registry, Revocation, RevokeSessions};
use crate::session::{EndReason, Subject, SubjectChanged, UserType};
use crate::telemetry::ShopSample;

/// How many questions a second looking may cost the database.
const QUESTIONS_A_SECOND: u64 = 50;

/// How many users one question is about.
const BATCH: usize = 1_000;

/// From which difference of the clocks on there is a warning, in milliseconds.
const REMARKABLE_MILLISECONDS: u64 = 2_000;

/// How long the first look may fail until the server gives up its start.
const FIRST_LOOK: Duration = Duration::from_secs(30);

/// How long the first look waits until it tries again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// So many intervals, and so long besides, may pass without a complete look.
const INTERVALS: u32 = 10;
const GRACE: Duration = Duration::from_secs(10);

/// What metrics and health show of looking.
#[derive(Debug)]
pub(in crate::app) struct Figures {
    begun: Instant,
    interval_milliseconds: AtomicU64,
    clock_ahead_milliseconds: AtomicI64,
    outbox_users: AtomicU64,
    outbox_tokens: AtomicU64,
    outbox_oldest_seconds: AtomicU64,
    /// When the last complete look ended, in milliseconds since the beginning.
    complete_milliseconds: AtomicU64,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            interval_milliseconds: AtomicU64::default(),
            clock_ahead_milliseconds: AtomicI64::default(),
            outbox_users: AtomicU64::default(),
            outbox_tokens: AtomicU64::default(),
            outbox_oldest_seconds: AtomicU64::default(),
            complete_milliseconds: AtomicU64::default(),
        }
    }
}

impl Figures {
    /// Whether looking has been incomplete for so long that somebody should know.
    pub(in crate::app) fn are_stale(&self) -> bool {
        self.since_complete() > self.interval() * INTERVALS + GRACE
    }

    fn note_complete(&self) {
        self.complete_milliseconds.store(milliseconds(self.begun.elapsed()), Ordering::Relaxed);
    }

    fn since_complete(&self) -> Duration {
        let complete = Duration::from_millis(self.complete_milliseconds.load(Ordering::Relaxed));
        self.begun.elapsed().saturating_sub(complete)
    }

    fn interval(&self) -> Duration {
        Duration::from_millis(self.interval_milliseconds.load(Ordering::Relaxed))
    }

    /// How it goes with the shop.
    pub(in crate::app) fn sample(&self, accounts: &MagentoAccounts) -> ShopSample {
        let condition = accounts.condition();
        ShopSample {
            reachable: !condition.is_away(),
            questions: condition.questions(),
            failures: condition.failures(),
            poll_seconds: self.interval().as_secs_f64(),
            clock_ahead_seconds: seconds(self.clock_ahead_milliseconds.load(Ordering::Relaxed)),
            last_look_seconds: self.since_complete().as_secs_f64(),
            outbox_users: self.outbox_users.load(Ordering::Relaxed),
            outbox_tokens: self.outbox_tokens.load(Ordering::Relaxed),
            outbox_oldest_seconds: self.outbox_oldest_seconds.load(Ordering::Relaxed),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody's clock is wrong by so much that a millisecond matters")]
fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1000.0
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// How many questions it takes to ask about so many users or tokens.
pub(super) fn batches(of: usize) -> u64 {
    of.div_ceil(BATCH) as u64
}

/// Looks at the shop.
pub(in crate::app) struct Watcher {
    pub(in crate::app) accounts: Arc<MagentoAccounts>,
    pub(in crate::app) tokens: Arc<ShopTokens>,
    pub(in crate::app) registry: Registry,
    pub(in crate::app) keeper: Keeper,
    pub(in crate::app) clock: SharedClock,
    /// The time between two looks: `magento.poll`.
    pub(in crate::app) poll: Duration,
    pub(in crate::app) figures: Arc<Figures>,
    /// Users whose JWTs are seen.
    pub(in crate::app) holders: Arc<Holders>,
    /// Customers who were locked at the last look.
    pub(in crate::app) locked: HashSet<u32>,
    /// The shop's key, and what its files fix.
    pub(in crate::app) key: KeyWatch,
    /// Revocations, both ways.
    pub(in crate::app) revocations: Revocations,
    /// Tokens issued here that stand in the shop, too.
    pub(in crate::app) mirror: Mirror,
    /// Whether the clocks differed at the last look.
    pub(in crate::app) clocks_differ: bool,
    /// How the parts went at the last look.
    pub(in crate::app) parts: Parts,
}

impl Watcher {
    /// Looks once now, and again and again from then on. `guard` is dropped when that ends.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`] when `is_needed` and the first look could not be made: what the shop has ended while
    /// nobody looked would be good here.
    pub(in crate::app) async fn begin(
        mut self,
        guard: Box<dyn Any + Send>,
        is_needed: bool,
    ) -> Result<(), AccountError> {
        let mut pause = if is_needed { self.look_for_the_first_time().await? } else { self.look().await };
        actix_rt::spawn(async move {
            let _guard = guard;
            loop {
                tokio::time::sleep(pause).await;
                pause = self.look().await;
            }
        });
        Ok(())
    }

    async fn look_for_the_first_time(&mut self) -> Result<Duration, AccountError> {
        let begun = Instant::now();
        loop {
            let pause = self.look().await;
            if !self.parts.lack(&Part::NEEDED_AT_START) {
                return Ok(pause);
            }
            if begun.elapsed() >= FIRST_LOOK {
                let what = "what the shop has ended while no server ran could not be read; the log says why";
                return Err(AccountError::Unavailable(what.to_owned()));
            }
            tokio::time::sleep(TRY_AGAIN).await;
        }
    }

    /// Looks once, and says how long to wait until the next time.
    async fn look(&mut self) -> Duration {
        self.key.look().await;
        let asked = self.look_at_everything().await;
        if self.parts.are_complete() {
            self.figures.note_complete();
        }
        self.measure_what_waits().await;
        let interval = self.poll.max(Duration::from_millis(asked.saturating_mul(1000) / QUESTIONS_A_SECOND));
        self.figures.interval_milliseconds.store(milliseconds(interval), Ordering::Relaxed);
        interval
    }

    /// What fails now is done at the next look, and keeps nothing else from being looked at. How many questions of its own
    /// that took: what others ask meanwhile is no reason to look less often.
    async fn look_at_everything(&mut self) -> u64 {
        let mut asked = 0;
        let done = self.compare_clocks().await;
        asked += self.note(Part::Clocks, done);
        let done = self.revocations.deliver().await;
        asked += self.note(Part::Delivery, done);
        let done = self.revocations.take_over().await;
        asked += self.note(Part::Revocations, done);
        let done = self.mirror.look().await;
        asked += self.note(Part::Mirror, done);
        let done = self.keeper.reload_directory().await.map(|()| 1);
        asked += self.note(Part::Settings, done);
        let done = self.tokens.look().await;
        asked += self.note(Part::Tokens, done);
        let done = self.look_at_users().await;
        asked += self.note(Part::Users, done);
        let done = self.look_at_holders().await;
        asked + self.note(Part::Holders, done)
    }

    fn note<E: Display>(&mut self, part: Part, done: Result<u64, E>) -> u64 {
        let is_away = self.accounts.condition().is_away();
        self.parts.note(part, done, is_away)
    }

    async fn look_at_users(&mut self) -> Result<u64, Broken> {
        let (mut locked, mut asked) = (HashSet::new(), 0);
        let (mut customers, mut administrators) = (Vec::new(), Vec::new());
        let mut outcome = Ok(());
        for part in 0..ListUsers::PARTS {
            let users = match self.registry.users(ListUsers { part }).await {
                Ok(users) => users,
                Err(error) => {
                    outcome = outcome.and(Err(Broken::from(error)));
                    continue;
                }
            };
            let of_kind = |kind| users.iter().filter(move |user| user.kind == kind).map(|user| user.id);
            customers.extend(of_kind(UserType::Customer));
            administrators.extend(of_kind(UserType::Admin));
            // Only whole batches, so that few users are few questions.
            while let Some(rest) = customers.len().checked_sub(BATCH) {
                asked += 1;
                let done = self.look_at_customers(&customers.split_off(rest), &mut locked).await;
                outcome = outcome.and(done.map_err(Broken::from));
            }
        }
        asked += batches(customers.len()) + batches(administrators.len());
        outcome = outcome.and(self.look_at_customers(&customers, &mut locked).await.map_err(Broken::from));
        outcome = outcome.and(self.look_at_administrators(&administrators).await.map_err(Broken::from));
        if outcome.is_ok() {
            self.locked = locked;
        }
        outcome.map(|()| asked)
    }

    /// Nothing is ended of users whose JWTs are seen: what is known of them counts at each check.
    async fn look_at_holders(&self) -> Result<u64, AccountError> {
        let now = self.clock.now();
        let followed = self.holders.to_follow(now);
        let of_kind = |kind| followed.iter().filter(move |user| user.kind == kind).map(|user| user.id);
        let customers: Vec<_> = of_kind(UserType::Customer).collect();
        let administrators: Vec<_> = of_kind(UserType::Admin).collect();
        let found = self.accounts.customer_states(&customers).await?;
        for id in missing(&customers, found.iter().map(|state| state.id)) {
            self.holders.update(Subject::customer(id), |_| None, now);
        }
        for CustomerState { id, locked_until, .. } in found {
            self.holders.update(Subject::customer(id), |known| Some(Known { locked_until, ..known }), now);
        }
        let found = self.accounts.administrator_states(&administrators).await?;
        for id in missing(&administrators, found.iter().map(|state| state.id)) {
            self.holders.update(Subject::admin(id), |_| None, now);
        }
        for AdministratorState { id, is_active, role, expires_at: ends } in found {
            self.holders.update(Subject::admin(id), |known| Some(Known { role, is_active, ends, ..known }), now);
        }
        Ok(batches(customers.len()) + batches(administrators.len()))
    }

    /// What the shop is still to be told, for the metrics.
    async fn measure_what_waits(&mut self) {
        let (tokens, since) = self.mirror.waiting();
        let (users, oldest) = self.revocations.waiting().await.unwrap_or_default();
        let oldest = u64::from(oldest).max(since.map_or(0, |since| since.elapsed().as_secs()));
        self.figures.outbox_tokens.store(tokens as u64, Ordering::Relaxed);
        self.figures.outbox_users.store(u64::from(users), Ordering::Relaxed);
        self.figures.outbox_oldest_seconds.store(oldest, Ordering::Relaxed);
    }

    async fn look_at_customers(&self, ids: &[u32], locked: &mut HashSet<u32>) -> Result<(), AccountError> {
        let found = self.accounts.customer_states(ids).await?;
        for id in missing(ids, found.iter().map(|state| state.id)) {
            self.end_sessions(Subject::customer(id), "deleted").await;
        }
        let now = self.clock.now();
        for CustomerState { id, is_active, locked_until } in found {
            if is_active {
                self.accounts.remember(id, true);
            } else if !self.accounts.signed_in_inactive(id) {
                self.end_sessions(Subject::customer(id), "deactivated").await;
            }
            let locked_until = locked_until.filter(|until| *until > now);
            if locked_until.is_some() {
                locked.insert(id);
            }
            // A token that was taken over may have told of a lock since the last look.
            let known = self.registry.reader().facts(Subject::customer(id)).locked_until;
            if locked_until.is_some() || known.is_some() || self.locked.contains(&id) {
                self.announce(SubjectChanged { subject: Subject::customer(id), locked_until, role: None });
            }
        }
        Ok(())
    }

    async fn look_at_administrators(&self, ids: &[u32]) -> Result<(), AccountError> {
        let found = self.accounts.administrator_states(ids).await?;
        for id in missing(ids, found.iter().map(|state| state.id)) {
            self.end_sessions(Subject::admin(id), "deleted").await;
        }
        let now = self.clock.now();
        for AdministratorState { id, is_active, role, expires_at } in found {
            if !is_active {
                self.end_sessions(Subject::admin(id), "deactivated").await;
            } else if expires_at.is_some_and(|ends| ends <= now) {
                self.end_sessions(Subject::admin(id), "expired").await;
            }
            self.announce(SubjectChanged { subject: Subject::admin(id), locked_until: None, role });
        }
        Ok(())
    }

    /// A registry that is gone ends the process by its guard.
    fn announce(&self, changed: SubjectChanged) {
        self.registry.actor().do_send(changed);
    }

    /// What fails now is done at the next look.
    async fn end_sessions(&self, subject: Subject, why: &'static str) {
        let change =
            RevokeSessions { which: Revocation::Subject(subject), reason: EndReason::Ended, origin: Origin::SERVER };
        match self.registry.revoke(change).await {
            Ok(sessions) => info!(user = %subject, why, sessions, "the shop has ended a user's sessions"),
            Err(error) => {
                warn!(%error, user = %subject, why, "a user's sessions go on although the shop has ended them");
            }
        }
    }

    async fn compare_clocks(&mut self) -> Result<u64, AccountError> {
        let ClockDifference { ahead, within } = self.accounts.clock_difference().await?;
        self.figures.clock_ahead_milliseconds.store(ahead, Ordering::Relaxed);
        // A registry that is gone ends the process by its guard.
        self.registry.actor().do_send(ClocksCompared { ahead, within });
        let differ = ahead.unsigned_abs() >= REMARKABLE_MILLISECONDS;
        if differ && !self.clocks_differ {
            warn!(
                ahead_milliseconds = ahead,
                "the clock of the shop's database and session time differ: locks and tokens end at other moments there"
            );
        }
        self.clocks_differ = differ;
        Ok(1)
    }
}

fn missing(ids: &[u32], found: impl Iterator<Item = u32>) -> impl Iterator<Item = u32> {
    let found: HashSet<_> = found.collect();
    ids.iter().copied().filter(move |id| !found.contains(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_rt::test]
    async fn looking_that_stays_incomplete_is_told_after_some_intervals() {
        tokio::time::pause();
        let figures = Figures::default();
        figures.interval_milliseconds.store(2_000, Ordering::Relaxed);
        tokio::time::advance(Duration::from_secs(100)).await;
        assert!(figures.are_stale());
        figures.note_complete();
        tokio::time::advance(Duration::from_secs(30)).await;
        assert!(!figures.are_stale());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(figures.are_stale());
    }
}
