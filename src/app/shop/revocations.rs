//! Revocations of users' tokens, both ways: those of the shop are honoured here, and ours reach the shop.
//!
//! The shop keeps a moment for each user (fact sheet 6.5) and no stamp of when it changed. Since a revocation carries the
//! moment at which it was made, by the shop's clock, a look asks for those of the time since the look before; once a
//! minute it asks for all, because a machine of the shop may have a clock of its own. Ours lie in the outbox until the
//! shop has them.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::time::Instant;
use tracing::info;

use crate::accounts::{AccountError, MagentoAccounts};
use crate::clock::{SharedClock, UnixSeconds};
use crate::registry::{Registry, RegistryError, TakeRevocations};
use crate::store::{Change, Readers, Store, StoreError, UserRevocation};

/// How often all of the shop's revocations are read.
const WHOLE: Duration = Duration::from_mins(1);

/// How far a look goes back behind the one before, in seconds: a transaction may take its time.
const OVERLAP: u32 = 60;

/// How many revocations are handed over at once.
const BATCH: usize = 500;

/// Why a look was broken off. The next one makes up for it.
#[derive(Debug, Error)]
pub(super) enum Broken {
    #[error(transparent)]
    Shop(#[from] AccountError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Exchanges revocations with the shop.
#[derive(Debug)]
pub(in crate::app) struct Revocations {
    accounts: Arc<MagentoAccounts>,
    registry: Registry,
    readers: Readers,
    store: Store,
    clock: SharedClock,
    /// When the last complete look began.
    seen: UnixSeconds,
    /// When all were last read; `None` before the first time.
    seen_whole: Option<Instant>,
}

impl Revocations {
    /// Nothing was looked at yet.
    pub(in crate::app) fn new(
        accounts: Arc<MagentoAccounts>,
        registry: Registry,
        (store, readers): (Store, Readers),
        clock: SharedClock,
    ) -> Self {
        let (seen, seen_whole) = Default::default();
        Self { accounts, registry, readers, store, clock, seen, seen_whole }
    }

    /// Takes over what the shop has revoked since the last time. How many questions that took.
    pub(super) async fn take_over(&mut self) -> Result<u64, Broken> {
        let (now, begun) = (self.clock.now(), Instant::now());
        let whole = self.seen_whole.is_none_or(|last| last.elapsed() >= WHOLE);
        let recent = self.recent();
        let since = if whole { UnixSeconds(0) } else { recent };
        let (mut after, mut asked) = (None, 0);
        loop {
            asked += 1;
            let page = self.accounts.revocations(after, since).await?;
            after = page.last().map(|revocation| revocation.subject);
            let is_last = page.len() < MagentoAccounts::REVOCATIONS;
            self.hand_over(page, recent).await?;
            if is_last {
                break;
            }
        }
        self.seen = now;
        if whole {
            self.seen_whole = Some(begun);
        }
        Ok(asked)
    }

    /// From when on the shop's revocations may not have been looked at, by its clock. The first time that is always: what a
    /// moment of a whole kind covers was not necessarily known when that was noted.
    fn recent(&self) -> UnixSeconds {
        match self.seen_whole {
            None => UnixSeconds(0),
            Some(_) => UnixSeconds(self.registry.reader().shop_showed(self.seen).get().saturating_sub(OVERLAP)),
        }
    }

    async fn hand_over(&self, page: Vec<UserRevocation>, recent: UnixSeconds) -> Result<(), RegistryError> {
        let reader = self.registry.reader();
        let news: Vec<_> = page.into_iter().filter(|revocation| reader.may_be_news(*revocation, recent)).collect();
        for batch in news.chunks(BATCH) {
            let sessions = self.registry.take_revocations(TakeRevocations(batch.to_vec())).await?;
            if sessions > 0 {
                info!(sessions, "the shop has revoked tokens");
            }
        }
        Ok(())
    }

    /// How many of ours wait for the shop, and for how many seconds the oldest.
    pub(super) async fn waiting(&self) -> Result<(u32, u32), StoreError> {
        let waiting = self.readers.waiting_for_shop().await?;
        Ok((waiting.entries, waiting.oldest.map_or(0, |oldest| self.clock.now().since(oldest))))
    }

    /// Writes ours into the shop, in the order in which they were made. What cannot be written waits. How many questions
    /// that took.
    pub(super) async fn deliver(&self) -> Result<u64, Broken> {
        let mut asked = 0;
        if !self.accounts.takes_revocations() {
            return Ok(asked);
        }
        loop {
            let batch = self.readers.outbox(u32::try_from(BATCH).unwrap_or(u32::MAX)).await?;
            let is_last = batch.len() < BATCH;
            if !batch.is_empty() {
                self.accounts.write_revocations(batch.clone()).await?;
                asked += 1;
                self.store.write(vec![Change::OutboxDelivered(batch)]).await?;
            }
            if is_last {
                return Ok(asked);
            }
        }
    }
}
