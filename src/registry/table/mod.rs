//! The state of the registry: what may be done to sessions, without actor, store and clock.
//!
//! A session is *pending* (numbered, on its way to the store), *live* (in the index), *revoking* (out of the index, its
//! revocation on its way to the store), gone. Each method is one step of that life. The index holds the sessions; the
//! table keeps only what the index cannot answer: by user, by deadline, pending, revoking. What ends by whole kinds and
//! buckets is in `ending`, what is only asked in `questions`, what comes by the thousand in `bulk`.

mod bulk;
mod ending;
mod questions;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::clock::UnixSeconds;
use crate::registry::deadlines::Deadlines;
use crate::registry::index::{Entry, Index, Removed, SHARDS, position, shard_of};
use crate::registry::subjects::Subjects;
use crate::registry::{Options, RegistryError, Statistics, SubjectFacts};
use crate::session::{Session, SessionId, Subject, UserType};
use crate::settings::{RoleId, Snapshot, WebsiteId};
use crate::token::TokenDigest;

/// A shard of the index below this many entries at its fullest is never worth rebuilding.
const REBUILD_FROM: usize = 1024;

/// Every session, and what is known of users.
#[derive(Debug)]
pub(super) struct Table {
    index: Arc<Index>,
    options: Options,
    next_id: u64,
    pending: BTreeMap<SessionId, Pending>,
    subjects: Subjects,
    kinds: [KindDeadlines; 3],
    /// How many live ones of each kind were ended with their whole kind and have yet to be swept.
    unswept: [usize; 3],
    /// How many sessions are in the index.
    held: usize,
    /// How many each shard of the index holds, and the most it has held since it was built.
    shards: Vec<(usize, usize)>,
    totals: Statistics,
    /// Sessions that were let go of without a revocation of their own: their rows are to be deleted.
    forgotten: Vec<SessionId>,
    /// Whether what is known of users goes with their last sessions.
    forgets_users: bool,
}

/// The deadlines of the sessions of one kind.
#[derive(Debug, Default)]
struct KindDeadlines {
    by_issue: Deadlines,
    by_fixed_end: Deadlines,
}

impl KindDeadlines {
    fn both(&self) -> [&Deadlines; 2] {
        [&self.by_issue, &self.by_fixed_end]
    }
}

/// A session on its way to the store.
#[derive(Debug)]
struct Pending {
    session: Session,
    digest: TokenDigest,
    fixed_end: Option<UnixSeconds>,
    /// The role of an administrator who signs in.
    role: Option<RoleId>,
    /// Ended before it became live.
    cancelled: bool,
}

impl Pending {
    /// Ends it before it becomes live. Its revocation is stored all the same, behind its issue.
    fn cancel(&mut self) -> Option<Taken> {
        let first = !std::mem::replace(&mut self.cancelled, true);
        let Session { id, subject, .. } = self.session;
        first.then_some(Taken { id, subject, digest: self.digest, was_live: true })
    }
}

/// A session that was taken out of the index: its revocation is still to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) id: SessionId,
    pub(super) subject: Subject,
    pub(super) digest: TokenDigest,
    /// Whether it would have been good: not when it had ended before, and was only kept.
    pub(super) was_live: bool,
}

impl Table {
    /// An empty table over `index`, whose first session gets the number `first_id`.
    pub(super) fn new(index: Arc<Index>, options: Options, first_id: SessionId) -> Self {
        Self {
            index,
            options,
            next_id: first_id.0,
            pending: BTreeMap::new(),
            subjects: Subjects::default(),
            kinds: Default::default(),
            unswept: [0; 3],
            held: 0,
            shards: vec![(0, 0); SHARDS],
            totals: Statistics::default(),
            forgotten: Vec::new(),
            forgets_users: false,
        }
    }

    /// With a shop only users who have sessions are asked about: roles and locks of others are soon out of date.
    pub(super) fn forgetting_users(self, forgets_users: bool) -> Self {
        Self { forgets_users, ..self }
    }

    /// Numbers a new session: it is pending.
    ///
    /// # Errors
    /// [`RegistryError::Full`] when there is no room, even after giving up expired sessions.
    pub(super) fn begin(
        &mut self,
        subject: Subject,
        website: WebsiteId,
        digest: TokenDigest,
        fixed_end: Option<UnixSeconds>,
        snapshot: &Snapshot,
        now: UnixSeconds,
    ) -> Result<Session, RegistryError> {
        self.make_room()?;
        let mut session = self.number(subject, website, snapshot, now);
        session.ends = fixed_end.or(session.ends);
        self.pending.insert(session.id, Pending { session, digest, fixed_end, role: None, cancelled: false });
        Ok(session)
    }

