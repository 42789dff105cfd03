//! What is stored when, and what is loaded.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix::{Actor, Context, Handler};

use super::{START, customer_hours, digest, options};
use crate::audit::{Event, Origin, Which};
use crate::clock::MockClock;
use crate::registry::deadlines::KEEP_ENDED;
use crate::registry::{
    BeginLoading, Candidate, EndTokens, IssueToken, LoadSessions, Options, Parts, Registry, RegistryError, Revocation,
    RevokeSessions, SettingsChanged, TokenForms, TokenRegistry, Validation,
};
use crate::session::{EndReason, SessionEvent, SessionId, Subject, UserType};
use crate::settings::WebsiteId;
use crate::store::{Change, Committed, Durability, MirroredToken, Record, RecordOutcome, StoredSession, UsedCode};
use crate::token::DigestKey;

type Records = Arc<Mutex<Vec<Record>>>;

/// Keeps what it is given; the test answers.
struct Recorder(Records);

impl Actor for Recorder {
    type Context = Context<Self>;
}

impl Handler<Record> for Recorder {
    type Result = ();

    fn handle(&mut self, record: Record, _: &mut Self::Context) {
        self.0.lock().unwrap().push(record);
    }
}

struct House {
    registry: Registry,
    records: Records,
    clock: Arc<MockClock>,
}

fn house(durability: Durability) -> House {
    tokio::time::pause();
    let (records, clock) = (Records::default(), MockClock::at(START));
    let parts = Parts {
        snapshot: customer_hours("1").shared(),
        clock: clock.clone(),
        options: Options { durability, ..options() },
        key: DigestKey::generate(),
        forms: TokenForms::default(),
        first_id: SessionId(1),
        recorder: Recorder(Arc::clone(&records)).start().recipient(),
        guard: Box::new(()),
    };
    House { registry: TokenRegistry::start_here(parts), records, clock }
}

impl House {
    async fn run(&self) {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    /// Answers every record so far, and says what they were to change.
    async fn settle(&self, outcome: RecordOutcome) -> Vec<Change> {
        self.run().await;
        let records = std::mem::take(&mut *self.records.lock().unwrap());
        if let Some(last) = records.last() {
            self.registry.actor().send(Committed { through: last.ticket, outcome }).await.unwrap();
        }
        self.run().await;
        records.into_iter().flat_map(|record| record.changes).collect()
    }

    fn issue(&self, number: u64) -> tokio::task::JoinHandle<Result<SessionId, RegistryError>> {
        self.issue_along(number, vec![])
    }

    fn issue_along(
        &self,
        number: u64,
        along: Vec<Change>,
    ) -> tokio::task::JoinHandle<Result<SessionId, RegistryError>> {
        let registry = self.registry.clone();
        let (subject, website) = (Subject::customer(1), WebsiteId(1));
        let message = IssueToken {
            subject,
            website,
            digest: digest(number),
            fixed_end: None,
            role: None,
            along,
            origin: Origin::SERVER,
            typed: None,
        };
        actix_rt::spawn(async move { registry.issue(message).await.map(|issued| issued.session.id) })
    }

    fn revoke(&self, which: Revocation) -> tokio::task::JoinHandle<Result<usize, RegistryError>> {
        let registry = self.registry.clone();
        actix_rt::spawn(async move {
            registry.revoke(RevokeSessions { which, reason: EndReason::SignedOut, origin: Origin::SERVER }).await
        })
    }

    async fn pass(&self, seconds: u32) {
        self.clock.advance(Duration::from_secs(seconds.into()));
        tokio::time::sleep(Duration::from_secs(seconds.into())).await;
        self.run().await;
    }

    fn is_good(&self, number: u64) -> bool {
        matches!(self.registry.reader().validate(Some(Candidate::Opaque(digest(number)))), Validation::Valid(_))
    }
}

fn issues(changes: &[Change]) -> Vec<u64> {
    let issue = |change: &Change| match change {
        Change::Session(SessionEvent::Issued { session, .. }) => Some(session.id.0),
        _ => None,
    };
    changes.iter().filter_map(issue).collect()
}

fn deletions(changes: &[Change]) -> Vec<usize> {
    let deletion = |change: &Change| match change {
        Change::SessionsForgotten(ids) => Some(ids.len()),
        _ => None,
    };
    changes.iter().filter_map(deletion).collect()
}

fn stored(number: u64) -> StoredSession {
    StoredSession {
        id: SessionId(number),
        subject: Subject::customer(u32::try_from(number).unwrap()),
        website: WebsiteId(1),
        issued: START,
        fixed_end: None,
        digest: digest(number),
    }
}

#[actix_rt::test]
async fn with_async_durability_a_token_is_handed_out_before_it_is_stored_and_a_revocation_waits() {
    let house = house(Durability::Async);
    house.issue(1).await.unwrap().unwrap();
    assert!(house.is_good(1));
    let revoke = house.revoke(Revocation::Token(digest(1)));
    house.run().await;
    assert!(!revoke.is_finished());
    assert_eq!(issues(&house.settle(RecordOutcome::Stored).await), [1]);
    assert_eq!(revoke.await.unwrap(), Ok(1));
}

#[actix_rt::test]
async fn with_async_durability_nothing_is_handed_out_while_something_older_than_100_ms_is_not_stored() {
    let house = house(Durability::Async);
    house.issue(1).await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(90)).await;
    house.issue(2).await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let third = house.issue(3);
    house.run().await;
    assert!(!third.is_finished());
    house.settle(RecordOutcome::Stored).await;
    third.await.unwrap().unwrap();
}

