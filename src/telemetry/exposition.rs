//! Counts as OpenMetrics text.

use std::fmt::Error;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use crate::clock::ClockSteps;
use crate::telemetry::CheckOutcome;
use crate::telemetry::histogram::Distribution;

/// The media type of the text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How many sessions there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionSample {
    /// Live ones, by the name of their kind.
    pub live: Vec<(&'static str, u64)>,
    /// Expired ones that are still known as expired.
    pub expired: u64,
    /// On their way to the store.
    pub pending: u64,
    /// How many there may be.
    pub capacity: u64,
    /// Issued since the start.
    pub issued: u64,
    /// Ended before their time since the start.
    pub revoked: u64,
    /// Ended by themselves since the start.
    pub ended: u64,
}

/// How signing in goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignInSample {
    /// Passwords that wait to be hashed.
    pub waiting: u64,
    /// Passwords that are being hashed.
    pub running: u64,
    /// Passwords that were hashed since the start.
    pub hashed: u64,
    /// How long that took since the start, all hashers together.
    pub hashing: Duration,
    /// Sign-ins that succeeded since the start.
    pub succeeded: u64,
    /// Sign-ins that were refused since the start, by reason.
    pub refused: Vec<(&'static str, u64)>,
    /// Sign-ins that were not decided since the start, by reason.
    pub failed: Vec<(&'static str, u64)>,
}

/// How it goes with the shop's database.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ShopSample {
    /// Whether it can be reached, as far as is known.
    pub reachable: bool,
    /// Questions since the start.
    pub questions: u64,
    /// Those of them that were not answered.
    pub failures: u64,
    /// How often the shop is looked at, in seconds between two looks.
    pub poll_seconds: f64,
    /// By how many seconds its clock is ahead of ours.
    pub clock_ahead_seconds: f64,
    /// How many seconds ago the last look at the shop ended that left nothing out.
    pub last_look_seconds: f64,
    /// Users whose revocations the shop is still to be told of.
    pub outbox_users: u64,
    /// Tokens that have ended here and still stand in the shop.
    pub outbox_tokens: u64,
    /// For how many seconds the oldest of both has waited.
    pub outbox_oldest_seconds: u64,
}

