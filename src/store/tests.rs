//! The writer, its handle and the readers on real files.

use std::sync::mpsc;
use std::time::Duration;

use actix::{Actor, Context, Handler};
use futures_util::future::join_all;
use rusqlite::Connection;

use super::*;
use crate::clock::UnixSeconds;
use crate::session::{Session, SessionEvent, SessionId, Subject, UserType};
use crate::settings::{Scope, WebsiteId};
use crate::token::TokenDigest;

struct House {
    folder: DataFolder,
    store: Store,
    readers: Readers,
    home: tempfile::TempDir,
}

fn house() -> House {
    let home = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(home.path()).unwrap();
    House { store: Store::start(&folder, None).unwrap(), readers: Readers::new(&folder), folder, home }
}

fn customer(email: &str) -> Change {
    Change::CreateCustomers(vec![CustomerRow {
        website: WebsiteId(1),
        email: email.to_owned(),
        email_key: email.to_owned(),
        ..CustomerRow::default()
    }])
}

fn setting(value: &str) -> Change {
    Change::Setting(SettingRow {
        path: "general/locale/code".to_owned(),
        scope: Scope::Default,
        value: Some(value.to_owned()),
    })
}

fn issued(id: u64) -> Change {
    let session = Session {
        id: SessionId(id),
        subject: Subject::customer(1),
        website: WebsiteId(1),
        issued: UnixSeconds(1),
        ends: None,
        last_used: UnixSeconds(1),
    };
    let digest = TokenDigest([0; 16]);
    Change::Session(SessionEvent::Issued { session, fixed_end: None, digest })
}

async fn count(readers: &Readers, table: &'static str) -> u32 {
    let question =
        move |file: &Connection| file.query_row(&format!("SELECT count(*) FROM {table}"), (), |row| row.get(0));
    readers.read(question).await.unwrap()
}

/// Stands for the registry: passes on what it is told.
struct Listener(mpsc::Sender<Committed>);

impl Actor for Listener {
    type Context = Context<Self>;
}

impl Handler<Committed> for Listener {
    type Result = ();

    fn handle(&mut self, committed: Committed, _: &mut Self::Context) {
        self.0.send(committed).unwrap();
    }
}

fn attach(store: &Store) -> mpsc::Receiver<Committed> {
    let (sender, heard) = mpsc::channel();
    store.attach_registry(Listener(sender).start().recipient());
    heard
}

#[actix::test]
async fn what_was_answered_is_there_after_reopening() {
    let house = house();
    let written = house.store.write(vec![customer("a@example.com"), customer("b@example.com")]).await;
    assert_eq!(written.unwrap().ids, [1, 2]);
    house.store.write(vec![setting("de_DE"), Change::FolderInitialised]).await.unwrap();
    let House { home, folder, store, readers } = house;
    drop((folder, store, readers));

    let folder = DataFolder::open(home.path()).unwrap();
    let readers = Readers::new(&folder);
    assert!(!folder.is_fresh());
    assert_eq!(count(&readers, "customers").await, 2);
    assert_eq!(readers.settings().await.unwrap()[0].value.as_deref(), Some("de_DE"));
}

#[actix::test]
async fn a_setting_is_kept_per_scope_and_taken_back() {
    let house = house();
    let row = |scope, value: Option<&str>| {
        Change::Setting(SettingRow { path: "general/locale/code".to_owned(), scope, value: value.map(str::to_owned) })
    };
    let website = Scope::Website(WebsiteId(1));
    house.store.write(vec![row(Scope::Default, Some("a")), row(website, Some(""))]).await.unwrap();
    house.store.write(vec![row(Scope::Default, None)]).await.unwrap();
    let stored = house.readers.settings().await.unwrap();
    assert_eq!(stored.len(), 1);
    assert_eq!((stored[0].scope, stored[0].value.as_deref()), (website, Some("")));
}

#[actix::test]
async fn many_writes_at_once_share_commits() {
    let house = house();
    let emails: Vec<_> = (0..500).map(|number| format!("{number}@example.com")).collect();
    let writes = emails.iter().map(|email| house.store.write(vec![customer(email)]));
    let ids: std::collections::HashSet<_> =
        join_all(writes).await.into_iter().flat_map(|written| written.unwrap().ids).collect();
    assert_eq!(ids.len(), 500);
    assert!(house.store.commits() < 100, "{} commits for 500 writes", house.store.commits());
}

#[actix::test]
async fn a_conflict_fails_alone_and_leaves_nothing_behind() {
    let home = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(home.path()).unwrap();
    let (store, readers) = (Store::start_here(&folder).unwrap(), Readers::new(&folder));
    let outcomes = join_all([
        store.write(vec![customer("a@example.com")]),
        store.write(vec![customer("b@example.com"), customer("a@example.com")]),
        store.write(vec![customer("c@example.com")]),
    ])
    .await;
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok());
    let Err(StoreError::Conflict(problem)) = &outcomes[1] else {
        panic!("{outcomes:?}");
    };
    assert!(problem.contains("e-mail address"), "{problem}");
    assert_eq!(count(&readers, "customers").await, 2);
    assert_eq!(store.commits(), 1);
}

