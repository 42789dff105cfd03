//! Refusals beyond a hundred a second become a count.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::audit::{Event, Network};
use crate::clock::UnixSeconds;
use crate::session::UserType;

/// How many refusals a second have a line each.
pub const MOST_A_SECOND: u32 = 100;

/// How many counts are kept apart. Beyond that, those of further networks are one.
const MOST_COUNTS: usize = 4096;

/// What refusals are counted by.
type Key = (UserType, Cow<'static, str>, Network);

/// Counts refusals that have no line of their own. Bounded, whatever comes.
#[derive(Debug, Default)]
pub struct Folding {
    /// The second, and how many refusals it has had.
    second: (UnixSeconds, u32),
    counts: HashMap<Key, u64>,
}

/// What was counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded(Vec<(Key, u64)>);

impl Folding {
    /// Whether a refusal at `now` has a line of its own. If not, [`Folding::count`] it.
    pub fn admit(&mut self, now: UnixSeconds) -> bool {
        if self.second.0 != now {
            self.second = (now, 0);
        }
        self.second.1 = self.second.1.saturating_add(1);
        self.second.1 <= MOST_A_SECOND
    }

    /// Counts a refusal that has no line of its own.
    pub fn count(&mut self, kind: UserType, reason: Cow<'static, str>, network: Network) {
        self.add((kind, reason, network), 1);
    }

    /// Takes everything that was counted.
    pub fn take(&mut self) -> Folded {
        Folded(self.counts.drain().collect())
    }

    /// Counts again what could not be stored.
    pub fn put_back(&mut self, folded: Folded) {
        for (key, count) in folded.0 {
            self.add(key, count);
        }
    }

    fn add(&mut self, key: Key, count: u64) {
        let key = if self.counts.len() < MOST_COUNTS || self.counts.contains_key(&key) {
            key
        } else {
            // There are few kinds and reasons.
            (key.0, key.1, Network::Any)
        };
        *self.counts.entry(key).or_default() += count;
    }
}

impl Folded {
    /// A line's event for each count.
    pub fn events(&self) -> impl Iterator<Item = Event> {
        self.0.iter().map(|((kind, reason, network), count)| Event::RefusedMany {
            kind: *kind,
            reason: reason.clone(),
            network: *network,
            count: *count,
        })
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixSeconds = UnixSeconds(100);

    fn count(folding: &mut Folding, network: Network) {
        folding.count(UserType::Customer, "throttled".into(), network);
    }

    #[test]
    fn a_hundred_a_second_have_a_line_each() {
        let mut folding = Folding::default();
        let admitted = (0..1000).filter(|_| folding.admit(NOW)).count();
        assert_eq!(admitted, MOST_A_SECOND as usize);
        assert!(folding.admit(NOW.plus(1)));
    }

    #[test]
    fn the_rest_is_one_count_for_each_reason_and_network_and_is_given_once() {
        let mut folding = Folding::default();
        let (one, other) = (Network::V4([192, 0, 2]), Network::V4([198, 51, 100]));
        for network in [one, one, other] {
            count(&mut folding, network);
        }
        folding.count(UserType::Admin, "throttled".into(), one);
        let folded = folding.take();
        assert_eq!(folded.events().count(), 3);
        let expected =
            Event::RefusedMany { kind: UserType::Customer, reason: "throttled".into(), network: one, count: 2 };
        assert!(folded.events().any(|event| event == expected));
        assert!(folding.take().is_empty());
        folding.put_back(folded);
        count(&mut folding, other);
        let events: Vec<_> = folding.take().events().collect();
        assert_eq!(events.len(), 3);
        assert!(events.contains(&expected));
    }

    #[test]
    fn however_many_networks_there_are_memory_is_bounded_and_nothing_is_lost() {
        let mut folding = Folding::default();
        for number in 0..100_000_u32 {
            let [_, a, b, c] = number.to_be_bytes();
            count(&mut folding, Network::V4([a, b, c]));
        }
        let folded = folding.take();
        assert_eq!(folded.0.len(), MOST_COUNTS + 1);
        assert_eq!(folded.0.iter().map(|(_, count)| count).sum::<u64>(), 100_000);
    }
}
