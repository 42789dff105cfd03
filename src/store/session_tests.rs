//! Sessions on real files: kept, loaded, deleted, damaged.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::Connection;

use super::*;
use crate::clock::UnixSeconds;
use crate::session::{EndReason, Session, SessionEvent, SessionId, Subject, UserType};
use crate::settings::WebsiteId;
use crate::token::TokenDigest;

fn issued(id: u64, subject: Subject) -> Change {
    let issued = UnixSeconds(1000 + u32::try_from(id).unwrap());
    let session = Session { id: SessionId(id), subject, website: WebsiteId(1), issued, ends: None, last_used: issued };
    Change::Session(SessionEvent::Issued { session, fixed_end: None, digest: digest(id) })
}

fn digest(id: u64) -> TokenDigest {
    let mut digest = [0; 16];
    digest.copy_from_slice(&blake3::hash(&id.to_le_bytes()).as_bytes()[..16]);
    TokenDigest(digest)
}

fn revoked(id: u64) -> Change {
    Change::Session(SessionEvent::Revoked { id: SessionId(id), digest: digest(id), reason: EndReason::SignedOut })
}

fn kind_revoked(kind: UserType, through: u64) -> Change {
    Change::Session(SessionEvent::KindRevoked { kind, through: SessionId(through) })
}

fn anne(id: u64) -> Change {
    issued(id, Subject::customer(1))
}

/// What a start finds in a folder: the live sessions, and the rows that are to be deleted.
type Found = (BTreeSet<u64>, Vec<u64>);

fn load(path: &Path, is_over: impl Fn(&StoredSession) -> bool) -> Result<Found, String> {
    let folder = DataFolder::open(path).map_err(|error| error.to_string())?;
    let (mut live, mut rows) = (BTreeSet::new(), Vec::new());
    let take = |loaded| {
        if let Loaded::Sessions { sessions, over } = loaded {
            for session in sessions {
                assert_eq!(session.digest, digest(session.id.0), "a session has become another one");
                live.insert(session.id.0);
            }
            rows.extend(over.iter().map(|id| id.0));
        }
        true
    };
    Loader::new(&folder).run(is_over, take).map_err(|error| error.to_string())?;
    Ok((live, rows))
}

fn live(path: &Path) -> BTreeSet<u64> {
    load(path, |_| false).unwrap().0
}

/// A folder on which these changes were made, one transaction each, and that was closed as by a clean stop.
async fn after(changes: Vec<Change>) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(home.path()).unwrap();
    let store = Store::start_here(&folder).unwrap();
    for change in changes {
        store.write(vec![change]).await.unwrap();
    }
    store.close().await;
    home
}

#[actix::test]
async fn sessions_come_back_and_numbers_go_on() {
    let home = after(vec![anne(1), anne(2), anne(7), revoked(2), revoked(2)]).await;
    assert_eq!(live(home.path()), [1, 7].into());
    let mut folder = DataFolder::open(home.path()).unwrap();
    assert_eq!(folder.first_session(Durability::Sync).unwrap(), SessionId(8));
    assert_eq!((folder.sessions(), folder.latest_issue()), (2, UnixSeconds(1007)));
}

#[actix::test]
async fn a_revocation_of_a_kind_covers_what_there_was_and_its_numbers_are_gone() {
    let changes = vec![
        anne(1),
        issued(2, Subject::admin(1)),
        kind_revoked(UserType::Customer, 9),
        anne(10),
        kind_revoked(UserType::Customer, 5),
    ];
    let home = after(changes).await;
    assert_eq!(load(home.path(), |_| false), Ok(([2, 10].into(), vec![1])));
    let home = after(vec![kind_revoked(UserType::Customer, 9)]).await;
    let first = DataFolder::open(home.path()).unwrap().first_session(Durability::Sync).unwrap();
    assert_eq!(first, SessionId(10), "the next session is not among those that have ended");
}

#[actix::test]
async fn what_is_over_is_named_for_deletion_and_deleted_by_number() {
    let home = after((1..=5).map(anne).collect()).await;
    let old = |session: &StoredSession| session.issued < UnixSeconds(1003);
    assert_eq!(load(home.path(), old), Ok(([3, 4, 5].into(), vec![1, 2])));
    let store = Store::start_here(&DataFolder::open(home.path()).unwrap()).unwrap();
    store.write(vec![Change::SessionsForgotten(vec![SessionId(1), SessionId(2)])]).await.unwrap();
    store.close().await;
    assert_eq!(load(home.path(), old), Ok(([3, 4, 5].into(), vec![])));
}

#[actix::test]
async fn a_renewed_session_has_its_new_end() {
    let home =
        after(vec![anne(1), Change::Session(SessionEvent::Renewed { id: SessionId(1), ends: UnixSeconds(9) })]).await;
    let renewed = |session: &StoredSession| session.fixed_end == Some(UnixSeconds(9));
    assert_eq!(load(home.path(), renewed), Ok(([].into(), vec![1])));
}

#[actix::test]
async fn a_session_that_conflicts_is_not_counted() {
    let home = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(home.path()).unwrap();
    let store = Store::start_here(&folder).unwrap();
    store.write(vec![anne(1)]).await.unwrap();
    let refused = store.write(vec![anne(2), anne(1)]).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    store.write(vec![anne(3)]).await.unwrap();
    store.close().await;
    drop(folder);
    assert_eq!(live(home.path()), [1, 3].into());
}

#[actix::test]
async fn without_durability_what_was_stored_has_ended() {
    let home = after(vec![anne(1), kind_revoked(UserType::Admin, 1)]).await;
    let first = DataFolder::open(home.path()).unwrap().first_session(Durability::None).unwrap();
    assert!(first > SessionId(1));
    assert_eq!(live(home.path()), [].into());
}

