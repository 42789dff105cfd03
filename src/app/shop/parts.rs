//! The parts of looking at the shop, each of which may fail while the others do not.

use tokio::time::Instant;
use tracing::{debug, info, warn};

/// So many questions in a row may fail until the rest is left for the next look: who waits for a table that somebody holds
/// would do so for each of very many.
const MOST_FAILURES: u32 = 3;

/// A part of looking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Comparing the clocks.
    Clocks,
    /// Telling the shop of our revocations.
    Delivery,
    /// Hearing of the shop's revocations.
    Revocations,
    /// Settings, websites and roles.
    Settings,
    /// Tokens of ours that the shop has ended.
    Mirror,
    /// Tokens of ours that have ended here, and stand in the shop.
    Deletion,
    /// Opaque tokens.
    Tokens,
    /// Users who have sessions.
    Users,
    /// Users whose JWTs are seen.
    Holders,
}

impl Part {
    const COUNT: usize = 9;

    /// Without these nothing may be answered at the start: a yes could be one to what the shop has ended meanwhile.
    pub(super) const NEEDED_AT_START: [Self; 4] = [Self::Clocks, Self::Revocations, Self::Mirror, Self::Users];

    /// These ask the more, the more sessions there are.
    const GROWING: [Self; 5] = [Self::Mirror, Self::Deletion, Self::Tokens, Self::Users, Self::Holders];

    /// What it means that it fails.
    fn loss(self) -> &'static str {
        match self {
            Self::Clocks => "the clocks of the shop and of this server are not compared",
            Self::Delivery => "revocations made here do not reach the shop: they wait",
            Self::Revocations => "revocations made in the shop are not heard of",
            Self::Settings => "the shop's settings, websites and roles are not read again",
            Self::Mirror => "tokens issued here that the shop has ended go on",
            Self::Deletion => "tokens that have ended here stay in the shop",
            Self::Tokens => "what the shop does to its opaque tokens is not noticed",
            Self::Users => "what the shop does to users who have sessions is not noticed",
            Self::Holders => "what the shop does to users of its JWTs is not noticed",
        }
    }
}

/// How it went with one part.
#[derive(Debug, Default)]
pub(super) struct Looked {
    asked: u64,
    failed_in_a_row: u32,
    /// The first of what went wrong.
    problem: Option<String>,
}

impl Looked {
    /// One more question is asked.
    pub(super) fn ask(&mut self) {
        self.asked += 1;
    }

    /// What came of something, if it has not failed.
    pub(super) fn take<T, E: ToString>(&mut self, done: Result<T, E>) -> Option<T> {
        match done {
            Ok(done) => {
                self.failed_in_a_row = 0;
                Some(done)
            }
            Err(error) => {
                self.failed_in_a_row += 1;
                self.problem.get_or_insert_with(|| error.to_string());
                None
            }
        }
    }

    /// Whether the rest is for the next look.
    pub(super) fn gives_up(&self) -> bool {
        self.failed_in_a_row >= MOST_FAILURES
    }

    /// The same with what comes after it.
    pub(super) fn and(self, next: Self) -> Self {
        let (asked, problem) = (self.asked + next.asked, self.problem.or(next.problem));
        Self { asked, failed_in_a_row: next.failed_in_a_row, problem }
    }

    /// Whether nothing has failed.
    pub(super) fn is_whole(&self) -> bool {
        self.problem.is_none()
    }
}

/// How many questions it took, unless it failed.
impl<E: ToString> From<Result<u64, E>> for Looked {
    fn from(done: Result<u64, E>) -> Self {
        let mut looked = Self::default();
        looked.asked = looked.take(done).unwrap_or(0);
        looked
    }
}

/// How a part has turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Failed,
    Recovered,
}

/// How a part went the last time.
#[derive(Debug, Default)]
struct State {
    /// Whether somebody was told of its failure.
    is_told: bool,
    problem: Option<String>,
    /// How many questions it takes.
    asked: u64,
    /// When it was last whole.
    whole: Option<Instant>,
}

/// How the parts went the last time.
#[derive(Debug, Default)]
pub(super) struct Parts([State; Part::COUNT]);

impl Parts {
    /// Takes over how a part went, and says so in the log when it has turned. While the database is away, which has been
    /// said, nothing is said of what fails.
    pub(super) fn note(&mut self, part: Part, looked: Looked, is_away: bool) {
        let (what, turn) = (part.loss(), self.turn(part, looked, is_away));
        let error = self.0[part as usize].problem.as_deref();
        match turn {
            Some(Turn::Recovered) => info!(what, "looking at the shop is whole again in this part"),
            Some(Turn::Failed) => warn!(error, "looking at the shop fails in part: {what}"),
            None if error.is_some() => debug!(error, what, "looking at the shop fails in part"),
            None => {}
        }
    }

