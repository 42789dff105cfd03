//! Counters and histograms, as OpenMetrics text.

/// Everything that is counted.
#[derive(Debug, Default)]
pub struct Metrics {}
