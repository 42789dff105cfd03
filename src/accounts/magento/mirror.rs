//! Tokens issued here, in the shop's own table as well (`magento.mirror_tokens`; fact sheet 4.2, 7.7, 8.3).
//!
//! The row is written before the session begins, so that a token that was handed out is good in the shop at once, and its
//! text is kept nowhere but there. A sign-in needs the shop's database anyway; one that cannot write the row fails as one
//! that cannot read the account. Which rows are ours is known by their numbers and by the digests of their texts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::{Error, MySqlConnection};
use tokio::time::Instant;

use crate::accounts::magento::MagentoAccounts;
use crate::accounts::magento::states::list;
use crate::accounts::magento::store::Tables;
use crate::accounts::{AccountError, Mirrored};
use crate::secret::Secret;
use crate::session::{Subject, UserType};
use crate::store::MirroredToken;
use crate::token::{Token, TokenDigest, has_opaque_shape};

/// The table.
const TABLE: &str = "oauth_token";

/// What a row is written with. Its other columns have defaults, the moment of issue among them, by the database's clock.
const COLUMNS: [&str; 8] =
    ["type", "token", "secret", "callback_url", "revoked", "authorized", "user_type", "created_at"];

/// For how long a token is known to be ours after its row has gone: longer than any question whose answer may have the
/// row in it is on its way.
const REMEMBERED: Duration = Duration::from_mins(5);

/// What is told in place of words that have a token in them.
const REFUSED: &str = "the shop's database refuses the row of a token";

/// How many rows are deleted at once.
const BATCH: usize = 1_000;

/// The tokens issued here that stand in the shop's table, or stood there a moment ago.
#[derive(Debug, Default)]
pub(super) struct Mirror(Mutex<HashMap<TokenDigest, Place>>);

#[derive(Clone, Copy, Debug)]
enum Place {
    /// In this row, and the session has yet to begin.
    OnItsWay(u32),
    /// In this row.
    Row(u32),
    /// Nowhere since then.
    Gone(Instant),
}

/// Says that a session has begun, or failed to, when it is dropped.
struct OnItsWay(Arc<Mirror>, TokenDigest);

impl Drop for OnItsWay {
    fn drop(&mut self) {
        if let Some(place) = self.0.places().get_mut(&self.1)
            && let Place::OnItsWay(row) = *place
        {
            *place = Place::Row(row);
        }
    }
}

impl Mirror {
    fn places(&self) -> MutexGuard<'_, HashMap<TokenDigest, Place>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(self: &Arc<Self>, token: MirroredToken) -> OnItsWay {
        self.places().insert(token.digest, Place::OnItsWay(token.row));
        OnItsWay(Arc::clone(self), token.digest)
    }

    fn forget(&self, tokens: &[MirroredToken]) {
        let (mut places, now) = (self.places(), Instant::now());
        for token in tokens {
            places.insert(token.digest, Place::Gone(now));
        }
        places.retain(|_, place| !matches!(place, Place::Gone(since) if since.elapsed() > REMEMBERED));
    }
}

impl MagentoAccounts {
    /// With tokens that are issued from now on in the shop's table, too. That this works is tried before.
    #[must_use]
    pub fn with_mirrored_tokens(mut self) -> Self {
        self.mirrors = true;
        self
    }

    /// Whether tokens could be written into the shop's table.
    ///
    /// # Errors
    /// [`AccountError::Conflict`] when the shop has no such table, its key cannot encrypt, or the database's user lacks
    /// rights; [`AccountError::Unavailable`].
    pub async fn try_mirroring(&self) -> Result<(), AccountError> {
        self.may_write()?;
        if let Some(column) = COLUMNS.iter().find(|column| !self.tables.schema.has_column(TABLE, column)) {
            let problem = format!("magento.mirror_tokens needs the column {column} of the table {TABLE}");
            return Err(AccountError::Conflict(problem));
        }
        self.seal("probe").map_err(|problem| AccountError::Conflict(format!("magento.mirror_tokens: {problem}")))?;
        let tables = Arc::clone(&self.tables);
        let tried = self.database.ask(move |connection| Box::pin(async move { try_rights(connection, &tables).await }));
        if let Err(error) = tried.await? {
            let needs = "magento.mirror_tokens needs the rights of deploy/magento/grants-mirror.sql";
            return Err(AccountError::Conflict(format!("{needs}: {error}")));
        }
        Ok(())
    }

    /// Whether this token was issued here and stands in the shop's table, or stood there a moment ago. Without a session it
    /// is nobody's, whatever the table says.
    pub fn is_mirrored(&self, digest: TokenDigest) -> bool {
        self.mirror.places().contains_key(&digest)
    }

    /// The tokens that stand in the shop's table, without those whose sessions have yet to begin.
    pub fn mirrored(&self) -> Vec<MirroredToken> {
        let places = self.mirror.places();
        let token = |(digest, place): (&TokenDigest, &Place)| match *place {
            Place::Row(row) => Some(MirroredToken { row, digest: *digest }),
            Place::OnItsWay(_) | Place::Gone(_) => None,
        };
        places.iter().filter_map(token).collect()
    }

