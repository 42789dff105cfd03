//! Who is behind a token that has no session to tell it: a JWT that Magento issued says whose it is, and nothing of a
//! website, a role or a lock; an integration's session says nothing of a role.
//!
//! It knows neither tokens nor policies. What always holds: whoever asks waits for [`PATIENCE`] at most, and not at all
//! while the accounts could not be read a moment ago; look-ups of one user at the same time are one, and those of many
//! users are gathered ([`gatherer`]).

mod memory;
#[cfg(test)]
mod tests;

pub(super) use memory::Remembered;

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{Shared, join_all};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tracing::warn;

use crate::accounts::gatherer::{self, WAITING};
use crate::accounts::{AccountStore, UserState};
use crate::clock::{SharedClock, UnixSeconds};
use crate::http::holder::memory::Memory;
use crate::session::{Subject, UserType};

/// How long a check waits for the accounts.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many seconds nobody is looked up after the accounts could not be read, or not in time.
const PAUSE: u32 = 2;

/// Remembers what the accounts say of users, so that a check asks them only the first time.
///
/// Beside a shop somebody looks at these users again and again, and tells what became of them; what is remembered is as
/// fresh as what is known of users with sessions then. Without a shop only the website is remembered, which never
/// changes; role and lock are announced to the registry by the accounts themselves.
pub struct Holders {
    questions: mpsc::Sender<Question>,
    known: Arc<Known>,
    are_followed: bool,
}

struct Known {
    accounts: Arc<dyn AccountStore>,
    clock: SharedClock,
    memory: Memory,
    /// Who is being looked up.
    asked: Mutex<HashMap<Subject, Answer>>,
    /// When the accounts of each kind were last found unreadable, in Unix seconds; 0 when they were read after that.
    failed: [AtomicU32; UserType::ALL.len()],
}

/// What the accounts say; nothing comes when they cannot be read.
type Answer = Shared<oneshot::Receiver<Option<UserState>>>;

/// Who is this?
struct Question {
    subject: Subject,
    reply: oneshot::Sender<Option<UserState>>,
}

impl gatherer::Question for Question {
    /// Also when nobody waits any more: the next check does not have to ask then.
    fn is_given_up(&self) -> bool {
        false
    }
}

/// The accounts cannot be read at the moment, or take too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CannotTell;

impl Holders {
    /// Begins to gather questions on the thread of the caller. `are_followed` says that somebody else changes the accounts,
    /// too, and that they are looked at again and again. `guard` is dropped when gathering ends.
    pub fn start(
        accounts: Arc<dyn AccountStore>,
        clock: SharedClock,
        are_followed: bool,
        guard: Box<dyn Any + Send>,
    ) -> Arc<Self> {
        let (asked, failed) = <_>::default();
        let known = Arc::new(Known { accounts, clock, memory: Memory::new(), asked, failed });
        let (questions, receiver) = mpsc::channel(WAITING);
        let answering = Arc::clone(&known);
        actix_rt::spawn(gatherer::gather(receiver, guard, move |batch| {
            let known = Arc::clone(&answering);
            async move { known.answer(batch).await }
        }));
        Arc::new(Self { questions, known, are_followed })
    }

    /// Whether what is said here of roles and locks counts.
    pub(super) fn are_followed(&self) -> bool {
        self.are_followed
    }

    /// What the accounts say of a user; `None` when there is no such one. Waits only for whom nobody remembers.
    pub(super) async fn told(&self, subject: Subject) -> Result<Option<UserState>, CannotTell> {
        match self.remembered(subject) {
            Some(Remembered { state, is_fresh: true }) => Ok(state),
            // Boxed for the sake of all the checks that do not wait.
            _ => Box::pin(self.look_up(subject)).await,
        }
    }

    /// What is remembered of a user.
    pub(super) fn remembered(&self, subject: Subject) -> Option<Remembered> {
        self.known.memory.get(subject, self.known.clock.now())
    }

