use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix::{Actor, Context, Handler, Recipient};

use super::{START, customer_hours, digest, options};
use crate::audit::Origin;
use crate::clock::{Clock, MockClock};
use crate::registry::{
    Candidate, IssueToken, ListSessions, Options, Parts, Reader, Registry, RegistryError, Revocation, RevokeSessions,
    SettingsChanged, TokenForms, TokenRegistry, Validation,
};
use crate::session::{EndReason, SessionId, Subject, SubjectChanged};
use crate::settings::{SharedSnapshot, WebsiteId};
use crate::store::{Committed, Record, RecordOutcome};
use crate::token::{DigestKey, TokenDigest};

struct House {
    registry: Registry,
    reader: Reader,
    snapshot: SharedSnapshot,
    clock: Arc<MockClock>,
    /// The last record that the store was given.
    last: Arc<Mutex<u64>>,
}

/// A store that answers when it is told to, so that a test sees what lies between.
struct FakeStore {
    last: Arc<Mutex<u64>>,
}

impl Actor for FakeStore {
    type Context = Context<Self>;
}

impl Handler<Record> for FakeStore {
    type Result = ();

    fn handle(&mut self, record: Record, _: &mut Self::Context) {
        *self.last.lock().unwrap() = record.ticket;
    }
}

fn house(options: Options) -> House {
    let snapshot = customer_hours("1").shared();
    let clock = MockClock::at(START);
    let last = Arc::new(Mutex::new(0));
    let recorder: Recipient<Record> = FakeStore { last: Arc::clone(&last) }.start().recipient();
    let parts = Parts {
        snapshot: snapshot.clone(),
        clock: clock.clone(),
        options,
        key: DigestKey::generate(),
        forms: TokenForms::default(),
        first_id: SessionId(1),
        recorder,
        guard: Box::new(()),
    };
    let registry = TokenRegistry::start_here(parts);
    House { reader: registry.reader().clone(), registry, snapshot, clock, last }
}

impl House {
    /// The store commits, or fails, everything it was given.
    async fn settle(&self, outcome: RecordOutcome) {
        let through = *self.last.lock().unwrap();
        self.registry.actor().send(Committed { through, outcome }).await.unwrap();
    }

    fn issue(&self, subject: Subject, number: u64) -> tokio::task::JoinHandle<Result<(), RegistryError>> {
        let registry = self.registry.clone();
        let message = IssueToken {
            subject,
            website: WebsiteId(1),
            digest: digest(number),
            fixed_end: None,
            role: None,
            along: vec![],
            origin: Origin::SERVER,
            typed: None,
        };
        actix_rt::spawn(async move { registry.issue(message).await.map(|_| ()) })
    }

    fn revoke(&self, which: Revocation) -> tokio::task::JoinHandle<Result<usize, RegistryError>> {
        let registry = self.registry.clone();
        let message = RevokeSessions { which, reason: EndReason::SignedOut, origin: Origin::SERVER };
        actix_rt::spawn(async move { registry.revoke(message).await })
    }

    /// Lets everything run that has been sent.
    async fn run(&self) {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    async fn issued(&self, subject: Subject, number: u64) {
        let issue = self.issue(subject, number);
        self.run().await;
        self.settle(RecordOutcome::Stored).await;
        issue.await.unwrap().unwrap();
    }

    fn check(&self, digest: TokenDigest) -> &'static str {
        match self.reader.validate(Some(Candidate::Opaque(digest))) {
            Validation::Valid(_) => "valid",
            Validation::Expired => "expired",
            Validation::Unknown => "unknown",
            Validation::Revoked => "revoked",
            Validation::Unavailable => "unavailable",
        }
    }

    /// Moves both clocks, and lets the timers ring.
    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
        tokio::time::sleep(time).await;
        self.run().await;
    }
}

#[actix_rt::test]
async fn a_token_is_good_from_the_moment_its_session_is_stored() {
    let house = house(options());
    let issue = house.issue(Subject::customer(1), 1);
    house.run().await;
    assert_eq!(house.check(digest(1)), "unknown");
    house.settle(RecordOutcome::Stored).await;
    assert_eq!(issue.await.unwrap(), Ok(()));
    assert_eq!(house.check(digest(1)), "valid");
}

#[actix_rt::test]
async fn an_issue_that_cannot_be_stored_leaves_nothing_behind() {
    let house = house(options());
    let issue = house.issue(Subject::customer(1), 1);
    house.run().await;
    house.settle(RecordOutcome::Failed).await;
    assert_eq!(issue.await.unwrap(), Err(RegistryError::Unavailable));
    assert_eq!(house.check(digest(1)), "unknown");
    assert_eq!(house.registry.statistics().await.unwrap().pending, 0);
}