#[actix::test]
async fn a_row_that_somebody_changed_removed_or_brought_back_is_damage() {
    for meddling in [
        "UPDATE sessions SET user = 2 WHERE id = 1",
        "UPDATE sessions SET issued = issued + 1 WHERE id = 3",
        "DELETE FROM sessions WHERE id = 1",
        "INSERT INTO sessions SELECT * FROM aside",
        "UPDATE kind_revocations SET through = 0",
        "DELETE FROM kind_revocations",
        "DELETE FROM meta WHERE key = 'sessions'",
        "UPDATE meta SET value = randomblob(32) WHERE key = 'digest_key'",
    ] {
        let home = after(vec![anne(1), anne(2), anne(3), kind_revoked(UserType::Admin, 3)]).await;
        let database = home.path().join("tokenward.db");
        let file = Connection::open(&database).unwrap();
        file.execute_batch("CREATE TABLE aside AS SELECT * FROM sessions WHERE id = 2").unwrap();
        drop(file);
        let store = Store::start_here(&DataFolder::open(home.path()).unwrap()).unwrap();
        store.write(vec![revoked(2)]).await.unwrap();
        store.close().await;
        assert_eq!(live(home.path()), [1, 3].into());
        Connection::open(&database).unwrap().execute_batch(meddling).unwrap();
        let refused = load(home.path(), |_| false);
        assert!(refused.is_err(), "{meddling}: {refused:?}");
    }
}

/// A short run: which sessions are live after each commit that the log then holds.
struct Run {
    home: tempfile::TempDir,
    states: Vec<(u64, BTreeSet<u64>)>,
}

/// Issues, revokes and deletes; the copy is what a machine that lost its power leaves behind.
async fn run() -> Run {
    let (alive, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folder = DataFolder::open(alive.path()).unwrap();
    let store = Store::start_here(&folder).unwrap();
    let mut states = vec![(0, BTreeSet::new())];
    let mut expected = BTreeSet::new();
    for id in 1..=12 {
        let mut changes = vec![anne(id)];
        expected.insert(id);
        if id % 3 == 0 {
            changes.push(revoked(id - 1));
            expected.remove(&(id - 1));
        }
        store.write(changes).await.unwrap();
        let commits = log::inspect(&folder.database()).unwrap().commits;
        states.push((commits, expected.clone()));
    }
    for name in ["tokenward.db", "tokenward.db-wal"] {
        std::fs::copy(alive.path().join(name), home.path().join(name)).unwrap();
    }
    Run { home, states }
}

impl Run {
    /// What a start finds when the file of this name had these bytes.
    fn found(&self, name: &str, bytes: &[u8]) -> Result<BTreeSet<u64>, String> {
        let copy = tempfile::tempdir().unwrap();
        for name in ["tokenward.db", "tokenward.db-wal"] {
            std::fs::copy(self.home.path().join(name), copy.path().join(name)).unwrap();
        }
        std::fs::write(copy.path().join(name), bytes).unwrap();
        load(copy.path(), |_| false).map(|(live, _)| live)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.home.path().join(name)).unwrap()
    }

    fn last(&self) -> &BTreeSet<u64> {
        &self.states.last().unwrap().1
    }
}

const LOG: &str = "tokenward.db-wal";

#[actix::test]
async fn every_prefix_of_a_log_is_the_state_after_its_last_whole_commit() {
    let run = run().await;
    let whole = run.read(LOG);
    let frame = 24 + 4096;
    let bounds = (0..=(whole.len() - 32) / frame).map(|number| 32 + number * frame);
    let lengths = bounds.flat_map(|bound| [bound - 1, bound, bound + 1, bound + 2000]).chain(0..32);
    for length in lengths.filter(|length| *length <= whole.len()) {
        let prefix = &whole[..length];
        let copy = tempfile::tempdir().unwrap();
        std::fs::write(copy.path().join(LOG), prefix).unwrap();
        let commits = log::inspect(&copy.path().join("tokenward.db")).unwrap().commits;
        let expected = &run.states.iter().rfind(|(after, _)| *after <= commits).unwrap().1;
        assert_eq!(run.found(LOG, prefix).as_ref(), Ok(expected), "at {length}");
    }
}

#[actix::test]
async fn after_any_flipped_byte_the_start_is_correct_or_refused() {
    let run = run().await;
    let before_last = &run.states[run.states.len() - 2].1;
    let (mut refused, mut correct, mut torn) = (0, 0, 0);
    for name in [LOG, "tokenward.db"] {
        let whole = run.read(name);
        for _ in 0..FLIPS {
            let (at, mask) = (rand::random_range(0..whole.len()), rand::random_range(1..=255_u8));
            let mut flipped = whole.clone();
            flipped[at] ^= mask;
            match run.found(name, &flipped) {
                Err(_) => refused += 1,
                Ok(found) if found == *run.last() => correct += 1,
                // A flip inside the last transaction cannot be told from a torn tail.
                Ok(found) if name == LOG && found == *before_last && in_last_transaction(&whole, at) => torn += 1,
                Ok(found) => panic!("byte {at} of {name} ^ {mask}: {found:?} instead of {:?}", run.last()),
            }
        }
    }
    assert!(refused > 0 && correct > 0, "{refused} refused, {correct} correct, {torn} torn");
}

/// How often each file is damaged.
const FLIPS: usize = 500;

fn in_last_transaction(log: &[u8], at: usize) -> bool {
    let frame = 24 + 4096;
    let commits = (32..log.len()).step_by(frame).filter(|&start| log[start + 4..start + 8] != [0; 4]);
    let ends: Vec<_> = commits.map(|start| start + frame).collect();
    at >= ends[ends.len() - 2]
}
