//! The actor that writes.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler, Message, Recipient, ResponseFuture};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use crate::store::ledger::Seal;
use crate::store::sessions::Books;
use crate::store::{
    Change, Committed, Record, RecordOutcome, StoreError, Write, Written, apply, audit, connection, fault,
};

/// The mailbox: twice what the gate of [`crate::store::Store`] lets through, so that sending never waits for a place.
pub(super) const MAILBOX: usize = 8192;

/// Owns the writing connection. What waits in its mailbox becomes one transaction and one commit.
///
/// Each message goes on the batch; the first of a batch puts a [`Flush`] behind everything that waits already. Inside
/// the transaction each message has a savepoint, so that one that contradicts what is stored fails alone. A fault of
/// the file fails the batch; the next batch opens the file anew, settles what is in its log
/// ([`connection::settle`] says why), and tries again.
pub struct StoreWriter {
    path: PathBuf,
    seal: Seal,
    /// `None` after a fault of the file.
    open: Option<Open>,
    /// Whether the last transaction failed by a fault of the file: the log tells changes of this, not every failure.
    failing: bool,
    batch: Vec<Waiting>,
    /// Whether something that was erased is still in the log, because somebody read it when it was to be emptied.
    lingers: bool,
    registry: Option<Recipient<Committed>>,
    commits: Arc<AtomicU64>,
    /// Dropped with the actor: whoever supplied it notices when that happens in a panic.
    _guard: Option<Box<dyn Any + Send>>,
}

impl std::fmt::Debug for StoreWriter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("StoreWriter").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The file while it can be used.
struct Open {
    connection: Connection,
    books: Books,
}

impl Open {
    fn new(path: &Path, seal: &Seal) -> rusqlite::Result<Self> {
        let connection = connection::writing(path)?;
        connection::settle(&connection)?;
        let books = Books::open(&connection, seal.clone())?;
        Ok(Self { connection, books })
    }

    /// Fails only by a fault of the file; nothing of the batch is stored then.
    fn commit(&mut self, batch: &[Waiting]) -> rusqlite::Result<Vec<Result<Written, StoreError>>> {
        let (before, head) = (self.books.ledger, self.books.head);
        let mut transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let outcomes = batch
            .iter()
            .map(|waiting| store_one(&mut transaction, &waiting.changes, &mut self.books))
            .collect::<rusqlite::Result<_>>()?;
        if self.books.ledger != before {
            self.books.ledger.write(&transaction, &self.books.seal)?;
        }
        if self.books.head != head {
            audit::write_head(&transaction, &self.books.seal.chain, self.books.head)?;
        }
        transaction.commit()?;
        Ok(outcomes)
    }
}

/// Whether something is erased by this message.
fn erases(waiting: &Waiting) -> bool {
    waiting.changes.iter().any(|change| matches!(change, Change::Erase(_)))
}

/// How long it takes until the log is looked at again for what was erased.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// A message that waits for the next commit.
struct Waiting {
    changes: Vec<Change>,
    answer: Answer,
}

/// Where the outcome goes.
enum Answer {
    /// To the sender of a [`Write`].
    Sender(oneshot::Sender<Result<Written, StoreError>>),
    /// To the registry, by this ticket.
    Registry(u64),
}

/// Commit the batch. Only to oneself.
#[derive(Message)]
#[rtype(result = "()")]
struct Flush;

/// Write what waits, and leave the file as it is after a clean stop. The last message of all.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(super) struct Close;

/// Answer all records to this recipient from now on.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct AttachRegistry(pub Recipient<Committed>);

impl StoreWriter {
    /// A writer of the file at `path`, which has to be there and whose checksums `seal` computes. `commits` counts its
    /// transactions.
    pub(super) fn open(
        path: PathBuf,
        seal: Seal,
        commits: Arc<AtomicU64>,
        guard: Option<Box<dyn Any + Send>>,
    ) -> Result<Self, StoreError> {
        let open = Open::new(&path, &seal).map_err(|error| fault::explain(&error))?;
        let batch = Vec::new();
        Ok(Self {
            path,
            seal,
            open: Some(open),
            failing: false,
            batch,
            lingers: false,
            registry: None,
            commits,
            _guard: guard,
        })
    }

