//! Tokens issued here, in the shop's own table as well (`magento.mirror_tokens`; fact sheet 4.2, 7.7, 8.3).
//!
//! The row is written before the session begins, so that a token that was handed out is good in the shop at once, and its
//! text is kept nowhere but there. A sign-in needs the shop's database anyway; one that cannot write the row fails as one
//! that cannot read the account. Which rows are ours is known by their numbers and by the digests of their texts.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use papaya::HashMap;
use sqlx::{Error, MySqlConnection};
use tokio::time::Instant;

use crate::accounts::magento::MagentoAccounts;
use crate::accounts::magento::rights::MIRRORING;
use crate::accounts::magento::row::{moment, storable};
use crate::accounts::magento::states::list;
use crate::accounts::magento::store::Tables;
use crate::accounts::{AccountError, Mirrored};
use crate::clock::UnixSeconds;
use crate::secret::Secret;
use crate::session::{Subject, UserType};
use crate::store::MirroredToken;
use crate::token::{Token, TokenDigest, has_opaque_shape};

/// The table.
const TABLE: &str = "oauth_token";

/// What a row is written with, and found by.
const COLUMNS: [&str; 11] = [
    "entity_id",
    "customer_id",
    "admin_id",
    "type",
    "token",
    "secret",
    "callback_url",
    "revoked",
    "authorized",
    "user_type",
    "created_at",
];

/// For how long a token is known to be ours after its row has gone: longer than any question whose answer may have the
/// row in it is on its way.
const REMEMBERED: Duration = Duration::from_mins(5);

/// For how long a row that was written may not be seen yet, where what answers is not what was written to. So much later
/// the end of a token is noticed that the shop has ended at once.
const YOUNG: Duration = Duration::from_secs(1);

/// What is told in place of words that have a token in them.
const REFUSED: &str = "the shop's database refuses the row of a token";

/// How many rows are deleted at once.
const BATCH: usize = 1_000;

/// The tokens issued here that stand in the shop's table, or stood there a moment ago. Reading it waits for nobody: each
/// check of a token without a session does.
#[derive(Debug, Default)]
pub(super) struct Mirror {
    places: HashMap<TokenDigest, Place>,
    /// Those that are [`Place::Gone`], since when.
    gone: Dated,
    /// Those that were written a moment ago, since when.
    young: Dated,
}

/// Tokens with a moment each, the oldest first.
#[derive(Debug, Default)]
struct Dated(Mutex<VecDeque<(Instant, TokenDigest)>>);

impl Dated {
    /// Adds these, as of now, and says which are older than that by now. They are no longer in it.
    fn add(&self, tokens: impl IntoIterator<Item = TokenDigest>, age: Duration) -> Vec<TokenDigest> {
        let (mut dated, now) = (self.locked(), Instant::now());
        dated.extend(tokens.into_iter().map(|token| (now, token)));
        let is_old = |(since, _): &mut (Instant, TokenDigest)| since.elapsed() > age;
        std::iter::from_fn(|| dated.pop_front_if(is_old)).map(|(_, token)| token).collect()
    }

    fn locked(&self) -> MutexGuard<'_, VecDeque<(Instant, TokenDigest)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In this row, and the session has yet to begin.
    OnItsWay(u32),
    /// In this row.
    Row(u32),
    /// Nowhere any more.
    Gone,
}

/// Says that a session has begun, or failed to, when it is dropped.
struct OnItsWay(Arc<Mirror>, TokenDigest);

impl Drop for OnItsWay {
    fn drop(&mut self) {
        self.0.places.pin().update(self.1, |place| match *place {
            Place::OnItsWay(row) => Place::Row(row),
            Place::Row(_) | Place::Gone => *place,
        });
    }
}

impl Mirror {
    fn add(self: &Arc<Self>, token: MirroredToken) -> OnItsWay {
        self.young.add([token.digest], YOUNG);
        self.places.pin().insert(token.digest, Place::OnItsWay(token.row));
        OnItsWay(Arc::clone(self), token.digest)
    }

    fn young(&self) -> HashSet<TokenDigest> {
        self.young.add([], YOUNG);
        self.young.locked().iter().map(|(_, token)| *token).collect()
    }

