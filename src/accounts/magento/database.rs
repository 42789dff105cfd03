//! The pool of connections, and what is known of the database's health.

use std::fmt;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::mysql::{MySqlConnectOptions, MySqlDatabaseError, MySqlPoolOptions};
use sqlx::pool::PoolConnection;
use sqlx::{ConnectOptions, Connection, MySql, MySqlConnection, MySqlPool};
use tokio::runtime::Runtime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};
use tracing::{info, warn};

use crate::accounts::AccountError;
use crate::accounts::magento::DatabaseOptions;

/// How long nobody asks a database again that could not be reached, in milliseconds.
const PAUSE: u64 = 500;

/// How long the others wait for the one who tries, in milliseconds, if nothing is heard of that one.
const LONGEST_TRY: u64 = 30_000;

/// The numbers with which the server says that this user may not in, or not into this database, or that there is none.
const NO_ENTRY: [u16; 4] = [1044, 1045, 1049, 1698];

/// How long a connection that is not needed is kept.
const IDLE: Duration = Duration::from_mins(5);

/// The shop's database. Its connections live on a thread of their own, so that a question outlives whoever asked it and
/// no half-read answer stays on a connection.
pub(super) struct Database {
    pool: MySqlPool,
    /// As many as there may be connections: whoever waits for one waits here, so that nobody who waits for the pool itself
    /// takes a crowd for a database that is away.
    places: Arc<Semaphore>,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    limit: Duration,
    condition: Arc<Condition>,
    /// Where it is, in words.
    place: Arc<str>,
}

/// Whether the database can be reached, as far as is known, and how it has been used.
#[derive(Debug)]
pub struct Condition {
    begun: Instant,
    away: AtomicBool,
    /// When it may be asked again, in milliseconds since the beginning.
    retry_at: AtomicU64,
    questions: AtomicU64,
    failures: AtomicU64,
}

impl Condition {
    /// Whether the last attempt to reach the database has failed.
    pub fn is_away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
    }

    /// How many questions were asked since the start.
    pub fn questions(&self) -> u64 {
        self.questions.load(Ordering::Relaxed)
    }

    /// How many of them were not answered.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether to ask at all: while it is away one tries, and the others hear so at once.
    fn admits(&self) -> bool {
        let (now, retry_at) = (self.now(), self.retry_at.load(Ordering::Relaxed));
        let next = now + LONGEST_TRY;
        !self.is_away()
            || (now >= retry_at
                && self.retry_at.compare_exchange(retry_at, next, Ordering::Relaxed, Ordering::Relaxed).is_ok())
    }

    fn reached(&self) {
        if self.away.swap(false, Ordering::Relaxed) {
            info!("the shop's database answers again");
        }
    }

    /// A question that took too long: a row or a table that somebody holds is no reason to refuse everybody. Whether a
    /// database that is away is there again is still not known then, so the next one may try soon.
    fn unanswered(&self) {
        if self.is_away() {
            self.lost("a question took too long");
        } else {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn lost(&self, cause: &str) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.retry_at.store(self.now() + PAUSE, Ordering::Relaxed);
        if !self.away.swap(true, Ordering::Relaxed) {
            warn!(cause, "the shop's database is away: sign-ins are refused for now, checks go on");
        }
    }
}

impl Database {
    /// A database of these options. Nothing is asked yet.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`] when there can be no thread for it.
    pub(super) fn open(options: &DatabaseOptions) -> Result<Self, AccountError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("magento-database")
            .enable_all()
            .build()
            .map_err(|error| AccountError::Unavailable(error.to_string()))?;
        let pool = {
            let _inside = runtime.enter();
            pool(options.connect.clone(), options)
        };
        let condition = Arc::new(Condition {
            begun: Instant::now(),
            away: AtomicBool::new(false),
            retry_at: AtomicU64::new(0),
            questions: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        });
        let places = Arc::new(Semaphore::new(options.connections.max(1) as usize));
        Ok(Self {
            pool,
            places,
            runtime: Some(runtime),
            limit: options.timeout,
            condition,
            place: options.place().into(),
        })
    }

    /// Connects once, outside of the pool, which tries until it gives up and does not say why.
    ///
    /// # Errors
    /// With the place and the cause: [`AccountError::Conflict`] when waiting does not mend it, [`AccountError::Unavailable`]
    /// when it may.
    pub(super) async fn reach(&self, options: &DatabaseOptions) -> Result<(), AccountError> {
        let Some(runtime) = &self.runtime else {
            return Err(AccountError::Unavailable("the pool is closed".to_owned()));
        };
        let told =
            |cause: &dyn fmt::Display| format!("cannot connect to the shop's database at {}: {cause}", options.place());
        let (connect, limit, is_remote) = (options.connect.clone(), self.limit, options.connect.get_socket().is_none());
        let connected = async move { connect.connect().await?.close().await };
        match runtime.spawn(async move { timeout(limit, connected).await }).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(error))) if refuses(&error, is_remote) => Err(AccountError::Conflict(told(&error))),
            Ok(Ok(Err(error))) => Err(AccountError::Unavailable(told(&error))),
            Ok(Err(_)) => Err(AccountError::Unavailable(told(&format!("no answer within {limit:?}")))),
            Err(error) => Err(AccountError::Unavailable(told(&error))),
        }
    }

    /// What is known of its health.
    pub(super) fn condition(&self) -> &Arc<Condition> {
        &self.condition
    }

    /// Carries `work` out on a connection, also when nobody waits for it any more.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`] when the database is away, takes too long, or has too many to answer.
    pub(super) async fn ask<T, F>(&self, work: F) -> Result<T, AccountError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut MySqlConnection) -> BoxFuture<'c, Result<T, sqlx::Error>> + Send + 'static,
    {
        let tries = self.condition.is_away();
        if !self.condition.admits() {
            return Err(away());
        }
        let Some(runtime) = &self.runtime else {
            return Err(AccountError::Unavailable("the pool is closed".to_owned()));
        };
        self.condition.questions.fetch_add(1, Ordering::Relaxed);
        let (pool, condition, limit) = (self.pool.clone(), Arc::clone(&self.condition), self.limit);
        let (places, place_of_it) = (Arc::clone(&self.places), Arc::clone(&self.place));
        let asked = runtime.spawn(async move {
            let _place = place(places, &condition, limit).await?;
            if !tries && condition.is_away() {
                // It was lost while this one waited.
                return Err(away());
            }
            let connection = acquire(&pool, &condition, limit, &place_of_it).await?;
            carry_out(connection, &condition, limit, work).await
        });
        asked.await.unwrap_or_else(|error| Err(AccountError::Unavailable(error.to_string())))
    }
}

