//! What is remembered of users. What there is no room for is forgotten one by one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use quick_cache::sync::Cache;

use crate::accounts::UserState;
use crate::clock::UnixSeconds;
use crate::session::{Subject, UserType};

/// How many customers are remembered at most, at about 100 bytes each. Beside a shop it is also how many the watcher asks
/// about again and again.
const CUSTOMERS: usize = 250_000;

/// How many administrators and integrations: apart, so that no crowd of customers has them forgotten, for whom a check
/// waits.
const OTHERS: usize = 10_000;

/// For so many there is room at once.
const ROOM: usize = 1_000;

/// How many seconds it is remembered that there is no such user: one may be made.
const REMEMBER_NOBODY: u32 = 60;

/// How many seconds after the last check of a user's token a watcher is still told to ask about the user.
const FOLLOW: u32 = 600;

/// A bounded memory. Any thread may use it.
#[derive(Debug)]
pub(super) struct Memory {
    customers: Cache<Subject, Arc<Entry>>,
    others: Cache<Subject, Arc<Entry>>,
}

#[derive(Debug)]
struct Entry {
    /// `None` when there is no such user.
    state: Option<UserState>,
    /// When that was found out.
    since: UnixSeconds,
    /// When it was last asked for.
    used: AtomicU32,
}

/// What is remembered of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) struct Remembered {
    /// `None` when there was no such user.
    pub(in crate::http) state: Option<UserState>,
    /// Whether it is to be taken for true without asking again.
    pub(in crate::http) is_fresh: bool,
}

impl Memory {
    pub(super) fn new() -> Self {
        Self::of(CUSTOMERS, OTHERS)
    }

    fn of(customers: usize, others: usize) -> Self {
        let cache = |most: usize| Cache::with_weighter(most.min(ROOM), most as u64, quick_cache::UnitWeighter);
        Self { customers: cache(customers), others: cache(others) }
    }

    /// What is remembered, which counts as a use.
    pub(super) fn get(&self, subject: Subject, now: UnixSeconds) -> Option<Remembered> {
        let entry = self.of_kind(subject.kind).get(&subject)?;
        entry.used.store(now.get(), Ordering::Relaxed);
        let is_fresh = entry.state.is_some() || now.since(entry.since) < REMEMBER_NOBODY;
        Some(Remembered { state: entry.state, is_fresh })
    }

    /// Remembers what was looked up.
    pub(super) fn insert(&self, subject: Subject, state: Option<UserState>, now: UnixSeconds) {
        let entry = Entry { state, since: now, used: AtomicU32::new(now.get()) };
        self.of_kind(subject.kind).insert(subject, Arc::new(entry));
    }

    /// Takes over what became of somebody who is remembered, which is no use.
    pub(super) fn update(&self, subject: Subject, state: Option<UserState>, now: UnixSeconds) {
        let cache = self.of_kind(subject.kind);
        if let Some(known) = cache.peek(&subject) {
            let used = AtomicU32::new(known.used.load(Ordering::Relaxed));
            // One that was forgotten meanwhile stays forgotten.
            let _forgotten = cache.replace(subject, Arc::new(Entry { state, since: now, used }), true);
        }
    }

    /// Users who are there, and have been asked for lately. The others are forgotten.
    pub(super) fn lately_used(&self, now: UnixSeconds) -> Vec<Subject> {
        let mut used = Vec::new();
        for cache in [&self.customers, &self.others] {
            cache.retain(|_, entry| now.since(UnixSeconds(entry.used.load(Ordering::Relaxed))) < FOLLOW);
            used.extend(cache.iter().filter(|(_, entry)| entry.state.is_some()).map(|(subject, _)| subject));
        }
        used
    }

    pub(super) fn len(&self) -> usize {
        self.customers.len() + self.others.len()
    }

    fn of_kind(&self, kind: UserType) -> &Cache<Subject, Arc<Entry>> {
        match kind {
            UserType::Customer => &self.customers,
            UserType::Admin | UserType::Integration => &self.others,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::RoleId;

    const CHIEF: Subject = Subject { kind: UserType::Admin, id: 3 };
    const NOW: UnixSeconds = UnixSeconds(1_000);

    fn of_role(role: u32) -> UserState {
        UserState::of_integration(Some(RoleId(role)))
    }

    fn fresh(state: Option<UserState>) -> Remembered {
        Remembered { state, is_fresh: true }
    }

    #[test]
    fn what_became_of_a_user_takes_the_place_of_what_was_known_and_adds_nobody() {
        let memory = Memory::new();
        memory.update(CHIEF, Some(of_role(1)), NOW);
        assert_eq!((memory.get(CHIEF, NOW), memory.lately_used(NOW)), (None, vec![]));
        memory.insert(CHIEF, Some(of_role(1)), NOW);
        memory.update(CHIEF, Some(of_role(2)), NOW);
        assert_eq!((memory.get(CHIEF, NOW), memory.lately_used(NOW)), (Some(fresh(Some(of_role(2)))), vec![CHIEF]));
        memory.update(CHIEF, None, NOW);
        assert_eq!((memory.get(CHIEF, NOW), memory.lately_used(NOW)), (Some(fresh(None)), vec![]));
        let stale = Remembered { state: None, is_fresh: false };
        assert_eq!(memory.get(CHIEF, NOW.plus(REMEMBER_NOBODY)), Some(stale), "one may be made");
    }

    #[test]
    fn who_has_not_been_seen_for_a_while_is_asked_about_no_more_and_forgotten() {
        let memory = Memory::new();
        memory.insert(CHIEF, Some(of_role(1)), NOW);
        let seen = NOW.plus(FOLLOW - 1);
        assert_eq!(memory.get(CHIEF, seen), Some(fresh(Some(of_role(1)))));
        memory.update(CHIEF, Some(of_role(2)), seen.plus(FOLLOW - 1));
        assert_eq!(memory.lately_used(seen.plus(FOLLOW - 1)), [CHIEF]);
        assert_eq!(memory.lately_used(seen.plus(FOLLOW)), []);
        assert_eq!(memory.get(CHIEF, seen.plus(FOLLOW)), None);
    }

    #[test]
    fn one_too_many_has_one_forgotten_and_no_customer_an_administrator() {
        let memory = Memory::of(1_000, 10);
        memory.insert(CHIEF, Some(of_role(1)), NOW);
        for id in 1..=3_000 {
            memory.insert(Subject::customer(id), Some(of_role(2)), NOW);
            let held = memory.customers.len();
            assert!(held <= 1_000 && held + 200 >= (id as usize).min(1_000), "{held} of {id}");
        }
        assert_eq!(memory.get(CHIEF, NOW), Some(fresh(Some(of_role(1)))));
    }
}
