//! Renewing the hashes of older versions of Magento (`magento.rehash`; fact sheet 7.1, 7.5).
//!
//! After a sign-in that has succeeded, and in the background: whoever signs in neither waits for it nor hears of it. What
//! cannot be done now is done at a later sign-in.

use std::sync::Arc;

use tracing::{debug, info, warn};

use crate::secret::Password;
use crate::session::Subject;
use crate::sign_in::attempt::Core;
use crate::sign_in::password::is_current;

/// A hash to renew once the sign-in has succeeded.
#[derive(Debug)]
pub(super) struct Renewal {
    old: String,
    password: Password,
}

impl Renewal {
    /// What there is to renew if this password turns out to be the one of this hash.
    pub(super) fn of(core: &Core, stored: Option<&str>, password: &Password) -> Option<Self> {
        let old = stored.filter(|hash| core.options.rehash && !hash.is_empty() && !is_current(hash))?;
        Some(Self { old: old.to_owned(), password: password.clone() })
    }

    /// Begins with it. Not while passwords wait to be compared: they go first.
    pub(super) fn begin(self, core: &Arc<Core>, subject: Subject) {
        if core.hashers.load().waiting > 0 {
            debug!(user = %subject, "an old password hash is renewed another time: sign-ins are waiting");
            return;
        }
        let core = Arc::clone(core);
        actix_rt::spawn(async move { self.carry_out(&core, subject).await });
    }

