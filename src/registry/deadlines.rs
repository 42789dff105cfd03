//! When sessions end, and which have ended: buckets of digests by second.
//!
//! The sessions of one kind lie in buckets by the second of their issue (or, in a second instance, by the second of
//! their fixed end). A boundary runs through the buckets: what lies at or before it has ended. A changed lifetime moves
//! the boundary, not the sessions, so that it costs a step per bucket and not per session. What has ended is kept for a
//! while from the moment the boundary passed it, whatever moved the boundary.
//!
//! A session that is revoked leaves its digest behind as a dead one; a bucket that is more than half dead is to be
//! compacted, which costs a constant per revocation over time.

use std::collections::{BTreeMap, VecDeque};

use crate::clock::UnixSeconds;
use crate::session::SessionId;
use crate::token::TokenDigest;

/// How many digests a bucket holds at most: what is done to one bucket is done in one turn.
pub(super) const BUCKET: usize = 4096;

/// How long an expired session is kept in seconds, so that its holder hears "expired" rather than "unknown", and a
/// lifetime that was set by mistake can be set back.
pub const KEEP_ENDED: u32 = 600;

/// Sessions by the second that decides their end.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    buckets: BTreeMap<(UnixSeconds, SessionId), Bucket>,
    /// What lies at or before this second has ended.
    boundary: UnixSeconds,
    /// When the boundary came to where it was, oldest first: both grow. At most one a second of [`KEEP_ENDED`].
    moves: VecDeque<Move>,
    live: usize,
    ended: usize,
}

/// The boundary came to `boundary` at `at`.
#[derive(Clone, Copy, Debug)]
struct Move {
    at: UnixSeconds,
    boundary: UnixSeconds,
}

/// Digests of sessions with the same second, in the order of their numbers.
#[derive(Debug)]
struct Bucket {
    last: SessionId,
    digests: Vec<TokenDigest>,
    dead: usize,
}

impl Bucket {
    fn alive(&self) -> usize {
        self.digests.len() - self.dead
    }
}