/// Everything that one scrape shows.
#[derive(Debug)]
pub(super) struct Scrape {
    pub(super) sessions: Option<SessionSample>,
    pub(super) sign_in: SignInSample,
    /// Enforced and observed ones, in the order of [`CheckOutcome::ALL`].
    pub(super) checks: [(&'static str, [u64; CheckOutcome::ALL.len()]); 2],
    pub(super) latencies: Vec<(&'static str, Distribution)>,
    /// What the validators have answered, by outcome.
    pub(super) validations: Vec<(&'static str, u64)>,
    /// How often the system's clock was set.
    pub(super) steps: ClockSteps,
    /// When there is a shop.
    pub(super) shop: Option<ShopSample>,
}

/// The text. Every name begins with `tokenward_`.
pub(super) fn render(scrape: Scrape) -> String {
    let mut registry = Registry::with_prefix("tokenward");
    registry.register_collector(Box::new(scrape));
    let mut rendered = String::with_capacity(16 * 1024);
    // Writing into a string does not fail; an encoder that did would leave a text without its end mark, which a scraper
    // refuses.
    if let Err(error) = text::encode(&mut rendered, &registry) {
        tracing::error!(%error, "the metrics could not be rendered");
    }
    rendered
}

/// What `encode_counter` and `encode_histogram` want to know of exemplars, of which there are none.
type NoLabels = [(&'static str, &'static str); 0];

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        self.encode_checks(&mut encoder)?;
        self.encode_latencies(&mut encoder)?;
        self.encode_validations(&mut encoder)?;
        if let Some(sessions) = &self.sessions {
            encode_sessions(sessions, &mut encoder)?;
        }
        encode_sign_in(&self.sign_in, &mut encoder)?;
        encode_steps(self.steps, &mut encoder)?;
        if let Some(shop) = &self.shop {
            encode_shop(shop, &mut encoder)?;
        }
        match resident_memory() {
            Some(bytes) => gauge(
                &mut encoder,
                "process_resident_memory",
                "Resident memory of the process, as the allocator knows it.",
                Some(&Unit::Bytes),
                &bytes,
            ),
            None => Ok(()),
        }
    }
}

impl Scrape {
    fn encode_checks(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let mut metric = encoder.encode_descriptor("checks", "Questions of gateways.", None, MetricType::Counter)?;
        for (mode, counts) in &self.checks {
            for (outcome, count) in CheckOutcome::ALL.into_iter().zip(counts) {
                metric
                    .encode_family(&[("outcome", outcome.name()), ("mode", *mode)])?
                    .encode_counter::<NoLabels, u64, f64>(count, None)?;
            }
        }
        Ok(())
    }

    fn encode_validations(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let mut metric = encoder.encode_descriptor("validations", "Tokens looked up.", None, MetricType::Counter)?;
        for (outcome, count) in &self.validations {
            metric.encode_family(&[("outcome", *outcome)])?.encode_counter::<NoLabels, u64, f64>(count, None)?;
        }
        Ok(())
    }

    fn encode_latencies(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let help = "Time from the head of a request to its answer.";
        let unit = Unit::Seconds;
        let mut metric = encoder.encode_descriptor("request_duration", help, Some(&unit), MetricType::Histogram)?;
        for (group, latency) in &self.latencies {
            metric.encode_family(&[("group", *group)])?.encode_histogram::<NoLabels>(
                latency.sum,
                latency.count,
                &latency.buckets,
                None,
            )?;
        }
        Ok(())
    }
}

fn encode_steps(steps: ClockSteps, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
    let help = "How often the system's clock was set.";
    let mut metric = encoder.encode_descriptor("clock_steps", help, None, MetricType::Counter)?;
    for (direction, count) in [("forward", steps.forward), ("backward", steps.backward)] {
        metric.encode_family(&[("direction", direction)])?.encode_counter::<NoLabels, u64, f64>(&count, None)?;
    }
    Ok(())
}

fn encode_sessions(sessions: &SessionSample, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
    let mut live = encoder.encode_descriptor("sessions", "Live sessions.", None, MetricType::Gauge)?;
    for (kind, count) in &sessions.live {
        live.encode_family(&[("kind", *kind)])?.encode_gauge(count)?;
    }
    let expired = "Expired sessions that are still known as expired.";
    gauge(encoder, "sessions_kept_expired", expired, None, &sessions.expired)?;
    let pending = "Sessions on their way to the store.";
    gauge(encoder, "sessions_pending", pending, None, &sessions.pending)?;
    let capacity = "How many sessions there may be: beyond it sign-ins are refused.";
    gauge(encoder, "sessions_capacity", capacity, None, &sessions.capacity)?;
    counter(encoder, "sessions_issued", "Sessions begun.", sessions.issued)?;
    let revoked = "Sessions ended before their time.";
    counter(encoder, "sessions_revoked", revoked, sessions.revoked)?;
    counter(encoder, "sessions_expired", "Sessions that ended by themselves.", sessions.ended)
}

fn encode_sign_in(sign_in: &SignInSample, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
    counter(encoder, "sign_ins", "Sign-ins that succeeded.", sign_in.succeeded)?;
    counters(encoder, "sign_ins_refused", "Sign-ins that were refused.", &sign_in.refused)?;
    let failed = "Sign-ins that were not decided: too many, or something was away.";
    counters(encoder, "sign_ins_failed", failed, &sign_in.failed)?;
    counter(encoder, "password_hashes", "Passwords that were hashed.", sign_in.hashed)?;
    let hashing = "Seconds that were spent hashing, by all hashers together.";
    encoder
        .encode_descriptor("password_hashing_seconds", hashing, None, MetricType::Counter)?
        .encode_counter::<NoLabels, f64, f64>(&sign_in.hashing.as_secs_f64(), None)?;
    let waiting = "Passwords that wait to be hashed.";
    gauge(encoder, "password_hashes_waiting", waiting, None, &sign_in.waiting)?;
    let running = "Passwords that are being hashed.";
    gauge(encoder, "password_hashes_running", running, None, &sign_in.running)
}

fn encode_shop(shop: &ShopSample, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
    let reachable = "Whether the shop's database can be reached.";
    gauge(encoder, "shop_database_reachable", reachable, None, &u64::from(shop.reachable))?;
    counter(encoder, "shop_database_questions", "Questions to the shop's database.", shop.questions)?;
    let failures = "Questions to the shop's database that were not answered.";
    counter(encoder, "shop_database_failures", failures, shop.failures)?;
    let poll = "Time between two looks at the shop, which grows with the users who have sessions.";
    gauge(encoder, "shop_poll_interval", poll, Some(&Unit::Seconds), &shop.poll_seconds)?;
    let ahead = "By how much the clock of the shop's database is ahead of ours.";
    gauge(encoder, "shop_clock_ahead", ahead, Some(&Unit::Seconds), &shop.clock_ahead_seconds)?;
    let last = "Time since the last look at the shop that left nothing out.";
    gauge(encoder, "shop_last_complete_look_age", last, Some(&Unit::Seconds), &shop.last_look_seconds)?;
    encode_outbox(shop, encoder)
}

fn encode_outbox(shop: &ShopSample, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
    let help = "What has ended here and the shop is still to be told: users' revocations, and single tokens.";
    let mut entries = encoder.encode_descriptor("shop_outbox_entries", help, None, MetricType::Gauge)?;
    for (of, count) in [("users", shop.outbox_users), ("tokens", shop.outbox_tokens)] {
        entries.encode_family(&[("of", of)])?.encode_gauge(&count)?;
    }
    let oldest = "How long the oldest of that has waited.";
    gauge(encoder, "shop_outbox_oldest", oldest, Some(&Unit::Seconds), &shop.outbox_oldest_seconds)
}

/// Counters of one name, by reason.
fn counters(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    counts: &[(&'static str, u64)],
) -> Result<(), Error> {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (reason, count) in counts {
        metric.encode_family(&[("reason", *reason)])?.encode_counter::<NoLabels, u64, f64>(count, None)?;
    }
    Ok(())
}

fn counter(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, count: u64) -> Result<(), Error> {
    encoder.encode_descriptor(name, help, None, MetricType::Counter)?.encode_counter::<NoLabels, u64, f64>(&count, None)
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    unit: Option<&Unit>,
    value: &impl EncodeGaugeValue,
) -> Result<(), Error> {
    encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?.encode_gauge(value)
}

/// Resident bytes as jemalloc knows them; it refreshes its figures only when its epoch advances.
fn resident_memory() -> Option<u64> {
    tikv_jemalloc_ctl::epoch::advance().ok()?;
    let bytes = tikv_jemalloc_ctl::stats::resident::read().ok()?;
    u64::try_from(bytes).ok()
}
