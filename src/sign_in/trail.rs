//! What the audit trail learns of sign-ins.

use std::sync::{Arc, Mutex, PoisonError};

use tracing::warn;

use crate::accounts::folded;
use crate::audit::{Actor, Channel, Event, Folding, Line, Network, Origin, Person};
use crate::session::Subject;
use crate::sign_in::attempt::Core;
use crate::sign_in::report::Label;
use crate::sign_in::{Caller, Refusal};
use crate::store::Change;

/// Refusals that have no line of their own.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<Folding>);

impl Refusals {
    fn with<T>(&self, act: impl FnOnce(&mut Folding) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts a refusal that has no line of its own.
    pub(super) fn count(&self, label: &Label, refusal: Refusal) {
        let network = Network::of(label.caller.address);
        self.with(|folding| folding.count(label.kind, refusal.name().into(), network));
    }
}

impl Core {
    /// The line of a refusal, unless there are too many: then it is counted. `subject` is whose account it is.
    pub(super) fn refused(&self, label: &Label, refusal: Refusal, subject: Option<Subject>) -> Option<Line> {
        let now = self.clock.now();
        if !self.refusals.with(|folding| folding.admit(now)) {
            self.refusals.count(label, refusal);
            return None;
        }
        let event = Event::Refused { kind: label.kind, subject, reason: refusal.name().into() };
        let Caller { address, protocol } = label.caller;
        let origin = Origin { by: Actor::Stranger, channel: Channel::of_protocol(protocol), address };
        let person = match subject {
            Some(subject) => Person::Account(subject),
            None => Person::Name { kind: label.kind, folded: folded(&label.name) },
        };
        Some(Line::new(now, event, origin).typed(label.name.clone(), person))
    }

    /// Writes the line of a refusal that leaves nothing else behind. Nobody waits for it; one that cannot be stored is
    /// counted.
    pub(super) fn tell_apart(self: &Arc<Self>, label: &Label, refusal: Refusal) {
        let Some(line) = self.refused(label, refusal, None) else { return };
        let (core, label) = (Arc::clone(self), label.clone());
        actix_rt::spawn(async move {
            if core.accounts.failure(None, None, vec![Change::Audit(line)]).await.is_err() {
                core.refusals.count(&label, refusal);
            }
        });
    }

    /// Writes a line for each reason and network of the refusals that have none yet. Those that cannot be stored are
    /// kept for the next time.
    pub(super) async fn tell_counted(&self) {
        let counted = self.refusals.with(Folding::take);
        if counted.is_empty() {
            return;
        }
        let now = self.clock.now();
        let lines = counted.events().map(|event| Change::Audit(Line::new(now, event, Origin::SERVER))).collect();
        if let Err(error) = self.accounts.failure(None, None, lines).await {
            warn!(%error, "refused sign-ins that were counted have no line in the audit trail yet");
            self.refusals.with(|folding| folding.put_back(counted));
        }
    }
}
