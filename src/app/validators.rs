//! The validators of all workers: for their counts.

use std::sync::{Arc, Mutex, PoisonError};

use actix::Addr;

use crate::registry::{TokenValidator, ValidatorCounts};

/// The validators that have been started, one a worker. The lock is taken when one starts and when the metrics are
/// asked for, never by a check.
#[derive(Debug, Default)]
pub struct Validators(Mutex<Vec<Validator>>);

#[derive(Debug)]
struct Validator {
    #[cfg_attr(not(debug_assertions), expect(dead_code, reason = "only its panic button needs it"))]
    actor: Addr<TokenValidator>,
    counts: Arc<ValidatorCounts>,
}

impl Validators {
    /// Adds a validator that has started.
    pub(super) fn add(&self, actor: Addr<TokenValidator>, counts: Arc<ValidatorCounts>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Validator { actor, counts });
    }

    /// What all of them have answered, by outcome.
    pub(super) fn counts(&self) -> Vec<(&'static str, u64)> {
        let mut sums = [0; ValidatorCounts::OUTCOMES.len()];
        for validator in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            sums.iter_mut().zip(validator.counts.read()).for_each(|(sum, count)| *sum += count);
        }
        ValidatorCounts::OUTCOMES.into_iter().zip(sums).collect()
    }

    #[cfg(debug_assertions)]
    pub(super) fn provoke_panic(&self) {
        for validator in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            validator.actor.do_send(crate::lifecycle::ProvokePanic);
        }
    }
}
