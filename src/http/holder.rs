//! Who is behind a JWT that Magento issued: it says whose it is, and nothing of a website, a role or a lock.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use papaya::HashMap;
use tracing::warn;

use crate::accounts::{AccountError, AccountStore, Administrator, Customer};
use crate::clock::UnixSeconds;
use crate::session::{Subject, UserType};
use crate::settings::{RoleId, WebsiteId};

/// So many users are remembered at most; beyond that all are forgotten, and looked up again one by one. Beside a shop it
/// is also how many the watcher asks about again and again.
const MOST: usize = 100_000;

/// How many seconds it is remembered that there is no such user: one may be made.
const REMEMBER_NOBODY: u32 = 60;

/// How many seconds nobody is looked up after the accounts could not be read.
const PAUSE: u32 = 2;

/// How many seconds after the last check of a user's JWT a watcher is still told to ask about the user.
const FOLLOW: u32 = 600;

/// Remembers what the accounts say of users whose JWTs are seen, so that a check asks them only the first time.
///
/// Beside a shop somebody looks at these users again and again, and tells what became of them; what is remembered is as
/// fresh as what is known of users with sessions then. Without a shop only the website is remembered, which never
/// changes; role and lock are announced to the registry by the accounts themselves.
#[derive(Default)]
pub struct Holders {
    known: HashMap<Subject, Entry>,
    /// When the accounts were last found unreadable, in Unix seconds.
    failed: AtomicU32,
    are_followed: bool,
}

/// What the accounts say of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The website of a customer; an administrator's is [`WebsiteId::ADMIN`].
    pub website: WebsiteId,
    /// The role of an administrator.
    pub role: Option<RoleId>,
    /// Until when a customer is locked.
    pub locked_until: Option<UnixSeconds>,
    /// Whether an administrator's account is active. A customer's may be inactive and its tokens good, as in Magento (fact
    /// sheet 5.2).
    pub is_active: bool,
    /// When an administrator's account ends by itself.
    pub ends: Option<UnixSeconds>,
}

impl Known {
    /// Whether tokens of this user count at `now`.
    pub(super) fn counts_at(&self, now: UnixSeconds) -> bool {
        self.is_active && self.ends.is_none_or(|ends| ends > now)
    }
}

impl From<&Customer> for Known {
    fn from(customer: &Customer) -> Self {
        let (website, locked_until) = (customer.website, customer.lock_expires);
        Self { website, role: None, locked_until, is_active: true, ends: None }
    }
}

impl From<&Administrator> for Known {
    fn from(administrator: &Administrator) -> Self {
        let Administrator { role, is_active, expires_at: ends, .. } = *administrator;
        Self { website: WebsiteId::ADMIN, role, locked_until: None, is_active, ends }
    }
}

struct Entry {
    /// `None` when there is no such user.
    known: Option<Known>,
    /// When that was found out.
    since: UnixSeconds,
    /// When it was last asked for.
    used: AtomicU32,
}

/// The accounts have not been asked about a user, or too long ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct NotRemembered;

/// The accounts cannot be read at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CannotTell;

impl Holders {
    /// For accounts that somebody else changes, too, and that are looked at again and again.
    pub fn followed() -> Self {
        Self { are_followed: true, ..Self::default() }
    }

    /// Whether what is said here of roles and locks counts.
    pub(super) fn are_followed(&self) -> bool {
        self.are_followed
    }

    /// What the accounts say of a user; `None` when there is no such one.
    pub(super) async fn of(
        &self,
        subject: Subject,
        accounts: &dyn AccountStore,
        now: UnixSeconds,
    ) -> Result<Option<Known>, CannotTell> {
        if let Ok(known) = self.remembered(subject, now) {
            return Ok(known);
        }
        let failed = UnixSeconds(self.failed.load(Ordering::Relaxed));
        if failed != UnixSeconds(0) && now.since(failed) < PAUSE {
            return Err(CannotTell);
        }
        match look_up(subject, accounts).await {
            Ok(known) => {
                self.remember(subject, known, now);
                Ok(known)
            }
            Err(error) => {
                self.failed.store(now.get(), Ordering::Relaxed);
                warn!(%error, "the user of a JWT that Magento issued could not be looked up");
                Err(CannotTell)
            }
        }
    }

