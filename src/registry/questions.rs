//! Questions about sessions: lists, one by its number, counts.
//!
//! Whoever checks a token does not ask here, but reads the index. What always holds: an answer changes nothing, and
//! names live sessions only.

use actix::{Handler, MessageResult};

use crate::registry::{
    CollectStatistics, CountEnding, FindSession, ListSessions, ListUsers, Statistics, TokenRegistry,
};
use crate::session::{Session, SessionId, Subject};

impl Handler<ListUsers> for TokenRegistry {
    type Result = Vec<Subject>;

    fn handle(&mut self, question: ListUsers, _: &mut Self::Context) -> Self::Result {
        self.table.users(question.part)
    }
}

impl Handler<ListSessions> for TokenRegistry {
    type Result = Vec<Session>;

    fn handle(&mut self, question: ListSessions, _: &mut Self::Context) -> Self::Result {
        let after = question.after.unwrap_or(SessionId(0));
        let (limit, snapshot, now) = (question.limit, self.snapshot.load(), self.clock.now());
        match (question.subject, question.kind) {
            (None, Some(kind)) => self.table.list_kinds(&[kind], after, limit, &snapshot, now),
            (subject, _) => self.table.list(subject, after, limit, &snapshot, now),
        }
    }
}

impl Handler<FindSession> for TokenRegistry {
    type Result = Option<Session>;

    fn handle(&mut self, question: FindSession, _: &mut Self::Context) -> Self::Result {
        self.table.find(question.id, &self.snapshot.load(), self.clock.now())
    }
}

impl Handler<CountEnding> for TokenRegistry {
    type Result = usize;

    fn handle(&mut self, question: CountEnding, _: &mut Self::Context) -> Self::Result {
        let CountEnding { kind, lifetime } = question;
        self.table.count_ending(kind, lifetime, &self.snapshot.load(), self.clock.now())
    }
}

impl Handler<CollectStatistics> for TokenRegistry {
    type Result = MessageResult<CollectStatistics>;

    fn handle(&mut self, _: CollectStatistics, _: &mut Self::Context) -> Self::Result {
        let statistics: Statistics = self.table.statistics();
        MessageResult(statistics)
    }
}
