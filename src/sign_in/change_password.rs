//! Changing the password of a customer who is signed in (fact sheet 2.7).
//!
//! The current password is compared first; a wrong one counts for the account's lock, not for the throttle. Then the rules
//! for new ones. Both hashes need a place that is counted for the caller's address. No session ends.

use std::sync::{Arc, Weak};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::oneshot;
use tracing::{info, warn};

use crate::accounts::{AccountError, Customer};
use crate::audit::{Channel, Event, Line, Origin};
use crate::secret::Password;
use crate::session::Subject;
use crate::sign_in::attempt::{Comparison, Core};
use crate::sign_in::lockout::Lockout;
use crate::sign_in::password::{PoolError, Verdict};
use crate::sign_in::password_rules::{PasswordProblem, PasswordRules};
use crate::sign_in::{Caller, SignIn};
use crate::store::Change;

/// What a customer asks for.
#[derive(Clone, Debug)]
pub struct PasswordChange {
    /// The customer, whose token was found good.
    pub customer: u32,
    /// What was typed as current password.
    pub current: Password,
    /// The password to be.
    pub new: Password,
}

/// Why the password is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PasswordChangeError {
    /// The customer is no longer there.
    #[error("unknown user")]
    NoSuchCustomer,
    /// The current password is wrong.
    #[error("wrong password")]
    WrongPassword,
    /// The account is locked, or this wrong password has locked it.
    #[error("account locked")]
    Locked,
    /// The new password breaks a rule.
    #[error("the new password breaks a rule")]
    Unacceptable(PasswordProblem),
    /// Too many passwords wait to be hashed; try again after this time.
    #[error("too many sign-ins are waiting")]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// The accounts cannot be reached.
    #[error("unavailable")]
    Unavailable,
}

impl From<PoolError> for PasswordChangeError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Busy { retry_after } => Self::Busy { retry_after },
            PoolError::Unavailable => Self::Unavailable,
        }
    }
}

impl SignIn {
    /// Changes a customer's password. Once the current one was compared it is carried through, also when the caller has
    /// gone.
    ///
    /// # Errors
    /// Any [`PasswordChangeError`]; the password is as it was then.
    pub async fn change_password(&self, change: PasswordChange, caller: Caller) -> Result<(), PasswordChangeError> {
        let alive = Arc::new(());
        let (sender, answer) = oneshot::channel();
        let changing = carry_out(Arc::clone(&self.0), change, caller, Arc::downgrade(&alive));
        actix_rt::spawn(async move {
            // Whoever waited may have gone.
            let _ = sender.send(changing.await);
        });
        let outcome = answer.await.unwrap_or(Err(PasswordChangeError::Unavailable));
        drop(alive);
        outcome
    }
}

async fn carry_out(
    core: Arc<Core>,
    change: PasswordChange,
    caller: Caller,
    waiting: Weak<()>,
) -> Result<(), PasswordChangeError> {
    let id = change.customer;
    let found = find(&core, id).await?;
    let place = core.hashers.enter(caller.address)?;
    let stored = found.password_hash.clone().unwrap_or_default();
    let verdict = core.hashers.verify(Some(stored), change.current.clone(), waiting, place).await?;
    let outcome = match verdict {
        Verdict::Match => replace(&core, &found, change, caller).await,
        Verdict::Mismatch => Err(count(&core, id, caller).await),
        // Nobody hears this.
        Verdict::Abandoned => Err(PasswordChangeError::Unavailable),
    };
    log(id, caller, outcome);
    outcome
}

/// The customer, who must not be locked.
async fn find(core: &Core, id: u32) -> Result<Customer, PasswordChangeError> {
    let customer = core.accounts.customer(id).await.map_err(|error| unreachable(core, &error))?;
    let customer = customer.ok_or(PasswordChangeError::NoSuchCustomer)?;
    if customer.is_locked_at(core.clock.now()) { Err(PasswordChangeError::Locked) } else { Ok(customer) }
}

