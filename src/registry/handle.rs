//! The way to the registry: a limit on how many changes may wait, and on how long.

use std::sync::Arc;
use std::time::Duration;

use actix::{Addr, Handler, Message};
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::registry::{
    AdoptSession, CollectStatistics, CountEnding, EndTokens, FindSession, IssueToken, Issued, ListSessions, ListUsers,
    Reader, ReleaseSessions, RevokeSessions, Statistics, TakeRevocations, TokenRegistry, Validation,
};
use crate::session::{Session, Subject, UserType};
use crate::settings::Snapshot;
use crate::store::Durability;

/// How many changes may be on their way at once; beyond that a caller hears [`RegistryError::Busy`] at once.
pub(super) const WAITING_CHANGES: usize = 4096;

/// The registry's mailbox: larger than what the gate lets through, so that sending never waits for a place.
pub(super) const MAILBOX: usize = 2 * WAITING_CHANGES;

/// How long a caller waits for a change to be stored.
const PATIENCE: Duration = Duration::from_secs(5);

/// How the registry behaves.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// At most so many sessions, live or kept as expired: `tokens.capacity`.
    pub capacity: usize,
    /// At most so many live sessions of one user: `tokens.per_subject`.
    pub per_subject: usize,
    /// When a change counts as stored: `data.durability`.
    pub durability: Durability,
    /// Whether revocations of users' tokens go into the outbox for the shop.
    pub outbox: bool,
}

/// Why a change was not made. Nothing of it is left behind, except that a revocation that could not be stored keeps
/// saying no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RegistryError {
    /// `tokens.capacity` is reached.
    #[error("the limit of sessions (tokens.capacity) is reached")]
    Full,
    /// Too many changes wait.
    #[error("too many changes are waiting")]
    Busy,
    /// It could not be stored, it took too long, or the session was ended while it was on its way.
    #[error("the change could not be stored")]
    Unavailable,
}

/// The registry, as everybody but itself sees it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Registry {
    actor: Addr<TokenRegistry>,
    gate: Arc<Semaphore>,
    reader: Reader,
}

impl Registry {
    /// A way to `actor`, whose index `reader` reads.
    pub fn new(actor: Addr<TokenRegistry>, reader: Reader) -> Self {
        Self { actor, gate: Arc::new(Semaphore::new(WAITING_CHANGES)), reader }
    }

    /// The reading side.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The actor itself, for messages that stand outside the gate.
    pub fn actor(&self) -> &Addr<TokenRegistry> {
        &self.actor
    }

    /// Begins a session.
    ///
    /// # Errors
    /// Any [`RegistryError`]; the session does not exist then.
    pub async fn issue(&self, change: IssueToken) -> Result<Issued, RegistryError> {
        self.ask(change).await?
    }

    /// Ends sessions, and says how many.
    ///
    /// # Errors
    /// [`RegistryError::Busy`] and [`RegistryError::Unavailable`]: the caller should try again.
    pub async fn revoke(&self, change: RevokeSessions) -> Result<usize, RegistryError> {
        self.ask(change).await?
    }

    /// Ends what was revoked elsewhere, and says how many sessions that were.
    ///
    /// # Errors
    /// [`RegistryError::Busy`] and [`RegistryError::Unavailable`]: the caller should try again.
    pub async fn take_revocations(&self, change: TakeRevocations) -> Result<usize, RegistryError> {
        self.ask(change).await?
    }

    /// Ends sessions of tokens that were ended elsewhere, and says how many.
    ///
    /// # Errors
    /// [`RegistryError::Busy`] and [`RegistryError::Unavailable`]: the caller should try again.
    pub async fn end_tokens(&self, change: EndTokens) -> Result<usize, RegistryError> {
        self.ask(change).await?
    }

    /// Takes over a token that a shop issued, and says what it is worth.
    pub async fn adopt(&self, token: AdoptSession) -> Validation {
        self.ask(token).await.unwrap_or(Validation::Unavailable)
    }

    /// Lets go of sessions that were taken over.
    ///
    /// # Errors
    /// [`RegistryError::Busy`] and [`RegistryError::Unavailable`]: the caller should try again.
    pub async fn release(&self, sessions: ReleaseSessions) -> Result<(), RegistryError> {
        self.ask(sessions).await
    }

    /// Lists live sessions.
    ///
    /// # Errors
    /// [`RegistryError::Busy`] and [`RegistryError::Unavailable`].
    pub async fn list(&self, question: ListSessions) -> Result<Vec<Session>, RegistryError> {
        self.ask(question).await
    }

    /// Lists a part of the users who have sessions.
    ///
    /// # Errors
    /// [`RegistryError::Busy`] and [`RegistryError::Unavailable`].
    pub async fn users(&self, question: ListUsers) -> Result<Vec<Subject>, RegistryError> {
        self.ask(question).await
    }

    /// Finds a live session by its number.
    ///
    /// # Errors
    /// [`RegistryError::Busy`] and [`RegistryError::Unavailable`].
    pub async fn find(&self, question: FindSession) -> Result<Option<Session>, RegistryError> {
        self.ask(question).await
    }

    /// Counts the live sessions that another lifetime would end at once.
    ///
    /// # Errors
    /// [`RegistryError::Busy`] and [`RegistryError::Unavailable`].
    pub async fn count_ending(&self, question: CountEnding) -> Result<usize, RegistryError> {
        self.ask(question).await
    }

    /// Counts the live sessions that end at once when lifetimes become what they are in `after`.
    ///
    /// # Errors
    /// [`RegistryError::Busy`] and [`RegistryError::Unavailable`].
    pub async fn count_ending_between(&self, before: &Snapshot, after: &Snapshot) -> Result<usize, RegistryError> {
        let mut ending = 0;
        for kind in UserType::ALL {
            let lifetime = after.lifetime(kind);
            if lifetime != before.lifetime(kind) {
                ending += self.count_ending(CountEnding { kind, lifetime }).await?;
            }
        }
        Ok(ending)
    }

    /// Counts the sessions.
    ///
    /// # Errors
    /// [`RegistryError::Busy`] and [`RegistryError::Unavailable`].
    pub async fn statistics(&self) -> Result<Statistics, RegistryError> {
        self.ask(CollectStatistics).await
    }

    /// Makes the actor panic, to show that the process then ends.
    #[cfg(debug_assertions)]
    pub fn provoke_panic(&self) {
        self.actor.do_send(crate::lifecycle::ProvokePanic);
    }

    async fn ask<M>(&self, message: M) -> Result<M::Result, RegistryError>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        TokenRegistry: Handler<M>,
    {
        let _place = self.gate.try_acquire().map_err(|_| RegistryError::Busy)?;
        match tokio::time::timeout(PATIENCE, self.actor.send(message)).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(_)) | Err(_) => Err(RegistryError::Unavailable),
        }
    }
}
