//! The audit trail in a real file: appended, checked, tampered with, erased, pruned.

use std::path::Path;

use rusqlite::Connection;
use serde_json::Value;

use super::*;
use crate::audit::{Actor, Channel, Event, Line, Origin, Person};
use crate::clock::UnixSeconds;
use crate::session::{Session, SessionEvent, SessionId, Subject, UserType};
use crate::settings::WebsiteId;
use crate::token::TokenDigest;

struct House {
    store: Store,
    folder: DataFolder,
    home: tempfile::TempDir,
}

const JANE: &str = "jane@example.com";

fn house() -> House {
    let home = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(home.path()).unwrap();
    House { store: Store::start(&folder, None).unwrap(), folder, home }
}

fn stranger(address: &str) -> Origin {
    Origin { by: Actor::Stranger, channel: Channel::Rest, address: address.parse().ok() }
}

/// A sign-in of this customer, refused or not.
fn line(at: u32, customer: Option<u32>) -> Line {
    let kind = UserType::Customer;
    let event = Event::Refused { kind, subject: customer.map(Subject::customer), reason: "wrong_password".into() };
    let person = match customer {
        Some(customer) => Person::Account(Subject::customer(customer)),
        None => Person::Name { kind, folded: JANE.to_owned() },
    };
    Line::new(UnixSeconds(at), event, stranger("192.0.2.7")).typed(JANE.to_owned(), person)
}

fn told(at: u32) -> Change {
    Change::Audit(line(at, Some(1)))
}

async fn tell(house: &House, lines: u32) {
    for at in 1..=lines {
        house.store.write(vec![told(at)]).await.unwrap();
    }
}

fn verdict(folder: &Path) -> Verdict {
    TrailReader::open(folder).unwrap().verify(None).unwrap()
}

#[track_caller]
fn assert_whole(folder: &Path, expected: u64) {
    let verdict = verdict(folder);
    assert!(matches!(verdict, Verdict::Whole { lines, .. } if lines == expected), "{verdict:?}");
}

fn export(folder: &Path, since: u32, until: u32) -> Vec<Value> {
    let span = Span { since: UnixSeconds(since), until: UnixSeconds(until) };
    let mut lines = Vec::new();
    let hand = |line: &Value| {
        lines.push(line.clone());
        Ok::<_, ()>(())
    };
    TrailReader::open(folder).unwrap().export(span, hand).unwrap();
    lines
}

fn everything(folder: &Path) -> Vec<Value> {
    export(folder, 0, u32::MAX)
}

/// What somebody does who can write to the file.
fn tamper(house: &House, script: &str) {
    let file = Connection::open(house.folder.database()).unwrap();
    file.execute_batch(&format!("DROP TRIGGER IF EXISTS audit_lines_are_never_changed; {script}")).unwrap();
}