    /// The same. Who is not remembered is looked up meanwhile, for the next time.
    pub(super) fn remembered_or_asked(&self, subject: Subject) -> Option<Remembered> {
        let remembered = self.remembered(subject);
        if remembered.is_none_or(|remembered| !remembered.is_fresh) {
            // What cannot be asked now is asked at the next check.
            drop(self.ask(subject));
        }
        remembered
    }

    /// The users to ask about. Those who have not been seen for a while are forgotten.
    pub fn to_follow(&self, now: UnixSeconds) -> Vec<Subject> {
        self.known.memory.lately_used(now)
    }

    /// Takes over what became of a user, if somebody is to follow them.
    pub fn update(&self, subject: Subject, state: Option<UserState>, now: UnixSeconds) {
        self.known.memory.update(subject, state, now);
    }

    async fn look_up(&self, subject: Subject) -> Result<Option<UserState>, CannotTell> {
        let answer = self.ask(subject)?;
        let Ok(told) = timeout(PATIENCE, answer).await else {
            self.known.note_failure(subject.kind);
            return Err(CannotTell);
        };
        told.map_err(|_| CannotTell)
    }

    /// Has a user looked up, unless that is under way.
    fn ask(&self, subject: Subject) -> Result<Answer, CannotTell> {
        if self.known.pauses(subject.kind) {
            return Err(CannotTell);
        }
        let mut asked = self.known.asked();
        if let Some(answer) = asked.get(&subject) {
            return Ok(Answer::clone(answer));
        }
        let place = self.questions.try_reserve().map_err(|_| CannotTell)?;
        let (reply, answer) = oneshot::channel();
        let answer = answer.shared();
        asked.insert(subject, Answer::clone(&answer));
        place.send(Question { subject, reply });
        Ok(answer)
    }
}

impl Known {
    async fn answer(&self, batch: Vec<Question>) {
        let mut by_kind = HashMap::<UserType, Vec<Question>>::new();
        for question in batch {
            by_kind.entry(question.subject.kind).or_default().push(question);
        }
        // At once: a table that somebody holds keeps nobody of another kind waiting.
        join_all(by_kind.into_iter().map(|(kind, questions)| self.answer_kind(kind, questions))).await;
    }

    async fn answer_kind(&self, kind: UserType, questions: Vec<Question>) {
        let ids: Vec<_> = questions.iter().map(|question| question.subject.id).collect();
        let found = match self.accounts.states(kind, &ids).await {
            Ok(found) => HashMap::<_, _>::from_iter(found),
            Err(error) => {
                self.note_failure(kind);
                warn!(%error, "users whose tokens have no sessions here could not be looked up");
                self.forget(&questions);
                // Who asked hears it from the replies that are dropped.
                return;
            }
        };
        self.failed(kind).store(0, Ordering::Relaxed);
        let now = self.clock.now();
        for Question { subject, .. } in &questions {
            self.memory.insert(*subject, found.get(&subject.id).copied(), now);
        }
        self.forget(&questions);
        for Question { subject, reply } in questions {
            let _who_asked_may_have_gone = reply.send(found.get(&subject.id).copied());
        }
    }

    /// These are no longer being looked up.
    fn forget(&self, questions: &[Question]) {
        let mut asked = self.asked();
        for Question { subject, .. } in questions {
            asked.remove(subject);
        }
    }

    fn note_failure(&self, kind: UserType) {
        self.failed(kind).store(self.clock.now().get(), Ordering::Relaxed);
    }

    fn failed(&self, kind: UserType) -> &AtomicU32 {
        &self.failed[usize::from(kind.number()) - 1]
    }

    /// Whether the accounts of this kind could not be read a moment ago.
    fn pauses(&self, kind: UserType) -> bool {
        let failed = UnixSeconds(self.failed(kind).load(Ordering::Relaxed));
        failed != UnixSeconds(0) && self.clock.now().since(failed) < PAUSE
    }

    fn asked(&self) -> MutexGuard<'_, HashMap<Subject, Answer>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Holders {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Holders").field("remembered", &self.known.memory.len()).finish_non_exhaustive()
    }
}
