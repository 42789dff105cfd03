//! Signing a customer in (fact sheet 5.2).

use crate::accounts::{AccountError, Customer, LONGEST_NAME};
use crate::clock::UnixSeconds;
use crate::secret::Password;
use crate::session::Subject;
use crate::settings::{Scope, Settings, WebsiteId};
use crate::sign_in::attempt::{Attempt, Checked, Comparison, Core, Failed, Grant};
use crate::sign_in::lockout::{Lockout, after_success};
use crate::sign_in::rehash::Renewal;
use crate::sign_in::{CustomerCredentials, IssuedToken, Refusal, SignInError};

/// The number of no customer.
const NOBODY: u32 = 0;

/// Finds the account, compares the password, and begins a session or counts a failure.
pub(super) async fn sign_in(credentials: CustomerCredentials, attempt: Attempt) -> Result<IssuedToken, SignInError> {
    let core = attempt.core.clone();
    let found = find(&core, &credentials).await.map_err(|error| core.unreadable(&error))?;
    let now = core.clock.now();
    let unlocked = found.as_ref().filter(|customer| !customer.is_locked_at(now));
    let stored = unlocked.map(|customer| customer.password_hash.clone().unwrap_or_default());
    let website = credentials.store.website;
    let password = credentials.password;
    let renewal = Renewal::of(&core, stored.as_deref(), &password);
    let (comparison, checked) = attempt.compare(stored, password.clone()).await?;
    let Some(found) = found else {
        // Asked in vain, so that it takes as long as with an account.
        let _ = core.accounts.customer_in(NOBODY, website).await;
        return Err(checked.refuse(Failed::counted(Refusal::UnknownUser), None).await);
    };
    let issued = decide(&core, &found, website, (password, comparison), checked).await?;
    if let Some(renewal) = renewal {
        renewal.begin(&core, issued.session.subject);
    }
    Ok(issued)
}

async fn find(core: &Core, credentials: &CustomerCredentials) -> Result<Option<Customer>, AccountError> {
    if credentials.email.chars().nth(LONGEST_NAME).is_some() {
        return Ok(None);
    }
    let per_website = core.snapshot.load().settings.flag("customer/account_share/scope");
    let website = per_website.then_some(credentials.store.website);
    core.accounts.customer_by_email(&credentials.email, website).await
}

/// Reads the account again, now that it is this attempt's turn, so that no failure of another one is overlooked.
/// `website` is that of the store view in which the customer signs in.
async fn decide(
    core: &Core,
    found: &Customer,
    website: WebsiteId,
    (password, comparison): (Password, Comparison),
    checked: Checked,
) -> Result<IssuedToken, SignInError> {
    let subject = Subject::customer(found.id);
    let _turn = core.account_turns.wait(subject).await;
    let now = core.clock.now();
    let customer = match core.accounts.customer_in(found.id, website).await {
        Ok(Some(customer)) => customer,
        Ok(None) => return Err(checked.refuse(Failed::counted(Refusal::UnknownUser), None).await),
        Err(error) if comparison == Comparison::Match => return Err(core.unreadable(&error)),
        Err(error) => {
            core.unreadable(&error);
            return Err(checked.refuse(Failed::counted(without_account(comparison)), Some(subject)).await);
        }
    };
    let hash = |customer: &Customer| customer.password_hash.clone().unwrap_or_default();
    let comparison = core.compare_again(comparison, &hash(found), &hash(&customer), &password).await?;
    let rules = Rules::of(&core.snapshot.load().settings, customer.website, core.options.refuse_inactive);
    match rules.judge(&customer, comparison, now) {
        Ok(()) => {
            let reset = core.options.reset_counters_on_success;
            let grant = Grant {
                subject,
                website: customer.website,
                role: None,
                lock: if reset { after_success(&customer) } else { None },
                code: None,
            };
            checked.issue(grant).await
        }
        Err(failed) => Err(checked.refuse(failed, Some(subject)).await),
    }
}

fn without_account(comparison: Comparison) -> Refusal {
    match comparison {
        Comparison::NotMade => Refusal::Locked,
        Comparison::Match | Comparison::Mismatch => Refusal::WrongPassword,
    }
}

/// What the settings say about this customer's sign-in.
#[derive(Clone, Copy, Debug)]
struct Rules {
    lockout: Lockout,
    confirmation_required: bool,
    refuse_inactive: bool,
}

