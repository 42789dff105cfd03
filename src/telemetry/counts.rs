//! Counters that threads increase without getting into one another's way.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// How many threads can count without sharing a cache line.
const SHARDS: usize = 16;

/// A row of `N` counters for each shard; what is read is the sum.
#[derive(Debug)]
pub(super) struct Counts<const N: usize> {
    shards: [Shard<N>; SHARDS],
}

/// Aligned to two cache lines, because processors fetch them in pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Shard<const N: usize>([AtomicU64; N]);

impl<const N: usize> Default for Counts<N> {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Shard(std::array::from_fn(|_| AtomicU64::new(0)))) }
    }
}

impl<const N: usize> Counts<N> {
    /// Adds to one counter. One that does not exist is not counted.
    pub(super) fn add(&self, index: usize, amount: u64) {
        if let Some(counter) = self.shards[shard()].0.get(index) {
            counter.fetch_add(amount, Ordering::Relaxed);
        }
    }

    /// The sums. Counts that are going on may or may not be in them.
    pub(super) fn totals(&self) -> [u64; N] {
        std::array::from_fn(|index| self.shards.iter().map(|shard| shard.0[index].load(Ordering::Relaxed)).sum())
    }
}

/// The shard of this thread: threads take turns.
fn shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: usize = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
    }
    MINE.with(|mine| *mine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_all_threads_add_up() {
        let counts = Counts::<3>::default();
        std::thread::scope(|scope| {
            for _ in 0..2 * SHARDS {
                scope.spawn(|| {
                    for _ in 0..100 {
                        counts.add(1, 2);
                    }
                });
            }
        });
        counts.add(2, 1);
        counts.add(3, 1);
        assert_eq!(counts.totals(), [0, 2 * 100 * 2 * SHARDS as u64, 1]);
    }
}
