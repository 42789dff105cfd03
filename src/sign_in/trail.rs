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

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    use super::*;
    use crate::session::UserType;
    use crate::sign_in::support::{Fixture, PASSWORD, caller, credentials, customer};

    const JANE: &str = "jane@example.com";

    async fn house() -> Fixture {
        let house = Fixture::new().await;
        house.add_customer(customer(JANE));
        house
    }

    /// What the trail was told since the last time, once nothing is on its way any more.
    async fn told(house: &Fixture) -> Vec<Line> {
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        std::mem::take(&mut *house.accounts.lines.lock().unwrap())
    }

    fn reasons(lines: &[Line]) -> Vec<(String, Option<Subject>, Option<Person>)> {
        let reason = |line: &Line| match &line.event {
            Event::Refused { reason, subject, .. } => (reason.to_string(), *subject, line.person.clone()),
            other => panic!("{other:?}"),
        };
        lines.iter().map(reason).collect()
    }

    #[actix::test]
    async fn a_refusal_is_told_with_its_reason_its_name_and_whose_it_is() {
        let house = house().await;
        drop(house.customer("JANE@example.com", "wrong").await);
        drop(house.customer("Joan@example.com", "wrong").await);
        let lines = told(&house).await;
        let (jane, joan) = (Subject::customer(7), "joan@example.com".to_owned());
        let joan = Person::Name { kind: UserType::Customer, folded: joan };
        let expected = [
            ("wrong_password".to_owned(), Some(jane), Some(Person::Account(jane))),
            ("unknown_user".to_owned(), None, Some(joan)),
        ];
        assert_eq!(reasons(&lines), expected);
        assert_eq!(lines[0].name.as_deref(), Some("JANE@example.com"));
        assert_eq!(lines[0].origin.address, "192.0.2.1".parse().ok());
        assert_eq!(lines[0].origin.channel, Channel::Graphql);
    }

    #[actix::test]
    async fn a_session_is_told_of_with_the_session_itself() {
        let house = house().await;
        drop(house.customer("Jane@example.com", PASSWORD).await.unwrap());
        let begun = house.sessions.begun.lock().unwrap();
        assert_eq!(begun[0].typed.as_deref(), Some("Jane@example.com"));
        let origin = Origin::user(Subject::customer(7), Channel::Graphql, "192.0.2.1".parse().ok());
        assert_eq!(begun[0].origin, origin);
    }

    #[actix::test]
    async fn beyond_a_hundred_a_second_refusals_become_a_count_for_each_reason_and_network() {
        let house = house().await;
        for _ in 0..6 {
            drop(house.customer(JANE, "wrong").await);
        }
        assert_eq!(told(&house).await.len(), 6);
        let throttled = async |address: &str, count: usize| {
            for _ in 0..count {
                drop(house.sign_in.customer(credentials(JANE, PASSWORD), caller(address)).await);
            }
        };
        throttled("192.0.2.1", 94).await;
        throttled("192.0.2.2", 20).await;
        throttled("198.51.100.1", 30).await;
        assert_eq!(told(&house).await.len(), 94, "a hundred with the six");
        house.accounts.unwritable.store(true, Ordering::SeqCst);
        house.sign_in.tell_counted().await;
        house.accounts.unwritable.store(false, Ordering::SeqCst);
        house.sign_in.tell_counted().await;
        let mut counted: Vec<_> = told(&house).await.into_iter().map(|line| (line.event, line.name)).collect();
        counted.sort_by_key(|(event, _)| format!("{event:?}"));
        let many = |network, count| {
            let (kind, reason) = (UserType::Customer, "throttled".into());
            (Event::RefusedMany { kind, reason, network: Network::V4(network), count }, None)
        };
        assert_eq!(counted, [many([192, 0, 2], 20), many([198, 51, 100], 30)]);
        house.clock.advance(Duration::from_secs(1));
        throttled("192.0.2.1", 1).await;
        assert_eq!(told(&house).await.len(), 1);
        house.sign_in.tell_counted().await;
        assert_eq!(told(&house).await, []);
    }

    #[actix::test]
    async fn a_refusal_whose_line_cannot_be_stored_is_counted() {
        let house = house().await;
        house.accounts.unwritable.store(true, Ordering::SeqCst);
        drop(house.customer(JANE, "wrong").await);
        house.accounts.unwritable.store(false, Ordering::SeqCst);
        house.sign_in.tell_counted().await;
        let lines = told(&house).await;
        assert!(matches!(&lines[..], [Line { event: Event::RefusedMany { count: 1, .. }, .. }]), "{lines:?}");
    }
}
