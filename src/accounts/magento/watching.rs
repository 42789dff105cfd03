//! What a shop is asked while it is watched: what became of users and tokens, what it has revoked, what its clock says.
//!
//! It knows the statements of its neighbours, and not what follows from an answer. What always holds: no statement names
//! more than a thousand users or rows, and a shop that lacks a table that may be missing has nothing in it.

use std::sync::Arc;

use sqlx::Row;

use crate::accounts::AccountError;
use crate::accounts::magento::store::ask;
use crate::accounts::magento::{
    AdministratorState, CustomerState, MagentoAccounts, ShopToken, TokenRow, revocations, states, tokens,
};
use crate::clock::{SharedClock, UnixSeconds};
use crate::secret::Secret;
use crate::session::Subject;
use crate::store::UserRevocation;

/// How many users one question may be about.
const BATCH: usize = 1_000;

/// How the clock of a shop's database stands to session time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockDifference {
    /// By how many milliseconds it is ahead; negative when it is behind.
    pub ahead: i64,
    /// By how many milliseconds that may be off, because of the time that the answer took.
    pub within: u64,
}

impl MagentoAccounts {
    /// How many revocations are read at once.
    pub const REVOCATIONS: usize = revocations::PAGE;

    /// How the database's clock stands to session time.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`].
    pub async fn clock_difference(&self) -> Result<ClockDifference, AccountError> {
        let clock = SharedClock::clone(&self.clock);
        ask!(self, |connection, _tables| {
            let sql = "SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED) AS millis";
            // Here, so that waiting for a connection is no difference.
            let before = clock.now_millis();
            let theirs: i64 = sqlx::query(sql).fetch_one(connection).await?.try_get("millis")?;
            let after = clock.now_millis();
            let ahead = theirs.saturating_sub_unsigned(u64::midpoint(before, after));
            // It was asked at some time in between, and halves of milliseconds are cut off.
            Ok(ClockDifference { ahead, within: after.saturating_sub(before).div_ceil(2) + 1 })
        })
    }

    /// Those of these customers who are there; at most a thousand are asked about at once.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`].
    pub async fn customer_states(&self, ids: &[u32]) -> Result<Vec<CustomerState>, AccountError> {
        let mut found = Vec::with_capacity(ids.len());
        for batch in ids.chunks(BATCH) {
            let batch = batch.to_vec();
            found.extend(ask!(self, |connection, tables| states::customers(connection, &tables, &batch).await)?);
        }
        Ok(found)
    }

    /// Those of these administrators who are there; at most a thousand are asked about at once.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`].
    pub async fn administrator_states(&self, ids: &[u32]) -> Result<Vec<AdministratorState>, AccountError> {
        let mut found = Vec::with_capacity(ids.len());
        for batch in ids.chunks(BATCH) {
            let batch = batch.to_vec();
            found.extend(ask!(self, |connection, tables| states::administrators(connection, &tables, &batch).await)?);
        }
        Ok(found)
    }

    /// Users whose JWTs the shop has revoked at `since` or later: those that follow `after` in the order of kinds and
    /// numbers. None follow the last one when there are fewer than [`Self::REVOCATIONS`].
    ///
    /// # Errors
    /// [`AccountError::Unavailable`].
    pub async fn revocations(
        &self,
        after: Option<Subject>,
        since: UnixSeconds,
    ) -> Result<Vec<UserRevocation>, AccountError> {
        if !self.tables.schema.has_table(revocations::TABLE) {
            return Ok(Vec::new());
        }
        ask!(self, |connection, tables| revocations::page(connection, &tables, after, since).await)
    }

    /// Whether the shop can be told of revocations.
    pub fn takes_revocations(&self) -> bool {
        self.write && self.tables.schema.has_table(revocations::TABLE)
    }

    /// Tells the shop of revocations. Those it has already, or later ones of the same users, stay as they are.
    ///
    /// # Errors
    /// [`AccountError::Conflict`] when nothing may be written; [`AccountError::Unavailable`].
    pub async fn write_revocations(&self, those: Vec<UserRevocation>) -> Result<(), AccountError> {
        self.may_write()?;
        if those.is_empty() {
            return Ok(());
        }
        ask!(self, |connection, tables| revocations::write(connection, &tables, &those).await)
    }

    /// The shop's tokens that the database takes for these texts, which must have the shape of tokens: at most a thousand.
    /// Whoever asks compares exactly.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`].
    pub async fn tokens_by_text(&self, texts: Vec<Secret>) -> Result<Vec<ShopToken>, AccountError> {
        if !self.tables.schema.has_table("oauth_token") {
            return Ok(Vec::new());
        }
        ask!(self, |connection, tables| tokens::by_text(connection, &tables, &texts).await)
    }

    /// Those of these rows of tokens that are there and not revoked; at most a thousand are asked about at once.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`].
    pub async fn standing_tokens(&self, rows: &[u32]) -> Result<Vec<TokenRow>, AccountError> {
        let mut found = Vec::with_capacity(rows.len());
        for batch in rows.chunks(BATCH) {
            let batch = batch.to_vec();
            found.extend(ask!(self, |connection, tables| tokens::standing(connection, &tables, &batch).await)?);
        }
        Ok(found)
    }

    /// At most so many rows of tokens after this one.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`].
    pub async fn tokens_after(&self, row: u32, limit: u32) -> Result<Vec<TokenRow>, AccountError> {
        if !self.tables.schema.has_table("oauth_token") {
            return Ok(Vec::new());
        }
        ask!(self, |connection, tables| tokens::after(connection, &tables, row, limit).await)
    }

    /// The number of the last row of tokens; 0 when there is none.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`].
    pub async fn last_token(&self) -> Result<u32, AccountError> {
        if !self.tables.schema.has_table("oauth_token") {
            return Ok(0);
        }
        ask!(self, |connection, tables| tokens::last(connection, &tables).await)
    }
}