#[actix_rt::test]
async fn what_was_handed_out_is_stored_later_unless_it_was_ended_meanwhile() {
    let house = house(Durability::Async);
    for number in 1..=2 {
        house.issue(number).await.unwrap().unwrap();
    }
    house.settle(RecordOutcome::Failed).await;
    assert!(house.is_good(1) && house.is_good(2));
    assert!(house.issue(3).await.unwrap().is_err(), "nothing is handed out while the store fails");
    assert!(house.revoke(Revocation::Token(digest(1))).await.unwrap().is_err(), "it is not stored yet");
    assert!(!house.is_good(1));
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(issues(&house.settle(RecordOutcome::Stored).await), [2]);
}

#[actix_rt::test]
async fn a_code_that_a_token_was_handed_out_for_is_stored_later_with_its_session() {
    let house = house(Durability::Async);
    let code = UsedCode { administrator: 1, period: 7 };
    house.issue_along(1, vec![Change::CodeUsed(code)]).await.unwrap().unwrap();
    let codes = |changes: Vec<Change>| {
        changes.iter().filter(|change| matches!(change, Change::CodeUsed(used) if *used == code)).count()
    };
    assert_eq!(codes(house.settle(RecordOutcome::Failed).await), 1);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(codes(house.settle(RecordOutcome::Stored).await), 1);
}

#[actix_rt::test]
async fn what_must_not_be_lost_of_a_sign_in_is_stored_also_when_its_session_has_ended_first() {
    let house = house(Durability::Async);
    let kept = [
        Change::CodeUsed(UsedCode { administrator: 1, period: 7 }),
        Change::MirrorAdded(MirroredToken { row: 9, digest: digest(1) }),
    ];
    house.issue_along(1, kept.to_vec()).await.unwrap().unwrap();
    house.settle(RecordOutcome::Failed).await;
    assert!(house.revoke(Revocation::Token(digest(1))).await.unwrap().is_err(), "it is not stored yet");
    for outcome in [RecordOutcome::Failed, RecordOutcome::Stored] {
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let changes = house.settle(outcome).await;
        let stored = changes.iter().map(|change| format!("{change:?}")).collect::<Vec<_>>();
        for change in &kept {
            assert!(stored.contains(&format!("{change:?}")), "{stored:?}");
        }
        assert_eq!(issues(&changes), [0; 0]);
    }
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert!(house.settle(RecordOutcome::Stored).await.is_empty(), "once");
}

#[actix_rt::test]
async fn tokens_that_were_ended_elsewhere_end_together_and_the_answer_comes_behind_the_last() {
    let house = house(Durability::Sync);
    let sessions = (1..=3000).map(stored).collect();
    house.registry.actor().send(LoadSessions { sessions, over: vec![] }).await.unwrap().unwrap();
    let registry = house.registry.clone();
    let ended = (1..=2000).chain([9999]).map(digest).collect();
    let ending = actix_rt::spawn(async move { registry.end_tokens(EndTokens(ended)).await });
    house.run().await;
    assert!(!ending.is_finished(), "nothing is stored yet");
    assert_eq!([1, 2000, 2001].map(|number| house.is_good(number)), [false, false, true]);
    let changes = house.settle(RecordOutcome::Stored).await;
    let lines = changes.iter().filter(|change| matches!(change, Change::Audit(_)));
    assert_eq!((ending.await.unwrap(), lines.count()), (Ok(2000), 2000));
}

#[actix_rt::test]
async fn with_no_durability_the_store_hears_nothing_of_sessions() {
    let house = house(Durability::None);
    let issue = house.issue(1);
    let revoke = house.revoke(Revocation::Everything);
    let lines_alone = |changes: Vec<Change>| changes.iter().all(|change| matches!(change, Change::Audit(_)));
    assert!(lines_alone(house.settle(RecordOutcome::Stored).await));
    assert!(issue.await.unwrap().is_err(), "it was ended on its way");
    assert_eq!(revoke.await.unwrap(), Ok(0));
    let issue = house.issue(2);
    house.settle(RecordOutcome::Stored).await;
    issue.await.unwrap().unwrap();
    house.pass(3600 + KEEP_ENDED).await;
    assert!(lines_alone(house.settle(RecordOutcome::Stored).await));
}