async fn place(
    places: Arc<Semaphore>,
    condition: &Condition,
    limit: Duration,
) -> Result<OwnedSemaphorePermit, AccountError> {
    if let Ok(Ok(place)) = timeout(limit, places.acquire_owned()).await {
        return Ok(place);
    }
    condition.unanswered();
    Err(AccountError::Unavailable("all connections to the shop's database are busy".to_owned()))
}

async fn acquire(
    pool: &MySqlPool,
    condition: &Condition,
    limit: Duration,
    place: &str,
) -> Result<PoolConnection<MySql>, AccountError> {
    // The pool has the same limit; this one also holds where the server accepts a connection and says nothing.
    let acquired = timeout(limit + limit / 4, pool.acquire()).await.unwrap_or(Err(sqlx::Error::PoolTimedOut));
    acquired.map_err(|error| {
        let cause = match error {
            sqlx::Error::PoolTimedOut => format!("no connection to {place} within {limit:?}"),
            error => format!("{place}: {error}"),
        };
        condition.lost(&cause);
        AccountError::Unavailable(cause)
    })
}

async fn carry_out<T, F>(
    mut connection: PoolConnection<MySql>,
    condition: &Condition,
    limit: Duration,
    work: F,
) -> Result<T, AccountError>
where
    F: for<'c> FnOnce(&'c mut MySqlConnection) -> BoxFuture<'c, Result<T, sqlx::Error>>,
{
    match timeout(limit, work(&mut connection)).await {
        Ok(Ok(answer)) => {
            condition.reached();
            Ok(answer)
        }
        Ok(Err(error)) => {
            if matches!(error, sqlx::Error::Database(_)) {
                condition.reached();
                condition.failures.fetch_add(1, Ordering::Relaxed);
            } else {
                connection.close_on_drop();
                condition.lost(&error.to_string());
            }
            Err(unavailable(&error))
        }
        Err(_) => {
            // What the server still sends belongs to nobody.
            connection.close_on_drop();
            condition.unanswered();
            Err(AccountError::Unavailable(format!("the shop's database took more than {limit:?}")))
        }
    }
}

fn pool(connect: MySqlConnectOptions, options: &DatabaseOptions) -> MySqlPool {
    let limits = limits(options.timeout);
    MySqlPoolOptions::new()
        .max_connections(options.connections)
        .acquire_timeout(options.timeout)
        .idle_timeout(IDLE)
        .after_connect(move |connection, _| {
            let limits = limits.clone();
            Box::pin(async move { sqlx::query(sqlx::AssertSqlSafe(limits)).execute(connection).await.map(drop) })
        })
        .connect_lazy_with(connect.disable_statement_logging())
}

/// The limits of a session, so that what nobody waits for any more ends in the server, too, and does not use its
/// connections up: a row or a table that somebody else holds is not worth more than a question's time, nor is a search.
///
/// How long a statement may take has a name of its own in either server. Comments of these forms are read by the one
/// alone: by MariaDB from 10.1.1 on, and by MySQL, for which it holds for reading only, from 5.7.8 on.
fn limits(timeout: Duration) -> String {
    let seconds = timeout.as_millis().div_ceil(1000).max(1);
    // A little more than the time after which nobody waits, whose error says more.
    let statement = timeout + timeout / 4;
    format!(
        "SET SESSION innodb_lock_wait_timeout = {seconds}, lock_wait_timeout = {seconds} \
         /*M!100101 , max_statement_time = {:.3} */ /*!50708 , max_execution_time = {} */",
        statement.as_secs_f64(),
        statement.as_millis(),
    )
}

fn away() -> AccountError {
    AccountError::Unavailable("the shop's database is away".to_owned())
}

fn unavailable(error: &sqlx::Error) -> AccountError {
    AccountError::Unavailable(error.to_string())
}

impl Drop for Database {
    fn drop(&mut self) {
        // Waiting here could block whoever drops it.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Database").field("condition", &self.condition).finish_non_exhaustive()
    }
}

/// Whether nobody mends it by waiting: a wrong password, the wrong name of a database, a certificate that is not trusted. A
/// file that is not there is one of a certificate, unless the server's own socket is looked for.
fn refuses(error: &sqlx::Error, is_remote: bool) -> bool {
    match error {
        sqlx::Error::Database(cause) => {
            cause.try_downcast_ref::<MySqlDatabaseError>().is_some_and(|cause| NO_ENTRY.contains(&cause.number()))
        }
        sqlx::Error::Io(cause) => match cause.kind() {
            ErrorKind::InvalidData => true,
            ErrorKind::NotFound => is_remote,
            _ => false,
        },
        sqlx::Error::Configuration(_) | sqlx::Error::Tls(_) => true,
        _ => false,
    }
}
