//! Renewing the hashes of older versions of Magento (`magento.rehash`; fact sheet 7.1, 7.5).
//!
//! After a sign-in that has succeeded, and in the background: whoever signs in neither waits for it nor hears of it. What
//! cannot be done now is done at a later sign-in.

use std::fmt;
use std::sync::Arc;

use quick_cache::sync::Cache;
use tracing::{debug, info, warn};

use crate::secret::Password;
use crate::session::Subject;
use crate::sign_in::attempt::Core;
use crate::sign_in::password::is_current;

/// How many renewals are remembered: those of the last moments, while sign-ins are under way that have read the old hash.
const REMEMBERED: usize = 1_000;

/// Hashes that were renewed: of whom, the old one and the new one.
pub(super) struct Renewed(Cache<Subject, (String, String)>);

impl Renewed {
    /// Whether one hash is still that of the same password as another one that was read before.
    pub(super) fn is_same(&self, subject: Subject, before: &str, now: &str) -> bool {
        let renewed = || self.0.get(&subject).is_some_and(|(old, new)| old == before && new == now);
        before == now || renewed()
    }
}

impl Default for Renewed {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED))
    }
}

impl fmt::Debug for Renewed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Renewed").field("remembered", &self.0.len()).finish_non_exhaustive()
    }
}

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
        // Before it is there to be read. That both are hashes of one password is true whatever becomes of it.
        core.renewed.0.insert(subject, (self.old.clone(), new.clone()));
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
    use crate::sign_in::support::{Fixture, PASSWORD, administrator, caller, credentials, customer, outcome, refused};
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

    #[actix::test]
    async fn without_the_setting_or_a_success_no_hash_is_touched() {
        let house = house(false).await;
        let before = house.hashed();
        assert_eq!(outcome(house.customer(JANE, PASSWORD).await), Ok(()));
        assert_eq!((house.hashed() - before, stored(&house).as_str()), (1, OLD));
        let house = self::house(true).await;
        let before = house.hashed();
        assert_eq!(outcome(house.customer(JANE, "wrong").await), refused(Refusal::WrongPassword));
        assert_eq!((house.hashed() - before, stored(&house).as_str()), (1, OLD));
    }

    /// What becomes of a sign-in whose account gets another hash between the comparison and the decision.
    async fn overtaken(renewed: bool) -> Result<(), SignInError> {
        let house = house(true).await;
        let (subject, before) = (Subject::customer(7), house.hashed());
        let turn = house.sign_in.turn_of(subject).await;
        let sign_in = house.sign_in.clone();
        let under_way =
            actix_rt::spawn(async move { sign_in.customer(credentials(JANE, PASSWORD), caller("::1")).await });
        while house.hashed() == before {
            tokio::task::yield_now().await;
        }
        let new = house.sign_in.hash_password(Password::new(PASSWORD.to_owned())).await.unwrap();
        if renewed {
            house.sign_in.0.renewed.0.insert(subject, (OLD.to_owned(), new.clone()));
        }
        house.accounts.customers.lock().unwrap()[0].password_hash = Some(new);
        drop(turn);
        outcome(under_way.await.unwrap())
    }

    #[actix::test]
    async fn a_sign_in_that_has_read_the_old_hash_succeeds_after_it_was_renewed_and_not_after_a_change() {
        assert_eq!(overtaken(true).await, Ok(()));
        assert_eq!(overtaken(false).await, refused(Refusal::WrongPassword));
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
