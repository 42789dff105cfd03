//! Signing a customer in (fact sheet 5.2).

use crate::accounts::{AccountError, Customer, LONGEST_NAME};
use crate::clock::UnixSeconds;
use crate::session::Subject;
use crate::settings::{Scope, Settings, WebsiteId};
use crate::sign_in::attempt::{Attempt, Checked, Comparison, Core, Failed, Grant, unreadable};
use crate::sign_in::lockout::{Lockout, after_success};
use crate::sign_in::{CustomerCredentials, IssuedToken, Refusal, SignInError};

/// The number of no customer.
const NOBODY: u32 = 0;

/// Finds the account, compares the password, and begins a session or counts a failure.
pub(super) async fn sign_in(credentials: CustomerCredentials, attempt: Attempt) -> Result<IssuedToken, SignInError> {
    let core = attempt.core.clone();
    let found = find(&core, &credentials).await.map_err(|error| unreadable(&error))?;
    let now = core.clock.now();
    let unlocked = found.as_ref().filter(|customer| !customer.is_locked_at(now));
    let stored = unlocked.and_then(|customer| Some(customer.password_hash.clone().unwrap_or_default()));
    let (comparison, checked) = attempt.compare(stored, credentials.password).await?;
    match found {
        Some(found) => decide(&core, &found, comparison, checked).await,
        None => {
            // Asked in vain, so that it takes as long as with an account.
            let _ = core.accounts.customer(NOBODY).await;
            Err(checked.refuse(Failed::counted(Refusal::UnknownUser)).await)
        }
    }
}

async fn find(core: &Core, credentials: &CustomerCredentials) -> Result<Option<Customer>, AccountError> {
    if credentials.email.chars().nth(LONGEST_NAME).is_some() {
        return Ok(None);
    }
    let shared = core
        .snapshot
        .load()
        .settings
        .text("customer/account_share/scope", Scope::Default)
        == "0";
    let website = (!shared).then_some(credentials.store.website);
    core.accounts.customer_by_email(&credentials.email, website).await
}

/// Reads the account again, now that it is this attempt's turn, so that no failure of another one is overlooked.
async fn decide(
    core: &Core,
    found: &Customer,
    comparison: Comparison,
    checked: Checked,
) -> Result<IssuedToken, SignInError> {
    let subject = Subject::customer(found.id);
    let _turn = core.account_turns.wait(subject).await;
    let now = core.clock.now();
    let customer = match core.accounts.customer(found.id).await {
        Ok(Some(customer)) => customer,
        Ok(None) => return Err(checked.refuse(Failed::counted(Refusal::UnknownUser)).await),
        Err(error) if comparison == Comparison::Match => return Err(unreadable(&error)),
        Err(error) => {
            unreadable(&error);
            return Err(checked.refuse(Failed::counted(without_account(comparison))).await);
        }
    };
    let comparison = comparison_still_good(comparison, found, &customer);
    let rules = Rules::of(
        &core.snapshot.load().settings,
        customer.website,
        core.options.refuse_inactive,
    );
    match rules.judge(&customer, comparison, now) {
        Ok(()) => {
            let reset = core.options.reset_counters_on_success;
            let grant = Grant {
                subject,
                website: customer.website,
                role: None,
                lock: if reset { after_success(&customer) } else { None },
            };
            checked.issue(grant).await
        }
        Err(failed) => Err(checked.refuse(failed).await),
    }
}

/// A password that was changed in the meantime is not the one that was compared.
fn comparison_still_good(comparison: Comparison, before: &Customer, now: &Customer) -> Comparison {
    match comparison {
        Comparison::Match if before.password_hash != now.password_hash => Comparison::Mismatch,
        unchanged => unchanged,
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
