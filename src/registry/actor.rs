//! The actor: takes messages apart, lets the table act, and says what follows.
//!
//! It never waits inside its own context, because everything that is spawned there is polled on every message. A change
//! goes to the store as a numbered record, its reply's sender into a queue; when the store says up to which record it
//! has committed, the queue is taken from the front. What it does beyond that is in files of their own: `revoking`,
//! `ending`, `questions`, `adopted`, `loading`.

use std::any::Any;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Arbiter, AsyncContext, Context, Handler, Recipient, ResponseFuture, SpawnHandle};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::audit::Origin;
use crate::clock::{SharedClock, UnixSeconds};
use crate::registry::audit;
use crate::registry::forgotten::Forgotten;
use crate::registry::fullness::Fullness;
use crate::registry::handle::{MAILBOX, WAITING_CHANGES};
use crate::registry::index::Index;
use crate::registry::jwts::JwtBooks;
use crate::registry::table::Table;
use crate::registry::unstored::{self, Handed, Revoked, Unstored};
use crate::registry::{
    IssueToken, Issued, Options, Reader, Registry, RegistryError, Revocation, SubjectFacts, TokenForms,
};
use crate::session::{EndReason, SessionId, SubjectChanged};
use crate::settings::SharedSnapshot;
use crate::store::{Change, Committed, Durability, Record, RecordOutcome};
use crate::token::{DigestKey, TokenDigest};

/// How long after a failure the store is asked again to store what it could not.
const RETRY: Duration = Duration::from_secs(1);

/// With `data.durability = "async"`: a token is handed out before it is stored only while everything that is not stored
/// yet is younger than this.
const HANDED_OUT_EARLY: Duration = Duration::from_millis(100);

/// What a registry is made of.
#[derive(Debug)]
pub struct Parts {
    /// Settings, for the lifetimes.
    pub snapshot: SharedSnapshot,
    /// The time by which sessions end.
    pub clock: SharedClock,
    /// The limits.
    pub options: Options,
    /// The key of the digests, for the readers.
    pub key: DigestKey,
    /// What tokens look like, for the readers.
    pub forms: TokenForms,
    /// The number of the first new session.
    pub first_id: SessionId,
    /// The store.
    pub recorder: Recipient<Record>,
    /// Notices when the actor panics.
    pub guard: Box<dyn Any + Send>,
}

/// Every session; the only writer of the index.
pub struct TokenRegistry {
    pub(super) table: Table,
    pub(super) snapshot: SharedSnapshot,
    pub(super) clock: SharedClock,
    pub(super) durability: Durability,
    /// Whether the shop is to be told of revocations.
    pub(super) outbox: bool,
    capacity: usize,
    fullness: Fullness,
    recorder: Recipient<Record>,
    next_ticket: u64,
    waiting: VecDeque<Waiting>,
    /// What could not be stored, to be stored before anything else.
    pub(super) unstored: Vec<Unstored>,
    /// Whether the store is asked again in a while.
    retrying: bool,
    /// Whether the store failed the last time.
    failing: bool,
    /// Sessions whose rows are still to be deleted.
    pub(super) forgotten: Forgotten,
    /// What ends JWTs that nobody keeps a session of.
    pub(super) jwts: JwtBooks,
    /// Sessions of tokens that a shop issued and keeps.
    pub(super) adopted: HashSet<TokenDigest>,
    pub(super) forms: TokenForms,
    /// Sessions that ended by themselves, and have no line in the audit trail yet.
    pub(super) expired: audit::Expired,
    pub(super) index: Arc<Index>,
    pub(super) timer: Option<(UnixSeconds, SpawnHandle)>,
    _guard: Box<dyn Any + Send>,
}

/// A change on its way to the store.
#[derive(Debug)]
struct Waiting {
    ticket: u64,
    since: Instant,
    what: Waited,
}

/// What follows when the store has answered.
#[derive(Debug)]
pub(super) enum Waited {
    Issue(SessionId, oneshot::Sender<Result<Issued, RegistryError>>),
    /// The token was handed out already.
    Handed(Handed),
    /// What is left of one whose session has ended.
    Kept(Vec<Change>),
    Revoke(Revoked, Option<oneshot::Sender<Result<usize, RegistryError>>>),
    Forget(Vec<SessionId>),
    /// A line about so many sessions that ended by themselves.
    Expired(u64),
    Preload(oneshot::Sender<Result<(), RegistryError>>),
}

impl TokenRegistry {
    /// Starts the registry on a thread of its own.
    pub fn start_apart(parts: Parts) -> Registry {
        let (index, reader) = Self::index(&parts);
        let actor = Self::start_in_arbiter(&Arbiter::new().handle(), move |_| Self::new(index, parts));
        Registry::new(actor, reader)
    }

