//! Sessions that end many at a time: by their lifetimes, or with their whole kind.
//!
//! It knows neither timer nor turns. What always holds: what has ended is so for every reader at once, and is taken out
//! one bucket a call, so that no call takes long.

use crate::clock::UnixSeconds;
use crate::registry::deadlines::Deadlines;
use crate::registry::index::position;
use crate::registry::table::{KindDeadlines, Table};
use crate::session::{SessionId, UserType};
use crate::settings::Snapshot;
use crate::token::Lifetime;

impl Table {
    /// Ends all sessions of a kind that exist now: at once for every reader. Says up to which number, and how many were
    /// live. [`Self::sweep`] takes them out.
    pub(in crate::registry) fn end_kind(&mut self, kind: UserType) -> (SessionId, usize) {
        let through = SessionId(self.next_id - 1);
        self.index.end_through(kind, through);
        let live = self.live(kind);
        self.unswept[position(kind)] += live;
        self.totals.revoked += live as u64;
        (through, live)
    }

    /// Takes out one bucket of sessions that [`Self::end_kind`] has ended; false when there is none left.
    pub(in crate::registry) fn sweep(&mut self, kind: UserType) -> bool {
        let through = self.index.ended_through(kind);
        let before = self.in_live_buckets(kind);
        let swept = self.sweep_bucket(through, |kinds| &mut kinds[position(kind)].by_issue)
            || self.sweep_bucket(through, |kinds| &mut kinds[position(kind)].by_fixed_end);
        let gone = before - self.in_live_buckets(kind);
        let unswept = &mut self.unswept[position(kind)];
        *unswept = if swept { unswept.saturating_sub(gone) } else { 0 };
        swept
    }

    fn sweep_bucket(
        &mut self,
        through: SessionId,
        deadlines: impl Fn(&mut [KindDeadlines; 3]) -> &mut Deadlines,
    ) -> bool {
        let Some((second, digests)) = deadlines(&mut self.kinds).take_through(through) else { return false };
        let mut issued_afterwards = Vec::new();
        for digest in digests {
            match self.index.peek(digest) {
                Some(removed) if removed.id <= through => {
                    self.forget(digest, removed);
                    self.forgotten.push(removed.id);
                }
                Some(removed) => issued_afterwards.push((removed.id, digest)),
                None => {}
            }
        }
        deadlines(&mut self.kinds).put_back(second, &issued_afterwards);
        true
    }

    /// Moves the boundaries to `now` and takes out one bucket a kind that need no longer be kept. True when there may be
    /// more to do at once.
    pub(in crate::registry) fn expire(&mut self, snapshot: &Snapshot, now: UnixSeconds) -> bool {
        let mut more = false;
        for kind in UserType::ALL {
            let boundary = last_ended_issue(snapshot.lifetime(kind), now);
            let KindDeadlines { by_issue, by_fixed_end } = &mut self.kinds[position(kind)];
            let ended = by_issue.move_boundary(boundary, now) + by_fixed_end.move_boundary(now, now);
            self.totals.ended += ended as u64;
            let taken = [by_issue.take_kept_until(now), by_fixed_end.take_kept_until(now)];
            more |= taken.iter().any(Option::is_some);
            for digest in taken.into_iter().flatten().flatten() {
                self.forget_taken(digest);
            }
        }
        more
    }

    /// When [`Self::expire`] has something to do next; `None` when nothing will ever end by itself.
    pub(in crate::registry) fn next_due(&self, snapshot: &Snapshot) -> Option<UnixSeconds> {
        let due = |deadlines: &Deadlines, lifetime| {
            let first_end = match lifetime {
                Lifetime::Seconds(lifetime) => deadlines.first_live().map(|second| second.plus(lifetime)),
                Lifetime::Never => None,
            };
            first_end.into_iter().chain(deadlines.first_removal()).min()
        };
        UserType::ALL
            .into_iter()
            .flat_map(|kind| {
                let KindDeadlines { by_issue, by_fixed_end } = &self.kinds[position(kind)];
                [due(by_issue, snapshot.lifetime(kind)), due(by_fixed_end, Lifetime::Seconds(0))]
            })
            .flatten()
            .min()
    }
}

/// The last second of issue whose sessions have ended at `now`.
pub(super) fn last_ended_issue(lifetime: Lifetime, now: UnixSeconds) -> UnixSeconds {
    match lifetime {
        Lifetime::Seconds(lifetime) => UnixSeconds(now.get().saturating_sub(lifetime)),
        Lifetime::Never => UnixSeconds(0),
    }
}