    /// Costs as much as there are tokens to forget, however many others there are.
    fn forget(&self, tokens: &[MirroredToken]) {
        let places = self.places.pin();
        for token in tokens {
            places.insert(token.digest, Place::Gone);
        }
        for old in self.gone.add(tokens.iter().map(|token| token.digest), REMEMBERED) {
            let _gone_or_there_again = places.remove_if(&old, |_, place| *place == Place::Gone);
        }
    }
}

impl MagentoAccounts {
    /// Whether tokens can be written into the shop's table.
    ///
    /// # Errors
    /// [`AccountError::Conflict`] when the shop has no such table, its key cannot encrypt, or the database's user lacks
    /// rights; [`AccountError::Unavailable`] when it cannot be told.
    pub async fn try_mirroring(&self) -> Result<(), AccountError> {
        self.may_write()?;
        let refused = |problem: String| AccountError::Conflict(format!("magento.mirror_tokens {problem}"));
        let schema = &self.tables.schema;
        // First: columns on which a user has no right are not shown.
        if schema.has_table(TABLE) {
            self.try_rights_of(&MIRRORING).await?;
        }
        if let Some(column) = COLUMNS.iter().find(|column| !schema.has_column(TABLE, column)) {
            return Err(refused(format!("needs the column {column} of the table {TABLE}")));
        }
        let secret = self.new_secret().map_err(|problem| refused(format!("cannot be had: {problem}")))?;
        if schema.length("oauth_token.secret").is_some_and(|length| length < secret.len() as u64) {
            let problem = "is for Magento 2.4 or newer: the column secret of the table oauth_token is too short for what \
                           it encrypts";
            return Err(refused(problem.to_owned()));
        }
        Ok(())
    }

    /// With tokens that are issued from now on in the shop's table, too, once [`Self::try_mirroring`] has said yes.
    #[must_use]
    pub fn with_mirrored_tokens(mut self) -> Self {
        self.mirrors = true;
        self
    }

    /// Whether this token was issued here and stands in the shop's table, or stood there a moment ago. Without a session it
    /// is nobody's, whatever the table says.
    pub fn is_mirrored(&self, digest: TokenDigest) -> bool {
        self.mirror.places.pin().contains_key(&digest)
    }

    /// The tokens that stand in the shop's table, without those whose sessions have yet to begin.
    pub fn mirrored(&self) -> Vec<MirroredToken> {
        let token = |(digest, place): (&TokenDigest, &Place)| match *place {
            Place::Row(row) => Some(MirroredToken { row, digest: *digest }),
            Place::OnItsWay(_) | Place::Gone => None,
        };
        self.mirror.places.pin().iter().filter_map(token).collect()
    }

    /// The tokens whose rows were written so short a time ago that they may not be seen yet: through a proxy that reads from
    /// a copy.
    pub fn young_mirrored(&self) -> HashSet<TokenDigest> {
        self.mirror.young()
    }

    /// Whether rows may be deleted in the shop's table.
    pub fn may_delete_tokens(&self) -> bool {
        self.write
    }

    /// Takes over what an earlier run has noted.
    pub fn load_mirrored(&self, tokens: &[MirroredToken]) {
        let places = self.mirror.places.pin();
        for token in tokens {
            places.insert(token.digest, Place::Row(token.row));
        }
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
        begins: UnixSeconds,
    ) -> Result<Mirrored, AccountError> {
        if !self.mirrors || !has_opaque_shape(token.expose()) || subject.kind == UserType::Integration {
            return Ok(Mirrored::default());
        }
        let secret = self.new_secret().map_err(AccountError::Unavailable)?;
        let text = Secret::new(token.expose().to_owned());
        let (tables, mirror) = (Arc::clone(&self.tables), Arc::clone(&self.mirror));
        let inserted = self.database.ask(move |connection| {
            Box::pin(async move {
                match insert(connection, &tables, (subject, begins), &text, &secret).await {
                    // Known from here on, so that a row goes that nobody waits for any more.
                    Ok(row) => Ok(Ok((row, mirror.add(MirroredToken { row, digest })))),
                    // A database that complains of a value repeats it, and what it says is logged.
                    Err(Error::Database(told)) if told.message().contains(text.expose()) => Ok(Err(REFUSED.to_owned())),
                    Err(error) => Err(error),
                }
            })
        });
        let (row, on_its_way) = inserted.await?.map_err(AccountError::Unavailable)?;
        Ok(Mirrored::new(MirroredToken { row, digest }, Box::new(on_its_way)))
    }

