//! The parts of a look at the shop, each of which may fail while the others do not.

use std::fmt::Display;

use tracing::{debug, info, warn};

/// A part of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Comparing the clocks.
    Clocks,
    /// Telling the shop of our revocations.
    Delivery,
    /// Hearing of the shop's revocations.
    Revocations,
    /// Tokens of ours that stand in the shop, too.
    Mirror,
    /// Settings, websites and roles.
    Settings,
    /// Opaque tokens.
    Tokens,
    /// Users who have sessions.
    Users,
    /// Users whose JWTs are seen.
    Holders,
}

impl Part {
    const COUNT: usize = 8;

    /// Without these nothing may be answered at the start: a yes could be one to what the shop has ended meanwhile.
    pub(super) const NEEDED_AT_START: [Self; 3] = [Self::Clocks, Self::Revocations, Self::Users];

    /// What it means that it fails.
    fn loss(self) -> &'static str {
        match self {
            Self::Clocks => "the clocks of the shop and of this server are not compared",
            Self::Delivery => "revocations made here do not reach the shop: they wait",
            Self::Revocations => "revocations made in the shop are not heard of",
            Self::Mirror => "tokens issued here that ended on one side go on on the other",
            Self::Settings => "the shop's settings, websites and roles are not read again",
            Self::Tokens => "what the shop does to its opaque tokens is not noticed",
            Self::Users => "what the shop does to users who have sessions is not noticed",
            Self::Holders => "what the shop does to users of its JWTs is not noticed",
        }
    }
}

/// How a part has turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Failed,
    Recovered,
}

/// How the parts went at the last look.
#[derive(Debug, Default)]
pub(in crate::app) struct Parts {
    /// Those of whose failure somebody was told.
    told: [bool; Part::COUNT],
    failed: [bool; Part::COUNT],
}

impl Parts {
    /// Takes over how a part went, and says so in the log when it has turned; how many questions it took. While the
    /// database is away, which has been said, nothing is said of what fails.
    pub(super) fn note<E: Display>(&mut self, part: Part, done: Result<u64, E>, is_away: bool) -> u64 {
        let turn = self.turn(part, done.is_err(), is_away);
        let what = part.loss();
        match (done, turn) {
            (Ok(asked), Some(Turn::Recovered)) => {
                info!(what, "looking at the shop is whole again in this part");
                asked
            }
            (Ok(asked), _) => asked,
            (Err(error), Some(Turn::Failed)) => {
                warn!(%error, "looking at the shop fails in part: {what}");
                0
            }
            (Err(error), _) => {
                debug!(%error, what, "looking at the shop fails in part");
                0
            }
        }
    }

    fn turn(&mut self, part: Part, fails: bool, is_away: bool) -> Option<Turn> {
        let place = part as usize;
        self.failed[place] = fails;
        match (fails, self.told[place]) {
            (true, false) if !is_away => {
                self.told[place] = true;
                Some(Turn::Failed)
            }
            (false, true) => {
                self.told[place] = false;
                Some(Turn::Recovered)
            }
            _ => None,
        }
    }

    /// Whether the last look left nothing out.
    pub(super) fn are_complete(&self) -> bool {
        self.failed == [false; Part::COUNT]
    }

    /// Whether the last look left one of these out.
    pub(super) fn lack(&self, parts: &[Part]) -> bool {
        parts.iter().any(|part| self.failed[*part as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_told_of_once_when_it_fails_and_once_when_it_is_good_again() {
        let mut parts = Parts::default();
        assert!(parts.are_complete());
        assert_eq!(parts.turn(Part::Tokens, true, false), Some(Turn::Failed));
        assert_eq!(parts.turn(Part::Tokens, true, false), None);
        assert!(!parts.are_complete() && !parts.lack(&Part::NEEDED_AT_START));
        assert_eq!(parts.turn(Part::Users, false, false), None);
        assert_eq!(parts.turn(Part::Tokens, false, false), Some(Turn::Recovered));
        assert_eq!(parts.turn(Part::Tokens, false, false), None);
        assert!(parts.are_complete());
    }

    #[test]
    fn while_the_database_is_away_nothing_is_told_and_what_fails_afterwards_is() {
        let mut parts = Parts::default();
        assert_eq!(parts.turn(Part::Users, true, true), None);
        assert!(parts.lack(&Part::NEEDED_AT_START));
        assert_eq!(parts.turn(Part::Users, true, false), Some(Turn::Failed));
    }
}