#[actix::test]
async fn records_of_a_batch_are_answered_together_and_by_outcome() {
    let home = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(home.path()).unwrap();
    let store = Store::start_here(&folder).unwrap();
    let heard = attach(&store);
    let record = |ticket, changes| store.recorder().do_send(Record { ticket, changes });
    record(1, vec![issued(1)]);
    record(2, vec![issued(2), customer("a@example.com")]);
    record(3, vec![issued(3), customer("a@example.com")]);
    record(4, vec![issued(4)]);
    store.write(vec![customer("b@example.com")]).await.unwrap();
    tokio::task::yield_now().await;
    let heard: Vec<_> = heard.try_iter().map(|one| (one.through, one.outcome)).collect();
    let expected = [(2, RecordOutcome::Stored), (3, RecordOutcome::Failed), (4, RecordOutcome::Stored)];
    assert_eq!(heard, expected);
}

#[actix::test]
async fn records_of_nothing_are_answered_without_a_transaction() {
    let home = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(home.path()).unwrap();
    let store = Store::start_here(&folder).unwrap();
    let heard = attach(&store);
    store.recorder().do_send(Record { ticket: 7, changes: vec![] });
    store.write(vec![]).await.unwrap();
    tokio::task::yield_now().await;
    let stored = Committed { through: 7, outcome: RecordOutcome::Stored };
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), [stored]);
    assert_eq!(store.commits(), 0);
}

#[actix::test]
async fn a_file_that_somebody_else_has_locked_is_unavailable_until_it_is_free() {
    let house = house();
    let other = Connection::open(house.folder.database()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = house.store.write(vec![setting("de_DE")]).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert_eq!(house.readers.settings().await.unwrap(), [], "reading goes on meanwhile");
    other.execute_batch("ROLLBACK").unwrap();
    house.store.write(vec![setting("de_DE")]).await.unwrap();
    assert_eq!(house.readers.settings().await.unwrap().len(), 1);
}

#[actix::test]
async fn a_full_file_is_unavailable_and_the_writer_recovers() {
    let home = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(home.path()).unwrap();
    let mut writer =
        StoreWriter::open(folder.database(), ledger::Seal::new(folder.digest_key()), std::sync::Arc::default(), None)
            .unwrap();
    writer.limit_pages(1);
    let writer = writer.start();
    let long = "x".repeat(1_000_000);
    let refused = writer.send(Write(vec![setting(&long)])).await.unwrap();
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    writer.send(Write(vec![setting(&long)])).await.unwrap().unwrap();
}

#[actix::test]
async fn a_file_that_cannot_be_written_is_unavailable_until_it_can() {
    let home = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(home.path()).unwrap();
    let mut writer =
        StoreWriter::open(folder.database(), ledger::Seal::new(folder.digest_key()), std::sync::Arc::default(), None)
            .unwrap();
    writer.make_read_only();
    let writer = writer.start();
    let refused = writer.send(Write(vec![setting("de_DE")])).await.unwrap();
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    writer.send(Write(vec![setting("de_DE")])).await.unwrap().unwrap();
}

#[actix::test]
async fn a_file_that_is_gone_is_an_error_of_the_reader_and_nothing_worse() {
    let house = house();
    let (here, aside) = (house.folder.database(), house.home.path().join("aside"));
    std::fs::rename(&here, &aside).unwrap();
    let refused = house.readers.settings().await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    std::fs::rename(&aside, &here).unwrap();
    assert_eq!(house.readers.settings().await, Ok(Vec::new()));
}

#[actix::test]
async fn the_throttle_keeps_one_row_a_name_and_kind() {
    let house = house();
    let row = |kind, failures| {
        Change::ThrottleSet(ThrottleRow {
            kind,
            name: "jane".to_owned(),
            failures,
            lock_expires: UnixSeconds(100 + failures),
        })
    };
    let (customer, admin) = (UserType::Customer, UserType::Admin);
    house.store.write(vec![row(customer, 1), row(customer, 2), row(admin, 3)]).await.unwrap();
    assert_eq!(count(&house.readers, "throttle").await, 2);
    house.store.write(vec![Change::ThrottleOutdated { at: UnixSeconds(102) }]).await.unwrap();
    assert_eq!(count(&house.readers, "throttle").await, 1);
}

#[actix::test]
async fn a_guard_is_dropped_with_the_writer() {
    struct Guard(mpsc::Sender<()>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.send(()).unwrap();
        }
    }
    let home = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(home.path()).unwrap();
    let (sender, dropped) = mpsc::channel();
    let store = Store::start(&folder, Some(Box::new(Guard(sender)))).unwrap();
    store.write(vec![setting("de_DE")]).await.unwrap();
    assert!(dropped.try_recv().is_err());
    drop(store);
    dropped.recv_timeout(Duration::from_secs(10)).unwrap();
}
