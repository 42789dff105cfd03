//! How long things took, fine enough to show 100 µs.

use std::time::Duration;

use crate::telemetry::counts::Counts;

/// The upper bounds of the buckets in microseconds; what took longer is in one more.
const BOUNDS: [u64; 17] = [
    25, 50, 75, 100, 150, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 100_000, 250_000, 1_000_000, 2_500_000,
    10_000_000,
];

/// One counter a bucket, one for what is longer than every bound, one for the sum of nanoseconds.
const COUNTERS: usize = BOUNDS.len() + 2;
const SUM: usize = COUNTERS - 1;

/// A histogram of durations. Observing takes no lock.
#[derive(Debug, Default)]
pub(super) struct Histogram(Counts<COUNTERS>);

impl Histogram {
    /// Counts one duration.
    pub(super) fn observe(&self, duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|&bound| bound * 1_000 < nanoseconds);
        self.0.add(bucket, 1);
        self.0.add(SUM, nanoseconds);
    }

    /// What was observed so far.
    pub(super) fn read(&self) -> Distribution {
        let totals = self.0.totals();
        #[expect(clippy::cast_precision_loss, reason = "a metric need not be exact to the nanosecond")]
        let sum = totals[SUM] as f64 / 1e9;
        Distribution { sum, count: totals[..SUM].iter().sum(), buckets: bounds().zip(totals).collect() }
    }
}

/// What a histogram holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Distribution {
    /// The sum of all durations in seconds.
    pub(super) sum: f64,
    /// How many there were.
    pub(super) count: u64,
    /// Upper bound in seconds, and how many lie between it and the one before.
    pub(super) buckets: Vec<(f64, u64)>,
}

fn bounds() -> impl Iterator<Item = f64> {
    #[expect(clippy::cast_precision_loss, reason = "all bounds are far below 2^52")]
    let finite = BOUNDS.into_iter().map(|bound| bound as f64 / 1e6);
    finite.chain([f64::INFINITY])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_lies_in_the_first_bucket_that_holds_it() {
        let histogram = Histogram::default();
        for microseconds in [25, 26, 100, 101, 20_000_000] {
            histogram.observe(Duration::from_micros(microseconds));
        }
        let read = histogram.read();
        let filled: Vec<_> = read.buckets.iter().filter(|(_, count)| *count > 0).copied().collect();
        assert_eq!(filled, [(25e-6, 1), (50e-6, 1), (100e-6, 1), (150e-6, 1), (f64::INFINITY, 1)]);
        assert_eq!(read.count, 5);
        assert!((read.sum - 20.000_252).abs() < 1e-9);
    }

    #[test]
    fn the_bounds_rise() {
        assert!(BOUNDS.is_sorted());
    }
}
