//! The actor that computes password hashes.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use actix::{Actor, Handler, Recipient, SyncContext};
use tracing::debug;

use super::memory::{Memory, Slot};
use super::messages::{HashPassword, MemoryUsed, Verdict, VerifyPassword};
use super::meter::Meter;
use super::stored::{Cost, StoredHash, new_hash, spend};
use super::{HashError, HashError::OutOfMemory};
use crate::magento::SharedInstallationKey;

/// How far hashing stands back behind everything else on the machine.
const NICENESS: i32 = 10;

/// Computes one hash at a time, on its own thread; the pool has `sign_in.concurrency` of them.
pub struct PasswordHasher {
    slot: Arc<Slot>,
    parts: Arc<HasherParts>,
    _guard: Box<dyn Any + Send>,
}

/// What all hashers of a pool share.
pub(super) struct HasherParts {
    /// Who gives idle memory back.
    pub(super) keeper: Recipient<MemoryUsed>,
    /// The key of the Magento installation, if it is known.
    pub(super) key: SharedInstallationKey,
    /// What a new hash costs, and every comparison.
    pub(super) cost: Cost,
    /// What is counted and measured.
    pub(super) meter: Arc<Meter>,
}

impl PasswordHasher {
    pub(super) fn new(parts: Arc<HasherParts>, guard: Box<dyn Any + Send>) -> Self {
        Self { slot: Arc::default(), parts, _guard: guard }
    }

    /// Works in the memory, counts and measures, and tells the keeper.
    fn work<R>(&self, work: impl FnOnce(&mut Memory) -> Result<R, HashError>) -> Result<R, HashError> {
        let _running = self.parts.meter.begin();
        let result = self.slot.with(|memory| {
            let before = memory.runs();
            let result = work(memory);
            self.parts.meter.count(memory.runs() - before);
            result
        });
        if matches!(result, Err(OutOfMemory)) {
            tracing::error!("no memory to hash a password");
        }
        // Nothing depends on the answer: a keeper that is gone takes the server with it.
        self.parts.keeper.do_send(MemoryUsed(Arc::downgrade(&self.slot)));
        result
    }

    fn verify(&self, message: &VerifyPassword, memory: &mut Memory) -> Result<Verdict, HashError> {
        let stored = message.stored.as_deref().map(StoredHash::parse);
        if !stored.as_ref().is_some_and(|stored| stored.is_as_costly_as(self.parts.cost)) {
            spend(&message.password, self.parts.cost, memory)?;
        }
        let matched = match stored {
            Some(stored) => stored.matches(&message.password, self.parts.key.load_full().as_deref(), memory)?,
            None => false,
        };
        Ok(if matched { Verdict::Match } else { Verdict::Mismatch })
    }
}

impl Actor for PasswordHasher {
    type Context = SyncContext<Self>;

    fn started(&mut self, _context: &mut Self::Context) {
        // On Linux this concerns the calling thread alone.
        if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
            debug!(%error, "hashing runs at normal priority");
        }
    }
}

impl Handler<VerifyPassword> for PasswordHasher {
    type Result = Result<Verdict, HashError>;

    fn handle(&mut self, message: VerifyPassword, _context: &mut Self::Context) -> Self::Result {
        if message.caller.strong_count() == 0 {
            return Ok(Verdict::Abandoned);
        }
        self.work(|memory| self.verify(&message, memory))
    }
}

impl Handler<HashPassword> for PasswordHasher {
    type Result = Result<String, HashError>;

    fn handle(&mut self, message: HashPassword, _context: &mut Self::Context) -> Self::Result {
        self.work(|memory| new_hash(&message.password, self.parts.cost, memory))
    }
}

impl fmt::Debug for PasswordHasher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PasswordHasher")
    }
}

#[cfg(debug_assertions)]
crate::lifecycle::panics_when_told!(PasswordHasher);
