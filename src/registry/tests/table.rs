use super::{START, customer_hours, digest, options, table};
use crate::clock::UnixSeconds;
use crate::registry::deadlines::KEEP_ENDED;
use crate::registry::index::Index;
use crate::registry::table::Table;
use crate::registry::{Options, RegistryError};
use crate::session::{Session, SessionId, Subject, UserType};
use crate::settings::{Snapshot, WebsiteId};

const ANNE: Subject = Subject { kind: UserType::Customer, id: 1 };
const BERT: Subject = Subject { kind: UserType::Customer, id: 2 };

fn issue(table: &mut Table, subject: Subject, number: u64, snapshot: &Snapshot, now: UnixSeconds) -> Session {
    let session = table.begin(subject, WebsiteId(1), digest(number), None, snapshot, now).unwrap();
    table.commit(session.id).unwrap()
}

fn is_there(index: &Index, number: u64) -> bool {
    index.read(digest(number), |_| ()).is_some()
}

#[test]
fn a_pending_session_is_not_yet_there_and_an_abandoned_one_never() {
    let (index, mut table) = table(options());
    let hour = customer_hours("1");
    let first = table.begin(ANNE, WebsiteId(1), digest(1), None, &hour, START).unwrap();
    let second = table.begin(ANNE, WebsiteId(1), digest(2), None, &hour, START).unwrap();
    assert!(!is_there(&index, 1));
    table.abandon(second.id);
    assert_eq!(table.commit(first.id), Some(first));
    assert_eq!(table.commit(second.id), None);
    assert!(is_there(&index, 1) && !is_there(&index, 2));
    assert_eq!(table.statistics().pending, 0);
}

#[test]
fn revoking_a_user_takes_pending_sessions_too() {
    let (index, mut table) = table(options());
    let hour = customer_hours("1");
    let live = issue(&mut table, ANNE, 1, &hour, START);
    let pending = table.begin(ANNE, WebsiteId(1), digest(2), None, &hour, START).unwrap();
    let other = issue(&mut table, BERT, 3, &hour, START);
    let mut taken: Vec<_> = table.take_subject(ANNE).into_iter().map(|taken| taken.id).collect();
    taken.sort_unstable();
    assert_eq!(taken, [live.id, pending.id]);
    assert_eq!(table.commit(pending.id), None);
    assert!(!is_there(&index, 1) && !is_there(&index, 2) && is_there(&index, 3));
    assert_eq!(table.list(None, SessionId(0), 10, &hour, START), [other]);
}

#[test]
fn ending_a_kind_spares_what_is_issued_afterwards_in_the_same_second() {
    let (index, mut table) = table(options());
    let hour = customer_hours("1");
    issue(&mut table, ANNE, 1, &hour, START);
    let pending = table.begin(BERT, WebsiteId(1), digest(2), None, &hour, START).unwrap();
    let admin = issue(&mut table, Subject::admin(1), 3, &hour, START);
    assert_eq!(table.end_kind(UserType::Customer), (admin.id, 1));
    assert_eq!(table.end_kind(UserType::Customer), (admin.id, 0), "what is not swept yet does not count twice");
    assert!(!is_there(&index, 1), "it is effective before anything is swept");
    issue(&mut table, ANNE, 4, &hour, START);
    assert_eq!(table.commit(pending.id), None);
    while table.sweep(UserType::Customer) {}
    assert!(!is_there(&index, 2) && is_there(&index, 3) && is_there(&index, 4));
    assert_eq!(table.statistics().live, [0, 1, 1]);
}

#[test]
fn an_expired_session_is_kept_for_ten_minutes_and_a_raised_lifetime_revives_it() {
    let (index, mut table) = table(options());
    let (hour, two_hours) = (customer_hours("1"), customer_hours("2"));
    issue(&mut table, ANNE, 1, &hour, START);
    let end = START.plus(3600);
    assert_eq!(table.next_due(&hour), Some(end));
    table.expire(&hour, end);
    assert_eq!((table.statistics().live[2], table.statistics().expired), (0, 1));
    assert!(is_there(&index, 1));
    assert_eq!(table.next_due(&hour), Some(end.plus(KEEP_ENDED)));
    table.expire(&two_hours, end);
    assert_eq!((table.statistics().live[2], table.statistics().expired), (1, 0));
    let again = end.plus(60);
    table.expire(&hour, again);
    table.expire(&hour, again.plus(KEEP_ENDED - 1));
    assert!(is_there(&index, 1));
    table.expire(&hour, again.plus(KEEP_ENDED));
    assert!(!is_there(&index, 1));
    assert_eq!(table.next_due(&hour), None);
}

