//! The throttle (fact sheet 5.1).
//!
//! It counts failures by name, known or not, and refuses a name that has failed too often before anything else is asked.
//! Attempts in flight count as well: when failures and attempts in flight together reach the limit, the next attempt
//! waits for a result, so that parallel guesses are no more guesses than serial ones.

mod attempt;
mod row;

pub(in crate::sign_in) use attempt::InFlight;
pub(in crate::sign_in) use row::Denied;

use std::collections::BTreeMap;
use std::sync::Arc;

use attempt::Waiting;
use dashmap::{DashMap, Entry};
use row::{Admission, Limits, Row};

use crate::accounts::{LONGEST_NAME, folded};
use crate::clock::SharedClock;
use crate::session::UserType;
use crate::settings::SharedSnapshot;
use crate::store::ThrottleRow;

/// How many names are remembered. Those whose lock ends first are forgotten when there are more.
const MOST_NAMES: usize = 1_000_000;

/// The failures by name.
#[derive(Debug)]
pub(in crate::sign_in) struct Throttle {
    rows: DashMap<Key, Row>,
    most_names: usize,
    snapshot: SharedSnapshot,
    clock: SharedClock,
}

/// A name that somebody signs in with, in the form that is counted: what is typed beyond the longest name that an
/// account can have makes no other name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::sign_in) struct Key {
    kind: UserType,
    name: Box<str>,
}

impl Throttle {
    pub(in crate::sign_in) fn new(snapshot: SharedSnapshot, clock: SharedClock) -> Self {
        Self { rows: DashMap::new(), most_names: MOST_NAMES, snapshot, clock }
    }

    /// Takes rows over that were stored, and says how many still count.
    pub(in crate::sign_in) fn load(&self, stored: Vec<ThrottleRow>) -> usize {
        let now = self.clock.now();
        for row in stored.into_iter().filter(|row| row.lock_expires > now) {
            let mut kept = self.rows.entry(Key::stored(row.kind, row.name)).or_default();
            kept.failures = row.failures;
            kept.lock_expires = row.lock_expires;
        }
        self.make_room();
        self.rows.len()
    }

    /// Lets an attempt through, now or when there is a result of those in flight.
    pub(in crate::sign_in) async fn begin(self: &Arc<Self>, kind: UserType, typed: &str) -> Result<InFlight, Denied> {
        let key = Key::new(kind, typed);
        loop {
            match self.admit(&key) {
                Admission::Granted => {
                    return Ok(InFlight { throttle: Arc::clone(self), key, settled: false });
                }
                Admission::Denied(denied) => return Err(denied),
                Admission::Later(result) => {
                    let _waiting = Waiting { throttle: self, key: &key };
                    result.await;
                }
            }
        }
    }

    /// Forgets the failures of a name, and says whether there were some that counted.
    pub(in crate::sign_in) fn clear(&self, kind: UserType, typed: &str) -> bool {
        let now = self.clock.now();
        let counted = self.update(&Key::new(kind, typed), |row| {
            let counted = row.failures_at(now) > 0;
            row.failures = 0;
            counted
        });
        counted.unwrap_or_default()
    }

    /// The names whose failures count that follow this one in the order of kinds and names; at most so many.
    pub(in crate::sign_in) fn names(&self, after: &(UserType, String), limit: usize) -> Vec<ThrottleRow> {
        let now = self.clock.now();
        let mut first = BTreeMap::new();
        for row in &self.rows {
            let (key, failures) = (row.key(), row.failures_at(now));
            let follows = (key.kind, &*key.name) > (after.0, after.1.as_str());
            if failures > 0 && follows {
                first.insert((key.kind, key.name()), (failures, row.lock_expires));
            }
            if first.len() > limit {
                first.pop_last();
            }
        }
        let row = |((kind, name), (failures, lock_expires))| ThrottleRow { kind, name, failures, lock_expires };
        first.into_iter().map(row).collect()
    }

    /// How many names have failures that count, or attempts in flight.
    pub(in crate::sign_in) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Forgets what no longer counts. To be called from time to time.
    pub(in crate::sign_in) fn sweep(&self) {
        let now = self.clock.now();
        self.rows.retain(|_, row| !row.is_idle(now));
        if self.rows.capacity() > 4 * self.rows.len() + 1024 {
            self.rows.shrink_to_fit();
        }
    }

    fn limits(&self) -> Limits {
        Limits::of(&self.snapshot.load().settings)
    }

