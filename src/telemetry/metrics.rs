//! What is counted here.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use crate::clock::SharedClock;
use crate::telemetry::counts::Counts;
use crate::telemetry::histogram::{Distribution, Histogram};
use crate::telemetry::{SessionSample, ShopSample, SignInSample, exposition};

/// Which routes a request belongs to. A path is no label: clients choose it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteGroup {
    /// A gateway's question.
    Check,
    /// `/graphql`.
    GraphQl,
    /// `/rest`.
    Rest,
    /// Anything else on the public listener.
    Other,
}

impl RouteGroup {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Check, Self::GraphQl, Self::Rest, Self::Other];

    /// The label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::GraphQl => "graphql",
            Self::Rest => "rest",
            Self::Other => "other",
        }
    }
}

/// How a gateway's question was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckOutcome {
    /// A good token.
    Allowed,
    /// Another scheme, which the policy lets pass.
    OtherScheme,
    /// No token, and none was needed.
    Guest,
    /// No token, but one was needed.
    NoToken,
    /// More than one `Authorization` header.
    Ambiguous,
    /// An unknown token.
    Unknown,
    /// An expired token.
    Expired,
    /// A token of a user whose tokens were revoked.
    Revoked,
    /// A good token of somebody who may not.
    Forbidden,
    /// A locked customer's token.
    Locked,
    /// It could not be told.
    Undecided,
    /// The question itself was wrong: an unknown parameter or policy.
    BadQuestion,
}

impl CheckOutcome {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Allowed,
        Self::OtherScheme,
        Self::Guest,
        Self::NoToken,
        Self::Ambiguous,
        Self::Unknown,
        Self::Expired,
        Self::Revoked,
        Self::Forbidden,
        Self::Locked,
        Self::Undecided,
        Self::BadQuestion,
    ];

    /// The label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::OtherScheme => "other_scheme",
            Self::Guest => "guest",
            Self::NoToken => "no_token",
            Self::Ambiguous => "ambiguous",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Forbidden => "forbidden",
            Self::Locked => "locked",
            Self::Undecided => "undecided",
            Self::BadQuestion => "bad_question",
        }
    }
}