    fn enqueue(&mut self, waiting: Waiting, context: &Context<Self>) {
        if self.batch.is_empty() {
            // It goes behind what waits in the mailbox already. It cannot get lost: the mailbox is our own.
            context.address().do_send(Flush);
        }
        self.batch.push(waiting);
    }

    /// The outcome of each message of the batch, in order.
    fn store(&mut self, batch: &[Waiting]) -> Vec<Result<Written, StoreError>> {
        if batch.iter().all(|waiting| waiting.changes.is_empty()) {
            return vec![Ok(Written::default()); batch.len()];
        }
        match self.commit(batch) {
            Ok(outcomes) => {
                self.commits.fetch_add(1, Ordering::Relaxed);
                if std::mem::take(&mut self.failing) {
                    tracing::info!(file = %self.path.display(), "the store can be written again");
                }
                outcomes
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::error!(
                        file = %self.path.display(), %error,
                        "the store cannot be written: sign-ins and revocations are refused until it can"
                    );
                }
                self.open = None;
                vec![Err(StoreError::Unavailable(error.to_string())); batch.len()]
            }
        }
    }

    /// What was erased must not be read from the log either. Says whether it can still be.
    fn empty_the_log(&mut self) -> bool {
        let emptied = match &self.open {
            Some(Open { connection, .. }) => connection::settle(connection).map_err(|error| error.to_string()),
            // Whoever opens it empties it.
            None => Err("the store cannot be written".to_owned()),
        };
        match (&emptied, self.lingers) {
            (Err(error), false) => tracing::warn!(
                error,
                "what was erased is still readable in the log of the store; this is tried again until it is not"
            ),
            (Ok(()), true) => tracing::info!("what was erased is no longer readable in the log of the store"),
            _ => {}
        }
        self.lingers = emptied.is_err();
        self.lingers
    }

    /// Empties the log after an erasure, and goes on trying when that is not possible at the moment.
    fn erase_from_the_log(
        &mut self,
        batch: &[Waiting],
        outcomes: &mut [Result<Written, StoreError>],
        context: &mut Context<Self>,
    ) {
        if !batch.iter().zip(&*outcomes).any(|(waiting, outcome)| outcome.is_ok() && erases(waiting)) {
            return;
        }
        let looks_already = self.lingers;
        let lingers = self.empty_the_log();
        for (waiting, outcome) in batch.iter().zip(outcomes) {
            if let Ok(written) = outcome {
                written.lingers = lingers && erases(waiting);
            }
        }
        if lingers && !looks_already {
            Self::look_again(context);
        }
    }

    fn look_again(context: &mut Context<Self>) {
        context.run_later(LOOK_AGAIN, |writer, context| {
            if writer.lingers && writer.empty_the_log() {
                Self::look_again(context);
            }
        });
    }

    /// Fails only by a fault of the file; nothing of the batch is stored then.
    fn commit(&mut self, batch: &[Waiting]) -> rusqlite::Result<Vec<Result<Written, StoreError>>> {
        let open = match self.open.take() {
            Some(open) => open,
            None => Open::new(&self.path, &self.seal)?,
        };
        self.open.insert(open).commit(batch)
    }

    /// Tells everybody. Records with the same outcome, one after the other, share one message.
    fn answer(&self, batch: Vec<Waiting>, outcomes: Vec<Result<Written, StoreError>>) {
        let mut latest: Option<Committed> = None;
        for (waiting, outcome) in batch.into_iter().zip(outcomes) {
            match waiting.answer {
                // A sender that no longer waits does not want the answer.
                Answer::Sender(sender) => drop(sender.send(outcome)),
                Answer::Registry(through) => {
                    let outcome = outcome.map_or(RecordOutcome::Failed, |_| RecordOutcome::Stored);
                    let committed = Committed { through, outcome };
                    let before = latest.replace(committed);
                    self.tell(before.filter(|before| before.outcome != outcome));
                }
            }
        }
        self.tell(latest);
    }

    fn tell(&self, committed: Option<Committed>) {
        if let (Some(committed), Some(registry)) = (committed, &self.registry) {
            // A registry that is gone has nobody left to answer.
            registry.do_send(committed);
        }
    }
}