    fn admit(&self, key: &Key) -> Admission {
        let (limits, now) = (self.limits(), self.clock.now());
        if limits.failures == 0 {
            return Admission::Denied(Denied::Throttled);
        }
        let mut row = self.rows.entry(key.clone()).or_default();
        let admission = row.admit(limits, now);
        if let Admission::Later(_) = admission {
            row.waiting += 1;
        }
        admission
    }

    /// Changes a row, wakes those who wait, and drops the row when nothing of it counts any more.
    fn update<R>(&self, key: &Key, change: impl FnOnce(&mut Row) -> R) -> Option<R> {
        let now = self.clock.now();
        let Entry::Occupied(mut entry) = self.rows.entry(key.clone()) else {
            return None;
        };
        let row = entry.get_mut();
        let result = change(row);
        if let Some(changed) = &row.changed {
            changed.notify_waiters();
        }
        if row.is_idle(now) {
            entry.remove();
        }
        Some(result)
    }

    /// When there are too many names: forgets what no longer counts, and those whose lock ends first if that does not
    /// suffice. A tenth of all at once, so that the work is done once for many names.
    fn make_room(&self) {
        if self.rows.len() <= self.most_names {
            return;
        }
        self.sweep();
        if self.rows.len() > self.most_names {
            self.forget_first(self.rows.len() - self.most_names + self.most_names / 10);
            tracing::warn!(names = self.rows.len(), "more names have failed to sign in than are remembered");
        }
    }

    /// Forgets this many names, as far as no attempt depends on them: those whose lock ends first.
    fn forget_first(&self, count: usize) {
        let unused = self.rows.iter().filter(|row| !row.is_used());
        let mut ends: Vec<_> = unused.map(|row| row.lock_expires).collect();
        let Some(index) = count.min(ends.len()).checked_sub(1) else {
            return;
        };
        let (before, &mut last, _) = ends.select_nth_unstable(index);
        let mut at_last = 1 + before.iter().filter(|&&end| end == last).count();
        self.rows.retain(|_, row| {
            if row.is_used() || row.lock_expires > last {
                return true;
            }
            if row.lock_expires < last {
                return false;
            }
            let stays = at_last == 0;
            at_last = at_last.saturating_sub(1);
            stays
        });
    }
}

impl Key {
    /// The name in the form in which it is stored.
    pub(in crate::sign_in) fn name(&self) -> String {
        self.name.clone().into()
    }

    /// A name as [`Key::name`] gives it. It may have more characters than were typed (a folded `İ` is two), so nothing
    /// is cut off.
    fn stored(kind: UserType, name: String) -> Self {
        Self { kind, name: name.into_boxed_str() }
    }