    /// Starts the registry on the thread of the caller: for tests, whose paused time holds for one thread.
    pub fn start_here(parts: Parts) -> Registry {
        let (index, reader) = Self::index(&parts);
        Registry::new(Self::new(index, parts).start(), reader)
    }

    fn index(parts: &Parts) -> (Arc<Index>, Reader) {
        let index = Arc::new(Index::default());
        let reader = Reader::new(Arc::clone(&index), parts);
        (index, reader)
    }

    fn new(index: Arc<Index>, parts: Parts) -> Self {
        Self {
            durability: parts.options.durability,
            outbox: parts.options.outbox,
            capacity: parts.options.capacity,
            fullness: Fullness::default(),
            table: Table::new(Arc::clone(&index), parts.options, parts.first_id)
                .forgetting_users(parts.forms.adopts_opaque),
            snapshot: parts.snapshot,
            clock: parts.clock,
            recorder: parts.recorder,
            next_ticket: 1,
            waiting: VecDeque::new(),
            unstored: Vec::new(),
            retrying: false,
            failing: false,
            forgotten: Forgotten::default(),
            jwts: JwtBooks::new(Arc::clone(&index)),
            adopted: HashSet::new(),
            forms: parts.forms,
            expired: audit::Expired::default(),
            index,
            timer: None,
            _guard: parts.guard,
        }
    }

    fn issue(&mut self, message: IssueToken, reply: oneshot::Sender<Result<Issued, RegistryError>>) {
        if !self.unstored.is_empty() {
            // Revocations that could not be stored go before anything else.
            answer(reply, Err(RegistryError::Unavailable));
            return;
        }
        if self.waiting.len() >= WAITING_CHANGES {
            answer(reply, Err(RegistryError::Busy));
            return;
        }
        let IssueToken { subject, website, digest, fixed_end, role, along, origin, typed } = message;
        let (snapshot, now) = (self.snapshot.load(), self.clock.now());
        match self.table.begin(subject, website, digest, fixed_end, &snapshot, now) {
            Err(error) => answer(reply, Err(error)),
            Ok(session) => {
                if let Some(role) = role {
                    self.table.note_role(session.id, role);
                }
                let line = audit::issued(&session, now, origin, typed);
                let kept = unstored::to_keep(&along);
                let mut changes = along;
                if self.durability != Durability::None {
                    changes.push(unstored::issued(session, fixed_end, digest));
                }
                changes.push(Change::Audit(line.clone()));
                if self.may_hand_out_early() {
                    self.record(changes, Waited::Handed(Handed { session, fixed_end, digest, line, kept }));
                    self.finish_issue(session.id, reply);
                } else {
                    self.record(changes, Waited::Issue(session.id, reply));
                }
            }
        }
        self.forget_rows();
    }

    /// Whether a token may be handed out before it is stored. Not while the store fails, nor when it is slow.
    fn may_hand_out_early(&self) -> bool {
        let young = |waiting: &Waiting| waiting.since.elapsed() < HANDED_OUT_EARLY;
        self.durability == Durability::Async && !self.failing && self.waiting.front().is_none_or(young)
    }

    /// Has the next slice of rows deleted, when there is one and none is on its way.
    pub(super) fn forget_rows(&mut self) {
        let forgotten = self.table.take_forgotten();
        if self.durability == Durability::None {
            return;
        }
        self.forgotten.push(forgotten);
        if let Some(ids) = self.forgotten.next() {
            self.record(vec![Change::SessionsForgotten(ids.clone())], Waited::Forget(ids));
        }
    }

    /// Whether too many changes wait for another one.
    pub(super) fn is_busy(&self) -> bool {
        self.waiting.len() >= WAITING_CHANGES
    }

    pub(super) fn record(&mut self, changes: Vec<Change>, what: Waited) {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.waiting.push_back(Waiting { ticket, since: Instant::now(), what });
        // What waits is bounded above, and the answer comes as `Committed`.
        self.recorder.do_send(Record { ticket, changes });
    }

    fn settle(&mut self, committed: Committed, context: &mut Context<Self>) {
        self.failing = committed.outcome == RecordOutcome::Failed;
        while self.waiting.front().is_some_and(|waiting| waiting.ticket <= committed.through) {
            let Some(waiting) = self.waiting.pop_front() else { break };
            match committed.outcome {
                RecordOutcome::Stored => self.stored(waiting.what),
                RecordOutcome::Failed => self.failed(waiting.what, context),
            }
        }
        self.arm(context);
    }