    async fn carry_out(self, core: &Core, subject: Subject) {
        let new = match core.hashers.hash(self.password).await {
            Ok(new) => new,
            Err(error) => {
                debug!(?error, user = %subject, "an old password hash is renewed another time");
                return;
            }
        };
        match core.accounts.renew_hash(subject, &self.old, &new).await {
            Ok(true) => info!(user = %subject, "an old password hash was renewed"),
            Ok(false) => debug!(user = %subject, "an old password hash was not renewed: it has changed meanwhile"),
            Err(error) => warn!(%error, user = %subject, "an old password hash was not renewed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::accounts::SecondFactor;
    use crate::registry::RegistryError;
    use crate::settings::Scope;
    use crate::sign_in::support::{
        Fixture, PASSWORD, START, administrator, caller, credentials, customer, outcome, refused,
    };
    use crate::sign_in::{Options, Refusal, SignInError};

    const JANE: &str = "jane@example.com";

    /// `Password1`, as Magento 2.0 has hashed it (fact sheet 7.6).
    const OLD: &str =
        "2603444c1e578ea5af42165564dabc4c3824bacc4e1346763b8452dd78075ee8:abcdefghijklmnopqrstuvwxyzABCDEF:1";

    async fn house(rehash: bool) -> Fixture {
        let house = Fixture::with(Options { rehash, ..Fixture::options() }).await;
        house.add_customer(customer(JANE));
        house.accounts.customers.lock().unwrap()[0].password_hash = Some(OLD.to_owned());
        house
    }

    fn stored(house: &Fixture) -> String {
        house.stored_customer().password_hash.unwrap()
    }

    async fn until_renewed(house: &Fixture) {
        while stored(house) == OLD {
            tokio::task::yield_now().await;
        }
    }

    #[actix::test]
    async fn an_old_hash_is_renewed_after_a_success_and_the_password_stays() {
        let house = house(true).await;
        assert_eq!(outcome(house.customer(JANE, PASSWORD).await), Ok(()));
        until_renewed(&house).await;
        assert!(is_current(&stored(&house)), "{}", stored(&house));
        assert_eq!(outcome(house.customer(JANE, PASSWORD).await), Ok(()));
        assert_eq!(outcome(house.customer(JANE, "wrong").await), refused(Refusal::WrongPassword));
        let (hashed, renewed) = (house.hashed(), stored(&house));
        assert_eq!(outcome(house.customer(JANE, PASSWORD).await), Ok(()));
        assert_eq!((house.hashed() - hashed, stored(&house)), (1, renewed), "a current hash is left alone");
    }

    #[actix::test]
    async fn an_administrators_hash_is_renewed_too() {
        let house = house(true).await;
        house.add_administrator(administrator("admin"));
        house.accounts.administrators.lock().unwrap()[0].password_hash = OLD.to_owned();
        assert_eq!(outcome(house.administrator("admin", PASSWORD).await), Ok(()));
        while house.accounts.administrators.lock().unwrap()[0].password_hash == OLD {
            tokio::task::yield_now().await;
        }
    }

    /// Passwords are hashed one after the other, so that a renewal that had begun would have been counted by the end of the
    /// next sign-in, and written by that of the one behind it.
    async fn one_by_one(rehash: bool) -> Fixture {
        let house = Fixture::with(Options { rehash, concurrency: 1, ..Fixture::options() }).await;
        house.add_customer(customer(JANE));
        house.accounts.customers.lock().unwrap()[0].password_hash = Some(OLD.to_owned());
        house
    }

    #[actix::test]
    async fn without_the_setting_no_hash_is_touched() {
        let house = one_by_one(false).await;
        let before = house.hashed();
        for _ in 0..3 {
            assert_eq!(outcome(house.customer(JANE, PASSWORD).await), Ok(()));
        }
        assert_eq!((house.hashed() - before, house.accounts.renewals.load(Ordering::SeqCst)), (3, 0));
        assert_eq!(stored(&house), OLD);
    }

    #[actix::test]
    async fn without_a_success_no_hash_is_touched() {
        let house = one_by_one(true).await;
        house.add_administrator(administrator("admin"));
        house.accounts.administrators.lock().unwrap()[0].password_hash = OLD.to_owned();
        house.accounts.administrators.lock().unwrap()[0].is_active = false;
        let before = house.hashed();
        assert_eq!(outcome(house.customer(JANE, "wrong").await), refused(Refusal::WrongPassword));
        assert_eq!(outcome(house.administrator("admin", PASSWORD).await), refused(Refusal::Inactive));
        house.accounts.administrators.lock().unwrap()[0].is_active = true;
        *house.accounts.second_factor.lock().unwrap() = Some(SecondFactor::default());
        house.set(&[("twofactorauth/general/force_providers", Scope::Default, "google")]);
        assert!(house.administrator("admin", PASSWORD).await.is_err(), "without a code");
        house.accounts.customers.lock().unwrap()[0].lock_expires = Some(START.plus(60));
        assert_eq!(outcome(house.customer(JANE, PASSWORD).await), refused(Refusal::Locked));
        house.accounts.customers.lock().unwrap()[0].lock_expires = None;
        *house.sessions.fault.lock().unwrap() = Some(RegistryError::Full);
        assert!(house.customer(JANE, PASSWORD).await.is_err(), "no session has begun");
        for _ in 0..2 {
            assert_eq!(outcome(house.customer(JANE, "wrong").await), refused(Refusal::WrongPassword));
        }
        assert_eq!((house.hashed() - before, house.accounts.renewals.load(Ordering::SeqCst)), (7, 0));
        assert_eq!(stored(&house), OLD);
        assert_eq!(house.accounts.administrators.lock().unwrap()[0].password_hash, OLD);
    }

    /// What becomes of a sign-in with [`PASSWORD`], or with another one, whose account gets a new hash, of this password,
    /// between the comparison and the decision.
    async fn overtaken(by: &str, typed: &'static str) -> Result<(), SignInError> {
        let house = house(true).await;
        let (subject, before) = (Subject::customer(7), house.hashed());
        let turn = house.sign_in.turn_of(subject).await;
        let sign_in = house.sign_in.clone();
        let under_way = actix_rt::spawn(async move { sign_in.customer(credentials(JANE, typed), caller("::1")).await });
        while house.hashed() == before {
            tokio::task::yield_now().await;
        }
        let new = house.sign_in.hash_password(Password::new(by.to_owned())).await.unwrap();
        house.accounts.customers.lock().unwrap()[0].password_hash = Some(new);
        drop(turn);
        outcome(under_way.await.unwrap())
    }

    #[actix::test]
    async fn a_sign_in_that_has_read_the_old_hash_succeeds_after_anybody_has_renewed_it_and_not_after_a_change() {
        assert_eq!(overtaken(PASSWORD, PASSWORD).await, Ok(()));
        assert_eq!(overtaken("Another-pass-1", PASSWORD).await, refused(Refusal::WrongPassword));
        assert_eq!(overtaken("Another-pass-1", "Another-pass-1").await, Ok(()));
        assert_eq!(overtaken(PASSWORD, "wrong").await, refused(Refusal::WrongPassword));
    }

    #[actix::test]
    async fn an_administrators_hash_that_another_one_has_renewed_meanwhile_is_no_wrong_password() {
        let house = house(true).await;
        house.add_administrator(administrator("admin"));
        let new =
            std::mem::replace(&mut house.accounts.administrators.lock().unwrap()[0].password_hash, OLD.to_owned());
        let before = house.hashed();
        let turn = house.sign_in.turn_of(Subject::admin(3)).await;
        let mut under_way = Box::pin(house.administrator("admin", PASSWORD));
        while house.hashed() == before {
            tokio::select! {
                _ = &mut under_way => panic!("it is not this attempt's turn"),
                () = tokio::task::yield_now() => {}
            }
        }
        house.accounts.administrators.lock().unwrap()[0].password_hash = new;
        drop(turn);
        assert_eq!(outcome(under_way.await), Ok(()));
    }

    #[actix::test]
    async fn a_sign_in_succeeds_whatever_becomes_of_the_renewal() {
        let house = house(true).await;
        house.accounts.unwritable.store(true, Ordering::SeqCst);
        assert_eq!(outcome(house.customer(JANE, PASSWORD).await), Ok(()));
        while house.accounts.renewals.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(stored(&house), OLD);
    }
}