#[actix_rt::test]
async fn a_revoked_token_is_dead_before_the_revocation_is_answered() {
    let house = house(options());
    house.issued(Subject::customer(1), 1).await;
    let revoke = house.revoke(Revocation::Subject(Subject::customer(1)));
    house.run().await;
    assert_eq!(house.check(digest(1)), "unknown");
    assert!(!revoke.is_finished());
    house.settle(RecordOutcome::Stored).await;
    assert_eq!(revoke.await.unwrap(), Ok(1));
}

#[actix_rt::test]
async fn a_revocation_that_cannot_be_stored_says_no_and_is_tried_again() {
    tokio::time::pause();
    let house = house(options());
    house.issued(Subject::customer(1), 1).await;
    let revoke = house.revoke(Revocation::Token(digest(1)));
    house.run().await;
    house.settle(RecordOutcome::Failed).await;
    assert_eq!(revoke.await.unwrap(), Err(RegistryError::Unavailable));
    assert_eq!(house.check(digest(1)), "unavailable");
    let before = *house.last.lock().unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(*house.last.lock().unwrap(), before + 1, "it was recorded again");
    house.settle(RecordOutcome::Stored).await;
    assert_eq!(house.check(digest(1)), "unknown");
}

#[actix_rt::test]
async fn a_session_that_is_revoked_on_its_way_never_becomes_live() {
    let house = house(options());
    let issue = house.issue(Subject::customer(1), 1);
    house.run().await;
    let revoke = house.revoke(Revocation::Subject(Subject::customer(1)));
    house.run().await;
    house.settle(RecordOutcome::Stored).await;
    assert_eq!(issue.await.unwrap(), Err(RegistryError::Unavailable));
    assert_eq!(revoke.await.unwrap(), Ok(1));
    assert_eq!(house.check(digest(1)), "unknown");
}

#[actix_rt::test]
async fn a_caller_that_has_gone_does_not_stop_its_change() {
    let house = house(options());
    let issue = house.issue(Subject::customer(1), 1);
    house.run().await;
    issue.abort();
    house.run().await;
    house.settle(RecordOutcome::Stored).await;
    assert_eq!(house.check(digest(1)), "valid");
}

#[actix_rt::test]
async fn a_caller_waits_five_seconds_at_most() {
    tokio::time::pause();
    let house = house(options());
    let issue = house.issue(Subject::customer(1), 1);
    house.run().await;
    tokio::time::sleep(Duration::from_millis(4900)).await;
    assert!(!issue.is_finished());
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(issue.await.unwrap(), Err(RegistryError::Unavailable));
}

#[actix_rt::test]
async fn a_token_ends_at_the_very_second_and_is_forgotten_ten_minutes_later() {
    tokio::time::pause();
    let house = house(options());
    house.issued(Subject::customer(1), 1).await;
    for (pass, expected) in [(1800, "valid"), (1799, "valid"), (1, "expired"), (599, "expired"), (1, "unknown")] {
        house.pass(Duration::from_secs(pass)).await;
        assert_eq!(house.check(digest(1)), expected, "at {:?}", house.clock.now());
    }
    assert_eq!(house.registry.statistics().await.unwrap().ended, 1);
}

#[actix_rt::test]
async fn a_changed_lifetime_acts_on_live_tokens_at_once_and_can_be_changed_back() {
    tokio::time::pause();
    let house = house(options());
    house.issued(Subject::customer(1), 1).await;
    house.pass(Duration::from_mins(20)).await;
    for (hours, expected) in [("0.25", "expired"), ("1", "valid"), ("", "expired"), ("1", "valid")] {
        house.snapshot.store(Arc::new(customer_hours(hours)));
        house.registry.actor().send(SettingsChanged).await.unwrap();
        house.run().await;
        assert_eq!(house.check(digest(1)), expected, "with {hours:?} hours");
    }
    house.pass(Duration::from_mins(40)).await;
    assert_eq!(house.check(digest(1)), "expired");
}

#[actix_rt::test]
async fn one_session_too_many_ends_the_oldest() {
    let house = house(Options { per_subject: 2, ..options() });
    for number in 1..=3 {
        house.issued(Subject::customer(1), number).await;
    }
    assert_eq!([1, 2, 3].map(|number| house.check(digest(number))), ["unknown", "valid", "valid"]);
}

#[actix_rt::test]
async fn a_full_registry_refuses_and_says_so() {
    let house = house(Options { capacity: 1, ..options() });
    house.issued(Subject::customer(1), 1).await;
    assert_eq!(house.issue(Subject::customer(2), 2).await.unwrap(), Err(RegistryError::Full));
}