    /// The session is stored: it becomes live, unless it was ended meanwhile.
    pub(super) fn commit(&mut self, id: SessionId) -> Option<Session> {
        let pending = self.pending.remove(&id)?;
        let ended = id <= self.index.ended_through(pending.session.subject.kind);
        if pending.cancelled || ended {
            return None;
        }
        if let Some(role) = pending.role {
            self.set_role(pending.session.subject, role);
        }
        self.insert(&pending.session, pending.fixed_end, pending.digest);
        self.totals.issued += 1;
        Some(pending.session)
    }

    /// The session could not be stored: nothing is left of it.
    pub(super) fn abandon(&mut self, id: SessionId) {
        self.pending.remove(&id);
    }

    /// Takes the oldest live session of a user who has more than is allowed.
    pub(super) fn take_superseded(&mut self, subject: Subject, snapshot: &Snapshot, now: UnixSeconds) -> Option<Taken> {
        let digests = self.subjects.of(subject);
        if digests.len() <= self.options.per_subject {
            return None;
        }
        let is_live = |digest: TokenDigest| {
            self.index.read(digest, |entry| !entry.session(snapshot).is_expired_at(now)).unwrap_or(false)
        };
        let live: Vec<_> = digests.iter().copied().filter(|&digest| is_live(digest)).collect();
        let oldest = *live.first().filter(|_| live.len() > self.options.per_subject)?;
        self.take(oldest)
    }

    /// Takes the session with this digest.
    pub(super) fn take(&mut self, digest: TokenDigest) -> Option<Taken> {
        let (removed, was_live) = self.remove(digest)?;
        self.totals.revoked += u64::from(was_live);
        Some(Taken { id: removed.id, subject: removed.subject, digest, was_live })
    }

    /// Takes the session with this number; one that is pending will not become live.
    pub(super) fn take_session(&mut self, id: SessionId) -> Option<Taken> {
        if let Some(pending) = self.pending.get_mut(&id) {
            return pending.cancel();
        }
        let digest = self
            .deadlines()
            .flat_map(|deadlines| deadlines.candidates(id))
            .find(|&digest| self.index.peek(digest).is_some_and(|removed| removed.id == id))?;
        self.take(digest)
    }

    /// Takes all sessions of a user; those that are pending will not become live.
    pub(super) fn take_subject(&mut self, subject: Subject) -> Vec<Taken> {
        self.take_issued(subject, UnixSeconds(u32::MAX))
    }

    /// Takes the sessions of a user that were issued at this second or earlier.
    pub(super) fn take_issued(&mut self, subject: Subject, through: UnixSeconds) -> Vec<Taken> {
        let pending = self.pending.values_mut().map(|pending| (pending.session, pending));
        let pending = pending.filter(|(session, _)| session.subject == subject && session.issued <= through);
        let mut taken: Vec<_> = pending.filter_map(|(_, pending)| pending.cancel()).collect();
        let issued = |digest: TokenDigest| self.index.peek(digest).is_some_and(|removed| removed.issued <= through);
        let digests: Vec<_> = self.subjects.of(subject).iter().copied().filter(|&digest| issued(digest)).collect();
        taken.extend(digests.into_iter().filter_map(|digest| self.take(digest)));
        taken
    }

    /// Rebuilds at most one shard of the index that holds less than a quarter of what it has held; false when none does.
    pub(super) fn give_memory_back(&mut self) -> bool {
        let is_sparse = |(held, fullest): &(usize, usize)| *fullest >= REBUILD_FROM && *held < *fullest / 4;
        let Some(shard) = self.shards.iter().position(is_sparse) else { return false };
        self.index.rebuild(shard);
        let (held, fullest) = &mut self.shards[shard];
        *fullest = *held;
        true
    }

    /// Puts a session in of a token that somebody else issued earlier; it is used at this moment.
    ///
    /// # Errors
    /// [`RegistryError::Full`] when there is no room, even after giving up expired sessions.
    pub(super) fn adopt(
        &mut self,
        subject: Subject,
        website: WebsiteId,
        digest: TokenDigest,
        issued: UnixSeconds,
        snapshot: &Snapshot,
        now: UnixSeconds,
    ) -> Result<Session, RegistryError> {
        self.make_room()?;
        let numbered = self.number(subject, website, snapshot, now);
        let session = Session { issued, ends: snapshot.lifetime(subject.kind).end_of(issued), ..numbered };
        self.insert(&session, None, digest);
        Ok(session)
    }

    /// Whether this session is live or kept as expired.
    pub(super) fn holds(&self, id: SessionId, digest: TokenDigest) -> bool {
        self.index.read(digest, Entry::id) == Some(id)
    }

    /// Sessions that were let go of since the last time, and whose rows are to be deleted.
    pub(super) fn take_forgotten(&mut self) -> Vec<SessionId> {
        std::mem::take(&mut self.forgotten)
    }

    /// Notes the role of an administrator who signs in: it counts from the moment the session does.
    pub(super) fn note_role(&mut self, id: SessionId, role: RoleId) {
        if let Some(pending) = self.pending.get_mut(&id) {
            pending.role = Some(role);
        }
    }

