//! The table against a model that is too simple to be wrong.

use proptest::prelude::*;

use super::{START, customer_hours, digest, options, table};
use crate::clock::UnixSeconds;
use crate::registry::Options;
use crate::registry::deadlines::KEEP_ENDED;
use crate::session::{SessionId, Subject, UserType};
use crate::settings::{Snapshot, WebsiteId};
use crate::token::Lifetime;

#[derive(Clone, Debug)]
enum Step {
    Issue(u32, bool),
    RevokeToken(usize),
    RevokeSession(usize),
    RevokeUser(u32),
    EndCustomers,
    Wait(u32),
    Lifetime(usize),
}

const LIFETIMES: [&str; 4] = ["1", "0.25", "3.5", ""];

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1_u32..5, prop::bool::weighted(0.9)).prop_map(|(user, stored)| Step::Issue(user, stored)),
        2 => (0_usize..40).prop_map(Step::RevokeToken),
        1 => (0_usize..40).prop_map(Step::RevokeSession),
        1 => (1_u32..5).prop_map(Step::RevokeUser),
        1 => Just(Step::EndCustomers),
        4 => (0_u32..4000).prop_map(Step::Wait),
        1 => (0..LIFETIMES.len()).prop_map(Step::Lifetime),
    ]
}

/// One session of the model: nothing but what happened to it.
#[derive(Debug)]
struct Known {
    id: SessionId,
    subject: Subject,
    issued: UnixSeconds,
    expired_since: Option<UnixSeconds>,
    ended: bool,
}

impl Known {
    fn is_expired(&self, snapshot: &Snapshot, now: UnixSeconds) -> bool {
        match snapshot.lifetime(self.subject.kind) {
            Lifetime::Seconds(lifetime) => self.issued.plus(lifetime) <= now,
            Lifetime::Never => false,
        }
    }

    fn is_live(&self) -> bool {
        !self.ended && self.expired_since.is_none()
    }

    /// What has been expired for long enough is let go, and does not come back when the lifetime is raised.
    fn expire(&mut self, snapshot: &Snapshot, now: UnixSeconds) {
        let since = self.expired_since.unwrap_or(now);
        self.expired_since = self.is_expired(snapshot, now).then_some(since);
        self.ended |= self.expired_since.is_some_and(|since| since.plus(KEEP_ENDED) <= now);
    }
}

proptest! {
    #[test]
    fn the_table_agrees_with_a_naive_model(steps in prop::collection::vec(step(), 1..120)) {
        let limit = 5;
        let (index, mut table) = table(Options { per_subject: limit, ..options() });
        let mut known: Vec<Known> = Vec::new();
        let mut snapshot = customer_hours(LIFETIMES[0]);
        let mut now = START;
        for step in steps {
            match step {
                Step::Issue(user, stored) => {
                    let kind = if user == 4 { UserType::Admin } else { UserType::Customer };
                    let subject = Subject { kind, id: user };
                    let number = known.len() as u64;
                    let session = table.begin(subject, WebsiteId(1), digest(number), None, &snapshot, now).unwrap();
                    if stored { table.commit(session.id); } else { table.abandon(session.id); }
                    known.push(Known { id: session.id, subject, issued: now, expired_since: None, ended: !stored });
                    while let Some(taken) = table.take_superseded(subject, &snapshot, now) {
                        let oldest = known.iter_mut().find(|known| known.id == taken.id).unwrap();
                        prop_assert!(!oldest.ended && taken.was_live && oldest.subject == subject);
                        oldest.ended = true;
                    }
                }
                Step::RevokeToken(number) => {
                    table.take(digest(number as u64));
                    if let Some(known) = known.get_mut(number) { known.ended = true; }
                }
                Step::RevokeSession(number) => if let Some(known) = known.get_mut(number) {
                    table.take_session(known.id);
                    known.ended = true;
                },
                Step::RevokeUser(user) => {
                    let kind = if user == 4 { UserType::Admin } else { UserType::Customer };
                    table.take_subject(Subject { kind, id: user });
                    known.iter_mut().filter(|known| known.subject.id == user).for_each(|known| known.ended = true);
                }
                Step::EndCustomers => {
                    table.end_kind(UserType::Customer);
                    while table.sweep(UserType::Customer) {}
                    let customers = known.iter_mut().filter(|known| known.subject.kind == UserType::Customer);
                    customers.for_each(|known| known.ended = true);
                }
                Step::Wait(seconds) => now = now.plus(seconds),
                Step::Lifetime(which) => snapshot = customer_hours(LIFETIMES[which]),
            }
            while table.expire(&snapshot, now) {}
            table.give_memory_back();
            for (number, known) in known.iter_mut().enumerate() {
                let found = index.read(digest(number as u64), |entry| entry.session(&snapshot));
                known.expire(&snapshot, now);
                prop_assert_eq!(found.is_some(), !known.ended, "session {} at {:?}", number, now);
                if let Some(session) = found {
                    prop_assert_eq!(session.id, known.id);
                    prop_assert_eq!(session.is_expired_at(now), known.expired_since.is_some());
                }
            }
            let live = |kind| known.iter().filter(|known| known.is_live() && known.subject.kind == kind).count();
            prop_assert_eq!(table.statistics().live, UserType::ALL.map(live));
            let kept = known.iter().filter(|known| !known.ended).count();
            prop_assert_eq!(table.statistics().expired + table.statistics().live.iter().sum::<usize>(), kept);
            let listed: Vec<_> = table.list(None, SessionId(0), 1000, &snapshot, now).iter().map(|session| session.id).collect();
            let expected: Vec<_> = known.iter().filter(|known| known.is_live()).map(|known| known.id).collect();
            prop_assert_eq!(listed, expected);
        }
    }
}
