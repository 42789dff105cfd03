//! What can be asked of the table without changing it.

use proptest::prelude::*;

use super::{START, customer_hours, digest, options, table};
use crate::registry::table::Table;
use crate::session::{Session, SessionId, Subject, UserType};
use crate::settings::{Snapshot, WebsiteId};
use crate::token::Lifetime;

fn issue(table: &mut Table, subject: Subject, number: u32, hour: &Snapshot, after: u32) -> Session {
    let session = table.begin(subject, WebsiteId(1), digest(number.into()), None, hour, START.plus(after)).unwrap();
    table.commit(session.id).unwrap()
}

#[test]
fn a_session_is_found_by_its_number_until_it_ends() {
    let (_, mut table) = table(options());
    let hour = customer_hours("1");
    let first = issue(&mut table, Subject::customer(1), 1, &hour, 0);
    let second = issue(&mut table, Subject::customer(1), 2, &hour, 0);
    assert_eq!(table.find(second.id, &hour, START), Some(second));
    assert_eq!(table.find(SessionId(3), &hour, START), None);
    assert_eq!(table.find(first.id, &hour, START.plus(3599)), Some(first));
    assert_eq!(table.find(first.id, &hour, START.plus(3600)), None, "it has expired, though it is kept");
    assert!(table.take_session(first.id).is_some());
    assert_eq!(table.find(first.id, &hour, START), None);
    table.end_kind(UserType::Customer);
    assert_eq!(table.find(second.id, &hour, START), None, "ended, though it is not swept");
    assert_eq!(table.count_ending(UserType::Customer, Lifetime::Seconds(0), &hour, START), 0);
}

#[test]
fn sessions_of_one_kind_are_listed_page_by_page() {
    let (_, mut table) = table(options());
    let hour = customer_hours("1");
    let users = [Subject::customer(1), Subject::admin(1)];
    let sessions: Vec<_> =
        (0..8).map(|number| issue(&mut table, users[number as usize % 2], number, &hour, number)).collect();
    let list = |after, limit| table.list_kinds(&[UserType::Admin], after, limit, &hour, START);
    assert_eq!(list(SessionId(0), 2), [sessions[1], sessions[3]]);
    assert_eq!(list(sessions[3].id, 2), [sessions[5], sessions[7]]);
    assert_eq!(list(sessions[7].id, 2), []);
}

proptest! {
    #[test]
    fn a_lifetime_is_foretold_to_end_as_many_sessions_as_it_would(
        issued in proptest::collection::vec(0..5000_u32, 0..60),
        revoked in proptest::collection::vec(any::<bool>(), 60),
        now in 5000..9000_u32,
        lifetime in 0..10_000_u32,
        expired in any::<bool>(),
    ) {
        let (_, mut table) = table(options());
        let (hour, now) = (customer_hours("1"), START.plus(now));
        let mut issued = issued;
        issued.sort_unstable();
        let sessions: Vec<_> = (0..).zip(&issued)
            .map(|(number, after)| issue(&mut table, Subject::customer(number + 1), number, &hour, *after))
            .collect();
        let (gone, left): (Vec<_>, Vec<_>) = sessions.into_iter().zip(revoked).partition(|(_, revoked)| *revoked);
        for (session, _) in gone {
            table.take_session(session.id);
        }
        if expired {
            while table.expire(&hour, now) {}
        }
        let ending = left.iter()
            .filter(|(session, _)| !session.is_expired_at(now) && session.issued.plus(lifetime) <= now)
            .count();
        prop_assert_eq!(table.count_ending(UserType::Customer, Lifetime::Seconds(lifetime), &hour, now), ending);
        prop_assert_eq!(table.count_ending(UserType::Customer, Lifetime::Never, &hour, now), 0);
        prop_assert_eq!(table.count_ending(UserType::Admin, Lifetime::Seconds(0), &hour, now), 0);
    }
}
