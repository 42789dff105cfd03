//! JWTs that Magento issued: good by signature and time alone, unless they were revoked (fact sheet 6.5, 6.6).
//!
//! Nobody keeps a session of them, so what ends them is kept instead: per user, and per kind, up to which second of
//! issue all are revoked; and single ones by digest until their time is over. The reading side lies in the index, the
//! writing side here. Both are bounded: beyond the limits a revocation ends more than was asked for, never less.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use arc_swap::ArcSwap;
use papaya::HashMap;

use crate::clock::UnixSeconds;
use crate::registry::clocks::ShopClock;
use crate::registry::index::{Index, position};
use crate::registry::{JwtDenial, KEEP_ENDED, SubjectFacts};
use crate::session::{SessionEvent, Subject, UserType};
use crate::store::StoredJwts;
use crate::token::TokenDigest;

/// So many users at most have a moment of their own up to which their JWTs are revoked.
const MOST_SUBJECTS: usize = 1_000_000;

/// With so many of them at least it is worth forgetting those that no JWT is old enough for any more.
const WORTH_FOLDING: usize = 10_000;

/// So many JWTs at most are revoked one by one.
const MOST_DENIALS: usize = 100_000;

/// What ends JWTs, as readers see it. What is about one user lies in the user's [`SubjectFacts`].
#[derive(Debug, Default)]
pub(super) struct JwtIndex {
    /// Per kind, up to which second of issue all are revoked.
    kinds: [AtomicU32; 3],
    /// Revoked one by one, with their ends.
    denied: HashMap<TokenDigest, UnixSeconds>,
    /// The latest second of issue of users' tokens that was ahead of the shop's clock when they were seen: signed here
    /// after a revocation in the same second, or issued by a machine whose clock is ahead, or before one was set back.
    ahead: HashMap<Subject, UnixSeconds>,
    /// The latest second of issue that this process has signed. It lies ahead when clocks were set back since.
    signed: AtomicU32,
    shop_clock: ArcSwap<ShopClock>,
}

impl JwtIndex {
    /// Up to which second of issue all of a kind are revoked; 0 when none are.
    pub(super) fn of_kind(&self, kind: UserType) -> UnixSeconds {
        UnixSeconds(self.kinds[position(kind)].load(Ordering::Acquire))
    }

    /// Whether this one was revoked alone.
    pub(super) fn is_denied(&self, digest: TokenDigest) -> bool {
        !self.denied.is_empty() && self.denied.pin().contains_key(&digest)
    }

    /// How the shop's clock stands to ours.
    pub(super) fn shop_clock(&self) -> ShopClock {
        **self.shop_clock.load()
    }

    pub(super) fn set_shop_clock(&self, shop_clock: ShopClock) {
        self.shop_clock.store(Arc::new(shop_clock));
    }

    /// Notes the second of issue of a user's token when it lies ahead of `latest`, to which a revocation reaches by itself.
    /// A revocation then goes that far.
    pub(super) fn note_if_ahead(&self, subject: Subject, issued: UnixSeconds, latest: UnixSeconds) {
        let ahead = self.ahead.pin();
        if issued <= latest || ahead.get(&subject).is_some_and(|known| *known >= issued) {
            return;
        }
        if ahead.len() >= WORTH_FOLDING {
            ahead.retain(|_, issued| *issued > latest);
        }
        ahead.update_or_insert(subject, |known| issued.max(*known), issued);
    }

    /// Notes that a JWT is signed here whose second of issue does not lie ahead.
    pub(super) fn note_signed(&self, issued: UnixSeconds) {
        if self.signed.load(Ordering::Relaxed) < issued.get() {
            self.signed.fetch_max(issued.get(), Ordering::AcqRel);
        }
    }

    fn latest_signed(&self) -> UnixSeconds {
        UnixSeconds(self.signed.load(Ordering::Acquire))
    }

    /// The latest second of issue that is known to lie ahead of some moment, or to have done so.
    fn latest_ahead(&self, of: impl Fn(Subject) -> bool) -> UnixSeconds {
        if self.ahead.is_empty() {
            return UnixSeconds(0);
        }
        self.ahead
            .pin()
            .iter()
            .filter(|(subject, _)| of(**subject))
            .map(|(_, issued)| *issued)
            .max()
            .unwrap_or_default()
    }

    fn latest_ahead_of(&self, subject: Subject) -> UnixSeconds {
        self.ahead.pin().get(&subject).copied().unwrap_or_default()
    }

    fn revoke_kind(&self, kind: UserType, through: UnixSeconds) {
        self.kinds[position(kind)].fetch_max(through.get(), Ordering::AcqRel);
    }
}