impl Deadlines {
    /// How many sessions are live, and how many have ended but are kept.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.live, self.ended)
    }

    /// Adds a session. Sessions with the same second are added in the order of their numbers.
    pub(super) fn push(&mut self, second: UnixSeconds, id: SessionId, digest: TokenDigest) {
        let last = self.buckets.range_mut((second, SessionId(0))..=(second, SessionId(u64::MAX))).next_back();
        match last {
            Some((_, bucket)) if bucket.digests.len() < BUCKET => {
                bucket.last = id;
                bucket.digests.push(digest);
            }
            _ => {
                self.buckets.insert((second, id), Bucket { last: id, digests: vec![digest], dead: 0 });
            }
        }
        *self.side(second) += 1;
    }

    /// Whether what lies at this second is live.
    pub(super) fn is_live(&self, second: UnixSeconds) -> bool {
        second > self.boundary
    }

    /// Notes that a session was taken out. When its bucket should be compacted, says which one it is.
    pub(super) fn remove(&mut self, second: UnixSeconds, id: SessionId) -> Option<(UnixSeconds, SessionId)> {
        let (&key, bucket) = self.buckets.range_mut((second, SessionId(0))..=(second, id)).next_back()?;
        bucket.dead += 1;
        let sparse = bucket.dead * 2 > bucket.digests.len();
        *self.side(second) -= 1;
        sparse.then_some(key)
    }

    /// Keeps only the digests of a bucket that are still alive; without any the bucket goes.
    pub(super) fn compact(&mut self, key: (UnixSeconds, SessionId), is_alive: impl Fn(TokenDigest) -> bool) {
        let Some(bucket) = self.buckets.get_mut(&key) else {
            return;
        };
        bucket.digests.retain(|&digest| is_alive(digest));
        bucket.digests.shrink_to_fit();
        bucket.dead = 0;
        if bucket.digests.is_empty() {
            self.buckets.remove(&key);
        }
    }

    /// Moves the boundary at the time `now`: everything at or before `boundary` has ended. Says how many sessions have
    /// ended by that; a boundary that moves back brings sessions back to life.
    pub(super) fn move_boundary(&mut self, boundary: UnixSeconds, now: UnixSeconds) -> usize {
        let forwards = boundary > self.boundary;
        let (after, through) = if forwards { (self.boundary, boundary) } else { (boundary, self.boundary) };
        let crossed = self
            .buckets
            .range((after.plus(1), SessionId(0))..)
            .take_while(|((second, _), _)| *second <= through)
            .map(|(_, bucket)| bucket.alive())
            .sum::<usize>();
        self.boundary = boundary;
        if forwards {
            self.live -= crossed;
            self.ended += crossed;
            self.remember_move(now);
            crossed
        } else {
            self.live += crossed;
            self.ended -= crossed;
            self.moves.iter_mut().for_each(|earlier| earlier.boundary = earlier.boundary.min(boundary));
            0
        }
    }

    fn remember_move(&mut self, now: UnixSeconds) {
        let boundary = self.boundary;
        match self.moves.back_mut() {
            Some(last) if last.at == now => last.boundary = boundary,
            _ => self.moves.push_back(Move { at: now, boundary }),
        }
        // Of the moves that are long past, the last one says all.
        while self.moves.get(1).is_some_and(|second| second.at.plus(KEEP_ENDED) <= now) {
            self.moves.pop_front();
        }
    }

    /// How many sessions lie after `ended`, and would have ended if the boundary were at `boundary`. Buckets with numbers
    /// up to `through` do not count.
    pub(super) fn live_between(&self, ended: UnixSeconds, boundary: UnixSeconds, through: SessionId) -> usize {
        self.buckets
            .range((ended.max(self.boundary).plus(1), SessionId(0))..)
            .take_while(|((second, _), _)| *second <= boundary)
            .filter(|(_, bucket)| bucket.last > through)
            .map(|(_, bucket)| bucket.alive())
            .sum()
    }

    /// The second of the first bucket whose sessions are live.
    pub(super) fn first_live(&self) -> Option<UnixSeconds> {
        self.buckets.range((self.boundary.plus(1), SessionId(0))..).next().map(|((second, _), _)| *second)
    }

    /// When the first bucket that has ended need no longer be kept.
    pub(super) fn first_removal(&self) -> Option<UnixSeconds> {
        let (second, _) = *self.buckets.keys().next().filter(|(second, _)| *second <= self.boundary)?;
        let passed = self.moves.iter().find(|earlier| earlier.boundary >= second)?;
        Some(passed.at.plus(KEEP_ENDED))
    }

    /// Takes out the first bucket, if its sessions have ended and need no longer be kept at `now`. The digests of
    /// sessions that were taken out before may be among them.
    pub(super) fn take_kept_until(&mut self, now: UnixSeconds) -> Option<Vec<TokenDigest>> {
        self.first_removal().filter(|removal| *removal <= now)?;
        self.take_ended()
    }

    /// Takes out the first bucket, if its sessions have ended.
    pub(super) fn take_ended(&mut self) -> Option<Vec<TokenDigest>> {
        let first = self.buckets.first_entry()?;
        if first.key().0 > self.boundary {
            return None;
        }
        let bucket = first.remove();
        self.ended -= bucket.alive();
        Some(bucket.digests)
    }

    /// Takes out the first bucket whose sessions begin at or before `through`, wherever the boundary runs; with it the
    /// second that it lies at.
    pub(super) fn take_through(&mut self, through: SessionId) -> Option<(UnixSeconds, Vec<TokenDigest>)> {
        let key = self.buckets.iter().find(|((_, first), _)| *first <= through).map(|(&key, _)| key)?;
        let bucket = self.buckets.remove(&key)?;
        *self.side(key.0) -= bucket.alive();
        Some((key.0, bucket.digests))
    }

    /// Puts back what was in a bucket that was taken out and is to stay, in the order of the numbers.
    pub(super) fn put_back(&mut self, second: UnixSeconds, sessions: &[(SessionId, TokenDigest)]) {
        let (Some(&(first, _)), Some(&(last, _))) = (sessions.first(), sessions.last()) else { return };
        let digests = sessions.iter().map(|(_, digest)| *digest).collect();
        self.buckets.insert((second, first), Bucket { last, digests, dead: 0 });
        *self.side(second) += sessions.len();
    }

    /// The digests of all buckets that may hold a session with a number above `after`, bucket by bucket.
    pub(super) fn after(&self, after: SessionId) -> impl Iterator<Item = &[TokenDigest]> {
        self.buckets.values().filter(move |bucket| bucket.last > after).map(|bucket| bucket.digests.as_slice())
    }

    /// The digests among which the session with this number is, if it is anywhere.
    pub(super) fn candidates(&self, id: SessionId) -> impl Iterator<Item = TokenDigest> {
        self.buckets
            .iter()
            .filter(move |((_, first), bucket)| *first <= id && id <= bucket.last)
            .flat_map(|(_, bucket)| bucket.digests.iter().copied())
    }

    fn side(&mut self, second: UnixSeconds) -> &mut usize {
        if second <= self.boundary { &mut self.ended } else { &mut self.live }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(number: u64) -> TokenDigest {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        TokenDigest(bytes)
    }

    fn filled(seconds: u32, each: u64) -> Deadlines {
        let mut deadlines = Deadlines::default();
        for number in 0..u64::from(seconds) * each {
            let second = UnixSeconds(1 + u32::try_from(number / each).unwrap());
            deadlines.push(second, SessionId(number + 1), digest(number + 1));
        }
        deadlines
    }

    #[test]
    fn the_boundary_divides_the_living_from_the_ended_and_moves_back() {
        let mut deadlines = filled(10, 3);
        assert_eq!(deadlines.move_boundary(UnixSeconds(4), UnixSeconds(100)), 12);
        assert_eq!(deadlines.counts(), (18, 12));
        assert_eq!(deadlines.first_live(), Some(UnixSeconds(5)));
        assert_eq!(deadlines.first_removal(), Some(UnixSeconds(100 + KEEP_ENDED)));
        assert_eq!(deadlines.move_boundary(UnixSeconds(0), UnixSeconds(101)), 0);
        assert_eq!(deadlines.counts(), (30, 0));
        assert_eq!(deadlines.first_removal(), None);
    }

    #[test]
    fn what_another_boundary_would_end_is_counted_without_moving_it() {
        let mut deadlines = filled(10, 3);
        deadlines.move_boundary(UnixSeconds(2), UnixSeconds(100));
        assert_eq!(deadlines.remove(UnixSeconds(4), SessionId(10)), None);
        assert_eq!(deadlines.live_between(UnixSeconds(2), UnixSeconds(5), SessionId(0)), 8);
        assert_eq!(
            deadlines.live_between(UnixSeconds(4), UnixSeconds(5), SessionId(0)),
            3,
            "two seconds have ended since"
        );
        assert_eq!(deadlines.live_between(UnixSeconds(2), UnixSeconds(1), SessionId(0)), 0);
        assert_eq!(deadlines.counts(), (23, 6));
    }

    #[test]
    fn a_bucket_that_is_more_than_half_dead_asks_to_be_compacted() {
        let mut deadlines = filled(1, 4);
        let second = UnixSeconds(1);
        assert_eq!(deadlines.remove(second, SessionId(1)), None);
        assert_eq!(deadlines.remove(second, SessionId(2)), None);
        let key = deadlines.remove(second, SessionId(4)).expect("three of four are dead");
        deadlines.compact(key, |candidate| candidate == digest(3));
        assert_eq!(deadlines.counts(), (1, 0));
        deadlines.move_boundary(second, UnixSeconds(2));
        assert_eq!(deadlines.take_ended(), Some(vec![digest(3)]));
        assert_eq!(deadlines.counts(), (0, 0));
    }

    #[test]
    fn what_has_ended_is_kept_from_the_moment_the_boundary_passed_it() {
        let mut deadlines = filled(3, 1);
        deadlines.move_boundary(UnixSeconds(1), UnixSeconds(100));
        deadlines.move_boundary(UnixSeconds(2), UnixSeconds(130));
        assert_eq!(deadlines.take_kept_until(UnixSeconds(99 + KEEP_ENDED)), None);
        assert_eq!(deadlines.take_kept_until(UnixSeconds(100 + KEEP_ENDED)), Some(vec![digest(1)]));
        assert_eq!(deadlines.take_kept_until(UnixSeconds(129 + KEEP_ENDED)), None);
        assert_eq!(deadlines.take_kept_until(UnixSeconds(130 + KEEP_ENDED)), Some(vec![digest(2)]));
        assert_eq!(deadlines.take_kept_until(UnixSeconds(9999)), None);
        assert_eq!(deadlines.counts(), (1, 0));
    }

    #[test]
    fn moves_that_are_long_past_are_forgotten() {
        let mut deadlines = filled(1, 1);
        for second in 1..10_000 {
            deadlines.move_boundary(UnixSeconds(second), UnixSeconds(1000 + second));
        }
        assert!(deadlines.moves.len() <= KEEP_ENDED as usize + 1);
        assert_eq!(deadlines.first_removal(), Some(deadlines.moves[0].at.plus(KEEP_ENDED)));
    }

    #[test]
    fn a_second_with_many_sessions_fills_several_buckets() {
        let many = 2 * BUCKET as u64 + 1;
        let mut deadlines = filled(1, many);
        deadlines.move_boundary(UnixSeconds(1), UnixSeconds(2));
        let sizes: Vec<_> = std::iter::from_fn(|| deadlines.take_ended()).map(|taken| taken.len()).collect();
        assert_eq!(sizes, [BUCKET, BUCKET, 1]);
    }

    #[test]
    fn a_session_is_found_by_its_number_and_pages_start_after_one() {
        let deadlines = filled(3, 2);
        assert_eq!(deadlines.candidates(SessionId(4)).collect::<Vec<_>>(), [digest(3), digest(4)]);
        assert_eq!(deadlines.after(SessionId(4)).flatten().copied().collect::<Vec<_>>(), [digest(5), digest(6)]);
    }
}
