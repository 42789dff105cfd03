//! Sessions that come in bulk: those of an earlier run, and those that are made up for a load test.
//!
//! A start with millions of sessions takes as long as this does, so that two threads share the work: one fills the
//! index, the other keeps what the index does not answer. What always holds: there is one of each, and nothing else
//! writes meanwhile.

use std::sync::Arc;
use std::thread;

use crate::clock::UnixSeconds;
use crate::registry::index::{Entry, Index, SHARDS, shard_of};
use crate::registry::table::Table;
use crate::registry::{PreloadSession, RegistryError};
use crate::session::{Session, SessionId, UserType};
use crate::settings::Snapshot;
use crate::store::StoredSession;
use crate::token::TokenDigest;

/// From so many sessions on a second thread is worth its start.
const SHARED_FROM: usize = 1024;

impl Table {
    /// Puts sessions in that are live from the start, and says which numbers they got.
    ///
    /// # Errors
    /// [`RegistryError::Full`] when there is no room; those before stay.
    pub(in crate::registry) fn preload(
        &mut self,
        sessions: Vec<PreloadSession>,
        snapshot: &Snapshot,
        now: UnixSeconds,
    ) -> Result<Vec<(Session, TokenDigest)>, RegistryError> {
        let mut begun = Vec::with_capacity(sessions.len());
        for preload in sessions {
            self.make_room()?;
            let session = self.number(preload.subject, preload.website, snapshot, now);
            self.insert(&session, None, preload.digest);
            begun.push((session, preload.digest));
        }
        self.totals.issued += begun.len() as u64;
        Ok(begun)
    }

    /// Makes room for so many sessions, and ends those of whole kinds before they come.
    pub(in crate::registry) fn begin_loading(&mut self, expected: usize, kinds_ended: &[(UserType, SessionId)]) {
        let share = self.index.reserve(expected.min(self.options.capacity));
        // When fewer come, the room is given back.
        self.shards = vec![(0, share); SHARDS];
        for &(kind, through) in kinds_ended {
            self.index.end_through(kind, through);
        }
    }

    /// Puts sessions in that were issued in an earlier run, in the order of their numbers.
    ///
    /// # Errors
    /// [`RegistryError::Full`] when there is no room; those before stay.
    pub(in crate::registry) fn load(&mut self, sessions: &[StoredSession]) -> Result<(), RegistryError> {
        let mut rest = sessions;
        while !rest.is_empty() {
            self.make_room()?;
            let room = self.options.capacity - self.taken_room();
            let (fitting, others) = rest.split_at(rest.len().min(room));
            self.load_fitting(fitting);
            rest = others;
        }
        Ok(())
    }

    fn load_fitting(&mut self, sessions: &[StoredSession]) {
        let index = Arc::clone(&self.index);
        let fill = || fill(&index, sessions);
        thread::scope(|scope| {
            let shared = sessions.len() >= SHARED_FROM
                && thread::Builder::new().name("loader".to_owned()).spawn_scoped(scope, fill).is_ok();
            if !shared {
                fill();
            }
            for stored in sessions {
                self.next_id = self.next_id.max(stored.id.0 + 1);
                self.note(&session(stored), stored.fixed_end, stored.digest);
            }
        });
    }
}

/// Puts sessions into the index, shard by shard, so that each is looked up and pinned once.
fn fill(index: &Index, sessions: &[StoredSession]) {
    let mut shards: [Vec<&StoredSession>; SHARDS] = [const { Vec::new() }; SHARDS];
    for stored in sessions {
        shards[shard_of(stored.digest)].push(stored);
    }
    let entry = |stored: &StoredSession| (stored.digest, Entry::new(&session(stored), stored.fixed_end));
    for (shard, sessions) in shards.into_iter().enumerate() {
        index.insert_into(shard, sessions.into_iter().map(entry));
    }
}

/// A session as it was issued: its kind's lifetime decides when it ends.
fn session(stored: &StoredSession) -> Session {
    let StoredSession { id, subject, website, issued, .. } = *stored;
    Session { id, subject, website, issued, ends: None, last_used: issued }
}