/// Asks the validators what they have answered, by outcome.
type ValidationSource = Box<dyn Fn() -> Vec<(&'static str, u64)> + Send + Sync>;

/// Asks how it goes with the shop's database.
type ShopSource = Box<dyn Fn() -> ShopSample + Send + Sync>;

/// Everything that is counted here; sessions and sign-ins are counted where they happen.
#[derive(Default)]
pub struct Metrics {
    latencies: [Histogram; RouteGroup::ALL.len()],
    enforced: Counts<{ CheckOutcome::ALL.len() }>,
    observed: Counts<{ CheckOutcome::ALL.len() }>,
    validations: OnceLock<ValidationSource>,
    clock: OnceLock<SharedClock>,
    shop: OnceLock<ShopSource>,
}

impl Metrics {
    /// Counts the answer to a gateway's question; `observed` when the policy only observes.
    pub fn count_check(&self, outcome: CheckOutcome, observed: bool) {
        let counts = if observed { &self.observed } else { &self.enforced };
        counts.add(outcome as usize, 1);
    }

    /// Counts a request with the time between the arrival of its head and its answer.
    pub fn observe_request(&self, group: RouteGroup, duration: Duration) {
        self.latencies[group as usize].observe(duration);
    }

    /// Says where the counts of validated tokens come from. Only the first source counts.
    pub fn set_validation_source(&self, source: impl Fn() -> Vec<(&'static str, u64)> + Send + Sync + 'static) {
        let _already_set = self.validations.set(Box::new(source));
    }

    /// Says whose steps are shown. Only the first clock counts.
    pub fn set_clock(&self, clock: SharedClock) {
        let _already_set = self.clock.set(clock);
    }

    /// Says how to find out how it goes with the shop's database. Only the first source counts.
    pub fn set_shop_source(&self, source: impl Fn() -> ShopSample + Send + Sync + 'static) {
        let _already_set = self.shop.set(Box::new(source));
    }

    /// OpenMetrics text of everything. Without `sessions` (the registry did not answer) their metrics are left out.
    pub fn render(&self, sessions: Option<SessionSample>, sign_in: SignInSample) -> String {
        exposition::render(exposition::Scrape {
            sessions,
            sign_in,
            validations: self.validations.get().map(|source| source()).unwrap_or_default(),
            checks: [("enforced", self.enforced.totals()), ("observed", self.observed.totals())],
            latencies: self.distributions(),
            steps: self.clock.get().map(|clock| clock.steps()).unwrap_or_default(),
            shop: self.shop.get().map(|source| source()),
        })
    }

    fn distributions(&self) -> Vec<(&'static str, Distribution)> {
        RouteGroup::ALL.into_iter().map(|group| (group.name(), self.latencies[group as usize].read())).collect()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Metrics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_and_group_counts_at_its_own_place() {
        for (index, outcome) in CheckOutcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, index);
        }
        for (index, group) in RouteGroup::ALL.into_iter().enumerate() {
            assert_eq!(group as usize, index);
        }
    }

    #[test]
    fn what_was_counted_is_rendered() {
        let metrics = Metrics::default();
        metrics.count_check(CheckOutcome::Allowed, false);
        metrics.count_check(CheckOutcome::Allowed, false);
        metrics.count_check(CheckOutcome::Expired, true);
        metrics.observe_request(RouteGroup::Check, Duration::from_micros(80));
        let sessions = SessionSample {
            live: vec![("customer", 11)],
            expired: 1,
            pending: 2,
            capacity: 99,
            issued: 14,
            revoked: 3,
            ended: 4,
        };
        let sign_in = SignInSample {
            waiting: 3,
            running: 2,
            hashed: 12,
            hashing: Duration::from_millis(1_500),
            succeeded: 7,
            refused: vec![("wrong_password", 5)],
            failed: vec![("busy", 1)],
        };
        let text = metrics.render(Some(sessions), sign_in);
        for line in [
            "tokenward_checks_total{outcome=\"allowed\",mode=\"enforced\"} 2",
            "tokenward_checks_total{outcome=\"expired\",mode=\"observed\"} 1",
            "tokenward_request_duration_seconds_bucket{le=\"0.000075\",group=\"check\"} 0",
            "tokenward_request_duration_seconds_bucket{le=\"0.0001\",group=\"check\"} 1",
            "tokenward_request_duration_seconds_count{group=\"check\"} 1",
            "tokenward_sessions{kind=\"customer\"} 11",
            "tokenward_sessions_capacity 99",
            "tokenward_sessions_issued_total 14",
            "tokenward_sessions_revoked_total 3",
            "tokenward_sessions_expired_total 4",
            "tokenward_sign_ins_refused_total{reason=\"wrong_password\"} 5",
            "tokenward_sign_ins_total 7",
            "tokenward_sign_ins_failed_total{reason=\"busy\"} 1",
            "tokenward_password_hashes_total 12",
            "tokenward_password_hashing_seconds_total 1.5",
            "tokenward_password_hashes_waiting 3",
            "tokenward_password_hashes_running 2",
            "tokenward_clock_steps_total{direction=\"forward\"} 0",
            "tokenward_clock_steps_total{direction=\"backward\"} 0",
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing from\n{text}");
        }
        assert!(text.contains("tokenward_process_resident_memory_bytes "), "{text}");
    }

    #[test]
    fn a_registry_that_does_not_answer_leaves_the_rest() {
        let text = Metrics::default().render(None, SignInSample::default());
        assert!(!text.contains("tokenward_sessions"));
        assert!(text.contains("tokenward_checks_total"));
        assert!(text.ends_with("# EOF\n"));
    }
}