/// What ends JWTs, as the registry keeps it.
#[derive(Debug)]
pub(super) struct JwtBooks {
    index: Arc<Index>,
    /// The users with a moment of their own, oldest first.
    by_age: BTreeSet<(UnixSeconds, Subject)>,
    /// What is denied alone, by end.
    by_end: BTreeMap<UnixSeconds, Vec<TokenDigest>>,
    most_subjects: usize,
    most_denials: usize,
}

impl JwtBooks {
    /// Nothing is revoked yet.
    pub(super) fn new(index: Arc<Index>) -> Self {
        let (by_age, by_end) = Default::default();
        Self { index, by_age, by_end, most_subjects: MOST_SUBJECTS, most_denials: MOST_DENIALS }
    }

    /// Ends all JWTs of a user that may have been issued by now, which is `latest` by the shop's clock: at once for every
    /// reader. What has to be stored of it.
    ///
    /// What is known to carry a later second of issue ends, too. Nothing else moves the moment ahead of the clock, however
    /// often somebody asks: what the shop issues next would be dead on arrival.
    pub(super) fn revoke_now(&mut self, subject: Subject, latest: UnixSeconds) -> Vec<SessionEvent> {
        let jwts = self.index.jwts();
        let through = jwts.latest_ahead_of(subject).max(jwts.latest_signed()).max(latest);
        self.revoke(subject, through)
    }

    /// Ends all JWTs of a user that were issued at this second or earlier.
    pub(super) fn revoke(&mut self, subject: Subject, through: UnixSeconds) -> Vec<SessionEvent> {
        if self.set(subject, through) { vec![SessionEvent::JwtsRevoked { subject, through }] } else { Vec::new() }
    }

    /// Has users' own moments covered by their kinds, when there are many of them and they lie further back than `keep`
    /// seconds, the time that a JWT may live; or when there are too many. JWTs of others that are as old end with them.
    pub(super) fn fold(&mut self, now: UnixSeconds, keep: u32) -> Vec<SessionEvent> {
        let past = |seconds: u32| UnixSeconds(now.get().saturating_sub(seconds));
        // An integration's token does not end by itself, so that none of them may be covered by its kind.
        let foldable = |(_, subject): &&(UnixSeconds, Subject)| subject.kind != UserType::Integration;
        let moment =
            |place: usize| self.by_age.iter().filter(foldable).nth(place).map_or(UnixSeconds(0), |(moment, _)| *moment);
        let through = if self.by_age.len() > self.most_subjects {
            moment(self.most_subjects / 64)
        } else if self.by_age.len() > WORTH_FOLDING && moment(0) < past(keep.saturating_add(keep / 8)) {
            past(keep)
        } else {
            return Vec::new();
        };
        [UserType::Customer, UserType::Admin].map(|kind| self.revoke_kind(kind, through)).into()
    }

    /// The same as [`Self::revoke_now`] for all users of a kind.
    pub(super) fn revoke_kind_now(&mut self, kind: UserType, latest: UnixSeconds) -> SessionEvent {
        let jwts = self.index.jwts();
        let ahead = jwts.latest_ahead(|subject| subject.kind == kind);
        let through = ahead.max(jwts.latest_signed()).max(latest);
        self.revoke_kind(kind, through)
    }

    /// Ends all JWTs of a kind that were issued at this second or earlier.
    pub(super) fn revoke_kind(&mut self, kind: UserType, through: UnixSeconds) -> SessionEvent {
        self.index.jwts().revoke_kind(kind, through);
        // The users' own moments say nothing more.
        let covered: Vec<_> = self.by_age.range(..=last_of(through)).copied().filter(|(_, s)| s.kind == kind).collect();
        for (moment, subject) in covered {
            self.by_age.remove(&(moment, subject));
            let facts = self.index.facts(subject);
            self.index.set_facts(subject, SubjectFacts { jwts_revoked: None, ..facts });
        }
        SessionEvent::KindJwtsRevoked { kind, through }
    }

    /// Ends one JWT, until its time would have been over; `now` is the moment, and `latest` what it is by the shop's clock.
    pub(super) fn deny(&mut self, denial: JwtDenial, now: UnixSeconds, latest: UnixSeconds) -> Vec<SessionEvent> {
        let JwtDenial { digest, subject, ends } = denial;
        let over = UnixSeconds(now.get().saturating_sub(KEEP_ENDED));
        self.forget_through(over);
        if ends <= over || self.index.jwts().is_denied(digest) {
            return Vec::new();
        }
        if self.index.jwts().denied.len() >= self.most_denials {
            return self.revoke_now(subject, latest);
        }
        self.keep(digest, ends);
        vec![SessionEvent::JwtDenied { digest, ends, over }]
    }

