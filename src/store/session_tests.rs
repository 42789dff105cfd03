//! Sessions on real files: kept, loaded, deleted, damaged.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::Connection;

use super::*;
use crate::audit::Origin;
use crate::clock::UnixSeconds;
use crate::secret::Secret;
use crate::session::{EndReason, Session, SessionEvent, SessionId, Subject, UserType};
use crate::settings::{Scope, WebsiteId};
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
    assert_eq!((folder.sessions(), folder.latest_moment()), (2, UnixSeconds(1007)));
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
    let refused = store.write(vec![anne(2), issued(1, Subject::customer(2))]).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    store.write(vec![anne(3)]).await.unwrap();
    store.close().await;
    drop(folder);
    assert_eq!(live(home.path()), [1, 3].into());
}

#[actix::test]
async fn a_session_that_is_stored_once_more_is_there_once() {
    let home = after(vec![anne(1), anne(1), anne(2)]).await;
    assert_eq!(live(home.path()), [1, 2].into());
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

const HASH: &str = "0123456789abcdef:salt:3_32_2_67108864";

fn customer(email: &str) -> Change {
    let email = email.to_owned();
    let hash = Some(HASH.to_owned());
    let row = CustomerRow {
        website: WebsiteId(1),
        email_key: email.clone(),
        email,
        password_hash: hash,
        ..CustomerRow::default()
    };
    Change::CreateCustomers(vec![row])
}

fn administrator(name: &str) -> Change {
    Change::CreateAdministrator(AdministratorRow {
        username: name.to_owned(),
        username_key: name.to_owned(),
        email: "admin@example.com".to_owned(),
        firstname: None,
        lastname: None,
        password_hash: HASH.to_owned(),
        is_active: false,
        role: None,
        expires_at: None,
        created_at: UnixSeconds(1),
    })
}

fn setting(number: u32) -> Change {
    let (path, value) = (format!("oauth/access_token_lifetime/{number}"), Some(number.to_string()));
    Change::Setting(SettingRow { path, scope: Scope::Default, value })
}

/// Issues, revokes and deletes; the copy is what a machine that lost its power leaves behind. Half of everything is in the
/// file already, the other half in the log only.
async fn run() -> Run {
    let (alive, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut states = Vec::new();
    let mut expected = BTreeSet::new();
    for half in [1..=12, 13..=24] {
        let folder = DataFolder::open(alive.path()).unwrap();
        let store = Store::start_here(&folder).unwrap();
        states = vec![(0, expected.clone())];
        let first = *half.start();
        store.write(vec![customer(&format!("{first}@example.com")), setting(1)]).await.unwrap();
        if first == 1 {
            store.write(vec![administrator("admin"), setting(2)]).await.unwrap();
        }
        for id in half.clone() {
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
        if first == 1 {
            store.close().await;
        }
    }
    for name in ["tokenward.db", "tokenward.db-wal"] {
        std::fs::copy(alive.path().join(name), home.path().join(name)).unwrap();
    }
    Run { home, states }
}

/// Fails when an account or a setting is another one than what was written, and nothing notices.
fn assert_rows_are_right(path: &Path) {
    let Ok(folder) = DataFolder::open(path) else { return };
    let (checksums, file) = (RowChecksums::new(folder.digest_key()), Connection::open(folder.database()).unwrap());
    for (table, name) in [(SealedTable::Customers, "customers"), (SealedTable::Administrators, "administrators")] {
        let mut rows = file.prepare(&format!("SELECT * FROM {name}")).unwrap();
        let mut rows = rows.query(()).unwrap();
        // A row that cannot be read is an error, and so is one that does not match.
        while let Ok(Some(row)) = rows.next() {
            if checksums.verify(table, row).is_ok() {
                assert_eq!(row.get::<_, String>("password_hash").unwrap(), HASH);
                assert!(!row.get::<_, bool>("is_active").unwrap());
            }
        }
    }
    let settings = "SELECT path || '=' || value FROM settings ORDER BY path";
    let settings: Vec<String> =
        file.prepare(settings).unwrap().query_map((), |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(settings, ["oauth/access_token_lifetime/1=1", "oauth/access_token_lifetime/2=2"]);
}

impl Run {
    /// What a start finds when the file of this name had these bytes.
    fn found(&self, name: &str, bytes: &[u8]) -> Result<BTreeSet<u64>, String> {
        let copy = tempfile::tempdir().unwrap();
        for name in ["tokenward.db", "tokenward.db-wal"] {
            std::fs::copy(self.home.path().join(name), copy.path().join(name)).unwrap();
        }
        std::fs::write(copy.path().join(name), bytes).unwrap();
        let found = load(copy.path(), |_| false).map(|(live, _)| live)?;
        assert_rows_are_right(copy.path());
        Ok(found)
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
    // Within a frame SQLite sees what it sees at the frame's beginning; our own reader is asked for every length elsewhere.
    let lengths = bounds.flat_map(|bound| [bound - 1, bound, bound + 1, bound + 24, bound + 2000]).chain(0..33);
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
    println!("{} flipped bytes: {refused} refused, {correct} right, {torn} in the last transaction", 2 * FLIPS);
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

#[actix::test]
async fn a_row_of_a_small_table_that_was_changed_or_is_missing_is_damage() {
    for meddling in [
        "DROP TRIGGER settings_changed; UPDATE settings SET value = '9' WHERE value = '1'",
        "DROP TRIGGER settings_removed; DELETE FROM settings WHERE value = '1'",
        "DROP TRIGGER settings_added; INSERT INTO settings VALUES ('a/b/c', 'default', 0, '1')",
        "DROP TRIGGER stores_changed; UPDATE stores SET is_active = 0",
        "DROP TRIGGER role_rules_changed; UPDATE role_rules SET allowed = 0",
        "UPDATE second_factors SET secret = 'MFRGGZDFMZTWQ2LK'",
        "DROP TRIGGER second_factors_removed; DELETE FROM second_factors",
        "UPDATE used_codes SET period = period - 1",
        "DELETE FROM used_codes",
    ] {
        let secret = Some(Secret::new("GEZDGNBVGY3TQOJQ".to_owned()));
        let factor = Change::SecondFactor { administrator: 1, secret };
        let used = Change::CodeUsed(UsedCode { administrator: 1, period: 7 });
        let home = after(vec![setting(1), setting(2), administrator("admin"), factor, used]).await;
        DataFolder::open(home.path()).unwrap();
        Connection::open(home.path().join("tokenward.db")).unwrap().execute_batch(meddling).unwrap();
        let refused = DataFolder::open(home.path()).unwrap_err().to_string();
        assert!(refused.contains("checksum") && refused.contains("tokenward recover"), "{meddling}: {refused}");
    }
}

#[actix::test]
async fn what_a_program_of_the_version_before_changed_is_no_damage() {
    let factor = Change::SecondFactor { administrator: 2, secret: Some(Secret::new("GEZDGNBVGY3TQOJQ".to_owned())) };
    let (chief, deputy) = (administrator("chief"), administrator("deputy"));
    let home = after(vec![setting(1), customer("a@example.com"), chief, deputy, factor]).await;
    Connection::open(home.path().join("tokenward.db"))
        .unwrap()
        .execute_batch(
            "UPDATE settings SET value = '2';
             UPDATE customers SET password_hash = 'other';
             UPDATE administrators SET is_active = 1;
             PRAGMA foreign_keys = ON;
             DELETE FROM administrators WHERE id = 2;
             INSERT INTO customers (website, store, group_id, email, email_key, created_at, updated_at, is_active, website_excluded)
             VALUES (1, 1, 1, 'b', 'b', 1, 1, 1, 0);
             INSERT OR REPLACE INTO throttle (kind, name, failures, lock_expires) VALUES (3, 'a', 1, 1);",
        )
        .unwrap();
    let folder = DataFolder::open(home.path()).unwrap();
    let (checksums, file) = (RowChecksums::new(folder.digest_key()), Connection::open(folder.database()).unwrap());
    for (table, name, expected) in [
        (SealedTable::Customers, "customers", 2),
        (SealedTable::Administrators, "administrators", 1),
        (SealedTable::Throttle, "throttle", 1),
    ] {
        let mut rows = file.prepare(&format!("SELECT * FROM {name}")).unwrap();
        let verified: rusqlite::Result<Vec<()>> =
            rows.query_map((), |row| checksums.verify(table, row)).unwrap().collect();
        assert_eq!(verified.unwrap().len(), expected);
    }
}

#[actix::test]
async fn a_change_of_a_damaged_account_fails_and_leaves_the_damage_to_be_seen() {
    let home = after(vec![customer("a@example.com")]).await;
    let folder = DataFolder::open(home.path()).unwrap();
    let file = Connection::open(folder.database()).unwrap();
    file.execute_batch("DROP TRIGGER customer_changed; UPDATE customers SET is_active = 1").unwrap();
    let store = Store::start_here(&folder).unwrap();
    let change = Change::CustomerPassword { customer: 1, hash: "new".to_owned(), at: UnixSeconds(5) };
    for _ in 0..2 {
        let Err(StoreError::Unavailable(problem)) = store.write(vec![change.clone()]).await else { panic!() };
        assert!(problem.contains("row 1 of customers") && problem.contains("tokenward recover"), "{problem}");
    }
}

#[actix::test]
async fn recovering_leaves_damaged_accounts_out_and_says_so() {
    let home = after(vec![customer("a@example.com"), customer("b@example.com"), setting(1)]).await;
    let database = home.path().join("tokenward.db");
    Connection::open(&database)
        .unwrap()
        .execute_batch(
            "DROP TRIGGER customer_changed; UPDATE customers SET is_active = 1 WHERE id = 1;
             DROP TRIGGER settings_changed; UPDATE settings SET value = 'other'",
        )
        .unwrap();
    let recovery = recover(home.path(), RecoverOptions::default(), UnixSeconds(9), Origin::operator(Some(0))).unwrap();
    let of = |name| recovery.tables.iter().find(|(table, _)| *table == name).unwrap().1;
    assert_eq!(of("customers"), Saved { rows: 1, damaged: 1, broken: false, unsure: false });
    assert_eq!(of("settings"), Saved { rows: 1, damaged: 0, broken: false, unsure: true });
    assert!(recovery.to_string().contains("look through them"));
    DataFolder::open(home.path()).unwrap();
}

#[actix::test]
async fn a_recovery_that_was_cut_short_is_not_started_on() {
    let home = after(vec![anne(1)]).await;
    std::fs::write(home.path().join("recovering"), "").unwrap();
    let refused = DataFolder::open(home.path()).unwrap_err();
    assert!(matches!(refused, FolderError::HalfRecovered(_)), "{refused}");
    recover(home.path(), RecoverOptions::default(), UnixSeconds(9), Origin::operator(Some(0))).unwrap();
    DataFolder::open(home.path()).unwrap();
}
