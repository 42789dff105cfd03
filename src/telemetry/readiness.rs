//! Whether requests should be sent here.

use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Notify;
use tokio::time::timeout;

const STARTING: u8 = 0;
const READY: u8 = 1;
const STOPPING: u8 = 2;
/// Stopped before it was ready: what is not loaded is not known, so nothing is answered.
const ABANDONED: u8 = 3;

/// The step of which it is known how far it has come.
const LOADING: &str = "loading sessions";

/// Whether something that is not needed for every answer is away.
type Ailment = Box<dyn Fn() -> bool + Send + Sync>;

/// The state of the server as a load balancer needs it: starting, ready, stopping, in this order. Some never become
/// ready; a ready one may be degraded for a time.
#[derive(Default)]
pub struct Readiness {
    /// And whether requests should go elsewhere then.
    ailment: OnceLock<(Ailment, bool)>,
    state: AtomicU8,
    /// What the start is busy with.
    step: ArcSwap<&'static str>,
    loaded: AtomicU64,
    to_load: AtomicU64,
    /// How long a request that comes too early waits, in milliseconds.
    patience: AtomicU64,
    /// Told when the start is over.
    started: Notify,
}

impl Readiness {
    /// From now on requests are welcome.
    pub fn set_ready(&self) {
        self.state.store(READY, Ordering::Release);
        self.started.notify_waiters();
    }