    /// What belongs to a token and nobody ever uses, since it is for the signatures of OAuth 1.0a (fact sheet 4.1),
    /// encrypted under the shop's newest key.
    fn new_secret(&self) -> Result<String, String> {
        let key =
            self.key.load_full().ok_or("the shop's key is not known, and token secrets are encrypted under it")?;
        key.encrypt(Token::generate().expose()).map_err(|error| error.to_string())
    }
}

fn column(kind: UserType) -> &'static str {
    if kind == UserType::Admin { "admin_id" } else { "customer_id" }
}

/// Writes a row as Magento does, and says its number. Issued by the database's clock, and not before `begins`: a token from
/// the second of the user's last revocation is revoked with it (fact sheet 6.5), for the shop as well.
async fn insert(
    connection: &mut MySqlConnection,
    tables: &Tables,
    (subject, begins): (Subject, UnixSeconds),
    token: &Secret,
    secret: &str,
) -> Result<u32, Error> {
    let sql = format!(
        "INSERT INTO {{{TABLE}}} ({}, type, token, secret, callback_url, revoked, authorized, user_type, created_at)
         VALUES (?, 'access', ?, ?, '', 0, 0, ?, GREATEST(CURRENT_TIMESTAMP, {}))",
        column(subject.kind),
        moment!()
    );
    let query = sqlx::query(tables.sql(&sql)).bind(subject.id).bind(token.expose()).bind(secret);
    let done = query.bind(subject.kind.number()).bind(storable(begins)).execute(connection).await?;
    u32::try_from(done.last_insert_id()).map_err(|error| Error::Decode(Box::new(error)))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn token(number: u32) -> MirroredToken {
        let mut digest = [0; 16];
        digest[..4].copy_from_slice(&number.to_le_bytes());
        MirroredToken { row: number, digest: TokenDigest(digest) }
    }

    fn knows(mirror: &Mirror, number: u32) -> bool {
        mirror.places.pin().contains_key(&token(number).digest)
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_whose_row_has_gone_is_known_for_a_while_and_then_forgotten() {
        let mirror = Arc::new(Mirror::default());
        drop(mirror.add(token(1)));
        mirror.forget(&[token(1)]);
        tokio::time::advance(REMEMBERED).await;
        mirror.forget(&[token(2)]);
        assert!(knows(&mirror, 1) && knows(&mirror, 2));
        tokio::time::advance(Duration::from_secs(1)).await;
        mirror.forget(&[]);
        assert!(!knows(&mirror, 1) && knows(&mirror, 2));
        tokio::time::advance(REMEMBERED).await;
        mirror.forget(&[]);
        assert!(!knows(&mirror, 2) && mirror.gone.locked().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_row_is_young_for_a_moment() {
        let mirror = Arc::new(Mirror::default());
        drop(mirror.add(token(1)));
        tokio::time::advance(YOUNG).await;
        drop(mirror.add(token(2)));
        assert_eq!(mirror.young(), [token(1).digest, token(2).digest].into());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(mirror.young(), [token(2).digest].into());
    }

    #[test]
    fn forgetting_a_token_costs_nothing_for_the_others() {
        let (mirror, others) = (Arc::new(Mirror::default()), 300_000);
        let begun = Instant::now();
        for number in 0..others {
            drop(mirror.add(token(number)));
        }
        let (adding, begun) = (begun.elapsed(), Instant::now());
        for number in 0..1_000 {
            mirror.forget(&[token(number)]);
        }
        assert!(begun.elapsed() < adding, "{:?} for 1,000 of {others}, which took {adding:?}", begun.elapsed());
    }
}
