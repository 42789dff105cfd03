//! One at a time: for each account, and for each name.
//!
//! A failure reads an account's counter and writes it back: two at once would count as one. A name's rows are stored in the
//! order in which they were counted.

use std::hash::Hash;
use std::sync::Arc;

use dashmap::DashMap;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::session::Subject;

/// Whose turn it is, for each key. A key that nobody waits for is not listed.
#[derive(Debug)]
pub(super) struct Turns<K: Eq + Hash>(DashMap<K, Arc<Mutex<()>>>);

impl<K: Eq + Hash + Clone> Turns<K> {
    /// Waits until everybody who came earlier for this key is done.
    pub(super) async fn wait(&self, key: K) -> Turn<'_, K> {
        let lock = Arc::clone(&self.0.entry(key.clone()).or_default());
        let mut turn = Turn { turns: self, key, held: None };
        turn.held = Some(lock.lock_owned().await);
        turn
    }
}

impl<K: Eq + Hash> Default for Turns<K> {
    fn default() -> Self {
        Self(DashMap::new())
    }
}

/// The turn of whoever changes an account from outside of a sign-in, until it is dropped: see
/// [`crate::sign_in::SignIn::turn_of`].
#[derive(Debug)]
pub struct AccountTurn<'a>(#[expect(dead_code, reason = "held, not read")] Turn<'a, Subject>);

impl Turns<Subject> {
    /// The same as [`Turns::wait`], for those who may not know how turns are kept.
    pub(super) async fn take(&self, subject: Subject) -> AccountTurn<'_> {
        AccountTurn(self.wait(subject).await)
    }
}

/// The turn of one, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a, K: Eq + Hash> {
    turns: &'a Turns<K>,
    key: K,
    /// `None` while waiting, so that who gives up waiting cleans up as well.
    held: Option<OwnedMutexGuard<()>>,
}

impl<K: Eq + Hash> Drop for Turn<'_, K> {
    fn drop(&mut self) {
        self.held = None;
        // Whoever waits has a reference of its own, taken while the entry was locked.
        self.turns.0.remove_if(&self.key, |_, lock| Arc::strong_count(lock) == 1);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn one_account_has_one_turn_and_others_have_theirs() {
        let turns = Turns::default();
        let (jane, joan) = (Subject::customer(1), Subject::customer(2));
        let first = turns.wait(jane).await;
        let mut second = Box::pin(turns.wait(jane));
        assert!((&mut second).now_or_never().is_none());
        assert!(turns.wait(joan).now_or_never().is_some());
        drop(first);
        assert!((&mut second).now_or_never().is_some());
        drop(second);
        assert!(turns.0.is_empty(), "nobody is remembered");
    }

    #[tokio::test]
    async fn who_gives_up_waiting_leaves_nothing_behind() {
        let turns = Turns::default();
        let first = turns.wait(Subject::customer(1)).await;
        let mut second = Box::pin(turns.wait(Subject::customer(1)));
        assert!((&mut second).now_or_never().is_none());
        drop(first);
        drop(second);
        assert!(turns.0.is_empty());
    }
}