    fn turn(&mut self, part: Part, looked: Looked, is_away: bool) -> Option<Turn> {
        let state = &mut self.0[part as usize];
        // What was broken off has not asked everything that it will ask when it can.
        let so_far = if looked.is_whole() { 0 } else { state.asked };
        state.asked = looked.asked.max(so_far);
        state.problem = looked.problem;
        let fails = state.problem.is_some();
        if !fails {
            state.whole = Some(Instant::now());
        }
        match (fails, state.is_told) {
            (true, false) if !is_away => {
                state.is_told = true;
                Some(Turn::Failed)
            }
            (false, true) => {
                state.is_told = false;
                Some(Turn::Recovered)
            }
            _ => None,
        }
    }

    /// Since when a part has not been whole, of all parts the longest; `begun` where one has never been.
    pub(super) fn whole_since(&self, begun: Instant) -> Instant {
        self.0.iter().map(|state| state.whole.unwrap_or(begun)).min().unwrap_or(begun)
    }

    /// How many questions those parts take together that ask the more, the more sessions there are.
    pub(super) fn asked(&self) -> u64 {
        Part::GROWING.iter().map(|part| self.0[*part as usize].asked).sum()
    }

    /// What went wrong with the first of these that was not whole.
    pub(super) fn problem(&self, parts: &[Part]) -> Option<String> {
        let told = |part: &Part| {
            let problem = self.0[*part as usize].problem.as_ref()?;
            Some(format!("{}: {problem}", part.loss()))
        };
        parts.iter().find_map(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(questions: u64) -> Looked {
        Looked::from(Ok::<_, String>(questions))
    }

    fn failed() -> Looked {
        Looked::from(Err("locked"))
    }

    #[test]
    fn a_part_is_told_of_once_when_it_fails_and_once_when_it_is_good_again() {
        let mut parts = Parts::default();
        assert_eq!(parts.turn(Part::Tokens, failed(), false), Some(Turn::Failed));
        assert_eq!(parts.turn(Part::Tokens, failed(), false), None);
        assert_eq!(parts.problem(&Part::NEEDED_AT_START), None);
        assert_eq!(parts.turn(Part::Users, asked(1), false), None);
        assert_eq!(parts.turn(Part::Tokens, asked(1), false), Some(Turn::Recovered));
        assert_eq!(parts.turn(Part::Tokens, asked(1), false), None);
    }

    #[test]
    fn while_the_database_is_away_nothing_is_told_and_what_fails_afterwards_is() {
        let mut parts = Parts::default();
        assert_eq!(parts.turn(Part::Users, failed(), true), None);
        let problem = parts.problem(&Part::NEEDED_AT_START).unwrap();
        assert_eq!(problem, "what the shop does to users who have sessions is not noticed: locked");
        assert_eq!(parts.turn(Part::Users, failed(), false), Some(Turn::Failed));
    }

    #[test]
    fn a_part_that_fails_counts_with_all_that_it_asks_when_it_does_not() {
        let mut parts = Parts::default();
        parts.note(Part::Users, asked(1_000), false);
        parts.note(Part::Tokens, asked(20), false);
        parts.note(Part::Settings, asked(7), false);
        assert_eq!(parts.asked(), 1_020);
        parts.note(Part::Users, failed(), false);
        parts.note(Part::Tokens, failed(), false);
        assert_eq!(parts.asked(), 1_020);
        let mut more = Looked::default();
        (0..1_500).for_each(|_| more.ask());
        more.take(Err::<(), _>("the last one"));
        parts.note(Part::Users, more, false);
        assert_eq!(parts.asked(), 1_520);
        parts.note(Part::Users, asked(1), false);
        parts.note(Part::Tokens, asked(0), false);
        assert_eq!(parts.asked(), 1);
    }

    #[test]
    fn questions_that_fail_one_after_the_other_leave_the_rest_for_the_next_look() {
        let mut looked = Looked::default();
        for done in [Err("1"), Err("2"), Ok(()), Err("3"), Err("4")] {
            looked.take(done);
            assert!(!looked.gives_up());
        }
        looked.take(Err::<(), _>("5"));
        assert!(looked.gives_up() && looked.problem.as_deref() == Some("1"));
    }
}