#[test]
fn a_hundred_thousand_sessions_expire_in_the_same_second() {
    let (index, mut table) = table(options());
    let hour = customer_hours("1");
    for number in 0..100_000 {
        issue(&mut table, Subject::customer(number), u64::from(number), &hour, START);
    }
    table.expire(&hour, START.plus(3599));
    assert_eq!(table.statistics().live[2], 100_000);
    table.expire(&hour, START.plus(3600));
    assert_eq!((table.statistics().live[2], table.statistics().expired), (0, 100_000));
    let turns = std::iter::repeat_with(|| table.expire(&hour, START.plus(3600 + KEEP_ENDED))).take_while(|more| *more);
    assert_eq!(turns.count(), 100_000_usize.div_ceil(4096), "a bucket a turn");
    assert!(!is_there(&index, 0) && !is_there(&index, 99_999));
}

#[test]
fn a_full_table_gives_up_expired_sessions_and_refuses_otherwise() {
    let (index, mut table) = table(Options { capacity: 2, ..options() });
    let hour = customer_hours("1");
    issue(&mut table, ANNE, 1, &hour, START);
    issue(&mut table, ANNE, 2, &hour, START.plus(1));
    let refused = table.begin(ANNE, WebsiteId(1), digest(3), None, &hour, START.plus(2));
    assert_eq!(refused, Err(RegistryError::Full));
    table.expire(&hour, START.plus(3600));
    issue(&mut table, ANNE, 3, &hour, START.plus(3600));
    assert!(!is_there(&index, 1) && is_there(&index, 2) && is_there(&index, 3));
}

#[test]
fn the_oldest_session_of_a_user_with_too_many_is_taken() {
    let (_, mut table) = table(Options { per_subject: 2, ..options() });
    let hour = customer_hours("1");
    let oldest = issue(&mut table, ANNE, 1, &hour, START);
    issue(&mut table, ANNE, 2, &hour, START);
    assert_eq!(table.take_superseded(ANNE, &hour, START), None);
    issue(&mut table, ANNE, 3, &hour, START);
    assert_eq!(table.take_superseded(ANNE, &hour, START).map(|taken| taken.id), Some(oldest.id));
    assert_eq!(table.take_superseded(ANNE, &hour, START), None);
}

#[test]
fn a_session_is_taken_by_its_number_and_pages_follow_one_another() {
    let (_, mut table) = table(options());
    let hour = customer_hours("1");
    let kinds = [ANNE, Subject::admin(7)];
    let sessions: Vec<_> = (0..10_u32)
        .map(|number| issue(&mut table, kinds[number as usize % 2], number.into(), &hour, START.plus(number)))
        .collect();
    assert_eq!(table.take_session(sessions[3].id).map(|taken| taken.digest), Some(digest(3)));
    assert_eq!(table.take_session(sessions[3].id), None);
    let first = table.list(None, SessionId(0), 4, &hour, START);
    assert_eq!(first, [sessions[0], sessions[1], sessions[2], sessions[4]]);
    assert_eq!(table.list(None, first[3].id, 100, &hour, START), &sessions[5..]);
    assert_eq!(table.list(Some(ANNE), sessions[2].id, 2, &hour, START), [sessions[4], sessions[6]]);
}

#[test]
fn an_expired_session_that_is_kept_does_not_count_as_ended_or_towards_the_limit_of_a_user() {
    let (_, mut table) = table(Options { per_subject: 1, ..options() });
    let hour = customer_hours("1");
    issue(&mut table, ANNE, 1, &hour, START);
    let later = START.plus(3600);
    table.expire(&hour, later);
    let second = issue(&mut table, ANNE, 2, &hour, later);
    assert_eq!(table.take_superseded(ANNE, &hour, later), None);
    let taken = table.take_subject(ANNE);
    assert_eq!(taken.iter().map(|taken| taken.was_live).collect::<Vec<_>>(), [false, true]);
    assert_eq!(taken[1].id, second.id);
}
