//! The shared index: what a token leads to, and what is known of a user.
//!
//! One writer, the registry; any number of readers, without a lock. Readers see a change as soon as the writer has made
//! it. The tokens are spread over shards, each behind an [`ArcSwap`], because a papaya map does not shrink: a shard that
//! has become nearly empty is rebuilt and swapped.

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use papaya::HashMap;

use crate::clock::UnixSeconds;
use crate::registry::SubjectFacts;
use crate::registry::jwts::JwtIndex;
use crate::session::{Session, SessionId, Subject, UserType};
use crate::settings::{Snapshot, WebsiteId};
use crate::token::TokenDigest;

/// How many parts the tokens are spread over.
pub(super) const SHARDS: usize = 64;

/// How many seconds lie at least between two notes of a session's last use, so that checks seldom write.
const LAST_USE_GRAIN: u32 = 60;

type Shard = HashMap<TokenDigest, Entry, BuildHasherDefault<DigestHasher>>;

/// A session as it lies in the index, as small as it can be.
#[derive(Debug)]
pub(super) struct Entry {
    id: SessionId,
    user: u32,
    issued: UnixSeconds,
    /// The end that was fixed at issue; 0 when the lifetime of the kind decides.
    fixed_end: UnixSeconds,
    website: WebsiteId,
    kind: UserType,
    last_used: AtomicU32,
}

impl Entry {
    /// The entry of a session; `fixed_end` is kept only when the lifetime of the kind does not decide.
    pub(super) fn new(session: &Session, fixed_end: Option<UnixSeconds>) -> Self {
        Self {
            id: session.id,
            user: session.subject.id,
            issued: session.issued,
            fixed_end: fixed_end.unwrap_or_default(),
            website: session.website,
            kind: session.subject.kind,
            last_used: AtomicU32::new(session.last_used.get()),
        }
    }

    /// The session, with the end that the settings of `snapshot` give it.
    pub(super) fn session(&self, snapshot: &Snapshot) -> Session {
        let ends = match self.fixed_end {
            UnixSeconds(0) => snapshot.lifetime(self.kind).end_of(self.issued),
            fixed => Some(fixed),
        };
        Session {
            id: self.id,
            subject: Subject { kind: self.kind, id: self.user },
            website: self.website,
            issued: self.issued,
            ends,
            last_used: UnixSeconds(self.last_used.load(Ordering::Relaxed)),
        }
    }

    /// Its number.
    pub(super) fn id(&self) -> SessionId {
        self.id
    }

    /// Notes that the session was used.
    pub(super) fn touch(&self, now: UnixSeconds) {
        if now.get().saturating_sub(self.last_used.load(Ordering::Relaxed)) >= LAST_USE_GRAIN {
            self.last_used.store(now.get(), Ordering::Relaxed);
        }
    }
}

impl Clone for Entry {
    fn clone(&self) -> Self {
        Self { last_used: AtomicU32::new(self.last_used.load(Ordering::Relaxed)), ..*self }
    }
}

/// The index.
#[derive(Debug)]
pub(super) struct Index {
    shards: Box<[ArcSwap<Shard>]>,
    /// What is known of users; only those with something to say have a row.
    subjects: HashMap<Subject, SubjectFacts>,
    /// Revocations that are not stored yet although storing was tried: "cannot tell" rather than "unknown".
    unstored: HashMap<TokenDigest, ()>,
    /// Per kind, the last session that a revocation of the whole kind has ended.
    ended_through: [AtomicU64; 3],
    /// What ends JWTs that nobody keeps a session of.
    jwts: JwtIndex,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| ArcSwap::from_pointee(Shard::default())).collect(),
            subjects: HashMap::new(),
            unstored: HashMap::new(),
            ended_through: Default::default(),
            jwts: JwtIndex::default(),
        }
    }
}

impl Index {
    /// Reads the entry of a token, if it has one that no revocation of its whole kind has ended.
    pub(super) fn read<R>(&self, digest: TokenDigest, read: impl FnOnce(&Entry) -> R) -> Option<R> {
        let shard = self.shards[shard_of(digest)].load();
        let entries = shard.pin();
        let entry = entries.get(&digest)?;
        (entry.id > self.ended_through(entry.kind)).then(|| read(entry))
    }

    /// Whether this token's revocation has yet to be stored.
    pub(super) fn is_unstored(&self, digest: TokenDigest) -> bool {
        !self.unstored.is_empty() && self.unstored.pin().contains_key(&digest)
    }

    /// What is known of a user.
    pub(super) fn facts(&self, subject: Subject) -> SubjectFacts {
        self.subjects.pin().get(&subject).copied().unwrap_or_default()
    }

    /// Up to which second of issue a user's JWTs are revoked; 0 when none are.
    pub(super) fn jwts_revoked(&self, subject: Subject) -> UnixSeconds {
        self.facts(subject).jwts_revoked.unwrap_or_default().max(self.jwts.of_kind(subject.kind))
    }

    /// What ends JWTs besides that.
    pub(super) fn jwts(&self) -> &JwtIndex {
        &self.jwts
    }

    /// The last session of this kind that a revocation of the whole kind has ended.
    pub(super) fn ended_through(&self, kind: UserType) -> SessionId {
        SessionId(self.ended_through[position(kind)].load(Ordering::Acquire))
    }
}