    /// Requests that come while the server starts wait for its end, so long at most, instead of being refused.
    pub fn let_early_requests_wait(&self, patience: Duration) {
        self.patience.store(u64::try_from(patience.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// How long that is; zero when they are refused.
    pub fn patience(&self) -> Duration {
        Duration::from_millis(self.patience.load(Ordering::Relaxed))
    }

    /// Whether the start is over; a request that has come too early may wait for it here.
    pub async fn has_started(&self) -> bool {
        let patience = self.patience();
        if self.may_start() && !patience.is_zero() {
            // Made before the state is looked at again, so that the end cannot go unnoticed between the two.
            let started = self.started.notified();
            if self.may_start() {
                drop(timeout(patience, started).await);
            }
        }
        !self.is_starting()
    }

    /// From now on requests should go elsewhere; those that come are still answered, unless the start was not over yet:
    /// then they are refused, and those that wait for its end are, too.
    pub fn set_stopping(&self) {
        let state = if self.is_starting() { ABANDONED } else { STOPPING };
        self.state.store(state, Ordering::Release);
        self.started.notify_waiters();
    }

    /// What the start is busy with from now on, in words for an operator: "checking the database file".
    pub fn begin(&self, step: &'static str) {
        self.step.store(Arc::new(step));
    }

    /// What the start is busy with; empty when nobody has said so.
    pub fn step(&self) -> String {
        match (**self.step.load(), self.progress()) {
            (LOADING, (loaded, of)) => format!("{LOADING} {loaded} of {of}"),
            (step, _) => step.to_owned(),
        }
    }

    /// Resolves when the server stops, also when that was before.
    pub async fn stopping(&self) {
        loop {
            let told = self.started.notified();
            tokio::pin!(told);
            // Before the state is looked at, so that the end cannot go unnoticed between the two.
            told.as_mut().enable();
            if self.is_stopping() {
                return;
            }
            told.await;
        }
    }

    /// How far the start has come: so many sessions of so many are loaded.
    pub fn set_progress(&self, loaded: u64, of: u64) {
        self.begin(LOADING);
        self.loaded.store(loaded, Ordering::Relaxed);
        self.to_load.store(of, Ordering::Relaxed);
    }

    /// How many sessions are loaded, and of how many.
    pub fn progress(&self) -> (u64, u64) {
        (self.loaded.load(Ordering::Relaxed), self.to_load.load(Ordering::Relaxed))
    }

    /// Says how to find out that something is away, and whether requests should go elsewhere then. Only the first call
    /// counts.
    pub fn set_ailment(&self, is_ailing: impl Fn() -> bool + Send + Sync + 'static, unready: bool) {
        let _already_set = self.ailment.set((Box::new(is_ailing), unready));
    }

    /// Whether requests are welcome.
    pub fn is_ready(&self) -> bool {
        let elsewhere = self.ailment.get().is_some_and(|(is_ailing, unready)| *unready && is_ailing());
        self.state.load(Ordering::Acquire) == READY && !elsewhere
    }

    /// Whether they have never been welcome.
    pub fn is_starting(&self) -> bool {
        matches!(self.state.load(Ordering::Acquire), STARTING | ABANDONED)
    }

    /// Whether they are not welcome any more.
    pub fn is_stopping(&self) -> bool {
        matches!(self.state.load(Ordering::Acquire), STOPPING | ABANDONED)
    }

    fn may_start(&self) -> bool {
        self.state.load(Ordering::Acquire) == STARTING
    }

    /// The state in a word.
    pub fn name(&self) -> &'static str {
        match self.state.load(Ordering::Acquire) {
            STARTING => "starting",
            READY if self.ailment.get().is_some_and(|(is_ailing, _)| is_ailing()) => "degraded",
            READY => "ready",
            _ => "stopping",
        }
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Readiness").field(&self.name()).finish()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[actix_rt::test]
    async fn early_requests_wait_only_when_they_were_let() {
        let readiness = Readiness::default();
        assert_eq!(readiness.has_started().now_or_never(), Some(false));
        readiness.let_early_requests_wait(Duration::from_secs(30));
        let waiting = readiness.has_started();
        tokio::pin!(waiting);
        assert_eq!(waiting.as_mut().now_or_never(), None);
        readiness.set_ready();
        assert!(waiting.await);
        assert_eq!(readiness.has_started().now_or_never(), Some(true));
    }

    #[actix_rt::test]
    async fn who_waits_for_a_start_that_is_given_up_is_refused_at_once() {
        let readiness = Readiness::default();
        readiness.let_early_requests_wait(Duration::from_secs(30));
        let waiting = readiness.has_started();
        tokio::pin!(waiting);
        assert_eq!(waiting.as_mut().now_or_never(), None);
        readiness.set_stopping();
        assert!(!waiting.await);
        assert!(readiness.is_starting() && readiness.is_stopping() && !readiness.is_ready());
        assert_eq!((readiness.has_started().now_or_never(), readiness.name()), (Some(false), "stopping"));
    }

    #[actix_rt::test]
    async fn patience_ends() {
        tokio::time::pause();
        let readiness = Readiness::default();
        readiness.let_early_requests_wait(Duration::from_secs(30));
        assert!(!readiness.has_started().await);
    }

    #[test]
    fn what_the_start_is_busy_with_is_said_with_how_far_it_has_come() {
        let readiness = Readiness::default();
        assert_eq!(readiness.step(), "");
        readiness.begin("checking the database file");
        assert_eq!(readiness.step(), "checking the database file");
        readiness.set_progress(3, 10);
        assert_eq!(readiness.step(), "loading sessions 3 of 10");
        readiness.begin("looking at the shop");
        assert_eq!((readiness.step().as_str(), readiness.progress()), ("looking at the shop", (3, 10)));
    }

    #[test]
    fn what_is_away_degrades_a_ready_server_and_makes_it_unready_only_where_that_is_wanted() {
        for (unready, ready) in [(false, true), (true, false)] {
            let readiness = Readiness::default();
            readiness.set_ailment(|| true, unready);
            assert_eq!((readiness.name(), readiness.is_ready()), ("starting", false));
            readiness.set_ready();
            assert_eq!((readiness.name(), readiness.is_ready()), ("degraded", ready));
            readiness.set_stopping();
            assert_eq!((readiness.name(), readiness.is_ready()), ("stopping", false));
        }
    }
}
