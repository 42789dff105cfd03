//! What every [`AccountStore`] promises: written once, run on each implementation.

use futures_util::future::BoxFuture;

use crate::accounts::{AccountStore, UserState};
use crate::clock::UnixSeconds;
use crate::session::{Subject, UserType};
use crate::settings::WebsiteId;
use crate::store::{Change, CustomerLock, ThrottleRow};

/// What has to be there before [`keeps_its_promises`] is called.
pub(crate) struct Sample {
    /// Two customers with the address `Jane.Doe@Example.com`: number and website, the lower number first.
    pub(crate) customers: [(u32, WebsiteId); 2],
    /// The administrator with the user name `Jürgen`, active and with a role.
    pub(crate) administrator: u32,
    /// Carries out what has to be stored with a session, as the store does it.
    pub(crate) carry_out: Box<dyn Fn(Vec<Change>) -> BoxFuture<'static, ()>>,
}

const NOW: UnixSeconds = UnixSeconds(1_700_000_000);

/// Runs the whole suite.
pub(crate) async fn keeps_its_promises(accounts: &dyn AccountStore, sample: &Sample) {
    customers_are_found_by_address_and_website(accounts, sample).await;
    administrators_are_found_by_name(accounts, sample).await;
    what_a_check_has_to_know_is_what_the_accounts_say(accounts, sample).await;
    nobody_is_no_error(accounts).await;
    a_failure_is_stored_and_a_success_clears_it(accounts, sample).await;
    an_administrator_is_switched_off(accounts, sample).await;
    a_password_is_set_for_one_customer(accounts, sample).await;
}

async fn an_administrator_is_switched_off(accounts: &dyn AccountStore, sample: &Sample) {
    for id in [sample.administrator, sample.administrator, u32::MAX] {
        accounts.deactivate_administrator(id).await.unwrap();
    }
    assert!(!accounts.administrator(sample.administrator).await.unwrap().unwrap().is_active);
}

async fn customers_are_found_by_address_and_website(accounts: &dyn AccountStore, sample: &Sample) {
    for (id, website) in sample.customers {
        for spelling in ["Jane.Doe@Example.com", "jane.doe@example.com", "JANE.DOE@EXAMPLE.COM"] {
            let found = accounts.customer_by_email(spelling, Some(website)).await.unwrap().unwrap();
            assert_eq!((found.id, found.website), (id, website));
            assert_eq!(found.email, "Jane.Doe@Example.com", "the address stays as it was given");
        }
        assert_eq!(accounts.customer(id).await.unwrap().unwrap().website, website);
    }
    let anywhere = accounts.customer_by_email("jane.doe@example.com", None).await.unwrap();
    assert_eq!(anywhere.unwrap().id, sample.customers[0].0, "the oldest account of all websites");
}

async fn what_a_check_has_to_know_is_what_the_accounts_say(accounts: &dyn AccountStore, sample: &Sample) {
    let ids = sample.customers.map(|(id, _)| id);
    let mut found = accounts.states(UserType::Customer, &[ids[0], ids[1], u32::MAX]).await.unwrap();
    found.sort_unstable_by_key(|(id, _)| *id);
    assert_eq!(found.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ids);
    for (id, state) in found {
        assert_eq!(state, UserState::from(&accounts.customer(id).await.unwrap().unwrap()));
    }
    let administrator = sample.administrator;
    let found = accounts.states(UserType::Admin, &[u32::MAX, administrator]).await.unwrap();
    let known = accounts.administrator(administrator).await.unwrap().unwrap();
    assert_eq!(found, [(administrator, UserState::from(&known))]);
    for kind in UserType::ALL {
        assert_eq!(accounts.states(kind, &[]).await.unwrap(), []);
    }
}

async fn administrators_are_found_by_name(accounts: &dyn AccountStore, sample: &Sample) {
    for spelling in ["Jürgen", "JÜRGEN", "jürgen"] {
        let found = accounts.administrator_by_username(spelling).await.unwrap().unwrap();
        assert_eq!((found.id, found.username.as_str()), (sample.administrator, "Jürgen"));
        assert!(found.is_active && found.role.is_some());
    }
    let found = accounts.administrator(sample.administrator).await.unwrap();
    assert_eq!(found.unwrap().username, "Jürgen");
}

async fn nobody_is_no_error(accounts: &dyn AccountStore) {
    let long = "a".repeat(300) + "@example.com";
    for name in ["", "nobody@example.com", " jane.doe@example.com", "' OR 1=1 --", "a\0b", &long] {
        assert_eq!(accounts.customer_by_email(name, None).await, Ok(None), "{name:?}");
        assert_eq!(accounts.administrator_by_username(name).await, Ok(None), "{name:?}");
    }
    let elsewhere = accounts.customer_by_email("jane.doe@example.com", Some(WebsiteId(999)));
    assert_eq!(elsewhere.await, Ok(None));
    for id in [0, u32::MAX] {
        assert_eq!(accounts.customer(id).await, Ok(None));
        assert_eq!(accounts.administrator(id).await, Ok(None));
        assert!(accounts.second_factor(id).await.unwrap().is_none());
    }
}

async fn a_failure_is_stored_and_a_success_clears_it(accounts: &dyn AccountStore, sample: &Sample) {
    let id = sample.customers[1].0;
    let lock = CustomerLock { customer: id, failures: 10, first_failure: Some(NOW), lock_expires: Some(NOW.plus(600)) };
    let row = ThrottleRow {
        kind: UserType::Customer,
        name: "jane.doe@example.com".to_owned(),
        failures: 6,
        lock_expires: NOW.plus(1800),
    };
    accounts.failure(None, None, Vec::new()).await.unwrap();
    accounts.failure(Some(lock), Some(row.clone()), Vec::new()).await.unwrap();
    let locked = accounts.customer(id).await.unwrap().unwrap();
    assert_eq!((locked.failures, locked.first_failure), (10, Some(NOW)));
    assert!(locked.is_locked_at(NOW.plus(599)) && !locked.is_locked_at(NOW.plus(600)));
    assert_eq!(accounts.throttle_rows().await.unwrap(), std::slice::from_ref(&row));

    let cleared = CustomerLock { failures: 0, first_failure: None, lock_expires: None, ..lock };
    let changes = accounts.success(Subject::customer(id), NOW, Some(cleared), Some(row.name)).await.unwrap();
    (sample.carry_out)(changes).await;
    let free = accounts.customer(id).await.unwrap().unwrap();
    assert_eq!((free.failures, free.first_failure, free.lock_expires), (0, None, None));
    assert_eq!(accounts.throttle_rows().await.unwrap(), []);
    let changes = accounts.success(Subject::admin(sample.administrator), NOW, None, None).await.unwrap();
    (sample.carry_out)(changes).await;
}

async fn a_password_is_set_for_one_customer(accounts: &dyn AccountStore, sample: &Sample) {
    let [(one, _), (other, _)] = sample.customers;
    let before = accounts.customer(other).await.unwrap().unwrap().password_hash;
    accounts.change_password(one, "hash:salt:1".to_owned(), Vec::new()).await.unwrap();
    assert_eq!(accounts.customer(one).await.unwrap().unwrap().password_hash.as_deref(), Some("hash:salt:1"));
    assert_eq!(accounts.customer(other).await.unwrap().unwrap().password_hash, before);
    accounts.change_password(u32::MAX, "hash:salt:1".to_owned(), Vec::new()).await.unwrap();
}
