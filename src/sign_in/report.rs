//! What the operator learns: one event for each refused sign-in, and counters.

use std::sync::atomic::{AtomicU64, Ordering};

use tracing::{debug, info};

use crate::accounts::LONGEST_NAME;
use crate::session::UserType;
use crate::sign_in::password::Load;
use crate::sign_in::{Caller, IssuedToken, Refusal, SignInError};

/// The target of all events about sign-ins.
const TARGET: &str = "tokenward::sign_in";

/// Who tries to sign in as whom.
#[derive(Clone, Debug)]
pub(super) struct Label {
    pub(super) kind: UserType,
    /// What was typed, up to the longest name that an account can have.
    pub(super) name: String,
    pub(super) caller: Caller,
}

impl Label {
    pub(super) fn new(kind: UserType, typed: &str, caller: Caller) -> Self {
        Self { kind, name: typed.chars().take(LONGEST_NAME).collect(), caller }
    }
}

/// What became of sign-ins since the start.
#[derive(Debug, Default)]
pub(super) struct Counters {
    succeeded: AtomicU64,
    refused: [AtomicU64; Refusal::ALL.len()],
    busy: AtomicU64,
    full: AtomicU64,
    unavailable: AtomicU64,
}

/// The sign-in in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// What the hashers have to do, and have done.
    pub load: Load,
    /// Names that have failed and are remembered by the throttle, or that an attempt is in flight for.
    pub names: usize,
    /// Sign-ins since the start that ended with a token.
    pub succeeded: u64,
    /// Those that were turned away because too many waited.
    pub busy: u64,
    /// Those that were turned away because there were too many sessions.
    pub full: u64,
    /// Those that could not be decided or stored.
    pub unavailable: u64,
    refused: [u64; Refusal::ALL.len()],
}

impl Statistics {
    /// How many sign-ins were refused for this reason since the start.
    pub fn refused(&self, reason: Refusal) -> u64 {
        self.refused[reason as usize]
    }
}

impl Counters {
    /// Counts an outcome and logs it. Neither the password nor the token is part of what is logged.
    pub(super) fn report(&self, label: &Label, outcome: &Result<IssuedToken, SignInError>) {
        let counter = match outcome {
            Ok(issued) => {
                debug!(target: TARGET, kind = label.kind.name(), session = %issued.session.id, "signed in");
                &self.succeeded
            }
            Err(SignInError::Refused(refusal)) => {
                log_refusal(label, *refusal);
                &self.refused[*refusal as usize]
            }
            Err(SignInError::Busy { .. }) => &self.busy,
            Err(SignInError::Full) => &self.full,
            Err(SignInError::Unavailable) => &self.unavailable,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn statistics(&self, load: Load, names: usize) -> Statistics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Statistics {
            load,
            names,
            succeeded: read(&self.succeeded),
            busy: read(&self.busy),
            full: read(&self.full),
            unavailable: read(&self.unavailable),
            refused: std::array::from_fn(|reason| read(&self.refused[reason])),
        }
    }
}

fn log_refusal(label: &Label, refusal: Refusal) {
    let address = label.caller.address.map(|address| address.to_string());
    info!(
        target: TARGET,
        kind = label.kind.name(),
        name = printable(&label.name),
        address = address.as_deref().unwrap_or("unknown"),
        protocol = label.caller.protocol,
        reason = %refusal,
        "sign-in refused",
    );
}

/// The name without characters that would break a line of the log or steer a terminal.
fn printable(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for character in name.chars() {
        if character.is_control() || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_a_counter_of_its_own() {
        for (place, reason) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
        }
        let counters = Counters::default();
        let caller = Caller { address: None, protocol: "rest" };
        let label = Label::new(UserType::Admin, "admin", caller);
        counters.report(&label, &Err(SignInError::Refused(Refusal::NoRole)));
        let statistics = counters.statistics(Load::default(), 0);
        for reason in Refusal::ALL {
            assert_eq!(statistics.refused(reason), u64::from(reason == Refusal::NoRole));
        }
    }

    #[test]
    fn control_characters_do_not_reach_the_log() {
        assert_eq!(printable("a\nb\u{1b}[2Jc\u{202e}d ä"), r"a\nb\u{1b}[2Jc\u{202e}d ä");
    }
}