/// Counts a wrong password, after those that were compared at the same time.
async fn count(core: &Core, id: u32, caller: Caller) -> PasswordChangeError {
    let _turn = core.account_turns.wait(Subject::customer(id)).await;
    let customer = match find(core, id).await {
        Ok(customer) => customer,
        Err(error) => return error,
    };
    let now = core.clock.now();
    let Some(lock) = Lockout::of(&core.snapshot.load().settings).after_failure(&customer, now) else {
        return PasswordChangeError::WrongPassword;
    };
    if let Err(error) = core.accounts.failure(Some(lock), None, line(core, id, caller, refused(id))).await {
        warn!(%error, "a wrong password was not counted for the account's lock");
        // Guesses that are not counted must not be told from each other.
        return PasswordChangeError::Unavailable;
    }
    let is_locked = lock.lock_expires.is_some_and(|expires| expires > now);
    if is_locked { PasswordChangeError::Locked } else { PasswordChangeError::WrongPassword }
}

async fn replace(
    core: &Core,
    found: &Customer,
    change: PasswordChange,
    caller: Caller,
) -> Result<(), PasswordChangeError> {
    let PasswordChange { current, new, .. } = change;
    // Before the rules are told: a guess must not learn from them that it is right once others have locked the account.
    let turn = core.account_turns.wait(Subject::customer(found.id)).await;
    find_unchanged(core, found, &current).await?;
    drop(turn);
    let rules = PasswordRules::of(&core.snapshot.load().settings);
    rules.check(&new, &found.email).map_err(PasswordChangeError::Unacceptable)?;
    let place = core.hashers.enter(caller.address)?;
    let hash = core.hashers.hash_at(new, place).await?;
    let _turn = core.account_turns.wait(Subject::customer(found.id)).await;
    find_unchanged(core, found, &current).await?;
    let changed = Event::PasswordSet { subject: Subject::customer(found.id) };
    let along = line(core, found.id, caller, changed);
    core.accounts.change_password(found.id, hash, along).await.map_err(|error| unreachable(core, &error))
}

/// What the audit trail says of a wrong current password.
fn refused(customer: u32) -> Event {
    let subject = Subject::customer(customer);
    Event::Refused { kind: subject.kind, subject: Some(subject), reason: "wrong_current_password".into() }
}

/// The line of something that the customer asks for.
fn line(core: &Core, customer: u32, caller: Caller, event: Event) -> Vec<Change> {
    let channel = Channel::of_protocol(caller.protocol);
    let origin = Origin::user(Subject::customer(customer), channel, caller.address);
    vec![Change::Audit(Line::new(core.clock.now(), event, origin))]
}

/// A password that was changed in the meantime is not the one that was compared.
async fn find_unchanged(core: &Core, found: &Customer, current: &Password) -> Result<(), PasswordChangeError> {
    let now = find(core, found.id).await?;
    let hash = |customer: &Customer| customer.password_hash.clone().unwrap_or_default();
    match core.compare_again(Comparison::Match, &hash(found), &hash(&now), current).await? {
        Comparison::Match => Ok(()),
        Comparison::Mismatch | Comparison::NotMade => Err(PasswordChangeError::WrongPassword),
    }
}

/// Logs why the accounts could not be reached; the cause is for the operator alone.
fn unreachable(core: &Core, error: &AccountError) -> PasswordChangeError {
    core.unreadable(error);
    PasswordChangeError::Unavailable
}