#[actix_rt::test]
async fn what_happens_to_sessions_is_told_in_the_same_record() {
    let house = house(Durability::Sync);
    let told = |changes: &[Change]| {
        let line = |change: &Change| match change {
            Change::Audit(line) => Some(line.event.clone()),
            _ => None,
        };
        changes.iter().filter_map(line).collect::<Vec<_>>()
    };
    let issue = house.issue(1);
    let changes = house.settle(RecordOutcome::Stored).await;
    let session = issue.await.unwrap().unwrap();
    let (subject, website) = (Subject::customer(1), WebsiteId(1));
    assert_eq!(told(&changes), [Event::Issued { subject, session, website }]);
    assert_eq!(changes.len(), 2);
    let nothing = house.revoke(Revocation::Session(SessionId(99)));
    assert_eq!(told(&house.settle(RecordOutcome::Stored).await), [], "nothing happened");
    assert_eq!(nothing.await.unwrap(), Ok(0));
    let revoke = house.revoke(Revocation::Session(session));
    let first = house.settle(RecordOutcome::Failed).await;
    assert!(revoke.await.unwrap().is_err());
    house.pass(1).await;
    let again = house.settle(RecordOutcome::Stored).await;
    let which = Which::Session { session, subject };
    let expected = [Event::Revoked { which, reason: "signed-out".into(), count: 1 }];
    assert_eq!((told(&first), told(&again)), (expected.to_vec(), expected.to_vec()), "again, with its line");
    let issue = house.issue(2);
    house.settle(RecordOutcome::Stored).await;
    issue.await.unwrap().unwrap();
    house.pass(3600).await;
    assert_eq!(told(&house.settle(RecordOutcome::Stored).await), [Event::Expired { count: 1 }]);
}

#[actix_rt::test]
async fn rows_of_sessions_that_have_ended_are_deleted_slice_by_slice_and_again_after_a_failure() {
    let house = house(Durability::Sync);
    let sessions = (1..=5000).map(stored).collect();
    house.registry.actor().send(LoadSessions { sessions, over: vec![] }).await.unwrap().unwrap();
    house.registry.actor().send(SettingsChanged).await.unwrap();
    house.pass(3600).await;
    assert_eq!(deletions(&house.settle(RecordOutcome::Stored).await), [0; 0], "they are kept as expired");
    house.pass(KEEP_ENDED).await;
    assert_eq!(deletions(&house.settle(RecordOutcome::Failed).await), [4096]);
    house.pass(1).await;
    assert_eq!(deletions(&house.settle(RecordOutcome::Stored).await), [4096]);
    assert_eq!(deletions(&house.settle(RecordOutcome::Stored).await), [904]);
    assert_eq!(deletions(&house.settle(RecordOutcome::Stored).await), [0; 0]);
}

#[actix_rt::test]
async fn rows_of_a_revoked_kind_are_deleted() {
    let house = house(Durability::Sync);
    let sessions = (1..=10).map(stored).collect();
    house.registry.actor().send(LoadSessions { sessions, over: vec![] }).await.unwrap().unwrap();
    let revoke = house.revoke(Revocation::Kind(UserType::Customer));
    assert_eq!(deletions(&house.settle(RecordOutcome::Stored).await), [10]);
    assert_eq!(revoke.await.unwrap(), Ok(10));
}

#[actix_rt::test]
async fn what_is_loaded_is_good_and_its_numbers_are_not_given_away_again() {
    let house = house(Durability::Sync);
    let kinds_ended = vec![(UserType::Customer, SessionId(2))];
    house.registry.actor().send(BeginLoading { expected: 3, kinds_ended }).await.unwrap();
    let load = LoadSessions { sessions: vec![stored(2), stored(3), stored(8)], over: vec![SessionId(1)] };
    house.registry.actor().send(load).await.unwrap().unwrap();
    assert_eq!([2, 3, 8].map(|number| house.is_good(number)), [false, true, true]);
    assert!(house.settle(RecordOutcome::Stored).await.is_empty(), "nothing is deleted while there may be more");
    house.registry.actor().send(SettingsChanged).await.unwrap();
    assert_eq!(deletions(&house.settle(RecordOutcome::Stored).await), [1]);
    let issue = house.issue(100);
    house.settle(RecordOutcome::Stored).await;
    assert_eq!(issue.await.unwrap(), Ok(SessionId(9)));
    assert_eq!(house.registry.statistics().await.unwrap().issued, 1);
}