#[actix_rt::test]
async fn too_many_waiting_changes_are_refused_at_once() {
    let house = house(options());
    let waiting: Vec<_> = (0..4096).map(|number| house.issue(Subject::customer(number), u64::from(number))).collect();
    house.run().await;
    assert_eq!(house.issue(Subject::customer(9), 9999).await.unwrap(), Err(RegistryError::Busy));
    house.settle(RecordOutcome::Stored).await;
    for issue in waiting {
        assert_eq!(issue.await.unwrap(), Ok(()));
    }
}

#[actix_rt::test]
async fn what_the_accounts_announce_is_known_to_readers() {
    let house = house(options());
    let subject = Subject::customer(1);
    let locked = SubjectChanged { subject, locked_until: Some(START.plus(60)), role: None };
    house.registry.actor().send(locked).await.unwrap();
    assert_eq!(house.reader.facts(subject).locked_until, Some(START.plus(60)));
    let open = SubjectChanged { locked_until: None, ..locked };
    house.registry.actor().send(open).await.unwrap();
    assert_eq!(house.reader.facts(subject).locked_until, None);
}

#[actix_rt::test]
async fn ending_everything_is_one_record_and_effective_at_once() {
    let house = house(options());
    for number in 1..=5 {
        house.issued(Subject::customer(1), number).await;
    }
    house.issued(Subject::admin(1), 6).await;
    let before = *house.last.lock().unwrap();
    let revoke = house.revoke(Revocation::Everything);
    house.run().await;
    let records = *house.last.lock().unwrap() - before;
    assert_eq!(records, 2, "one ends them all, and one begins to delete their rows");
    assert!((1..=6).all(|number| house.check(digest(number)) == "unknown"));
    house.settle(RecordOutcome::Stored).await;
    assert_eq!(revoke.await.unwrap(), Ok(6));
    let all = ListSessions { subject: None, kind: None, after: None, limit: 10 };
    assert_eq!(house.registry.list(all).await.unwrap(), []);
}

#[actix_rt::test]
async fn a_revocation_that_finds_nothing_is_answered_behind_those_before_it() {
    let house = house(options());
    house.issued(Subject::customer(1), 1).await;
    let first = house.revoke(Revocation::Subject(Subject::customer(1)));
    let second = house.revoke(Revocation::Subject(Subject::customer(1)));
    house.run().await;
    assert!(!second.is_finished());
    house.settle(RecordOutcome::Failed).await;
    assert_eq!(first.await.unwrap(), Err(RegistryError::Unavailable));
    assert_eq!(second.await.unwrap(), Err(RegistryError::Unavailable));
    let third = house.revoke(Revocation::Subject(Subject::customer(1)));
    assert_eq!(third.await.unwrap(), Err(RegistryError::Unavailable), "the first one is still not stored");
}

#[actix_rt::test]
async fn a_revocation_that_finds_nothing_is_not_answered_while_one_before_it_is_not_stored() {
    tokio::time::pause();
    let house = house(options());
    house.issued(Subject::customer(1), 1).await;
    let first = house.revoke(Revocation::Subject(Subject::customer(1)));
    let second = house.revoke(Revocation::Subject(Subject::customer(1)));
    house.run().await;
    // The disk fails between the two, and a batch in which nothing is to be stored does not notice.
    let last = *house.last.lock().unwrap();
    let through = |through, outcome| house.registry.actor().send(Committed { through, outcome });
    through(last - 1, RecordOutcome::Failed).await.unwrap();
    through(last, RecordOutcome::Stored).await.unwrap();
    assert_eq!(first.await.unwrap(), Err(RegistryError::Unavailable));
    assert_eq!(second.await.unwrap(), Err(RegistryError::Unavailable));
}

#[actix_rt::test]
async fn a_revocation_of_nothing_that_fails_holds_up_nobody() {
    let house = house(options());
    let nothing = house.revoke(Revocation::Session(SessionId(99)));
    house.run().await;
    house.settle(RecordOutcome::Failed).await;
    assert_eq!(nothing.await.unwrap(), Err(RegistryError::Unavailable));
    house.issued(Subject::customer(1), 1).await;
}

#[actix_rt::test]
async fn nothing_is_issued_before_an_unstored_revocation_is_stored() {
    tokio::time::pause();
    let house = house(options());
    house.issued(Subject::customer(1), 1).await;
    let revoke = house.revoke(Revocation::Token(digest(1)));
    house.run().await;
    house.settle(RecordOutcome::Failed).await;
    assert_eq!(revoke.await.unwrap(), Err(RegistryError::Unavailable));
    assert_eq!(house.issue(Subject::customer(2), 2).await.unwrap(), Err(RegistryError::Unavailable));
    tokio::time::sleep(Duration::from_millis(1100)).await;
    house.settle(RecordOutcome::Stored).await;
    house.issued(Subject::customer(2), 2).await;
    assert_eq!(house.check(digest(2)), "valid");
}
