//! In which websites customers are whose JWTs Magento issued: these say whose they are, and nothing of a website.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use papaya::HashMap;
use tracing::warn;

use crate::accounts::AccountStore;
use crate::clock::UnixSeconds;
use crate::settings::WebsiteId;

/// So many customers are remembered at most; beyond that all are forgotten, and looked up again one by one.
const MOST: usize = 1_000_000;

/// How many seconds it is remembered that there is no such customer: one may be made.
const REMEMBER_NOBODY: u32 = 60;

/// How many seconds nobody is looked up after the accounts could not be read.
const PAUSE: u32 = 2;

/// Remembers the websites of customers, so that a check asks the accounts only the first time. A customer never moves to
/// another website, in Magento as here.
#[derive(Default)]
pub struct CustomerWebsites {
    known: HashMap<u32, Known>,
    /// When the accounts were last found unreadable, in Unix seconds.
    failed: AtomicU32,
}

#[derive(Clone, Copy)]
enum Known {
    In(WebsiteId),
    /// There was no such customer at that moment.
    Nobody(UnixSeconds),
}

impl CustomerWebsites {
    /// The website of a customer; `None` when there is no such customer, or it cannot be told at the moment.
    pub(super) async fn of(&self, customer: u32, accounts: &dyn AccountStore, now: UnixSeconds) -> Option<WebsiteId> {
        match self.known.pin().get(&customer) {
            Some(Known::In(website)) => return Some(*website),
            Some(Known::Nobody(since)) if now.since(*since) < REMEMBER_NOBODY => return None,
            Some(Known::Nobody(_)) | None => {}
        }
        let failed = UnixSeconds(self.failed.load(Ordering::Relaxed));
        if failed != UnixSeconds(0) && now.since(failed) < PAUSE {
            return None;
        }
        match accounts.customer(customer).await {
            Ok(found) => {
                let website = found.map(|customer| customer.website);
                self.remember(customer, website.map_or(Known::Nobody(now), Known::In));
                website
            }
            Err(error) => {
                self.failed.store(now.get(), Ordering::Relaxed);
                warn!(%error, "the website of a customer whose JWT Magento issued could not be looked up");
                None
            }
        }
    }

    fn remember(&self, customer: u32, known: Known) {
        let all = self.known.pin();
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(customer, known);
    }
}

impl fmt::Debug for CustomerWebsites {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CustomerWebsites").field("known", &self.known.len()).finish_non_exhaustive()
    }
}