    /// Takes over what an earlier run has noted.
    pub fn load_mirrored(&self, tokens: &[MirroredToken]) {
        let mut places = self.mirror.places();
        places.extend(tokens.iter().map(|token| (token.digest, Place::Row(token.row))));
    }

    /// Notes that these tokens no longer stand in the shop's table.
    pub fn forget_mirrored(&self, tokens: &[MirroredToken]) {
        self.mirror.forget(tokens);
    }

    /// Deletes rows, each with the token that stands in it, so that another one is never meant. Those that are not there
    /// are no mistake.
    ///
    /// # Errors
    /// [`AccountError::Conflict`] when nothing may be written; [`AccountError::Unavailable`].
    pub async fn delete_tokens(&self, rows: &[(u32, Secret)]) -> Result<(), AccountError> {
        self.may_write()?;
        for batch in rows.chunks(BATCH) {
            let (batch, tables) = (batch.to_vec(), Arc::clone(&self.tables));
            let work =
                self.database.ask(move |connection| Box::pin(async move { delete(connection, &tables, &batch).await }));
            work.await?;
        }
        Ok(())
    }

    /// Writes a token into the shop's table, when that is wanted.
    pub(super) async fn mirror(
        &self,
        subject: Subject,
        token: &Token,
        digest: TokenDigest,
    ) -> Result<Mirrored, AccountError> {
        if !self.mirrors || !has_opaque_shape(token.expose()) || subject.kind == UserType::Integration {
            return Ok(Mirrored::default());
        }
        // Nobody ever uses it: it belongs to the signatures of OAuth 1.0a (fact sheet 4.1).
        let secret = self.seal(Token::generate().expose()).map_err(AccountError::Unavailable)?;
        let (text, tables) = (Secret::new(token.expose().to_owned()), Arc::clone(&self.tables));
        let inserted = self.database.ask(move |connection| {
            Box::pin(async move {
                match insert(connection, &tables, subject, &text, &secret).await {
                    Ok(row) => Ok(Ok(row)),
                    // A database that complains of a value repeats it, and what it says is logged.
                    Err(Error::Database(told)) if told.message().contains(text.expose()) => Ok(Err(REFUSED.to_owned())),
                    Err(error) => Err(error),
                }
            })
        });
        let row = inserted.await?.map_err(AccountError::Unavailable)?;
        let token = MirroredToken { row, digest };
        Ok(Mirrored::new(token, Box::new(self.mirror.add(token))))
    }

    /// Encrypts under the shop's newest key.
    fn seal(&self, text: &str) -> Result<String, String> {
        let key =
            self.key.load_full().ok_or("the shop's key is not known, and token secrets are encrypted under it")?;
        key.encrypt(text).map_err(|error| error.to_string())
    }
}

fn column(kind: UserType) -> &'static str {
    if kind == UserType::Admin { "admin_id" } else { "customer_id" }
}

/// Writes a row as Magento does, and says its number.
async fn insert(
    connection: &mut MySqlConnection,
    tables: &Tables,
    subject: Subject,
    token: &Secret,
    secret: &str,
) -> Result<u32, Error> {
    let sql = format!(
        "INSERT INTO {{{TABLE}}} ({}, type, token, secret, callback_url, revoked, authorized, user_type)
         VALUES (?, 'access', ?, ?, '', 0, 0, ?)",
        column(subject.kind)
    );
    let query = sqlx::query(tables.sql(&sql)).bind(subject.id).bind(token.expose()).bind(secret);
    let done = query.bind(subject.kind.number()).execute(connection).await?;
    u32::try_from(done.last_insert_id()).map_err(|error| Error::Decode(Box::new(error)))
}

/// Writes and deletes nothing, which takes the same rights.
async fn try_rights(connection: &mut MySqlConnection, tables: &Tables) -> Result<Result<(), String>, Error> {
    let insert =
        "INSERT INTO {oauth_token} (customer_id, type, token, secret, callback_url, revoked, authorized, user_type)
        SELECT NULL, 'access', '', '', '', 0, 0, 3 FROM DUAL WHERE 1 = 0";
    for sql in [insert, "DELETE FROM {oauth_token} WHERE entity_id = 0"] {
        match sqlx::query(tables.sql(sql)).persistent(false).execute(&mut *connection).await {
            Ok(_) => {}
            Err(Error::Database(problem)) => return Ok(Err(problem.to_string())),
            Err(error) => return Err(error),
        }
    }
    Ok(Ok(()))
}

/// By two lists: a list of pairs would go through the whole table on some servers. No token is in two rows.
async fn delete(connection: &mut MySqlConnection, tables: &Tables, rows: &[(u32, Secret)]) -> Result<(), Error> {
    let numbers: Vec<_> = rows.iter().map(|(row, _)| *row).collect();
    let marks = vec!["?"; rows.len()].join(",");
    let sql = format!("DELETE FROM {{{TABLE}}} WHERE entity_id IN ({}) AND token IN ({marks})", list(&numbers));
    let mut query = sqlx::query(tables.sql(&sql)).persistent(false);
    for (_, token) in rows {
        query = query.bind(token.expose());
    }
    query.execute(connection).await.map(drop)
}
