//! The way to the hashers.

use std::any::Any;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use actix::{Actor, Addr, Handler, MailboxError, Message, SyncArbiter, SyncContext};

use super::HashError;
use super::gate::{Full, Gate, Place};
use super::hasher::{HasherParts, PasswordHasher};
use super::keeper::MemoryKeeper;
use super::messages::{HashPassword, Verdict, VerifyPassword};
use super::meter::Meter;
use super::stored::Cost;
use crate::magento::SharedInstallationKey;
use crate::secret::Password;

/// How long a password may wait for its turn and be hashed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Nobody is told to come back sooner.
const SHORTEST_RETRY: Duration = Duration::from_secs(1);

/// Makes the guard that the actor of this name owns: a guard that is dropped in a panic ends the process, so that no
/// actor dies silently.
pub type GuardFactory = Arc<dyn Fn(&'static str) -> Box<dyn Any + Send> + Send + Sync>;

/// How the pool behaves.
#[derive(Clone)]
pub struct PoolOptions {
    /// How many passwords are hashed at once; at least 1.
    pub concurrency: usize,
    /// How many may wait for their turn.
    pub queue: usize,
    /// The key of the Magento installation, if it is known.
    pub installation_key: SharedInstallationKey,
    /// The guards of the actors.
    pub guards: GuardFactory,
}

impl fmt::Debug for PoolOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PoolOptions")
            .field("concurrency", &self.concurrency)
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}

/// Why the pool has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sign_in) enum PoolError {
    /// Too many wait.
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// There is no memory, or no hasher any more.
    Unavailable,
}

/// What the pool has to do at the moment, and has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Sign-ins that hold a place and are not being hashed for.
    pub waiting: usize,
    /// Passwords that are being hashed.
    pub running: usize,
    /// Argon2 computations since the start.
    pub hashed: u64,
    /// How long hashers were at it since the start, all of them together.
    pub hashing: Duration,
    /// How long a password took of late.
    pub hash_time: Duration,
}

/// The hashers, with a gate in front. Cheap to clone.
#[derive(Clone, Debug)]
pub struct HasherPool {
    actor: Addr<PasswordHasher>,
    #[cfg(debug_assertions)]
    keeper: Addr<MemoryKeeper>,
    gate: Arc<Gate>,
    meter: Arc<Meter>,
    concurrency: usize,
}

impl HasherPool {
    /// Starts the hashers' threads and the keeper of their memory. To be called inside a running actix system.
    pub fn start(options: PoolOptions) -> Self {
        Self::start_at(options, Cost::STANDARD)
    }

    /// A pool whose hashes cost next to nothing.
    #[cfg(test)]
    pub(in crate::sign_in) fn start_cheap(options: PoolOptions) -> Self {
        Self::start_at(options, Cost { memory_kib: 8, iterations: 1 })
    }

    fn start_at(options: PoolOptions, cost: Cost) -> Self {
        let PoolOptions { concurrency, queue, installation_key, guards } = options;
        let concurrency = concurrency.max(1);
        let meter = Arc::new(Meter::default());
        let keeper = MemoryKeeper::new(guards("memory-keeper")).start();
        let parts = Arc::new(HasherParts {
            keeper: keeper.clone().recipient(),
            key: installation_key,
            cost,
            meter: Arc::clone(&meter),
        });
        let builder = || std::thread::Builder::new().name("hasher".to_owned());
        let actor = SyncArbiter::start_with_thread_builder(concurrency, builder, move || {
            PasswordHasher::new(Arc::clone(&parts), guards("password-hasher"))
        });
        Self {
            actor,
            #[cfg(debug_assertions)]
            keeper,
            gate: Gate::new(concurrency, queue),
            meter,
            concurrency,
        }
    }

    /// A place for a sign-in from this address.
    pub(in crate::sign_in) fn enter(&self, address: Option<IpAddr>) -> Result<Place, PoolError> {
        self.gate.enter(address).map_err(|full| self.busy(full))
    }

    /// Compares a password; the place is free again when the answer is there.
    pub(in crate::sign_in) async fn verify(
        &self,
        stored: Option<String>,
        password: Password,
        caller: Weak<()>,
        place: Place,
    ) -> Result<Verdict, PoolError> {
        let message = VerifyPassword { stored, password, caller };
        self.ask(message, place).await
    }

    /// Compares a password once more, for whoever waits for an answer already. The place that it takes is not counted for
    /// any address.
    pub(in crate::sign_in) async fn verify_uncounted(
        &self,
        stored: String,
        password: Password,
    ) -> Result<bool, PoolError> {
        let place = self.gate.enter_uncounted().map_err(|full| self.busy(full))?;
        let waits = Arc::new(());
        let verdict = self.verify(Some(stored), password, Arc::downgrade(&waits), place).await?;
        drop(waits);
        Ok(verdict == Verdict::Match)
    }

    /// Hashes a password for storing. The place that it takes is not counted for any address.
    pub(in crate::sign_in) async fn hash(&self, password: Password) -> Result<String, PoolError> {
        let place = self.gate.enter_uncounted().map_err(|full| self.busy(full))?;
        self.hash_at(password, place).await
    }

    /// Hashes a password for storing, in the place of whoever asks for it.
    pub(in crate::sign_in) async fn hash_at(&self, password: Password, place: Place) -> Result<String, PoolError> {
        self.ask(HashPassword { password }, place).await
    }

    /// Makes a hasher panic, to show that the process then ends.
    #[cfg(debug_assertions)]
    pub fn provoke_panic(&self) {
        self.actor.do_send(crate::lifecycle::ProvokePanic);
    }