    /// Ends one token of which nothing is known but its digest, for good. `None` when there is no room for it.
    pub(super) fn deny_unknown(&mut self, digest: TokenDigest, now: UnixSeconds) -> Option<Vec<SessionEvent>> {
        let (over, ends) = (UnixSeconds(now.get().saturating_sub(KEEP_ENDED)), UnixSeconds(u32::MAX));
        self.forget_through(over);
        if self.index.jwts().is_denied(digest) {
            return Some(Vec::new());
        }
        if self.index.jwts().denied.len() >= self.most_denials {
            return None;
        }
        self.keep(digest, ends);
        Some(vec![SessionEvent::JwtDenied { digest, ends, over }])
    }

    /// Takes over what an earlier run has stored.
    pub(super) fn load(&mut self, stored: StoredJwts) {
        for (kind, through) in stored.kinds {
            self.index.jwts().revoke_kind(kind, through);
        }
        for (subject, through) in stored.subjects {
            self.set(subject, through);
        }
        for (digest, ends) in stored.denied {
            self.keep(digest, ends);
        }
    }

    /// Whether it says anything new.
    fn set(&mut self, subject: Subject, through: UnixSeconds) -> bool {
        if through <= self.index.jwts_revoked(subject) {
            return false;
        }
        let facts = self.index.facts(subject);
        if let Some(before) = facts.jwts_revoked {
            self.by_age.remove(&(before, subject));
        }
        self.by_age.insert((through, subject));
        self.index.set_facts(subject, SubjectFacts { jwts_revoked: Some(through), ..facts });
        true
    }

    fn keep(&mut self, digest: TokenDigest, ends: UnixSeconds) {
        self.by_end.entry(ends).or_default().push(digest);
        self.index.jwts().denied.pin().insert(digest, ends);
    }

    fn forget_through(&mut self, over: UnixSeconds) {
        while let Some(entry) = self.by_end.first_entry().filter(|entry| *entry.key() <= over) {
            for digest in entry.remove() {
                self.index.jwts().denied.pin().remove(&digest);
            }
        }
    }
}