    fn new(kind: UserType, typed: &str) -> Self {
        let end = typed.char_indices().nth(LONGEST_NAME).map_or(typed.len(), |(end, _)| end);
        Self { kind, name: folded(&typed[..end]).into_boxed_str() }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::collections::HashMap;
    use std::rc::Rc;
    use std::time::Duration;

    use futures_util::FutureExt;
    use futures_util::future::join_all;
    use proptest::prelude::*;

    use super::row::MOST_WAITING;
    use super::*;
    use crate::clock::{Clock, MockClock, UnixSeconds};
    use crate::settings::{Roles, Scope, Settings, Snapshot, StoreDirectory};
    use crate::token::EmptyLifetime;

    const CUSTOMER: UserType = UserType::Customer;

    fn snapshot(failures: &str, timeout: &str) -> SharedSnapshot {
        let mut settings = Settings::default();
        for (path, value) in [("max_failures_count", failures), ("timeout", timeout)] {
            let path = format!("oauth/authentication_lock/{path}");
            settings.set(&path, Scope::Default, Some(value.to_owned()));
        }
        Snapshot::new(settings, StoreDirectory::fresh(), Roles::default(), EmptyLifetime::AtOnce).shared()
    }

    fn throttle(failures: &str, timeout: &str) -> (Arc<Throttle>, Arc<MockClock>) {
        let clock = MockClock::at(UnixSeconds(1_000_000));
        let shared: SharedClock = clock.clone();
        (Arc::new(Throttle::new(snapshot(failures, timeout), shared)), clock)
    }

    /// The answer of a throttle that need not wait.
    fn begin(throttle: &Arc<Throttle>, name: &str) -> Result<InFlight, Denied> {
        throttle.begin(CUSTOMER, name).now_or_never().expect("nothing is in flight")
    }

    fn fail(throttle: &Arc<Throttle>, name: &str, times: u32) {
        for _ in 0..times {
            begin(throttle, name).unwrap().fail();
        }
    }

    #[test]
    fn the_seventh_attempt_is_refused_until_the_lock_of_the_last_counted_failure_ends() {
        let (throttle, clock) = throttle("6", "1800");
        fail(&throttle, "jane", 5);
        clock.advance(Duration::from_secs(1799));
        let row = begin(&throttle, "jane").unwrap().fail().unwrap();
        assert_eq!((row.failures, row.lock_expires), (6, UnixSeconds(1_000_000 + 1799 + 1800)));
        clock.advance(Duration::from_secs(1799));
        assert_eq!(begin(&throttle, "jane").unwrap_err(), Denied::Throttled);
        assert!(begin(&throttle, "joan").is_ok(), "another name is not concerned");
        clock.advance(Duration::from_secs(1));
        let row = begin(&throttle, "jane").unwrap().fail().unwrap();
        assert_eq!(row.failures, 1, "a row past its lock counts as absent");
    }

    #[test]
    fn all_spellings_and_all_that_is_typed_beyond_255_characters_are_one_name() {
        let (throttle, _) = throttle("1", "1800");
        fail(&throttle, "Jane@Example.com", 1);
        assert_eq!(begin(&throttle, "jANE@eXAMPLE.COM").unwrap_err(), Denied::Throttled);
        fail(&throttle, &format!("{}x", "ä".repeat(255)), 1);
        assert_eq!(begin(&throttle, &format!("{}yz", "Ä".repeat(255))).unwrap_err(), Denied::Throttled);
        let admin = throttle.begin(UserType::Admin, "jane@example.com").now_or_never();
        assert!(admin.unwrap().is_ok(), "an administrator's name is another name");
    }

    #[test]
    fn a_success_and_an_unlocking_forget_the_failures_and_nothing_is_left_behind() {
        let (throttle, _) = throttle("2", "1800");
        fail(&throttle, "Jane", 1);
        begin(&throttle, "jane").unwrap().succeed();
        assert_eq!(throttle.len(), 0);
        fail(&throttle, "jane", 2);
        throttle.clear(CUSTOMER, "JANE");
        drop(begin(&throttle, "jane").unwrap());
        assert_eq!(throttle.len(), 0, "an attempt that ends without a word leaves nothing");
    }

    #[test]
    fn a_limit_of_0_or_nothing_refuses_all_and_a_timeout_of_0_disables() {
        for limit in ["0", ""] {
            let (throttle, _) = throttle(limit, "1800");
            assert_eq!(begin(&throttle, "jane").unwrap_err(), Denied::Throttled);
            assert_eq!(throttle.len(), 0);
        }
        let (throttle, _) = throttle("1", "0");
        for _ in 0..10 {
            assert_eq!(begin(&throttle, "jane").unwrap().fail(), None);
        }
        let _one = begin(&throttle, "jane").unwrap();
        assert!(begin(&throttle, "jane").is_ok());
    }

    #[test]
    fn what_somebody_else_has_counted_counts_where_it_is_more() {
        let (throttle, clock) = throttle("6", "1800");
        let now = clock.now();
        let row = |failures, lock_expires| ThrottleRow { kind: CUSTOMER, name: "jane".into(), failures, lock_expires };
        fail(&throttle, "jane", 2);
        assert!(begin(&throttle, "jane").unwrap().heed(&row(6, now)).is_some(), "its lock has ended");
        assert!(begin(&throttle, "jane").unwrap().heed(&row(1, now.plus(9))).is_some());
        let fourth = begin(&throttle, "jane").unwrap().heed(&row(3, now.plus(9))).unwrap();
        assert_eq!(fourth.fail().unwrap().failures, 4);
        let held = begin(&throttle, "jane").unwrap();
        let fifth = begin(&throttle, "jane").unwrap();
        assert!(fifth.heed(&row(5, now.plus(1800))).is_none(), "two in flight would be seven");
        assert!(held.heed(&row(5, now.plus(1800))).is_some());
        assert!(begin(&throttle, "jane").unwrap().heed(&row(6, now.plus(1800))).is_none());
        assert_eq!(begin(&throttle, "jane").unwrap_err(), Denied::Throttled);
        clock.advance(Duration::from_mins(30));
        assert!(begin(&throttle, "jane").is_ok());
    }

    #[test]
    fn where_the_throttle_is_disabled_what_others_count_refuses_nobody() {
        let (throttle, clock) = throttle("1", "0");
        let row = ThrottleRow { kind: CUSTOMER, name: "jane".into(), failures: 9, lock_expires: clock.now().plus(9) };
        assert!(begin(&throttle, "jane").unwrap().heed(&row).is_some());
    }

    #[test]
    fn stored_rows_count_again_unless_their_lock_has_ended() {
        let (throttle, clock) = throttle("6", "1800");
        let row =
            |name: &str, lock_expires| ThrottleRow { kind: CUSTOMER, name: name.to_owned(), failures: 6, lock_expires };
        let now = clock.now();
        assert_eq!(throttle.load(vec![row("jane", now.plus(1)), row("joan", now)]), 1);
        assert_eq!(begin(&throttle, "jane").unwrap_err(), Denied::Throttled);
        assert!(begin(&throttle, "joan").is_ok());
    }

    #[test]
    fn a_name_that_folding_makes_longer_is_the_same_after_a_restart() {
        let name = "İ".repeat(255);
        let (before, _) = throttle("1", "1800");
        let row = begin(&before, &name).unwrap().fail().unwrap();
        assert_eq!(row.name.chars().count(), 510);
        let (after, _) = throttle("1", "1800");
        after.load(vec![row]);
        assert_eq!(begin(&after, &name).unwrap_err(), Denied::Throttled);
        after.clear(CUSTOMER, &name);
        assert_eq!(after.len(), 0);
    }

    #[test]
    fn what_no_longer_counts_is_swept_and_an_attempt_in_flight_survives_it() {
        let (throttle, clock) = throttle("6", "1800");
        for number in 0..100 {
            fail(&throttle, &format!("name {number}"), 1);
        }
        let held = begin(&throttle, "jane").unwrap();
        clock.advance(Duration::from_secs(1799));
        throttle.sweep();
        assert_eq!(throttle.len(), 101);
        clock.advance(Duration::from_secs(1));
        throttle.sweep();
        assert_eq!(throttle.len(), 1);
        held.fail();
        assert_eq!(throttle.len(), 1);
    }

    #[test]
    fn beyond_the_limit_of_names_those_are_forgotten_whose_lock_ends_first() {
        let (throttle, clock) = throttle("1", "1800");
        let mut throttle = Arc::into_inner(throttle).unwrap();
        throttle.most_names = 20;
        let throttle = Arc::new(throttle);
        let held = begin(&throttle, "held").unwrap();
        for number in 0..20 {
            fail(&throttle, &format!("name {number}"), 1);
            clock.advance(Duration::from_secs(u64::from(number % 4 == 3)));
        }
        // The twenty-first made room: one too many and a tenth of twenty.
        assert_eq!(throttle.len(), 18);
        let forgotten = (0..4).filter(|number| begin(&throttle, &format!("name {number}")).is_ok()).count();
        assert_eq!(forgotten, 3, "of the four whose lock ends first");
        assert!((4..20).all(|number| begin(&throttle, &format!("name {number}")).is_err()));
        drop(held);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Attempt { name: usize, outcome: Option<bool> },
        Pass { seconds: u32 },
        Limit { failures: u32, timeout: u32 },
        Unlock { name: usize },
        Sweep,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let attempt = (0..3_usize, any::<Option<bool>>()).prop_map(|(name, outcome)| Step::Attempt { name, outcome });
        let fail = (0..3_usize).prop_map(|name| Step::Attempt { name, outcome: Some(false) });
        let limit = (0..4_u32, 0..20_u32).prop_map(|(failures, timeout)| Step::Limit { failures, timeout });
        proptest::collection::vec(
            prop_oneof![
                4 => attempt,
                8 => fail,
                4 => (0..12_u32).prop_map(|seconds| Step::Pass { seconds }),
                1 => limit,
                1 => (0..3_usize).prop_map(|name| Step::Unlock { name }),
                1 => Just(Step::Sweep),
            ],
            0..80,
        )
    }

    proptest! {
        /// The model is Magento's table (fact sheet 5.1), with rows past their lock taken for absent.
        #[test]
        fn serial_attempts_are_counted_as_in_magentos_table(steps in steps()) {
            let (throttle, clock) = throttle("3", "10");
            let mut table: HashMap<usize, (u32, u32)> = HashMap::new();
            let (mut limit, mut timeout) = (3, 10);
            for step in steps {
                let now = clock.now().get();
                match step {
                    Step::Attempt { name, outcome } => {
                        table.retain(|_, &mut (_, ends)| ends > now);
                        let counted = table.get(&name).map_or(0, |row| row.0);
                        // A timeout of 0 makes no rows, but those that are there go on counting in Magento. Here they
                        // rest, since the throttle is disabled.
                        let refused = limit == 0 || (timeout != 0 && counted >= limit);
                        let attempt = begin(&throttle, &name.to_string());
                        prop_assert_eq!(attempt.is_err(), refused);
                        match (attempt, outcome) {
                            (Ok(attempt), Some(true)) => {
                                attempt.succeed();
                                table.remove(&name);
                            }
                            (Ok(attempt), Some(false)) => {
                                attempt.fail();
                                if timeout > 0 {
                                    table.insert(name, (counted + 1, now + timeout));
                                }
                            }
                            (Ok(_), None) | (Err(_), _) => {}
                        }
                    }
                    Step::Pass { seconds } => clock.advance(Duration::from_secs(seconds.into())),
                    Step::Limit { failures, timeout: seconds } => {
                        (limit, timeout) = (failures, seconds);
                        throttle.snapshot.store(snapshot(&limit.to_string(), &timeout.to_string()).load_full());
                    }
                    Step::Unlock { name } => {
                        throttle.clear(CUSTOMER, &name.to_string());
                        table.remove(&name);
                    }
                    Step::Sweep => throttle.sweep(),
                }
            }
            let now = clock.now().get();
            throttle.sweep();
            prop_assert_eq!(throttle.len(), table.values().filter(|row| row.1 > now).count());
        }

        /// Every attempt takes a few turns, so that many are in flight.
        #[test]
        fn parallel_wrong_attempts_are_never_more_than_serial_ones(
            limit in 1..8_u32,
            turns in proptest::collection::vec(0..5_usize, 1..60),
        ) {
            let (throttle, _) = throttle(&limit.to_string(), "1800");
            let ran = Rc::new(Cell::new(0));
            let attempts = turns.iter().map(|&turns| {
                let (throttle, ran) = (Arc::clone(&throttle), Rc::clone(&ran));
                async move {
                    let attempt = throttle.begin(CUSTOMER, "jane").await;
                    for _ in 0..turns {
                        tokio::task::yield_now().await;
                    }
                    attempt.map(|attempt| {
                        ran.set(ran.get() + 1);
                        attempt.fail();
                    })
                }
            });
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let outcomes = runtime.block_on(join_all(attempts));
            let expected = turns.len().min(limit as usize);
            prop_assert_eq!(ran.get(), expected);
            prop_assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), expected);
        }
    }

    #[tokio::test]
    async fn the_next_attempt_waits_for_a_result_and_is_let_through_or_refused() {
        let (throttle, _) = throttle("2", "1800");
        for right in [true, false] {
            fail(&throttle, "jane", 1);
            let first = begin(&throttle, "jane").unwrap();
            let mut second = Box::pin(throttle.begin(CUSTOMER, "jane"));
            assert!((&mut second).now_or_never().is_none(), "one failure and one attempt in flight");
            if right {
                first.succeed();
                second.await.unwrap().succeed();
            } else {
                first.fail();
                assert_eq!(second.await.unwrap_err(), Denied::Throttled);
            }
        }
    }

    #[tokio::test]
    async fn a_waiting_attempt_whose_caller_has_gone_goes_away() {
        let (throttle, _) = throttle("1", "1800");
        let first = begin(&throttle, "jane").unwrap();
        let mut gone = Box::pin(throttle.begin(CUSTOMER, "jane"));
        let mut stays = Box::pin(throttle.begin(CUSTOMER, "jane"));
        assert!((&mut gone).now_or_never().is_none());
        assert!((&mut stays).now_or_never().is_none());
        drop(gone);
        drop(first);
        drop(stays.await.unwrap());
        assert_eq!(throttle.len(), 0);
    }

    #[tokio::test]
    async fn more_than_a_thousand_do_not_wait_on_one_name() {
        let (throttle, _) = throttle("1", "1800");
        let first = begin(&throttle, "jane").unwrap();
        let mut waiting: Vec<_> = (0..MOST_WAITING).map(|_| Box::pin(throttle.begin(CUSTOMER, "jane"))).collect();
        assert!(waiting.iter_mut().all(|attempt| attempt.now_or_never().is_none()));
        assert_eq!(begin(&throttle, "jane").unwrap_err(), Denied::Crowded);
        first.fail();
        for outcome in join_all(waiting).await {
            assert_eq!(outcome.unwrap_err(), Denied::Throttled);
        }
        assert_eq!(begin(&throttle, "jane").unwrap_err(), Denied::Throttled);
    }
}