impl Rules {
    fn of(settings: &Settings, website: WebsiteId, refuse_inactive: bool) -> Self {
        let flag = |path| {
            let own = settings.changed(path, Scope::Website(website));
            !matches!(own.unwrap_or_else(|| settings.text(path, Scope::Default)), "" | "0")
        };
        Self {
            lockout: Lockout::of(settings),
            confirmation_required: flag("customer/create_account/confirm")
                || flag("customer/account_information/confirm"),
            refuse_inactive,
        }
    }

    /// Steps 2 to 5, in Magento's order. All failures count for the throttle.
    fn judge(self, customer: &Customer, comparison: Comparison, now: UnixSeconds) -> Result<(), Failed> {
        let confirming = customer.confirmation.as_ref().is_some_and(|key| !key.is_empty());
        let refusal = if comparison == Comparison::NotMade || customer.is_locked_at(now) {
            Refusal::Locked
        } else if comparison == Comparison::Mismatch {
            return Err(Failed {
                lock: self.lockout.after_failure(customer, now),
                ..Failed::counted(Refusal::WrongPassword)
            });
        } else if confirming && self.confirmation_required {
            Refusal::NotConfirmed
        } else if customer.website_excluded {
            Refusal::WebsiteExcluded
        } else if self.refuse_inactive && !customer.is_active {
            Refusal::Inactive
        } else {
            return Ok(());
        };
        Err(Failed::counted(refusal))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    use futures_util::future::join_all;

    use super::*;
    use crate::registry::RegistryError;
    use crate::sign_in::Options;
    use crate::sign_in::support::{Fixture, PASSWORD, START, customer, outcome, refused};

    const JANE: &str = "jane@example.com";

    #[actix::test]
    async fn a_right_password_begins_a_session_in_the_customers_website() {
        let house = Fixture::new().await;
        house.add_customer(customer(JANE));
        let issued = house.customer("JANE@example.com", PASSWORD).await.unwrap();
        assert_eq!((issued.session.subject, issued.session.website), (Subject::customer(7), WebsiteId(1)));
        assert_eq!(issued.token.expose().len(), 32);
        let begun = house.sessions.begun.lock().unwrap();
        let along = format!("{:?}", begun[0].along);
        assert!(along.contains("ThrottleCleared") && along.contains(JANE), "{along}");
        assert!(!along.contains("CustomerLock"), "there is nothing to clear: {along}");
    }

    #[actix::test]
    async fn each_refusal_has_its_reason_costs_one_hash_and_counts_for_the_throttle() {
        let house = Fixture::with(Options { refuse_inactive: true, ..Fixture::options() }).await;
        let jane = || customer(JANE);
        let confirm = ("customer/create_account/confirm", Scope::Default, "1");
        let cases = [
            ("joan@example.com", PASSWORD, jane(), Refusal::UnknownUser),
            (JANE, "password1", jane(), Refusal::WrongPassword),
            (JANE, "", jane(), Refusal::WrongPassword),
            (JANE, PASSWORD, Customer { lock_expires: Some(START.plus(1)), ..jane() }, Refusal::Locked),
            (JANE, "wrong", Customer { lock_expires: Some(START.plus(1)), ..jane() }, Refusal::Locked),
            (JANE, PASSWORD, Customer { confirmation: Some("key".into()), ..jane() }, Refusal::NotConfirmed),
            (JANE, "wrong", Customer { confirmation: Some("key".into()), ..jane() }, Refusal::WrongPassword),
            (JANE, PASSWORD, Customer { website_excluded: true, ..jane() }, Refusal::WebsiteExcluded),
            (JANE, PASSWORD, Customer { is_active: false, ..jane() }, Refusal::Inactive),
        ];
        house.set(&[confirm]);
        for (email, password, account, refusal) in cases {
            house.sign_in.clear_throttle(crate::session::UserType::Customer, email);
            house.add_customer(account);
            let before = house.hashed();
            assert_eq!(outcome(house.customer(email, password).await), refused(refusal));
            assert_eq!(house.hashed() - before, 1, "{refusal}");
            assert_eq!(house.throttled(), Some(1), "{refusal}");
        }
        assert!(house.sessions.begun.lock().unwrap().is_empty());
    }

    #[actix::test]
    async fn an_account_without_a_password_never_authenticates() {
        let house = Fixture::new().await;
        for hash in [None, Some(String::new())] {
            house.add_customer(customer(JANE));
            house.accounts.customers.lock().unwrap()[0].password_hash = hash;
            let before = house.hashed();
            assert_eq!(outcome(house.customer(JANE, "").await), refused(Refusal::WrongPassword));
            assert_eq!(house.hashed() - before, 1);
        }
    }

    #[actix::test]
    async fn an_inactive_customer_may_sign_in_unless_the_operator_says_otherwise() {
        let house = Fixture::new().await;
        house.add_customer(Customer { is_active: false, ..customer(JANE) });
        assert_eq!(outcome(house.customer(JANE, PASSWORD).await), Ok(()));
    }

    #[actix::test]
    async fn a_leftover_confirmation_matters_only_where_confirmation_is_required() {
        let house = Fixture::new().await;
        house.add_customer(Customer { confirmation: Some("key".into()), ..customer(JANE) });
        let created = "customer/create_account/confirm";
        let changed = "customer/account_information/confirm";
        let (here, elsewhere) = (Scope::Website(WebsiteId(1)), Scope::Website(WebsiteId(2)));
        for (settings, required) in [
            (&[][..], false),
            (&[(created, Scope::Default, "1")], true),
            (&[(changed, Scope::Default, "1")], true),
            (&[(created, here, "1")], true),
            (&[(created, elsewhere, "1")], false),
            (&[(created, Scope::Default, "1"), (created, here, "0")], false),
        ] {
            house.set(settings);
            let expected = if required { refused(Refusal::NotConfirmed) } else { Ok(()) };
            assert_eq!(outcome(house.customer(JANE, PASSWORD).await), expected, "{settings:?}");
        }
    }

    #[actix::test]
    async fn shared_accounts_are_found_in_any_website_and_their_session_is_in_their_own() {
        let house = Fixture::new().await;
        house.add_customer(Customer { website: WebsiteId(2), ..customer(JANE) });
        assert_eq!(outcome(house.customer(JANE, PASSWORD).await), refused(Refusal::UnknownUser));
        house.set(&[("customer/account_share/scope", Scope::Default, "0")]);
        assert_eq!(house.customer(JANE, PASSWORD).await.unwrap().session.website, WebsiteId(2));
    }

    #[actix::test]
    async fn with_an_empty_setting_accounts_are_shared_as_everywhere_else() {
        let house = Fixture::new().await;
        house.add_customer(Customer { website: WebsiteId(2), ..customer(JANE) });
        house.set(&[("customer/account_share/scope", Scope::Default, "")]);
        assert_eq!(outcome(house.customer(JANE, PASSWORD).await), Ok(()));
    }

    #[actix::test]
    async fn a_group_is_excluded_from_the_website_of_the_store_view_and_not_from_the_customers() {
        let house = Fixture::new().await;
        house.add_customer(Customer { website: WebsiteId(2), website_excluded: true, ..customer(JANE) });
        house.set(&[("customer/account_share/scope", Scope::Default, "0")]);
        assert_eq!(outcome(house.customer(JANE, PASSWORD).await), Ok(()));
        house.add_customer(Customer { website_excluded: true, ..customer(JANE) });
        assert_eq!(outcome(house.customer(JANE, PASSWORD).await), refused(Refusal::WebsiteExcluded));
    }

    #[actix::test]
    async fn older_sessions_of_an_account_that_was_switched_off_end_before_another_begins() {
        let house = Fixture::new().await;
        house.add_customer(Customer { is_active: false, ..customer(JANE) });
        let ended = || house.sessions.ended.lock().unwrap().len();
        house.accounts.switched_off.store(true, Ordering::SeqCst);
        assert_eq!(outcome(house.customer(JANE, PASSWORD).await), Ok(()));
        assert_eq!(ended(), 0, "there were none");
        house.accounts.switched_off.store(true, Ordering::SeqCst);
        assert_eq!(outcome(house.customer(JANE, PASSWORD).await), Ok(()));
        assert_eq!(ended(), 1);
        assert_eq!(outcome(house.customer(JANE, PASSWORD).await), Ok(()));
        assert_eq!((ended(), house.sessions.begun.lock().unwrap().len()), (1, 3), "that was noted");

        house.accounts.switched_off.store(true, Ordering::SeqCst);
        *house.sessions.fault.lock().unwrap() = Some(RegistryError::Unavailable);
        assert_eq!(outcome(house.customer(JANE, PASSWORD).await), Err(SignInError::Unavailable));
        assert!(house.accounts.switched_off.load(Ordering::SeqCst), "what could not be ended is ended the next time");
    }

    #[actix::test]
    async fn ten_failures_lock_the_account_until_the_lock_ends() {
        let house = Fixture::new().await;
        house.without_throttle();
        house.add_customer(customer(JANE));
        for _ in 0..10 {
            assert_eq!(outcome(house.customer(JANE, "wrong").await), refused(Refusal::WrongPassword));
        }
        assert_eq!(house.stored_customer().lock_expires, Some(START.plus(600)));
        for password in [PASSWORD, "wrong"] {
            assert_eq!(outcome(house.customer(JANE, password).await), refused(Refusal::Locked));
        }
        assert_eq!(house.stored_customer().failures, 10, "nothing is counted while it is locked");
        house.clock.advance(Duration::from_mins(10));
        assert_eq!(outcome(house.customer(JANE, PASSWORD).await), Ok(()));
        let jane = house.stored_customer();
        assert_eq!((jane.failures, jane.first_failure, jane.lock_expires), (0, None, None));
    }

    #[actix::test]
    async fn before_2_4_8_a_success_leaves_the_counter_as_it_is() {
        let house = Fixture::with(Options { reset_counters_on_success: false, ..Fixture::options() }).await;
        house.add_customer(customer(JANE));
        assert_eq!(outcome(house.customer(JANE, "wrong").await), refused(Refusal::WrongPassword));
        assert_eq!(outcome(house.customer(JANE, PASSWORD).await), Ok(()));
        assert_eq!(house.stored_customer().failures, 1);
    }

    #[actix::test]
    async fn failures_at_the_same_time_are_all_counted() {
        let house = Fixture::new().await;
        house.without_throttle();
        house.add_customer(customer(JANE));
        join_all((0..9).map(|_| house.customer(JANE, "wrong"))).await;
        assert_eq!(house.stored_customer().failures, 9);
    }

    #[actix::test]
    async fn guesses_at_the_same_time_do_not_get_past_the_lock() {
        let house = Fixture::new().await;
        house.without_throttle();
        house.add_customer(customer(JANE));
        let outcomes = join_all((0..30).map(|_| house.customer(JANE, "wrong"))).await;
        let wrong =
            outcomes.into_iter().filter(|result| matches!(result, Err(SignInError::Refused(Refusal::WrongPassword))));
        assert_eq!(wrong.count(), 10);
        assert_eq!(house.stored_customer().failures, 10);
    }

    #[actix::test]
    async fn a_name_of_256_characters_costs_one_hash_and_no_look_up() {
        let house = Fixture::new().await;
        let before = house.hashed();
        assert_eq!(outcome(house.customer(&"ä".repeat(256), PASSWORD).await), refused(Refusal::UnknownUser));
        assert_eq!(house.hashed() - before, 1);
        assert_eq!(house.accounts.lookups.load(Ordering::SeqCst), 0);
        assert_eq!(house.throttled(), Some(1));
    }

    #[actix::test]
    async fn while_accounts_cannot_be_read_nothing_is_counted_and_nobody_signs_in() {
        let house = Fixture::new().await;
        house.add_customer(customer(JANE));
        house.accounts.unreadable.store(true, Ordering::SeqCst);
        for _ in 0..10 {
            assert_eq!(outcome(house.customer(JANE, "wrong").await), Err(SignInError::Unavailable));
        }
        house.accounts.unreadable.store(false, Ordering::SeqCst);
        house.accounts.unreadable_by_number.store(true, Ordering::SeqCst);
        assert_eq!(outcome(house.customer(JANE, PASSWORD).await), Err(SignInError::Unavailable));
        assert_eq!(outcome(house.customer(JANE, "wrong").await), refused(Refusal::WrongPassword));
        assert_eq!(house.throttled(), Some(1));
        house.accounts.unreadable_by_number.store(false, Ordering::SeqCst);
        assert_eq!(outcome(house.customer(JANE, PASSWORD).await), Ok(()));
    }

    #[actix::test]
    async fn a_failure_that_cannot_be_stored_is_refused_and_counted_all_the_same() {
        let house = Fixture::new().await;
        house.add_customer(customer(JANE));
        house.accounts.unwritable.store(true, Ordering::SeqCst);
        for _ in 0..6 {
            assert_eq!(outcome(house.customer(JANE, "wrong").await), refused(Refusal::WrongPassword));
        }
        assert_eq!(outcome(house.customer(JANE, PASSWORD).await), refused(Refusal::Throttled));
    }
}
