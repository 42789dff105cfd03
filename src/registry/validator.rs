//! The validator of one worker: the actor that a request's thread asks, so that no other thread is woken.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix::{Actor, Context, Handler, MessageResult};

use crate::registry::{Candidate, Reader, ValidateToken, ValidateTokens, Validation};

/// How many questions may wait. They are asked and answered on one thread, so that there are never more than requests
/// in progress on it.
const MAILBOX: usize = 65_536;

/// Answers [`ValidateToken`] on the thread of the worker that asks.
pub struct TokenValidator {
    reader: Reader,
    counts: Arc<ValidatorCounts>,
    _guard: Box<dyn Any + Send>,
}

/// What a validator has answered; written by its own thread alone, read by the metrics.
#[derive(Debug, Default)]
#[repr(align(128))] // A cache line of its own, so that workers do not slow each other down.
pub struct ValidatorCounts([AtomicU64; 5]);

impl ValidatorCounts {
    /// The outcomes that are counted, by name, in the order of [`Self::read`].
    pub const OUTCOMES: [&'static str; 5] = ["valid", "expired", "unknown", "revoked", "unavailable"];

    /// How many of each outcome.
    pub fn read(&self) -> [u64; 5] {
        self.0.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    fn count(&self, validation: &Validation) {
        let outcome = match validation {
            Validation::Valid(_) => 0,
            Validation::Expired => 1,
            Validation::Unknown => 2,
            Validation::Revoked => 3,
            Validation::Unavailable => 4,
        };
        self.0[outcome].fetch_add(1, Ordering::Relaxed);
    }
}

impl TokenValidator {
    /// A validator that reads by `reader` and counts in `counts`.
    pub fn new(reader: Reader, counts: Arc<ValidatorCounts>, guard: Box<dyn Any + Send>) -> Self {
        Self { reader, counts, _guard: guard }
    }

    fn validate(&self, candidate: Option<Candidate>) -> Validation {
        let validation = self.reader.validate(candidate);
        self.counts.count(&validation);
        validation
    }
}

impl Actor for TokenValidator {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.set_mailbox_capacity(MAILBOX);
    }
}

impl Handler<ValidateToken> for TokenValidator {
    type Result = MessageResult<ValidateToken>;

    fn handle(&mut self, message: ValidateToken, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.validate(message.candidate))
    }
}

impl Handler<ValidateTokens> for TokenValidator {
    type Result = MessageResult<ValidateTokens>;

    fn handle(&mut self, message: ValidateTokens, _: &mut Self::Context) -> Self::Result {
        MessageResult(message.candidates.into_iter().map(|candidate| self.validate(candidate)).collect())
    }
}

impl std::fmt::Debug for TokenValidator {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TokenValidator").field("counts", &self.counts).finish_non_exhaustive()
    }
}

#[cfg(debug_assertions)]
crate::lifecycle::panics_when_told!(TokenValidator);
