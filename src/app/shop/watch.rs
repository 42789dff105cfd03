//! Looks at the shop again and again: what Magento, or its operator, has done to settings, roles and users.
//!
//! Only users who have sessions are asked about. With very many of them a look takes more questions, and looks become
//! rarer, so that the database never gets more than [`QUESTIONS_A_SECOND`] of them.

use std::any::Any;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use tracing::{debug, info, warn};

use crate::accounts::magento::{AdministratorState, CustomerState};
use crate::accounts::{AccountError, MagentoAccounts};
use crate::app::shop::{KeyWatch, Revocations, ShopTokens};
use crate::audit::Origin;
use crate::clock::SharedClock;
use crate::keeper::Keeper;
use crate::registry::{ListUsers, Registry, Revocation, RevokeSessions};
use crate::session::{EndReason, Subject, SubjectChanged, UserType};
use crate::telemetry::ShopSample;

/// How many questions a second looking may cost the database.
const QUESTIONS_A_SECOND: u64 = 50;

/// How many users one question is about.
const BATCH: usize = 1_000;

/// From which difference of the clocks on there is a warning, in milliseconds.
const REMARKABLE_MILLISECONDS: u64 = 2_000;

/// What the metrics show of looking.
#[derive(Debug, Default)]
pub(in crate::app) struct Figures {
    interval_milliseconds: AtomicU64,
    clock_ahead_milliseconds: AtomicI64,
}

impl Figures {
    /// How it goes with the shop.
    pub(in crate::app) fn sample(&self, accounts: &MagentoAccounts) -> ShopSample {
        let condition = accounts.condition();
        ShopSample {
            reachable: !condition.is_away(),
            questions: condition.questions(),
            failures: condition.failures(),
            poll_seconds: Duration::from_millis(self.interval_milliseconds.load(Ordering::Relaxed)).as_secs_f64(),
            clock_ahead_seconds: seconds(self.clock_ahead_milliseconds.load(Ordering::Relaxed)),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody's clock is wrong by so much that a millisecond matters")]
fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1000.0
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
    /// Customers who were locked at the last look.
    pub(in crate::app) locked: HashSet<u32>,
    /// The shop's key, and what its files fix.
    pub(in crate::app) key: KeyWatch,
    /// Revocations, both ways.
    pub(in crate::app) revocations: Revocations,
    /// Whether the clocks differed at the last look.
    pub(in crate::app) clocks_differ: bool,
}

impl Watcher {
    /// Looks once now, and again and again from then on. `guard` is dropped when that ends.
    pub(in crate::app) async fn begin(mut self, guard: Box<dyn Any + Send>) {
        let mut pause = self.look().await;
        actix_rt::spawn(async move {
            let _guard = guard;
            loop {
                tokio::time::sleep(pause).await;
                pause = self.look().await;
            }
        });
    }

    /// Looks once, and says how long to wait until the next time.
    async fn look(&mut self) -> Duration {
        self.key.look().await;
        let before = self.accounts.condition().questions();
        if let Err(error) = self.look_at_everything().await {
            // That the database is away has been said.
            debug!(%error, "a look at the shop was broken off");
        }
        let asked = self.accounts.condition().questions().saturating_sub(before);
        let interval = self.poll.max(Duration::from_millis(asked.saturating_mul(1000) / QUESTIONS_A_SECOND));
        let milliseconds = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
        self.figures.interval_milliseconds.store(milliseconds, Ordering::Relaxed);
        interval
    }

    async fn look_at_everything(&mut self) -> Result<(), AccountError> {
        self.compare_clocks().await?;
        self.exchange_revocations().await;
        if let Err(error) = self.keeper.reload_directory().await {
            debug!(%error, "the shop's settings were not read again");
        }
        self.tokens.look().await?;
        let mut locked = HashSet::new();
        let (mut customers, mut administrators) = (Vec::new(), Vec::new());
        for part in 0..ListUsers::PARTS {
            let Ok(users) = self.registry.users(ListUsers { part }).await else { continue };
            let of_kind = |kind| users.iter().filter(move |user| user.kind == kind).map(|user| user.id);
            customers.extend(of_kind(UserType::Customer));
            administrators.extend(of_kind(UserType::Admin));
            // Only whole batches, so that few users are few questions.
            while let Some(rest) = customers.len().checked_sub(BATCH) {
                self.look_at_customers(&customers.split_off(rest), &mut locked).await?;
            }
        }
        self.look_at_customers(&customers, &mut locked).await?;
        self.look_at_administrators(&administrators).await?;
        self.locked = locked;
        Ok(())
    }

    /// What fails now is done at the next look, and keeps nothing else from being looked at.
    async fn exchange_revocations(&mut self) {
        for done in [self.revocations.deliver().await, self.revocations.take_over().await] {
            if let Err(error) = done {
                debug!(%error, "revocations were not exchanged with the shop");
            }
        }
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

    async fn compare_clocks(&mut self) -> Result<(), AccountError> {
        let ahead = self.accounts.clock_difference().await?;
        self.figures.clock_ahead_milliseconds.store(ahead, Ordering::Relaxed);
        self.tokens.set_clock_ahead(ahead);
        let differ = ahead.unsigned_abs() >= REMARKABLE_MILLISECONDS;
        if differ && !self.clocks_differ {
            warn!(
                ahead_milliseconds = ahead,
                "the clocks of the shop's database and of this server differ: locks and tokens end at other moments there"
            );
        }
        self.clocks_differ = differ;
        Ok(())
    }
}

fn missing(ids: &[u32], found: impl Iterator<Item = u32>) -> impl Iterator<Item = u32> {
    let found: HashSet<_> = found.collect();
    ids.iter().copied().filter(move |id| !found.contains(id))
}