/// Stores one message, or nothing of it. Fails only by a fault of the file.
fn store_one(
    transaction: &mut Transaction<'_>,
    changes: &[Change],
    books: &mut Books,
) -> rusqlite::Result<Result<Written, StoreError>> {
    let (ledger, head) = (books.ledger, books.head);
    books.is_repeated = false;
    let savepoint = transaction.savepoint()?;
    let mut written = Written::default();
    let outcome = changes.iter().try_for_each(|change| apply::apply(&savepoint, change, books, &mut written.ids));
    match outcome {
        Ok(()) => savepoint.commit().map(|()| Ok(written)),
        Err(error) if fault::is_of_the_change(&error) => {
            (books.ledger, books.head) = (ledger, head);
            savepoint.finish().map(|()| Err(fault::explain(&error)))
        }
        Err(error) => Err(error),
    }
}

impl Actor for StoreWriter {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.set_mailbox_capacity(MAILBOX);
    }
}

impl Handler<Write> for StoreWriter {
    type Result = ResponseFuture<Result<Written, StoreError>>;

    fn handle(&mut self, Write(changes): Write, context: &mut Self::Context) -> Self::Result {
        let (sender, reply) = oneshot::channel();
        let answer = Answer::Sender(sender);
        self.enqueue(Waiting { changes, answer }, context);
        Box::pin(async move {
            reply.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the writer is gone".to_owned())))
        })
    }
}

impl Handler<Record> for StoreWriter {
    type Result = ();

    fn handle(&mut self, Record { ticket, changes }: Record, context: &mut Self::Context) {
        let answer = Answer::Registry(ticket);
        self.enqueue(Waiting { changes, answer }, context);
    }
}

impl Handler<Flush> for StoreWriter {
    type Result = ();

    fn handle(&mut self, _: Flush, context: &mut Self::Context) {
        let batch = std::mem::take(&mut self.batch);
        let mut outcomes = self.store(&batch);
        self.erase_from_the_log(&batch, &mut outcomes, context);
        self.answer(batch, outcomes);
    }
}

impl Handler<Close> for StoreWriter {
    type Result = ();

    fn handle(&mut self, _: Close, _: &mut Self::Context) {
        let batch = std::mem::take(&mut self.batch);
        let outcomes = self.store(&batch);
        self.answer(batch, outcomes);
        if let Some(Open { connection, .. }) = self.open.take() {
            connection::put_away(connection);
        }
    }
}

impl Handler<AttachRegistry> for StoreWriter {
    type Result = ();

    fn handle(&mut self, AttachRegistry(registry): AttachRegistry, _: &mut Self::Context) {
        self.registry = Some(registry);
    }
}

#[cfg(test)]
impl StoreWriter {
    /// The connection in use gets no more pages, as on a full disk.
    pub(super) fn limit_pages(&mut self, pages: u32) {
        let connection = &self.open.as_ref().expect("it was just opened").connection;
        connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).expect("the pragma is known");
    }

    /// The connection in use refuses to write, as on a file system that has become read-only.
    pub(super) fn make_read_only(&mut self) {
        let connection = &self.open.as_ref().expect("it was just opened").connection;
        connection.pragma_update(None, "query_only", true).expect("the pragma is known");
    }
}

#[cfg(debug_assertions)]
crate::lifecycle::panics_when_told!(StoreWriter);