    /// The users to ask about. Those whose JWTs have not been seen for a while are forgotten.
    pub fn to_follow(&self, now: UnixSeconds) -> Vec<Subject> {
        let all = self.known.pin();
        all.retain(|_, entry| now.since(UnixSeconds(entry.used.load(Ordering::Relaxed))) < FOLLOW);
        all.iter().filter(|(_, entry)| entry.known.is_some()).map(|(subject, _)| *subject).collect()
    }

    /// Takes over what became of a customer, or of an administrator, if their JWTs are seen.
    pub fn update(&self, subject: Subject, change: impl Fn(Known) -> Option<Known>, now: UnixSeconds) {
        self.known.pin().update(subject, |entry| Entry {
            known: entry.known.and_then(&change),
            since: now,
            used: AtomicU32::new(entry.used.load(Ordering::Relaxed)),
        });
    }

    fn remembered(&self, subject: Subject, now: UnixSeconds) -> Result<Option<Known>, NotRemembered> {
        let all = self.known.pin();
        let entry = all.get(&subject).ok_or(NotRemembered)?;
        entry.used.store(now.get(), Ordering::Relaxed);
        let counts = entry.known.is_some() || now.since(entry.since) < REMEMBER_NOBODY;
        if counts { Ok(entry.known) } else { Err(NotRemembered) }
    }

    fn remember(&self, subject: Subject, known: Option<Known>, now: UnixSeconds) {
        let all = self.known.pin();
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(subject, Entry { known, since: now, used: AtomicU32::new(now.get()) });
    }
}

async fn look_up(subject: Subject, accounts: &dyn AccountStore) -> Result<Option<Known>, AccountError> {
    match subject.kind {
        UserType::Customer => Ok(accounts.customer(subject.id).await?.as_ref().map(Known::from)),
        UserType::Admin => Ok(accounts.administrator(subject.id).await?.as_ref().map(Known::from)),
        UserType::Integration => Ok(None),
    }
}

impl fmt::Debug for Holders {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Holders").field("known", &self.known.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHIEF: Subject = Subject { kind: UserType::Admin, id: 3 };
    const NOW: UnixSeconds = UnixSeconds(1_000);

    fn known(role: u32) -> Known {
        let (website, role) = (WebsiteId::ADMIN, Some(RoleId(role)));
        Known { website, role, locked_until: None, is_active: true, ends: None }
    }

    #[test]
    fn what_became_of_a_user_takes_the_place_of_what_was_known_and_adds_nobody() {
        let holders = Holders::followed();
        holders.update(CHIEF, |_| Some(known(1)), NOW);
        assert_eq!(holders.to_follow(NOW), []);
        holders.remember(CHIEF, Some(known(1)), NOW);
        holders.update(CHIEF, |_| Some(known(2)), NOW);
        assert_eq!((holders.remembered(CHIEF, NOW), holders.to_follow(NOW)), (Ok(Some(known(2))), vec![CHIEF]));
        holders.update(CHIEF, |_| None, NOW);
        assert_eq!((holders.remembered(CHIEF, NOW), holders.to_follow(NOW)), (Ok(None), vec![]));
        assert_eq!(holders.remembered(CHIEF, NOW.plus(REMEMBER_NOBODY)), Err(NotRemembered), "one may be made");
    }

    #[test]
    fn who_has_not_been_seen_for_a_while_is_asked_about_no_more_and_looked_up_again() {
        let holders = Holders::followed();
        holders.remember(CHIEF, Some(known(1)), NOW);
        assert_eq!(holders.remembered(CHIEF, NOW.plus(FOLLOW - 1)), Ok(Some(known(1))));
        assert_eq!(holders.to_follow(NOW.plus(2 * FOLLOW - 2)), [CHIEF]);
        assert_eq!(holders.to_follow(NOW.plus(2 * FOLLOW - 1)), []);
        assert_eq!(holders.remembered(CHIEF, NOW.plus(2 * FOLLOW - 1)), Err(NotRemembered));
    }

    #[test]
    fn an_account_that_is_switched_off_or_has_ended_does_not_count() {
        assert!(known(1).counts_at(NOW) && Known { ends: Some(NOW.plus(1)), ..known(1) }.counts_at(NOW));
        assert!(!Known { ends: Some(NOW), ..known(1) }.counts_at(NOW));
        assert!(!Known { is_active: false, ..known(1) }.counts_at(NOW));
    }
}
