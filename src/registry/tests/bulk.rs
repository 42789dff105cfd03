use super::{START, customer_hours, digest, options, table};
use crate::registry::index::Index;
use crate::registry::{Options, RegistryError};
use crate::session::{SessionId, Subject};
use crate::settings::WebsiteId;
use crate::store::StoredSession;

/// Enough for a second thread, and no round number.
const STORED: u64 = 3001;

/// Two sessions a customer; every seventh with an end of its own.
fn stored() -> Vec<StoredSession> {
    let session = |number: u64| StoredSession {
        id: SessionId(number),
        subject: Subject::customer(u32::try_from(number / 2).unwrap()),
        website: WebsiteId(1),
        issued: START,
        fixed_end: number.is_multiple_of(7).then(|| START.plus(60)),
        digest: digest(number),
    };
    (1..=STORED).map(session).collect()
}

fn is_held(index: &Index, stored: &StoredSession) -> bool {
    index.read(stored.digest, super::super::index::Entry::id) == Some(stored.id)
}

#[test]
fn what_was_stored_is_found_by_token_by_user_and_by_number_and_ends_as_it_should() {
    let (index, mut table) = table(options());
    let hour = customer_hours("1");
    table.begin_loading(usize::try_from(STORED).unwrap(), &[]);
    let stored = stored();
    table.load(&stored).unwrap();
    assert!(stored.iter().all(|stored| is_held(&index, stored)));
    for wanted in [&stored[0], &stored[6], &stored[3000]] {
        let found = table.find(wanted.id, &hour, START).unwrap();
        let ends = wanted.fixed_end.unwrap_or(START.plus(3600));
        assert_eq!((found.subject, found.issued, found.ends), (wanted.subject, START, Some(ends)));
    }
    assert_eq!(table.list(Some(Subject::customer(5)), SessionId(0), 9, &hour, START).len(), 2);
    let next = table.begin(Subject::customer(1), WebsiteId(1), digest(0), None, &hour, START).unwrap();
    assert_eq!(next.id, SessionId(STORED + 1));
    table.expire(&hour, START.plus(60));
    assert_eq!(table.statistics().expired, stored.iter().filter(|stored| stored.fixed_end.is_some()).count());
}

#[test]
fn what_does_not_fit_is_refused_and_what_came_before_stays() {
    let (index, mut table) = table(Options { capacity: 2000, ..options() });
    let stored = stored();
    assert_eq!(table.load(&stored), Err(RegistryError::Full));
    assert_eq!(table.taken_room(), 2000);
    assert!(stored[..2000].iter().all(|stored| is_held(&index, stored)));
    assert!(!stored[2000..].iter().any(|stored| is_held(&index, stored)));
}