#[actix::test]
async fn lines_are_whole_and_exported_with_names_while_the_writer_runs_and_afterwards() {
    let house = house();
    tell(&house, 3).await;
    for _ in 0..2 {
        assert_whole(house.home.path(), 3);
        let lines = everything(house.home.path());
        assert_eq!(lines.len(), 3);
        assert_eq!((&lines[0]["line"], &lines[0]["event"]), (&1.into(), &"refused".into()));
        assert_eq!((&lines[0]["name"], &lines[0]["address"]), (&JANE.into(), &"192.0.2.7".into()));
        house.store.close().await;
    }
    let numbers = |lines: Vec<Value>| lines.iter().map(|line| line["line"].as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!(numbers(export(house.home.path(), 2, 3)), [2]);
    assert_eq!(numbers(export(house.home.path(), 3, u32::MAX)), [3]);
}

#[actix::test]
async fn no_name_and_no_address_stands_in_clear_in_the_file() {
    let house = house();
    tell(&house, 1).await;
    house.store.write(vec![Change::Audit(line(2, None))]).await.unwrap();
    house.store.close().await;
    let bytes = std::fs::read(house.folder.database()).unwrap();
    for clear in [JANE.as_bytes(), b"192.0.2.7", &[192, 0, 2, 7]] {
        assert!(!bytes.windows(clear.len()).any(|window| window == clear), "{clear:?}");
    }
}

#[actix::test]
async fn whatever_is_done_to_the_lines_is_noticed_and_the_first_bad_one_is_named() {
    let tamperings = [
        ("UPDATE audit_lines SET at = 77 WHERE number = 3", 3, TrailFault::Changed),
        (
            "UPDATE audit_lines SET entry = (SELECT entry FROM audit_lines WHERE number = 2) WHERE number = 3",
            3,
            TrailFault::Changed,
        ),
        ("UPDATE audit_lines SET hash = x'00' WHERE number = 3", 3, TrailFault::Changed),
        ("DELETE FROM audit_lines WHERE number = 1", 1, TrailFault::Missing),
        ("DELETE FROM audit_lines WHERE number = 3", 3, TrailFault::Missing),
        ("DELETE FROM audit_lines WHERE number > 3", 4, TrailFault::Missing),
        ("DELETE FROM audit_lines", 1, TrailFault::Missing),
        // Two lines change places.
        (
            "UPDATE audit_lines SET number = 100 WHERE number = 2; UPDATE audit_lines SET number = 2 WHERE number = 3;
             UPDATE audit_lines SET number = 3 WHERE number = 100",
            2,
            TrailFault::Changed,
        ),
        // The rest moves up over a line that was taken out.
        (
            "DELETE FROM audit_lines WHERE number = 3; UPDATE audit_lines SET number = 3 WHERE number = 4;
             UPDATE audit_lines SET number = 4 WHERE number = 5",
            3,
            TrailFault::Changed,
        ),
        ("INSERT INTO audit_lines SELECT 6, at, entry, hash FROM audit_lines WHERE number = 5", 6, TrailFault::Added),
        ("INSERT INTO audit_lines SELECT 0, at, entry, hash FROM audit_lines WHERE number = 5", 0, TrailFault::Added),
        ("UPDATE meta SET value = zeroblob(64) WHERE key = 'audit_trail'", 1, TrailFault::Head),
        ("DELETE FROM meta WHERE key = 'audit_trail'", 1, TrailFault::Head),
    ];
    for (script, line, fault) in tamperings {
        let house = house();
        tell(&house, 5).await;
        assert_whole(house.home.path(), 5);
        tamper(&house, script);
        assert_eq!(verdict(house.home.path()), Verdict::Broken { line, fault }, "{script}");
    }
}

#[actix::test]
async fn behind_a_line_that_is_taken_for_granted_the_rest_can_be_checked() {
    let house = house();
    tell(&house, 5).await;
    tamper(&house, "DELETE FROM audit_lines WHERE number = 2");
    let trail = TrailReader::open(house.home.path()).unwrap();
    assert_eq!(trail.verify(None).unwrap(), Verdict::Broken { line: 2, fault: TrailFault::Missing });
    assert!(matches!(trail.verify(Some(3)).unwrap(), Verdict::Whole { last: 5, .. }));
    assert_eq!(trail.verify(Some(2)).unwrap(), Verdict::Broken { line: 2, fault: TrailFault::Missing });
    // One that has gone because of its age is no sign of anything.
    house.store.write(vec![Change::AuditOutdated { before: UnixSeconds(2) }]).await.unwrap();
    assert_eq!(trail.verify(Some(1)).unwrap(), Verdict::Broken { line: 2, fault: TrailFault::Missing });
    tamper(&house, "UPDATE audit_lines SET at = 9 WHERE number = 4");
    assert_eq!(trail.verify(Some(3)).unwrap(), Verdict::Broken { line: 4, fault: TrailFault::Changed });
}

#[actix::test]
async fn a_recovery_keeps_the_trail_says_so_in_it_and_does_not_hide_what_is_lost() {
    let house = house();
    tell(&house, 5).await;
    let House { store, folder, home } = house;
    store.close().await;
    drop((store, folder));
    recover(
        home.path(),
        RecoverOptions { keep_sessions: true, force: true },
        UnixSeconds(9),
        Origin::operator(Some(0)),
    )
    .unwrap();
    assert_whole(home.path(), 6);
    let lines = everything(home.path());
    assert_eq!((&lines[5]["event"], &lines[4]["name"]), (&"recovered".into(), &JANE.into()));
    let file = Connection::open(home.path().join("tokenward.db")).unwrap();
    file.execute("DELETE FROM audit_lines WHERE number = 2", ()).unwrap();
    drop(file);
    recover(
        home.path(),
        RecoverOptions { keep_sessions: true, force: true },
        UnixSeconds(10),
        Origin::operator(Some(0)),
    )
    .unwrap();
    assert_eq!(verdict(home.path()), Verdict::Broken { line: 2, fault: TrailFault::Missing });
    // Without its end the trail cannot go on.
    let file = Connection::open(home.path().join("tokenward.db")).unwrap();
    file.execute("DELETE FROM meta WHERE key = 'audit_trail'", ()).unwrap();
    drop(file);
    recover(
        home.path(),
        RecoverOptions { keep_sessions: true, force: true },
        UnixSeconds(11),
        Origin::operator(Some(0)),
    )
    .unwrap();
    assert_whole(home.path(), 1);
}

#[actix::test]
async fn an_older_file_gets_a_trail() {
    let home = tempfile::tempdir().unwrap();
    let mut file = Connection::open(home.path().join("tokenward.db")).unwrap();
    schema::found_version(&mut file, 2);
    drop(file);
    let folder = DataFolder::open(home.path()).unwrap();
    let store = Store::start(&folder, None).unwrap();
    store.write(vec![told(1)]).await.unwrap();
    assert_whole(home.path(), 1);
}

#[actix::test]
async fn an_accident_does_not_change_a_line() {
    let house = house();
    tell(&house, 1).await;
    let file = Connection::open(house.folder.database()).unwrap();
    let refused = file.execute("UPDATE audit_lines SET at = 9", ()).unwrap_err().to_string();
    assert!(refused.contains("never changed"), "{refused}");
}

#[actix::test]
async fn an_erased_person_cannot_be_read_any_more_and_the_trail_stays_whole() {
    let house = house();
    let row = CustomerRow {
        website: WebsiteId(1),
        email: JANE.to_owned(),
        email_key: JANE.to_owned(),
        ..CustomerRow::default()
    };
    house.store.write(vec![Change::CreateCustomers(vec![row])]).await.unwrap();
    let throttled = ThrottleRow {
        kind: UserType::Customer,
        name: JANE.to_owned(),
        failures: 1,
        lock_expires: UnixSeconds(u32::MAX),
    };
    let other = Change::Audit(line(3, Some(2)));
    house
        .store
        .write(vec![told(1), Change::Audit(line(2, None)), other, Change::ThrottleSet(throttled)])
        .await
        .unwrap();
    let keys = {
        let file = Connection::open(house.folder.database()).unwrap();
        let mut statement = file
            .prepare("SELECT key FROM audit_keys WHERE account & 0xffffffff = 1 UNION ALL SELECT key FROM audit_names")
            .unwrap();
        statement.query_map((), |row| row.get(0)).unwrap().collect::<Result<Vec<Vec<u8>>, _>>().unwrap()
    };
    assert_eq!(keys.len(), 2);
    let erasure = Erasure { kind: UserType::Customer, name: JANE.to_owned(), customers: vec![1] };
    let erased =
        Line::new(UnixSeconds(4), Event::Erased { subject: Some(Subject::customer(1)) }, Origin::operator(Some(0)));
    house.store.write(vec![Change::Erase(erasure), Change::Audit(erased)]).await.unwrap();
    let lines = everything(house.home.path());
    for line in &lines[..2] {
        assert_eq!((line.get("name"), line.get("address"), &line["erased"]), (None, None, &true.into()), "{line}");
    }
    assert_eq!(lines[2]["name"], JANE, "somebody else is still there");
    assert_whole(house.home.path(), 4);
    // Neither in the file nor in its log is anything left that would open the lines or name the account.
    for file in ["tokenward.db", "tokenward.db-wal"] {
        let bytes = std::fs::read(house.home.path().join(file)).unwrap();
        for gone in keys.iter().map(Vec::as_slice).chain([JANE.as_bytes()]) {
            assert!(!bytes.windows(gone.len()).any(|window| window == gone), "{file}");
        }
    }
    house.store.close().await;
}

#[actix::test]
async fn lines_that_are_too_old_go_in_slices_and_the_rest_stays_whole() {
    let house = house();
    let lines = |range: std::ops::RangeInclusive<u32>| range.map(told).collect::<Vec<_>>();
    house.store.write(lines(1..=4500)).await.unwrap();
    house.store.write(vec![Change::Audit(line(1, None)), Change::Audit(line(200_000, None))]).await.unwrap();
    let prune = || house.store.write(vec![Change::AuditOutdated { before: UnixSeconds(4001) }]);
    prune().await.unwrap();
    assert_whole(house.home.path(), 2502);
    prune().await.unwrap();
    prune().await.unwrap();
    assert_whole(house.home.path(), 502);
    assert_eq!(everything(house.home.path())[0]["line"], 4001);
    assert_eq!(Readers::new(&house.folder).oldest_line().await.unwrap(), Some((4001, UnixSeconds(4001))));
    house.store.write(vec![Change::AuditOutdated { before: UnixSeconds(190_000) }]).await.unwrap();
    assert_eq!(everything(house.home.path()).len(), 1);
    let file = Connection::open(house.folder.database()).unwrap();
    let names: u32 = file.query_row("SELECT count(*) FROM audit_names", (), |row| row.get(0)).unwrap();
    assert_eq!(names, 1, "a name's key of before goes with its lines");
    // The trail goes on after everything was pruned.
    house.store.write(vec![Change::AuditOutdated { before: UnixSeconds(u32::MAX) }]).await.unwrap();
    assert_whole(house.home.path(), 0);
    house.store.write(vec![told(300_000)]).await.unwrap();
    assert_whole(house.home.path(), 1);
    tamper(&house, "DELETE FROM audit_lines");
    assert_eq!(verdict(house.home.path()), Verdict::Broken { line: 4503, fault: TrailFault::Missing });
}

#[actix::test]
async fn a_line_that_was_made_older_than_it_is_does_not_go_with_the_old_ones() {
    let house = house();
    tell(&house, 6).await;
    tamper(&house, "UPDATE audit_lines SET at = 1 WHERE number IN (3, 4)");
    house.store.write(vec![Change::AuditOutdated { before: UnixSeconds(3) }]).await.unwrap();
    assert_eq!(verdict(house.home.path()), Verdict::Broken { line: 3, fault: TrailFault::Changed });
    // They go with the first line behind them whose time is to be believed.
    house.store.write(vec![Change::AuditOutdated { before: UnixSeconds(5) }]).await.unwrap();
    assert_eq!(verdict(house.home.path()), Verdict::Broken { line: 3, fault: TrailFault::Changed });
    house.store.write(vec![Change::AuditOutdated { before: UnixSeconds(6) }]).await.unwrap();
    assert_whole(house.home.path(), 1);
}

#[actix::test]
async fn lines_behind_a_gap_that_damage_has_made_go_when_they_are_old() {
    let house = house();
    house.store.write((1..=5000).map(told).collect()).await.unwrap();
    tamper(&house, "DELETE FROM audit_lines WHERE number BETWEEN 100 AND 4000");
    house.store.write(vec![Change::AuditOutdated { before: UnixSeconds(4500) }]).await.unwrap();
    assert_whole(house.home.path(), 501);
}

#[actix::test]
async fn keys_leave_no_copy_in_the_file_when_they_were_moved_about_before_they_are_erased() {
    let house = house();
    // In an order in which pages are split again and again, as people sign in.
    let people: Vec<_> = (0..1000_u32).map(|number| 1 + number * 1873 % 3001).collect();
    for slice in people.chunks(100) {
        house.store.write(slice.iter().map(|&id| Change::Audit(line(1, Some(id)))).collect()).await.unwrap();
    }
    let erased: Vec<_> = people[500..550].to_vec();
    let keys: Vec<Vec<u8>> = {
        let file = Connection::open(house.folder.database()).unwrap();
        let key = |&id: &u32| {
            let row = audit::account(Subject::customer(id));
            file.query_row("SELECT key FROM audit_keys WHERE account = ?1", [row], |row| row.get(0)).unwrap()
        };
        erased.iter().map(key).collect()
    };
    let erasure = Erasure { kind: UserType::Customer, name: JANE.to_owned(), customers: erased };
    house.store.write(vec![Change::Erase(erasure)]).await.unwrap();
    house.store.close().await;
    let bytes = std::fs::read(house.folder.database()).unwrap();
    let left = keys.iter().filter(|key| bytes.windows(key.len()).any(|window| window == key.as_slice())).count();
    assert_eq!(left, 0);
}

#[actix::test]
async fn a_line_is_stored_with_its_session_or_not_at_all() {
    let house = house();
    let session = Session {
        id: SessionId(1),
        subject: Subject::customer(1),
        website: WebsiteId(1),
        issued: UnixSeconds(1),
        ends: None,
        last_used: UnixSeconds(1),
    };
    let issued =
        |digest| Change::Session(SessionEvent::Issued { session, fixed_end: None, digest: TokenDigest([digest; 16]) });
    house.store.write(vec![issued(0), told(1)]).await.unwrap();
    // The number of a session is not given twice, so this message fails, and its line with it.
    let refused = house.store.write(vec![told(2), issued(1)]).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    assert_whole(house.home.path(), 1);
    house.store.write(vec![told(3)]).await.unwrap();
    assert_whole(house.home.path(), 2);
}

#[actix::test]
async fn a_session_that_has_to_be_stored_once_more_has_one_line() {
    let house = house();
    let session = Session {
        id: SessionId(1),
        subject: Subject::customer(1),
        website: WebsiteId(1),
        issued: UnixSeconds(5),
        ends: None,
        last_used: UnixSeconds(5),
    };
    let issued = || SessionEvent::Issued { session, fixed_end: None, digest: TokenDigest([7; 16]) };
    // The commit held although it was reported as failed, so whoever sent it sends it again.
    for _ in 0..2 {
        house.store.write(vec![Change::Session(issued()), told(5)]).await.unwrap();
    }
    assert_whole(house.home.path(), 1);
    house.store.write(vec![told(6)]).await.unwrap();
    assert_whole(house.home.path(), 2);
}

#[actix::test]
async fn lines_of_a_span_are_found_where_they_are_also_when_one_was_stored_late() {
    let house = house();
    for at in [10, 20, 30, 15, 40, 50] {
        house.store.write(vec![told(at)]).await.unwrap();
    }
    let numbers = |since, until| {
        let lines = export(house.home.path(), since, until);
        lines.iter().map(|line| line["line"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(numbers(16, 50), [2, 3, 5]);
    assert_eq!(numbers(0, 16), [1, 4]);
    assert_eq!(numbers(60, 99), [0; 0]);
    let file = Connection::open(house.folder.database()).unwrap();
    let plan = "EXPLAIN QUERY PLAN SELECT min(number) FROM audit_lines WHERE at >= 1 AND at < 2";
    let plan: String = file.query_row(plan, (), |row| row.get(3)).unwrap();
    assert!(plan.contains("audit_lines_by_time"), "{plan}");
}

#[actix::test]
async fn a_line_beyond_the_end_is_no_tampering() {
    let house = house();
    tell(&house, 3).await;
    let reader = TrailReader::open(house.home.path()).unwrap();
    assert_eq!(reader.verify(Some(4)).unwrap(), Verdict::Beyond { last: 3 });
    assert!(matches!(reader.verify(Some(3)).unwrap(), Verdict::Whole { last: 3, .. }));
}

#[actix::test]
async fn what_was_erased_leaves_the_log_as_soon_as_nobody_reads_it() {
    tokio::time::pause();
    let home = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(home.path()).unwrap();
    let store = Store::start_here(&folder).unwrap();
    store.write(vec![told(1)]).await.unwrap();
    let reading = Connection::open(folder.database()).unwrap();
    reading.execute_batch("BEGIN; SELECT count(*) FROM audit_lines").unwrap();
    let erasure = || Erasure { kind: UserType::Customer, name: JANE.to_owned(), customers: vec![1] };
    assert!(store.write(vec![Change::Erase(erasure())]).await.unwrap().lingers);
    let log = || std::fs::metadata(home.path().join("tokenward.db-wal")).unwrap().len();
    assert!(log() > 0);
    reading.execute_batch("ROLLBACK").unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(11)).await;
    assert_eq!(log(), 0);
    assert!(!store.write(vec![Change::Erase(erasure())]).await.unwrap().lingers);
}

#[actix::test]
async fn an_account_that_was_made_in_the_same_message_is_named_in_its_line() {
    let house = house();
    let row = |email: &str| CustomerRow {
        website: WebsiteId(1),
        email: email.to_owned(),
        email_key: email.to_owned(),
        ..CustomerRow::default()
    };
    let made = |count| {
        let event = Event::AccountsMade { kind: UserType::Customer, count, subject: None };
        Change::Audit(Line::new(UnixSeconds(1), event, Origin::SERVER))
    };
    house.store.write(vec![Change::CreateCustomers(vec![row("a@example.com")]), made(1)]).await.unwrap();
    let many = vec![row("b@example.com"), row("c@example.com")];
    house.store.write(vec![Change::CreateCustomers(many), made(2)]).await.unwrap();
    let lines = everything(house.home.path());
    assert_eq!(lines[0]["subject"], "customer:1");
    assert_eq!((lines[1].get("subject"), &lines[1]["count"]), (None, &2.into()));
}
