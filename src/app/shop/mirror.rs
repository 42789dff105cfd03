//! Tokens issued here that stand in the shop's table, too: a session that has ended is taken out there, and what the shop
//! has ended ends here.
//!
//! At each look the rows are asked about and compared with the sessions. That is all that is told: a token whose session is
//! gone is what the shop is still to hear of, whoever ended it and why, and however long its database was away. That rows
//! cannot be deleted keeps nothing from being ended here.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio::time::Instant;
use tracing::{info, warn};

use crate::accounts::MagentoAccounts;
use crate::app::shop::differences::Differences;
use crate::app::shop::parts::{Looked, Part};
use crate::app::shop::revocations::Broken;
use crate::app::shop::watch::{Look, Notes};
use crate::registry::{EndTokens, Registry};
use crate::secret::Secret;
use crate::store::{Change, MirroredToken, Readers, Store, StoreError};
use crate::token::TokenDigest;

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
    /// Whether it was said that they cannot be.
    told: bool,
}

impl Look for Mirror {
    async fn look(&mut self, notes: &Notes) {
        let (here, there, waiting) = self.bring_into_step().await;
        notes.note(Part::Mirror, here);
        notes.note(Part::Deletion, there);
        self.note_waiting(waiting);
        notes.figures.set_waiting_tokens(waiting, self.waiting_since);
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
        Self { accounts, registry, store, waiting_since: None, told: false }
    }

    /// Ends here what the shop has ended, and takes out of the shop what has ended here: how either went, and how many are
    /// still to be taken out.
    async fn bring_into_step(&self) -> (Looked, Looked, usize) {
        let (mut here, mut there, mut waiting) = (Looked::default(), Looked::default(), 0);
        let young = self.accounts.young_mirrored();
        for batch in self.accounts.mirrored().chunks(BATCH) {
            if here.gives_up() {
                waiting += self.ended(batch);
                continue;
            }
            here.ask();
            let Some((found, rows)) = here.take(self.compare(batch, &young).await) else {
                waiting += self.ended(batch);
                continue;
            };
            here.take(self.end_here(found.ended_there).await);
            there.take(self.forget(found.gone).await);
            let count = found.to_delete.len();
            if count > 0 && !self.delete_there(found.to_delete, &rows, &mut there).await {
                waiting += count;
            }
        }
        (here, there, waiting)
    }

    /// What became of these tokens, and the rows of those that are to be deleted.
    async fn compare(
        &self,
        tokens: &[MirroredToken],
        young: &HashSet<TokenDigest>,
    ) -> Result<(Differences, Vec<(u32, Secret)>), Broken> {
        let numbers: Vec<_> = tokens.iter().map(|token| token.row).collect();
        let standing: HashMap<u32, Secret> = self.accounts.standing_tokens(&numbers).await?.into_iter().collect();
        let reader = self.registry.reader();
        let (digest, is_live) = (|text: &str| reader.digest(text), |digest| reader.is_live(digest));
        let found = Differences::of(tokens, &standing, young, digest, is_live);
        let row = |token: &MirroredToken| Some((token.row, standing.get(&token.row)?.clone()));
        let rows = found.to_delete.iter().filter_map(row).collect();
        Ok((found, rows))
    }

    async fn end_here(&self, tokens: Vec<MirroredToken>) -> Result<(), Broken> {
        if tokens.is_empty() {
            return Ok(());
        }
        let digests = tokens.iter().map(|token| token.digest).collect();
        let sessions = self.registry.end_tokens(EndTokens(digests)).await?;
        info!(sessions, "the shop has ended tokens that were issued here");
        self.forget(tokens).await
    }

    /// Whether these rows have gone. Where nothing may be written, they stay, which is no failure.
    async fn delete_there(&self, tokens: Vec<MirroredToken>, rows: &[(u32, Secret)], there: &mut Looked) -> bool {
        if !self.accounts.may_delete_tokens() || there.gives_up() {
            return false;
        }
        there.ask();
        there.take(self.accounts.delete_tokens(rows).await).is_some() && there.take(self.forget(tokens).await).is_some()
    }

    /// How many of these are still to be taken out of the shop.
    fn ended(&self, tokens: &[MirroredToken]) -> usize {
        let reader = self.registry.reader();
        tokens.iter().filter(|token| !reader.holds(token.digest)).count()
    }

    /// Takes over how many tokens are still to be taken out of the shop.
    fn note_waiting(&mut self, waiting: usize) {
        self.waiting_since = if waiting == 0 { None } else { self.waiting_since.or_else(|| Some(Instant::now())) };
        let may = self.accounts.may_delete_tokens();
        if waiting > 0 && !may && !std::mem::replace(&mut self.told, true) {
            warn!(
                waiting,
                "tokens that have ended here stay in the shop, whose database is only read (magento.write = false)"
            );
        }
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