fn log(customer: u32, caller: Caller, outcome: Result<(), PasswordChangeError>) {
    let address = caller.address.map_or_else(|| "unknown".to_owned(), |address| address.to_string());
    match outcome {
        Ok(()) => info!(customer, address, protocol = caller.protocol, "password changed"),
        Err(reason) => info!(customer, address, protocol = caller.protocol, %reason, "password not changed"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use futures_util::future::join_all;

    use super::*;
    use crate::sign_in::support::{Fixture, PASSWORD, START, caller, customer, outcome};

    const NEW: &str = "Another2";

    async fn house() -> Fixture {
        let house = Fixture::new().await;
        house.add_customer(customer("jane@example.com"));
        house
    }

    async fn change(house: &Fixture, current: &str, new: &str) -> Result<(), PasswordChangeError> {
        let password = |text: &str| Password::new(text.to_owned());
        let change = PasswordChange { customer: 7, current: password(current), new: password(new) };
        house.sign_in.change_password(change, caller("192.0.2.1")).await
    }

    #[actix::test]
    async fn the_new_password_takes_the_place_of_the_old_one() {
        let house = house().await;
        let before = house.hashed();
        assert_eq!(change(&house, PASSWORD, NEW).await, Ok(()));
        assert_eq!(house.hashed() - before, 2);
        assert_eq!(outcome(house.customer("jane@example.com", NEW).await), Ok(()));
        assert_eq!(change(&house, PASSWORD, NEW).await, Err(PasswordChangeError::WrongPassword));
    }

    #[actix::test]
    async fn the_current_password_is_looked_at_before_the_new_one() {
        let house = house().await;
        assert_eq!(change(&house, "wrong", "x").await, Err(PasswordChangeError::WrongPassword));
        let short = PasswordProblem::TooShort { least: 8 };
        assert_eq!(change(&house, PASSWORD, "x").await, Err(PasswordChangeError::Unacceptable(short)));
        assert_eq!(
            house.stored_customer().failures,
            1,
            "a right password clears nothing, a bad new one counts nothing"
        );
    }

    #[actix::test]
    async fn wrong_passwords_lock_the_account_and_leave_the_throttle_alone() {
        let house = house().await;
        for _ in 0..9 {
            assert_eq!(change(&house, "wrong", NEW).await, Err(PasswordChangeError::WrongPassword));
        }
        for current in ["wrong", "wrong", PASSWORD] {
            assert_eq!(change(&house, current, NEW).await, Err(PasswordChangeError::Locked));
        }
        let jane = house.stored_customer();
        assert_eq!((jane.failures, jane.lock_expires), (10, Some(START.plus(600))));
        assert_eq!(house.throttled(), None);
        house.clock.advance(Duration::from_mins(10));
        assert_eq!(change(&house, PASSWORD, NEW).await, Ok(()));
    }

    #[actix::test]
    async fn guesses_at_the_same_time_are_all_counted() {
        let house = house().await;
        let outcomes = join_all((0..30).map(|_| change(&house, "wrong", NEW))).await;
        let wrong = outcomes.iter().filter(|outcome| **outcome == Err(PasswordChangeError::WrongPassword));
        assert_eq!(wrong.count(), 9);
        assert_eq!(house.stored_customer().failures, 10);
    }

    #[actix::test]
    async fn a_guess_that_others_have_locked_out_does_not_learn_that_it_is_right() {
        let house = house().await;
        let compared = house.stored_customer();
        for _ in 0..10 {
            let _counted = change(&house, "wrong", NEW).await;
        }
        let password = |text: &str| Password::new(text.to_owned());
        let change = PasswordChange { customer: 7, current: password(PASSWORD), new: password("x") };
        let outcome = replace(&house.sign_in.0, &compared, change, caller("192.0.2.1")).await;
        assert_eq!(outcome, Err(PasswordChangeError::Locked));
    }

    #[actix::test]
    async fn of_two_changes_at_the_same_time_one_is_made() {
        let house = house().await;
        let (one, other) = tokio::join!(change(&house, PASSWORD, NEW), change(&house, PASSWORD, "Another3"));
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    }

    #[actix::test]
    async fn what_cannot_be_read_or_stored_changes_nothing() {
        let house = house().await;
        house.accounts.unwritable.store(true, Ordering::SeqCst);
        for current in [PASSWORD, "wrong"] {
            assert_eq!(change(&house, current, NEW).await, Err(PasswordChangeError::Unavailable));
        }
        house.accounts.unwritable.store(false, Ordering::SeqCst);
        house.accounts.unreadable_by_number.store(true, Ordering::SeqCst);
        assert_eq!(change(&house, PASSWORD, NEW).await, Err(PasswordChangeError::Unavailable));
        house.accounts.unreadable_by_number.store(false, Ordering::SeqCst);
        house.accounts.customers.lock().unwrap().clear();
        assert_eq!(change(&house, PASSWORD, NEW).await, Err(PasswordChangeError::NoSuchCustomer));
    }
}
