//! The lock of a customer's account (fact sheet 5.2, step 3).

use crate::accounts::Customer;
use crate::clock::UnixSeconds;
use crate::settings::Settings;
use crate::store::CustomerLock;

/// What the settings say about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lockout {
    /// So many failures lock the account; 0 disables the lock.
    failures: u32,
    /// For so many seconds; 0 disables the lock.
    seconds: u32,
}

impl Lockout {
    pub(super) fn of(settings: &Settings) -> Self {
        Self {
            failures: settings.number("customer/password/lockout_failures"),
            seconds: settings.number("customer/password/lockout_threshold").saturating_mul(60),
        }
    }

    /// The counters after one more wrong password; `None` when nothing is counted.
    pub(super) fn after_failure(self, customer: &Customer, now: UnixSeconds) -> Option<CustomerLock> {
        if self.failures == 0 || self.seconds == 0 {
            return None;
        }
        let failures = customer.failures.saturating_add(1);
        let lock_ended = customer.lock_expires.is_some_and(|expires| expires <= now);
        Some(if failures == 1 || customer.first_failure.is_none() || lock_ended {
            CustomerLock { customer: customer.id, failures: 1, first_failure: Some(now), lock_expires: None }
        } else {
            CustomerLock {
                customer: customer.id,
                failures,
                first_failure: customer.first_failure,
                lock_expires: (failures >= self.failures).then(|| now.plus(self.seconds)),
            }
        })
    }
}

/// The counters after a success; `None` when there is nothing to clear.
pub(super) fn after_success(customer: &Customer) -> Option<CustomerLock> {
    let clear = customer.failures == 0 && customer.first_failure.is_none() && customer.lock_expires.is_none();
    (!clear).then_some(CustomerLock { customer: customer.id, failures: 0, first_failure: None, lock_expires: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign_in::support::customer;

    const NOW: UnixSeconds = UnixSeconds(1_000_000);

    const DEFAULTS: Lockout = Lockout { failures: 10, seconds: 600 };

    fn with(failures: u32, first_failure: Option<u32>, lock_expires: Option<u32>) -> Customer {
        Customer {
            failures,
            first_failure: first_failure.map(UnixSeconds),
            lock_expires: lock_expires.map(UnixSeconds),
            ..customer("jane@example.com")
        }
    }

    fn after(customer: &Customer) -> (u32, Option<u32>, Option<u32>) {
        let lock = DEFAULTS.after_failure(customer, NOW).unwrap();
        (lock.failures, lock.first_failure.map(UnixSeconds::get), lock.lock_expires.map(UnixSeconds::get))
    }

    #[test]
    fn the_counter_starts_anew_at_the_first_failure_and_after_a_lock() {
        let first = (1, Some(NOW.get()), None);
        assert_eq!(after(&with(0, None, None)), first);
        assert_eq!(after(&with(7, None, None)), first, "no first failure is known");
        assert_eq!(after(&with(10, Some(5), Some(NOW.get()))), first, "the lock has just ended");
    }

    #[test]
    fn the_tenth_failure_locks_for_ten_minutes() {
        assert_eq!(after(&with(8, Some(5), None)), (9, Some(5), None));
        assert_eq!(after(&with(9, Some(5), None)), (10, Some(5), Some(NOW.get() + 600)));
        assert_eq!(after(&with(99, Some(5), None)), (100, Some(5), Some(NOW.get() + 600)));
    }

    #[test]
    fn either_0_disables_the_lock_and_the_counter() {
        for (failures, seconds) in [(0, 600), (10, 0)] {
            let disabled = Lockout { failures, seconds };
            assert_eq!(disabled.after_failure(&with(9, Some(5), None), NOW), None);
        }
    }

    #[test]
    fn a_success_clears_what_there_is_to_clear() {
        assert_eq!(after_success(&with(0, None, None)), None);
        for customer in [with(1, None, None), with(0, Some(5), None), with(0, None, Some(5))] {
            let lock = after_success(&customer).unwrap();
            assert_eq!((lock.failures, lock.first_failure, lock.lock_expires), (0, None, None));
        }
    }
}