/// What only the registry may do.
impl Index {
    /// Makes room for so many sessions, and says for how many in each shard. Only while it is empty.
    pub(super) fn reserve(&self, sessions: usize) -> usize {
        // A little more than an equal share, so that hardly any shard has to grow.
        let share = sessions / SHARDS + sessions / SHARDS / 16;
        for shard in &self.shards {
            shard.store(Arc::new(Shard::with_capacity_and_hasher(share, BuildHasherDefault::default())));
        }
        share
    }

    /// Puts a session in.
    pub(super) fn insert(&self, digest: TokenDigest, entry: Entry) {
        self.shards[shard_of(digest)].load().pin().insert(digest, entry);
    }

    /// Puts sessions in whose tokens all belong to this shard.
    pub(super) fn insert_into(&self, shard: usize, sessions: impl IntoIterator<Item = (TokenDigest, Entry)>) {
        let shard = self.shards[shard].load();
        let entries = shard.pin();
        for (digest, entry) in sessions {
            entries.insert(digest, entry);
        }
    }

    /// Takes a session out: its kind, user, number and the second under which its deadline is kept.
    pub(super) fn remove(&self, digest: TokenDigest) -> Option<Removed> {
        let shard = self.shards[shard_of(digest)].load();
        let entries = shard.pin();
        entries.remove(&digest).map(Removed::of)
    }

    /// What [`Self::remove`] would take out.
    pub(super) fn peek(&self, digest: TokenDigest) -> Option<Removed> {
        let shard = self.shards[shard_of(digest)].load();
        let entries = shard.pin();
        entries.get(&digest).map(Removed::of)
    }

    /// Replaces what is known of a user.
    pub(super) fn set_facts(&self, subject: Subject, facts: SubjectFacts) {
        if facts == SubjectFacts::default() {
            self.subjects.pin().remove(&subject);
        } else {
            self.subjects.pin().insert(subject, facts);
        }
    }

    /// From now on no session of this kind up to `through` is good.
    pub(super) fn end_through(&self, kind: UserType, through: SessionId) {
        self.ended_through[position(kind)].fetch_max(through.0, Ordering::AcqRel);
    }

    /// Notes whether a revocation has yet to be stored.
    pub(super) fn set_unstored(&self, digest: TokenDigest, unstored: bool) {
        if unstored {
            self.unstored.pin().insert(digest, ());
        } else {
            self.unstored.pin().remove(&digest);
        }
    }

    /// Builds the shard anew, as small as what it holds allows.
    pub(super) fn rebuild(&self, shard: usize) {
        let old = self.shards[shard].load_full();
        let new = Shard::with_capacity_and_hasher(old.len(), BuildHasherDefault::default());
        {
            let entries = new.pin();
            for (digest, entry) in &old.pin() {
                entries.insert(*digest, entry.clone());
            }
        }
        self.shards[shard].store(Arc::new(new));
    }
}

/// What was known of a session that was taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Removed {
    pub(super) id: SessionId,
    pub(super) subject: Subject,
    pub(super) issued: UnixSeconds,
    pub(super) fixed_end: Option<UnixSeconds>,
}

impl Removed {
    fn of(entry: &Entry) -> Self {
        Self {
            id: entry.id,
            subject: Subject { kind: entry.kind, id: entry.user },
            issued: entry.issued,
            fixed_end: (entry.fixed_end != UnixSeconds(0)).then_some(entry.fixed_end),
        }
    }
}

/// The place of a kind in arrays that have one element per kind.
pub(super) fn position(kind: UserType) -> usize {
    usize::from(kind.number()) - 1
}

/// The shard of a token. It looks at another byte than [`DigestHasher`] does, so that within a shard the hashes still
/// differ in all their bits.
pub(super) fn shard_of(digest: TokenDigest) -> usize {
    usize::from(digest.0[15]) % SHARDS
}

/// A digest is already uniform under a secret key, so its first eight bytes are as good a hash as any.
#[derive(Debug, Default)]
pub(super) struct DigestHasher(u64);

impl Hasher for DigestHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    fn write_usize(&mut self, _length: usize) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_takes_thirty_two_bytes() {
        assert_eq!(size_of::<Entry>(), 32);
    }

    #[test]
    fn a_rebuilt_shard_holds_what_it_held() {
        let index = Index::default();
        let digest = |number: u16| {
            let mut bytes = [7; 16];
            bytes[..2].copy_from_slice(&number.to_le_bytes());
            TokenDigest(bytes)
        };
        let session = |number: u16| Session {
            id: SessionId(u64::from(number) + 1),
            subject: Subject::customer(1),
            website: WebsiteId(1),
            issued: UnixSeconds(1),
            ends: None,
            last_used: UnixSeconds(1),
        };
        for number in 0..4096 {
            index.insert(digest(number), Entry::new(&session(number), None));
        }
        for number in 10..4096 {
            assert!(index.remove(digest(number)).is_some());
        }
        index.rebuild(7);
        for number in 0..10 {
            assert_eq!(index.read(digest(number), |entry| entry.id.0), Some(u64::from(number) + 1));
        }
    }
}
