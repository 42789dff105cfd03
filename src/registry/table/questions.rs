//! What the table can tell: lists, one session by its number, counts.
//!
//! It knows the table and the index, and changes neither. What always holds: a session that has ended by now is in no
//! list, also when it is still kept.

use crate::clock::UnixSeconds;
use crate::registry::Statistics;
use crate::registry::index::position;
use crate::registry::table::Table;
use crate::registry::table::ending::last_ended_issue;
use crate::session::{Session, SessionId, Subject, UserType};
use crate::settings::Snapshot;
use crate::token::{Lifetime, TokenDigest};

impl Table {
    /// The live session with this number.
    pub(in crate::registry) fn find(&self, id: SessionId, snapshot: &Snapshot, now: UnixSeconds) -> Option<Session> {
        self.deadlines()
            .flat_map(|deadlines| deadlines.candidates(id))
            .filter_map(|digest| self.index.read(digest, |entry| entry.session(snapshot)))
            .find(|session| session.id == id && !session.is_expired_at(now))
    }

    /// How many live sessions of a kind would have ended at `now` if they had this lifetime.
    pub(in crate::registry) fn count_ending(
        &self,
        kind: UserType,
        lifetime: Lifetime,
        snapshot: &Snapshot,
        now: UnixSeconds,
    ) -> usize {
        let ended = last_ended_issue(snapshot.lifetime(kind), now);
        // What a revocation of the whole kind has ended may not be swept yet.
        let through = self.index.ended_through(kind);
        self.kinds[position(kind)].by_issue.live_between(ended, last_ended_issue(lifetime, now), through)
    }

    /// Live sessions with numbers above `after`, in their order, at most `limit`.
    pub(in crate::registry) fn list(
        &self,
        subject: Option<Subject>,
        after: SessionId,
        limit: usize,
        snapshot: &Snapshot,
        now: UnixSeconds,
    ) -> Vec<Session> {
        let Some(subject) = subject else {
            return self.list_kinds(&UserType::ALL, after, limit, snapshot, now);
        };
        self.subjects
            .of(subject)
            .iter()
            .filter_map(|&digest| self.index.read(digest, |entry| entry.session(snapshot)))
            .filter(|session| session.id > after && !session.is_expired_at(now))
            .take(limit)
            .collect()
    }

    /// A part of the users who have sessions.
    pub(in crate::registry) fn users(&self, part: usize) -> Vec<Subject> {
        self.subjects.of_part(part)
    }

    /// Live sessions of these kinds with numbers above `after`, in their order, at most `limit`.
    pub(in crate::registry) fn list_kinds(
        &self,
        kinds: &[UserType],
        after: SessionId,
        limit: usize,
        snapshot: &Snapshot,
        now: UnixSeconds,
    ) -> Vec<Session> {
        let read = |digest: TokenDigest| self.index.read(digest, |entry| entry.session(snapshot));
        let wanted = |session: &Session| session.id > after && !session.is_expired_at(now);
        let mut page: Vec<_> = kinds
            .iter()
            .flat_map(|kind| self.kinds[position(*kind)].both())
            .flat_map(|deadlines| {
                deadlines.after(after).flatten().filter_map(|&digest| read(digest)).filter(wanted).take(limit)
            })
            .collect();
        page.sort_unstable_by_key(|session| session.id);
        page.truncate(limit);
        page
    }

    /// How many sessions there are, and what has become of those before.
    pub(in crate::registry) fn statistics(&self) -> Statistics {
        let ended = self.deadlines().map(|deadlines| deadlines.counts().1).sum();
        Statistics {
            live: UserType::ALL.map(|kind| self.live(kind)),
            expired: ended,
            pending: self.pending.len(),
            capacity: self.options.capacity,
            ..self.totals
        }
    }
}
