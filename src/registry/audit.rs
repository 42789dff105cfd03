//! What the registry tells the audit trail.

use crate::audit::{Event, Line, Origin, Person, Which};
use crate::clock::UnixSeconds;
use crate::registry::Revocation;
use crate::registry::unstored::Revoked;
use crate::session::{EndReason, Session};

/// How long sessions that end by themselves are counted for one line, in seconds.
const EXPIRED_COUNTED: u32 = 60;

/// A session that begins at `now`.
pub(super) fn issued(session: &Session, now: UnixSeconds, origin: Origin, typed: Option<String>) -> Line {
    let Session { id, subject, website, .. } = *session;
    let event = Event::Issued { subject, session: id, website };
    let line = Line::new(now, event, origin);
    match typed {
        Some(name) => line.typed(name, Person::Account(subject)),
        None => line,
    }
}

impl Revoked {
    /// Makes the line. One session that was not there, or a user without sessions, is not told of: nothing happened, and
    /// anybody can ask for it as often as they like.
    pub(super) fn tell(&mut self, which: Revocation, reason: EndReason, now: UnixSeconds, origin: Origin) {
        let Some(which) = self.told(which) else { return };
        let event = Event::Revoked { which, reason: name(reason).into(), count: self.count as u64 };
        self.line = Some(Line::new(now, event, origin));
    }

    fn told(&self, which: Revocation) -> Option<Which> {
        match which {
            // A JWT that Magento issued has no session: it is told of with the number of none.
            Revocation::Token(_) | Revocation::Session(_) | Revocation::Jwt(_) | Revocation::Unheld(_) => {
                self.ended.map(|(session, subject)| Which::Session { session, subject })
            }
            Revocation::Subject(subject) | Revocation::IssuedThrough(subject, _) => {
                (!self.events.is_empty()).then_some(Which::Subject(subject))
            }
            Revocation::Kind(kind) => Some(Which::Kind(kind)),
            Revocation::Everything => Some(Which::Everything),
        }
    }
}

fn name(reason: EndReason) -> &'static str {
    match reason {
        EndReason::SignedOut => "signed-out",
        EndReason::Ended => "ended",
        EndReason::Superseded => "superseded",
    }
}

/// Counts sessions that end by themselves: a line a minute, not a line each.
#[derive(Debug, Default)]
pub(super) struct Expired {
    /// How many of those since the start have a line.
    told: u64,
    last: UnixSeconds,
}

impl Expired {
    /// The line that is due when so many have `ended` since the start, and how many it is about.
    pub(super) fn due(&mut self, ended: u64, now: UnixSeconds) -> Option<(u64, Line)> {
        let count = ended - self.told;
        if count == 0 || now.since(self.last) < EXPIRED_COUNTED {
            return None;
        }
        (self.told, self.last) = (ended, now);
        Some((count, Line::new(now, Event::Expired { count }, Origin::SERVER)))
    }

    /// Counts those again whose line could not be stored.
    pub(super) fn put_back(&mut self, count: u64) {
        self.told -= count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_that_end_by_themselves_have_a_line_a_minute() {
        let mut expired = Expired::default();
        let now = UnixSeconds(1000);
        let count = |due: Option<(u64, Line)>| due.map(|(count, _)| count);
        assert_eq!(count(expired.due(0, now)), None);
        assert_eq!(count(expired.due(3, now)), Some(3));
        assert_eq!(count(expired.due(8, now.plus(59))), None);
        assert_eq!(count(expired.due(9, now.plus(60))), Some(6));
        expired.put_back(6);
        assert_eq!(count(expired.due(9, now.plus(120))), Some(6));
    }
}
