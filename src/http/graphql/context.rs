//! What the operations of one request share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::UnixSeconds;
use crate::http::Services;
use crate::http::error::Failure;
use crate::http::graphql::identity::Identity;
use crate::settings::{Snapshot, StoreView, WebsiteId};
use crate::sign_in::Caller;

/// One request, after its checks: who asks, about which store view, with which settings.
pub(super) struct Context {
    /// What protocol code may use.
    pub(super) services: Arc<Services>,
    /// The settings for the whole of the request.
    pub(super) snapshot: Arc<Snapshot>,
    /// The store view in effect.
    pub(super) store: StoreView,
    /// Who the bearer token belongs to.
    pub(super) identity: Identity,
    /// Who asks, for limits and for the log.
    pub(super) caller: Caller,
    /// What operations could not do.
    pub(super) failures: Failures,
    /// Whether something was read that is not the same for everybody.
    pub(super) personal: Personal,
}

/// Whether the answer to a request is one that nobody else may see.
#[derive(Debug, Default)]
pub(super) struct Personal(AtomicBool);

impl Personal {
    /// From now on it is.
    pub(super) fn mark(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it is.
    pub(super) fn is_marked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Context {
    /// The time by which sessions and locks end.
    pub(super) fn now(&self) -> UnixSeconds {
        self.services.clock.now()
    }

    /// The website in which customers are looked up: that of the store view, or any when accounts are shared globally
    /// (fact sheet 8.1).
    pub(super) fn website_of_accounts(&self) -> Option<WebsiteId> {
        self.accounts_are_per_website().then_some(self.store.website)
    }

    /// Whether an account counts in one website only.
    pub(super) fn accounts_are_per_website(&self) -> bool {
        self.snapshot.settings.flag("customer/account_share/scope")
    }

    /// The setting for the store view in effect; `None` when it is empty.
    pub(super) fn setting(&self, path: &str) -> Option<&str> {
        Some(self.snapshot.settings.text_for(path, &self.store)).filter(|text| !text.is_empty())
    }

    /// The yes/no setting for the store view in effect.
    pub(super) fn flag(&self, path: &str) -> bool {
        self.snapshot.settings.flag_for(path, &self.store)
    }
}

/// The failures of one request, in the order in which they came up.
///
/// The engine carries an error of an operation as a text alone. The text is the place of the failure in this list,
/// and the failure takes the text's place when the answer is written.
#[derive(Default)]
pub(super) struct Failures(Mutex<Vec<Failure>>);

/// What the key of a failure begins with.
const KEY: &str = "failure ";

impl Failures {
    /// Keeps a failure and gives the text that stands for it.
    pub(super) fn record(&self, failure: Failure) -> String {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failures.push(failure);
        format!("{KEY}{}", failures.len() - 1)
    }

    /// The failure for which `text` stands.
    pub(super) fn find(&self, text: &str) -> Option<Failure> {
        let index: usize = text.strip_prefix(KEY)?.parse().ok()?;
        let failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failures.get(index).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_found_by_the_text_that_stands_for_it() {
        let failures = Failures::default();
        let first = failures.record(Failure::EmailMissing);
        let second = failures.record(Failure::EmailInvalid);
        assert_eq!(failures.find(&first), Some(Failure::EmailMissing));
        assert_eq!(failures.find(&second), Some(Failure::EmailInvalid));
        assert_eq!(failures.find("failure 2"), None);
        assert_eq!(failures.find("unexpected field name"), None);
    }
}