    /// Whether nothing is to be known of this user: nobody would keep it up to date.
    pub(super) fn forgets(&self, subject: Subject) -> bool {
        self.forgets_users && self.subjects.of(subject).is_empty()
    }

    fn set_role(&self, subject: Subject, role: RoleId) {
        let facts = self.index.facts(subject);
        if facts.role != Some(role) {
            self.index.set_facts(subject, SubjectFacts { role: Some(role), ..facts });
        }
    }

    /// How many sessions take up room: live ones, those kept as expired, those on their way to the store.
    pub(super) fn taken_room(&self) -> usize {
        self.held + self.pending.len()
    }

    fn live(&self, kind: UserType) -> usize {
        self.in_live_buckets(kind).saturating_sub(self.unswept[position(kind)])
    }

    fn in_live_buckets(&self, kind: UserType) -> usize {
        let deadlines = &self.kinds[position(kind)];
        deadlines.by_issue.counts().0 + deadlines.by_fixed_end.counts().0
    }

    fn deadlines(&self) -> impl Iterator<Item = &Deadlines> {
        self.kinds.iter().flat_map(KindDeadlines::both)
    }

    fn make_room(&mut self) -> Result<(), RegistryError> {
        if self.taken_room() < self.options.capacity {
            return Ok(());
        }
        let ended = |kind: &mut KindDeadlines| kind.by_issue.take_ended().or_else(|| kind.by_fixed_end.take_ended());
        let oldest = self.kinds.iter_mut().find_map(ended);
        for digest in oldest.ok_or(RegistryError::Full)? {
            self.forget_taken(digest);
        }
        if self.taken_room() < self.options.capacity { Ok(()) } else { Err(RegistryError::Full) }
    }

    fn number(&mut self, subject: Subject, website: WebsiteId, snapshot: &Snapshot, now: UnixSeconds) -> Session {
        let id = SessionId(self.next_id);
        self.next_id += 1;
        let ends = snapshot.lifetime(subject.kind).end_of(now);
        Session { id, subject, website, issued: now, ends, last_used: now }
    }

    fn insert(&mut self, session: &Session, fixed_end: Option<UnixSeconds>, digest: TokenDigest) {
        self.index.insert(digest, Entry::new(session, fixed_end));
        self.note(session, fixed_end, digest);
    }

    /// Keeps what the index does not answer about a session.
    fn note(&mut self, session: &Session, fixed_end: Option<UnixSeconds>, digest: TokenDigest) {
        let removed = Removed { id: session.id, subject: session.subject, issued: session.issued, fixed_end };
        self.push_deadline(&removed, digest);
        self.subjects.push(session.subject, digest);
        let (held, fullest) = &mut self.shards[shard_of(digest)];
        *held += 1;
        *fullest = (*fullest).max(*held);
        self.held += 1;
    }

    fn push_deadline(&mut self, session: &Removed, digest: TokenDigest) {
        let kind = &mut self.kinds[position(session.subject.kind)];
        match session.fixed_end {
            Some(end) => kind.by_fixed_end.push(end, session.id, digest),
            None => kind.by_issue.push(session.issued, session.id, digest),
        }
    }

    /// Takes a session out of everything, and says whether it was live.
    fn remove(&mut self, digest: TokenDigest) -> Option<(Removed, bool)> {
        let removed = self.index.peek(digest)?;
        self.forget(digest, removed);
        let index = Arc::clone(&self.index);
        let kind = &mut self.kinds[position(removed.subject.kind)];
        let (deadlines, second) = match removed.fixed_end {
            Some(end) => (&mut kind.by_fixed_end, end),
            None => (&mut kind.by_issue, removed.issued),
        };
        let in_live_bucket = deadlines.is_live(second);
        if let Some(sparse) = deadlines.remove(second, removed.id) {
            deadlines.compact(sparse, |digest| index.peek(digest).is_some());
        }
        let ended_with_its_kind = removed.id <= self.index.ended_through(removed.subject.kind);
        if in_live_bucket && ended_with_its_kind {
            let unswept = &mut self.unswept[position(removed.subject.kind)];
            *unswept = unswept.saturating_sub(1);
        }
        Some((removed, in_live_bucket && !ended_with_its_kind))
    }

    /// Takes a session out whose bucket was already taken.
    fn forget_taken(&mut self, digest: TokenDigest) {
        if let Some(removed) = self.index.peek(digest) {
            self.forget(digest, removed);
            self.forgotten.push(removed.id);
        }
    }

    fn forget(&mut self, digest: TokenDigest, removed: Removed) {
        self.index.remove(digest);
        self.subjects.remove(removed.subject, digest);
        if self.forgets(removed.subject) {
            let jwts_revoked = self.index.facts(removed.subject).jwts_revoked;
            self.index.set_facts(removed.subject, SubjectFacts { jwts_revoked, ..SubjectFacts::default() });
        }
        self.shards[shard_of(digest)].0 -= 1;
        self.held -= 1;
    }
}
