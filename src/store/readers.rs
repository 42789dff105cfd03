//! The reading side: a few read-only connections, used from blocking threads.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row};
use tokio::sync::Semaphore;

use crate::clock::UnixSeconds;
use crate::settings::{Scope, StoreId, WebsiteId};
use crate::store::{
    DataFolder, MirroredToken, RowChecksums, SettingRow, StoreError, UsedCode, UserRevocation, WaitingForShop,
    connection, mirror, outbox, seen_settings,
};

/// How many reads run at once.
const CONNECTIONS: usize = 4;

/// How many reads may run or wait; beyond that a caller hears [`StoreError::Unavailable`] at once.
const WAITING_READS: usize = 4096;

/// How long a caller waits.
const PATIENCE: Duration = Duration::from_secs(5);

/// The store's reading side. Cheap to clone. What was answered as written is seen by every later read.
#[derive(Clone, Debug)]
pub struct Readers {
    path: PathBuf,
    checksums: RowChecksums,
    idle: Arc<Mutex<Vec<Connection>>>,
    places: Arc<Semaphore>,
    gate: Arc<Semaphore>,
}

impl Readers {
    /// Readers of this folder. Connections are opened when they are first needed.
    pub fn new(folder: &DataFolder) -> Self {
        Self {
            path: folder.database(),
            checksums: RowChecksums::new(folder.digest_key()),
            idle: Arc::default(),
            places: Arc::new(Semaphore::new(CONNECTIONS)),
            gate: Arc::new(Semaphore::new(WAITING_READS)),
        }
    }

    /// What verifies the rows that are read.
    pub fn checksums(&self) -> RowChecksums {
        self.checksums.clone()
    }

    /// Runs a query on a blocking thread.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the file cannot be read, too many reads wait, or it takes too long.
    pub async fn read<T, Q>(&self, query: Q) -> Result<T, StoreError>
    where
        T: Send + 'static,
        Q: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let _waiting = self.gate.try_acquire().map_err(|_| unavailable("too many reads wait"))?;
        tokio::time::timeout(PATIENCE, self.run(query))
            .await
            .unwrap_or_else(|_| Err(unavailable("reading takes too long")))
    }

    /// All settings that are stored, in no particular order.
    ///
    /// # Errors
    /// As for [`Readers::read`].
    pub async fn settings(&self) -> Result<Vec<SettingRow>, StoreError> {
        self.read(settings).await
    }

    /// The settings of the shop when they were last seen; `None` when they never were.
    ///
    /// # Errors
    /// As for [`Readers::read`].
    pub async fn seen_settings(&self) -> Result<Option<Vec<SettingRow>>, StoreError> {
        self.read(seen_settings::noted).await
    }

    /// The last code of every administrator who has signed in with one.
    ///
    /// # Errors
    /// As for [`Readers::read`].
    pub async fn used_codes(&self) -> Result<Vec<UsedCode>, StoreError> {
        self.read(used_codes).await
    }

    /// The first `limit` revocations that the shop is still to be told of.
    ///
    /// # Errors
    /// As for [`Readers::read`].
    pub async fn outbox(&self, limit: u32) -> Result<Vec<UserRevocation>, StoreError> {
        let checksums = self.checksums();
        self.read(move |file| outbox::first(file, limit, &checksums)).await
    }

    /// How many revocations the shop is still to be told of, and since when.
    ///
    /// # Errors
    /// As for [`Readers::read`].
    pub async fn waiting_for_shop(&self) -> Result<WaitingForShop, StoreError> {
        self.read(outbox::waiting).await
    }

    /// At most so many tokens that stand in the shop's table, too: those whose rows there follow `after`.
    ///
    /// # Errors
    /// As for [`Readers::read`].
    pub async fn mirrored_after(&self, after: u32, limit: u32) -> Result<Vec<MirroredToken>, StoreError> {
        let checksums = self.checksums();
        self.read(move |file| mirror::after(file, after, limit, &checksums)).await
    }

    /// The number of the oldest line of the audit trail, and when it was written; `None` when there is none.
    ///
    /// # Errors
    /// As for [`Readers::read`].
    pub async fn oldest_line(&self) -> Result<Option<(u64, UnixSeconds)>, StoreError> {
        let question = "SELECT number, at FROM audit_lines ORDER BY number LIMIT 1";
        let line = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?.cast_unsigned(), UnixSeconds(row.get(1)?)));
        self.read(move |file| file.query_row(question, (), line).optional()).await
    }

    async fn run<T, Q>(&self, query: Q) -> Result<T, StoreError>
    where
        T: Send + 'static,
        Q: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        // The place goes along to the blocking thread, so that a caller that gives up does not free it too early.
        let place =
            Arc::clone(&self.places).acquire_owned().await.map_err(|_| unavailable("the readers are closed"))?;
        let readers = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let _place = place;
            readers.query(query)
        });
        match task.await {
            Ok(answer) => answer.map_err(|error| StoreError::Unavailable(error.to_string())),
            Err(_) => Err(unavailable("the read was cut short")),
        }
    }

    /// A connection that failed is not used again.
    fn query<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connection::reading(&self.path)?,
        };
        let answer = query(&connection)?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(answer)
    }
}

fn unavailable(why: &str) -> StoreError {
    StoreError::Unavailable(why.to_owned())
}

fn used_codes(connection: &Connection) -> rusqlite::Result<Vec<UsedCode>> {
    connection
        .prepare_cached("SELECT administrator, period FROM used_codes")?
        .query_map((), |row| Ok(UsedCode { administrator: row.get("administrator")?, period: row.get("period")? }))?
        .collect()
}

fn settings(connection: &Connection) -> rusqlite::Result<Vec<SettingRow>> {
    connection
        .prepare_cached("SELECT path, scope, scope_id, value FROM settings")?
        .query_map((), |row| {
            let scope: String = row.get("scope")?;
            let id = row.get("scope_id")?;
            Ok(SettingRow {
                path: row.get("path")?,
                scope: match scope.as_str() {
                    "websites" => Scope::Website(WebsiteId(id)),
                    "stores" => Scope::Store(StoreId(id)),
                    _ => Scope::Default,
                },
                value: row.get("value")?,
            })
        })?
        .collect()
}