    /// Makes the keeper of the hashers' memory panic, to show that the process then ends.
    #[cfg(debug_assertions)]
    pub fn provoke_keeper_panic(&self) {
        self.keeper.do_send(crate::lifecycle::ProvokePanic);
    }

    /// What the pool has to do, and has done.
    pub fn load(&self) -> Load {
        let running = self.meter.running();
        Load {
            waiting: self.gate.taken().saturating_sub(running),
            running,
            hashed: self.meter.hashed(),
            hashing: self.meter.spent(),
            hash_time: self.meter.hash_time(),
        }
    }

    async fn ask<M, R>(&self, message: M, _place: Place) -> Result<R, PoolError>
    where
        M: Message<Result = Result<R, HashError>> + Send + 'static,
        R: Send + 'static,
        PasswordHasher: Handler<M>,
        SyncContext<PasswordHasher>: actix::dev::ToEnvelope<PasswordHasher, M>,
    {
        match tokio::time::timeout(PATIENCE, self.actor.send(message)).await {
            Ok(Ok(Ok(answer))) => Ok(answer),
            Ok(Ok(Err(HashError::OutOfMemory)) | Err(MailboxError::Closed | MailboxError::Timeout)) => {
                Err(PoolError::Unavailable)
            }
            Err(_) => Err(self.busy(Full)),
        }
    }

    /// The time that the hashes take which are already there.
    fn busy(&self, _: Full) -> PoolError {
        let hashes = u32::try_from(self.gate.taken().div_ceil(self.concurrency)).unwrap_or(u32::MAX);
        PoolError::Busy { retry_after: self.meter.hash_time().saturating_mul(hashes).max(SHORTEST_RETRY) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn options(concurrency: usize, queue: usize) -> PoolOptions {
        PoolOptions { concurrency, queue, installation_key: Arc::default(), guards: Arc::new(|_| Box::new(())) }
    }

    fn password(text: &str) -> Password {
        Password::new(text.to_owned())
    }

    async fn verdict(pool: &HasherPool, stored: Option<&str>, caller: Weak<()>) -> Verdict {
        let place = pool.enter(None).unwrap();
        pool.verify(stored.map(str::to_owned), password("password"), caller, place).await.unwrap()
    }

    #[actix::test]
    async fn every_comparison_costs_one_argon2_whatever_is_stored() {
        let pool = HasherPool::start_cheap(options(1, 8));
        let alive = Arc::new(());
        let new = pool.hash(password("password")).await.unwrap();
        for (stored, expected) in [
            (Some(new.as_str()), Verdict::Match),
            (Some("67a1e09bb1f83f5007dc119c14d663aa:salt:0"), Verdict::Match),
            (Some("13601bda4ea78e55a07b98866d2be6be0744e3866f13c00c811cab608a28f322:salt:1"), Verdict::Match),
            (Some("hash:salt:3_32_1_8192"), Verdict::Mismatch),
            (Some("hash:salt:1:3_32_1_8192"), Verdict::Mismatch),
            (Some("hash:salt:9"), Verdict::Mismatch),
            (Some("hash:salt:3_32_2_1099511627776"), Verdict::Mismatch),
            (Some("no hash"), Verdict::Mismatch),
            (Some(""), Verdict::Mismatch),
            (None, Verdict::Mismatch),
        ] {
            let before = pool.load().hashed;
            assert_eq!(verdict(&pool, stored, Arc::downgrade(&alive)).await, expected, "{stored:?}");
            assert_eq!(pool.load().hashed - before, 1, "{stored:?}");
        }
        assert_eq!((pool.load().running, pool.load().waiting), (0, 0));
    }

    #[actix::test]
    async fn a_caller_that_has_gone_is_not_hashed_for() {
        let pool = HasherPool::start_cheap(options(1, 8));
        assert_eq!(verdict(&pool, None, Weak::new()).await, Verdict::Abandoned);
        assert_eq!(pool.load().hashed, 0);
    }

    #[actix::test]
    async fn each_actor_owns_a_guard_of_its_name() {
        let made = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&made);
        let guards: GuardFactory = Arc::new(move |name| {
            notes.lock().unwrap().push(name);
            Box::new(())
        });
        let pool = HasherPool::start_cheap(PoolOptions { guards, ..options(3, 8) });
        // Each hasher's thread makes its own guard when it starts, which may be a moment later.
        while made.lock().unwrap().len() < 4 {
            pool.hash(password("any")).await.unwrap();
        }
        let hasher = "password-hasher";
        assert_eq!(*made.lock().unwrap(), ["memory-keeper", hasher, hasher, hasher]);
    }

    #[actix::test]
    async fn beyond_the_queue_one_hears_when_to_come_again() {
        let pool = HasherPool::start_cheap(options(2, 98));
        pool.meter.assume(Duration::from_millis(100));
        let places: Vec<_> = (0..100).map(|_| pool.gate.enter_uncounted().unwrap()).collect();
        let retry_after = Duration::from_secs(5);
        assert_eq!(pool.enter(None).unwrap_err(), PoolError::Busy { retry_after });
        assert_eq!(pool.load().waiting, 100);
        pool.meter.assume(Duration::from_millis(1));
        let retry_after = Duration::from_secs(1);
        assert_eq!(pool.hash(password("any")).await, Err(PoolError::Busy { retry_after }), "at least a second");
        drop(places);
        assert!(pool.hash(password("any")).await.is_ok());
    }
}