    fn stored(&mut self, what: Waited) {
        match what {
            Waited::Issue(id, reply) => self.finish_issue(id, reply),
            Waited::Handed(_) | Waited::Kept(_) | Waited::Expired(_) => {}
            Waited::Revoke(revoked, reply) => self.finish_revocation(&revoked, reply),
            Waited::Forget(_) => {
                self.forgotten.stored();
                self.forget_rows();
            }
            Waited::Preload(reply) => answer(reply, Ok(())),
        }
    }

    fn failed(&mut self, what: Waited, context: &mut Context<Self>) {
        match what {
            Waited::Issue(id, reply) => {
                self.table.abandon(id);
                answer(reply, Err(RegistryError::Unavailable));
            }
            Waited::Handed(handed) => {
                self.unstored.push(Unstored::Handed(handed));
                self.retry_later(context);
            }
            Waited::Kept(changes) => {
                self.unstored.push(Unstored::Kept(changes));
                self.retry_later(context);
            }
            Waited::Revoke(revoked, reply) => {
                self.keep_for_retry(revoked, reply);
                self.retry_later(context);
            }
            Waited::Forget(ids) => {
                self.forgotten.failed(ids);
                self.retry_later(context);
            }
            Waited::Expired(count) => self.expired.put_back(count),
            Waited::Preload(reply) => answer(reply, Err(RegistryError::Unavailable)),
        }
    }

    fn finish_issue(&mut self, id: SessionId, reply: oneshot::Sender<Result<Issued, RegistryError>>) {
        let Some(session) = self.table.commit(id) else {
            answer(reply, Err(RegistryError::Unavailable));
            return;
        };
        let (snapshot, now) = (self.snapshot.load_full(), self.clock.now());
        while let Some(oldest) = self.table.take_superseded(session.subject, &snapshot, now) {
            let mut revoked = self.revoke_one(Some(oldest), EndReason::Superseded);
            revoked.tell(Revocation::Session(oldest.id), EndReason::Superseded, now, Origin::SERVER);
            self.record_revocation(revoked, None);
        }
        answer(reply, Ok(Issued { session }));
    }

    fn retry_later(&mut self, context: &mut Context<Self>) {
        if !std::mem::replace(&mut self.retrying, true) {
            context.run_later(RETRY, |registry, _| registry.retry());
        }
    }

    fn retry(&mut self) {
        self.retrying = false;
        for unstored in std::mem::take(&mut self.unstored) {
            match unstored {
                Unstored::Revoked(revoked) => self.record_revocation(revoked, None),
                // One that was ended meanwhile must not be stored after its revocation.
                Unstored::Handed(handed) if self.table.holds(handed.session.id, handed.digest) => {
                    self.record(handed.changes(), Waited::Handed(handed));
                }
                Unstored::Handed(Handed { kept, .. }) | Unstored::Kept(kept) => {
                    if !kept.is_empty() {
                        self.record(kept.clone(), Waited::Kept(kept));
                    }
                }
            }
        }
        self.forget_rows();
    }
}

/// Replies; a caller that no longer waits does not mind.
pub(super) fn answer<T>(reply: oneshot::Sender<T>, with: T) {
    drop(reply.send(with));
}

pub(super) fn promised<T: Send + 'static>(
    reply: oneshot::Receiver<Result<T, RegistryError>>,
) -> ResponseFuture<Result<T, RegistryError>> {
    Box::pin(async move { reply.await.unwrap_or(Err(RegistryError::Unavailable)) })
}

impl Actor for TokenRegistry {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.set_mailbox_capacity(MAILBOX);
    }
}

impl Handler<IssueToken> for TokenRegistry {
    type Result = ResponseFuture<Result<Issued, RegistryError>>;

    fn handle(&mut self, message: IssueToken, _: &mut Self::Context) -> Self::Result {
        let (sender, receiver) = oneshot::channel();
        self.issue(message, sender);
        promised(receiver)
    }
}

impl Handler<Committed> for TokenRegistry {
    type Result = ();

    fn handle(&mut self, committed: Committed, context: &mut Self::Context) {
        self.settle(committed, context);
        self.fullness.look_at(self.table.taken_room(), self.capacity);
    }
}

impl Handler<SubjectChanged> for TokenRegistry {
    type Result = ();

    fn handle(&mut self, changed: SubjectChanged, _: &mut Self::Context) {
        let SubjectChanged { subject, locked_until, role } = changed;
        if self.table.forgets(subject) {
            return;
        }
        let facts = self.index.facts(subject);
        self.index.set_facts(subject, SubjectFacts { locked_until, role, ..facts });
    }
}

impl std::fmt::Debug for TokenRegistry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TokenRegistry").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

#[cfg(debug_assertions)]
crate::lifecycle::panics_when_told!(TokenRegistry);