/// The greatest pair that begins with this moment.
fn last_of(moment: UnixSeconds) -> (UnixSeconds, Subject) {
    (moment, Subject { kind: UserType::Customer, id: u32::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixSeconds as At;

    const ANNE: Subject = Subject { kind: UserType::Customer, id: 1 };
    const BEN: Subject = Subject { kind: UserType::Customer, id: 2 };
    const CHIEF: Subject = Subject { kind: UserType::Admin, id: 1 };

    fn books() -> JwtBooks {
        JwtBooks::new(Arc::default())
    }

    fn denial(number: u8, ends: u32) -> JwtDenial {
        JwtDenial { digest: TokenDigest([number; 16]), subject: ANNE, ends: At(ends) }
    }

    #[test]
    fn the_latest_revocation_of_a_user_counts_and_touches_nobody_else() {
        let mut books = books();
        assert_eq!(books.revoke(ANNE, At(10)), [SessionEvent::JwtsRevoked { subject: ANNE, through: At(10) }]);
        assert_eq!(books.revoke(ANNE, At(10)), [], "nothing new");
        assert_eq!(books.revoke(ANNE, At(20)).len(), 1);
        assert_eq!([ANNE, BEN, CHIEF].map(|who| books.index.jwts_revoked(who).get()), [20, 0, 0]);
        assert_eq!(books.by_age.len(), 1);
    }

    #[test]
    fn a_second_revocation_in_one_second_covers_what_was_issued_between_them() {
        let mut books = books();
        books.revoke_now(ANNE, At(10));
        let issued = books.index.jwts_revoked(ANNE).plus(1);
        books.index.jwts().note_if_ahead(ANNE, issued, At(10));
        books.revoke_now(ANNE, At(10));
        assert!(books.index.jwts_revoked(ANNE) >= issued);
        books.revoke_now(ANNE, At(20));
        assert_eq!(books.index.jwts_revoked(ANNE), At(20));
    }

    #[test]
    fn revoking_what_nobody_was_given_moves_the_moment_no_further() {
        let mut books = books();
        assert_eq!(books.revoke_now(ANNE, At(10)).len(), 1);
        for _ in 0..100 {
            assert_eq!(books.revoke_now(ANNE, At(10)), []);
            books.revoke_kind_now(UserType::Customer, At(10));
        }
        assert_eq!(books.index.jwts_revoked(ANNE), At(10));
        books.index.jwts().note_if_ahead(BEN, At(15), At(10));
        books.revoke_kind_now(UserType::Customer, At(10));
        assert_eq!(books.index.jwts_revoked(BEN), At(15), "one was seen that is as late");
    }

    #[test]
    fn notes_of_what_lay_ahead_are_bounded() {
        let books = books();
        for id in 1..=3 * u32::try_from(WORTH_FOLDING).unwrap() {
            books.index.jwts().note_if_ahead(Subject::customer(id), At(id + 1), At(id));
        }
        assert!(books.index.jwts().ahead.len() <= WORTH_FOLDING);
    }

    #[test]
    fn a_token_of_which_nothing_is_known_is_denied_for_good_or_not_at_all() {
        let mut books = JwtBooks { most_denials: 1, ..books() };
        assert_eq!(books.deny_unknown(TokenDigest([1; 16]), At(100)).unwrap().len(), 1);
        assert_eq!(books.deny_unknown(TokenDigest([1; 16]), At(100)), Some(vec![]));
        assert_eq!(books.deny_unknown(TokenDigest([2; 16]), At(100)), None);
        books.deny_unknown(TokenDigest([3; 16]), At(u32::MAX - 1));
        assert!(books.index.jwts().is_denied(TokenDigest([1; 16])));
    }

    #[test]
    fn a_revocation_of_a_kind_covers_its_users_and_keeps_later_ones() {
        let mut books = books();
        for (subject, through) in [(ANNE, 10), (BEN, 30), (CHIEF, 10)] {
            books.revoke(subject, At(through));
        }
        books.revoke_kind(UserType::Customer, At(20));
        assert_eq!([ANNE, BEN, CHIEF].map(|who| books.index.jwts_revoked(who).get()), [20, 30, 10]);
        assert_eq!(books.by_age.len(), 2);
        assert_eq!(books.index.facts(ANNE), SubjectFacts::default(), "nothing is left to say");
    }

    #[test]
    fn too_many_users_are_covered_by_their_kinds_and_none_is_forgotten() {
        let mut books = JwtBooks { most_subjects: 128, ..books() };
        for id in 1..=200 {
            books.revoke(Subject::customer(id), At(1000 + id));
            books.fold(At(1000 + id), 3600);
        }
        assert!(books.by_age.len() <= 128);
        for id in 1..=200 {
            assert!(books.index.jwts_revoked(Subject::customer(id)) >= At(1000 + id), "{id}");
        }
        assert!(books.index.jwts().of_kind(UserType::Customer) < At(1200), "only the oldest");
    }

    #[test]
    fn moments_that_no_jwt_is_old_enough_for_are_covered_by_their_kind() {
        let mut books = books();
        for id in 1..=10_001 {
            books.revoke(Subject::customer(id), At(100_000 + id));
        }
        assert_eq!(books.fold(At(103_600), 3600), [], "some may live");
        assert_eq!(books.fold(At(112_000), 7200).len(), 2);
        assert_eq!(books.index.jwts().of_kind(UserType::Customer), At(104_800));
        assert_eq!(books.by_age.len(), 10_001 - 4800);
        assert_eq!(books.fold(At(112_000), 7200), [], "few are left");
    }

    #[test]
    fn a_jwt_is_denied_until_nobody_could_use_it_and_then_forgotten() {
        let mut books = books();
        let expected = SessionEvent::JwtDenied { digest: TokenDigest([1; 16]), ends: At(5000), over: At(1000) };
        let mut deny = |number, ends, now| books.deny(denial(number, ends), At(now), At(now));
        assert_eq!(deny(1, 5000, 1000 + KEEP_ENDED), [expected]);
        assert_eq!(deny(1, 5000, 2000), [], "it is denied already");
        assert_eq!(deny(2, 100, 2000), [], "its time is over");
        assert!(books.index.jwts().is_denied(TokenDigest([1; 16])));
        books.deny(denial(3, 9000), At(5000 + KEEP_ENDED), At(5000 + KEEP_ENDED));
        assert!(!books.index.jwts().is_denied(TokenDigest([1; 16])));
        assert!(books.index.jwts().is_denied(TokenDigest([3; 16])));
    }

    #[test]
    fn too_many_single_ones_end_all_of_their_user_as_far_as_the_shops_clock_has_come() {
        let mut books = JwtBooks { most_denials: 1, ..books() };
        books.deny(denial(1, 5000), At(100), At(105));
        let events = books.deny(denial(2, 5000), At(100), At(105));
        assert_eq!(events, [SessionEvent::JwtsRevoked { subject: ANNE, through: At(105) }]);
    }

    #[test]
    fn what_was_signed_before_the_clocks_were_set_back_ends_with_a_revocation() {
        let mut books = books();
        books.index.jwts().note_signed(At(100));
        books.index.jwts().note_signed(At(90));
        books.revoke_now(ANNE, At(50));
        assert_eq!(books.index.jwts_revoked(ANNE), At(100));
        books.revoke_kind_now(UserType::Admin, At(50));
        assert_eq!(books.index.jwts_revoked(CHIEF), At(100));
    }
}
