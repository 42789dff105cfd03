//! The way to the writer: a limit on how many changes may wait, and on how long.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix::{Actor, Addr, Arbiter, Recipient};
use tokio::sync::Semaphore;

use crate::store::ledger::Seal;
use crate::store::writer::Close;
use crate::store::{AttachRegistry, Change, Committed, DataFolder, Record, StoreError, StoreWriter, Write, Written};

/// How many changes may wait at once; beyond that a caller hears [`StoreError::Unavailable`] at once.
const WAITING_CHANGES: usize = 4096;

/// How long a caller waits.
const PATIENCE: Duration = Duration::from_secs(5);

/// The store's writing side. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    writer: Addr<StoreWriter>,
    gate: Arc<Semaphore>,
    commits: Arc<AtomicU64>,
}

impl Store {
    /// Starts a [`StoreWriter`] on a thread of its own. `guard` is dropped together with the actor.
    ///
    /// The folder has to be kept for as long as the store is used: with it goes the lock.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the file cannot be opened.
    pub fn start(folder: &DataFolder, guard: Option<Box<dyn Any + Send>>) -> Result<Self, StoreError> {
        Self::begin(folder, guard, |writer| StoreWriter::start_in_arbiter(&Arbiter::new().handle(), |_| writer))
    }

    /// The same on the thread of the caller: for tests under paused time, which would not wait for another thread.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the file cannot be opened.
    pub fn start_here(folder: &DataFolder) -> Result<Self, StoreError> {
        Self::begin(folder, None, StoreWriter::start)
    }

    fn begin(
        folder: &DataFolder,
        guard: Option<Box<dyn Any + Send>>,
        start: impl FnOnce(StoreWriter) -> Addr<StoreWriter>,
    ) -> Result<Self, StoreError> {
        let commits = Arc::default();
        let seal = Seal::new(folder.digest_key());
        let writer = StoreWriter::open(folder.database(), seal, Arc::clone(&commits), guard)?;
        Ok(Self { writer: start(writer), gate: Arc::new(Semaphore::new(WAITING_CHANGES)), commits })
    }

    /// Writes these changes in one transaction; answered when they are on disk.
    ///
    /// # Errors
    /// [`StoreError::Conflict`]: nothing was written. [`StoreError::Unavailable`]: too much waits, or the file cannot
    /// be written; when the caller's five seconds ran out the changes may still be written later.
    pub async fn write(&self, changes: Vec<Change>) -> Result<Written, StoreError> {
        tokio::time::timeout(PATIENCE, self.write_untimed(changes))
            .await
            .unwrap_or_else(|_| Err(unavailable("it takes too long")))
    }

    /// The same without a limit of time: for large changes before the server answers.
    ///
    /// # Errors
    /// As for [`Store::write`].
    pub async fn write_untimed(&self, changes: Vec<Change>) -> Result<Written, StoreError> {
        let _place = self.gate.try_acquire().map_err(|_| unavailable("too many changes wait"))?;
        match self.writer.send(Write(changes)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(unavailable("the writer is gone")),
        }
    }

    /// Waits until everything that was sent before is written, and closes the file: nothing is to be written afterwards.
    pub async fn close(&self) {
        // A writer that is gone has nothing left to write.
        let _closed = self.writer.send(Close).await;
    }

    /// Makes the actor panic, to show that the process then ends.
    #[cfg(debug_assertions)]
    pub fn provoke_panic(&self) {
        self.writer.do_send(crate::lifecycle::ProvokePanic);
    }

    /// Where the registry sends its records. They pass no gate here: the registry has its own.
    pub fn recorder(&self) -> Recipient<Record> {
        self.writer.clone().recipient()
    }

    /// Sends the outcome of records to `registry` from now on.
    pub fn attach_registry(&self, registry: Recipient<Committed>) {
        // It is queued before every record that is sent later; a writer that is gone answers none of them anyway.
        self.writer.do_send(AttachRegistry(registry));
    }

    /// How many transactions were committed since the start, for the metrics.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }
}

fn unavailable(why: &str) -> StoreError {
    StoreError::Unavailable(why.to_owned())
}
