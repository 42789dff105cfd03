//! Tokens issued here that stand in the shop's table, too: a session that has ended is taken out there, and what the shop
//! has ended ends here.
//!
//! At each look the rows are asked about and compared with the sessions. That is all that is told: a token whose session is
//! gone is what the shop is still to hear of, whoever ended it and why, and however long its database was away. That rows
//! cannot be deleted keeps nothing from being ended here.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::Instant;
use tracing::info;

use crate::accounts::MagentoAccounts;
use crate::app::shop::parts::{Looked, Part};
use crate::app::shop::revocations::Broken;
use crate::app::shop::watch::{Look, Notes};
use crate::audit::Origin;
use crate::registry::{Registry, Revocation, RevokeSessions};
use crate::secret::Secret;
use crate::session::EndReason;
use crate::store::{Change, MirroredToken, Readers, Store, StoreError};

/// How many rows one question is about.
const BATCH: usize = 1_000;

/// How many notes are read at once at the start.
const PAGE: u32 = 50_000;

/// Keeps sessions and the shop's rows of them in step.
#[derive(Debug)]
pub(in crate::app) struct Mirror {
    accounts: Arc<MagentoAccounts>,
    registry: Registry,
    store: Store,
    /// Since when rows wait to be deleted, without a moment at which none did.
    waiting_since: Option<Instant>,
}

/// What became of the tokens of a batch.
#[derive(Debug, Default)]
struct Differences {
    /// The shop has ended them.
    ended_there: Vec<MirroredToken>,
    /// They ended here, and the shop has no such row.
    gone: Vec<MirroredToken>,
    /// They ended here, and stand in the shop.
    to_delete: Vec<MirroredToken>,
    /// The rows of these.
    rows: Vec<(u32, Secret)>,
}

impl Look for Mirror {
    async fn look(&mut self, notes: &Notes) {
        let (here, there) = self.bring_into_step().await;
        notes.note(Part::Mirror, here);
        notes.note(Part::Deletion, there);
        let (tokens, since) = self.waiting();
        notes.figures.set_waiting_tokens(tokens, since);
    }
}

impl Mirror {
    /// Takes over what an earlier run has noted, before anything is asked about a token.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: nothing may be served then.
    pub(in crate::app) async fn load(accounts: &MagentoAccounts, readers: &Readers) -> Result<(), StoreError> {
        let mut after = 0;
        loop {
            let page = readers.mirrored_after(after, PAGE).await?;
            accounts.load_mirrored(&page);
            match page.last() {
                Some(last) if page.len() == PAGE as usize => after = last.row,
                _ => return Ok(()),
            }
        }
    }

    /// Nothing was looked at yet.
    pub(in crate::app) fn new(accounts: Arc<MagentoAccounts>, registry: Registry, store: Store) -> Self {
        Self { accounts, registry, store, waiting_since: None }
    }

    /// How many tokens are to be taken out of the shop, and since when there are any.
    fn waiting(&mut self) -> (usize, Option<Instant>) {
        let reader = self.registry.reader();
        let waiting = self.accounts.mirrored().iter().filter(|token| !reader.holds(token.digest)).count();
        self.waiting_since = if waiting == 0 { None } else { self.waiting_since.or_else(|| Some(Instant::now())) };
        (waiting, self.waiting_since)
    }

    /// Ends here what the shop has ended, and takes out of the shop what has ended here: how either went.
    async fn bring_into_step(&self) -> (Looked, Looked) {
        let (mut here, mut there) = (Looked::default(), Looked::default());
        for batch in self.accounts.mirrored().chunks(BATCH) {
            if here.gives_up() {
                break;
            }
            here.ask();
            let Some(found) = here.take(self.compare(batch).await) else { continue };
            here.take(self.end_here(found.ended_there).await);
            there.take(self.forget(found.gone).await);
            if !found.to_delete.is_empty() && !there.gives_up() {
                there.ask();
                there.take(self.delete_there(found.to_delete, &found.rows).await);
            }
        }
        (here, there)
    }

    async fn compare(&self, tokens: &[MirroredToken]) -> Result<Differences, Broken> {
        let numbers: Vec<_> = tokens.iter().map(|token| token.row).collect();
        let mut standing: HashMap<u32, Secret> = self.accounts.standing_tokens(&numbers).await?.into_iter().collect();
        let (reader, mut found) = (self.registry.reader(), Differences::default());
        for &token in tokens {
            let row = standing.remove(&token.row).filter(|text| reader.digest(text.expose()) == Some(token.digest));
            match (row, reader.holds(token.digest)) {
                (Some(_), true) => {}
                (Some(text), false) => {
                    found.rows.push((token.row, text));
                    found.to_delete.push(token);
                }
                (None, true) => found.ended_there.push(token),
                (None, false) => found.gone.push(token),
            }
        }
        Ok(found)
    }

    async fn end_here(&self, tokens: Vec<MirroredToken>) -> Result<(), Broken> {
        for token in &tokens {
            let which = Revocation::Token(token.digest);
            self.registry.revoke(RevokeSessions { which, reason: EndReason::Ended, origin: Origin::SERVER }).await?;
        }
        if !tokens.is_empty() {
            info!(sessions = tokens.len(), "the shop has ended tokens that were issued here");
        }
        self.forget(tokens).await
    }

    async fn delete_there(&self, tokens: Vec<MirroredToken>, rows: &[(u32, Secret)]) -> Result<(), Broken> {
        self.accounts.delete_tokens(rows).await?;
        self.forget(tokens).await
    }

    /// In the store first: what is forgotten in memory alone would come back at the next start.
    async fn forget(&self, tokens: Vec<MirroredToken>) -> Result<(), Broken> {
        if !tokens.is_empty() {
            self.store.write(vec![Change::MirrorRemoved(tokens.clone())]).await?;
            self.accounts.forget_mirrored(&tokens);
        }
        Ok(())
    }
}
