//! The opaque tokens that the shop issued (fact sheet 4.2 to 4.4): looked for when a token has no session here, and then
//! kept as sessions of the registry, in memory only.
//!
//! Only a token without a session waits, and only for a batch ([`gatherer`]). What was not found is remembered for
//! a short time, so that garbage does not ask twice; a new row takes its own remembered miss back. The rows behind the
//! sessions are asked about at each look at the shop: a row that is gone or revoked ends its session.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use quick_cache::sync::Cache;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::{debug, info};

use crate::accounts::gatherer::{self, WAITING};
use crate::accounts::magento::{ShopToken, TokenHolder};
use crate::accounts::{AccountError, MagentoAccounts};
use crate::app::shop::parts::Looked;
use crate::app::shop::watch::BATCH;
use crate::clock::{SharedClock, UnixSeconds};
use crate::registry::{AdoptSession, Registry, ReleaseSessions, TokensElsewhere, Validation};
use crate::secret::Secret;
use crate::session::UserType;
use crate::settings::SharedSnapshot;
use crate::token::TokenDigest;

/// The setting that makes the tokens of integrations bearer tokens.
const INTEGRATIONS: &str = "oauth/consumer/enable_integration_as_bearer";

/// How many tokens that are not good are remembered at most.
const MOST_REMEMBERED: usize = 100_000;

/// For how many seconds.
const REMEMBERED: u32 = 10;

/// How many new rows are read at once, and at most how many times at one look.
const PAGE: u32 = 1_000;
const MOST_PAGES: u64 = 20;

/// How long a row is kept whose session is not there: it may still be on its way to the registry.
const ON_ITS_WAY: Duration = Duration::from_mins(1);

/// The opaque tokens of a shop.
pub(in crate::app) struct ShopTokens {
    questions: mpsc::Sender<Question>,
    known: Arc<Known>,
}

/// What is this token worth?
struct Question {
    digest: TokenDigest,
    text: Secret,
    reply: oneshot::Sender<Validation>,
}

impl gatherer::Question for Question {
    fn is_given_up(&self) -> bool {
        self.reply.is_closed()
    }
}

/// What is known of them.
struct Known {
    accounts: Arc<MagentoAccounts>,
    registry: Registry,
    snapshot: SharedSnapshot,
    clock: SharedClock,
    not_good: Cache<TokenDigest, NotGood>,
    /// How often new rows have taken back what was remembered. What was asked before that is not remembered after it.
    corrections: AtomicU64,
    /// The rows whose tokens have sessions, by their numbers.
    rows: Mutex<HashMap<u32, Row>>,
    /// The last row that has been seen; nothing before the first look.
    last_row: Mutex<Option<u32>>,
}

#[derive(Clone, Copy)]
struct NotGood {
    validation: Validation,
    since: UnixSeconds,
    /// Under which settings: other ones may make the token good.
    settings: usize,
}

#[derive(Clone, Copy)]
struct Row {
    digest: TokenDigest,
    kind: UserType,
    since: Instant,
}

impl ShopTokens {
    /// Begins to gather questions on the thread of the caller. `guard` is dropped when that ends.
    pub(in crate::app) fn start(
        accounts: Arc<MagentoAccounts>,
        registry: Registry,
        snapshot: SharedSnapshot,
        clock: SharedClock,
        guard: Box<dyn Any + Send>,
    ) -> Arc<Self> {
        let known = Arc::new(Known {
            accounts,
            registry,
            snapshot,
            clock,
            not_good: Cache::new(MOST_REMEMBERED),
            corrections: AtomicU64::new(0),
            rows: Mutex::default(),
            last_row: Mutex::default(),
        });
        let (questions, receiver) = mpsc::channel(WAITING);
        let asked = Arc::clone(&known);
        actix_rt::spawn(gatherer::gather(receiver, guard, move |batch| {
            let known = Arc::clone(&asked);
            async move { known.answer(batch).await }
        }));
        Arc::new(Self { questions, known })
    }

    /// Looks at the shop's table: what has ended there ends here, and what is new there is no longer remembered as
    /// unknown. How many questions that took.
    ///
    /// Sessions of which that could not be asked go on until the next look.
    pub(super) async fn look(&self) -> Looked {
        self.known.end_what_has_ended().await.and(self.known.follow().await.into())
    }
}

#[async_trait]
impl TokensElsewhere for ShopTokens {
    async fn look_up(&self, digest: TokenDigest, text: &str) -> Validation {
        if self.known.accounts.is_mirrored(digest) {
            // It was issued here, and its session has ended: the shop's row of it is no token of the shop.
            return Validation::Unknown;
        }
        if let Some(validation) = self.known.remembered(digest) {
            return validation;
        }
        let (reply, answer) = oneshot::channel();
        let question = Question { digest, text: Secret::new(text.to_owned()), reply };
        match self.questions.try_send(question) {
            Ok(()) => answer.await.unwrap_or(Validation::Unavailable),
            Err(_) => Validation::Unavailable,
        }
    }
}

impl Known {
    async fn answer(&self, batch: Vec<Question>) {
        let (corrections, settings) = (self.corrections.load(Ordering::Acquire), self.settings());
        let texts = batch.iter().map(|question| question.text.clone()).collect();
        let found = match self.accounts.tokens_by_text(texts).await {
            Ok(found) => found,
            Err(error) => {
                // That the database is away has been said. Who asked hears it from the reply that is dropped.
                debug!(%error, "tokens were not looked for in the shop");
                return;
            }
        };
        let found: HashMap<&str, &ShopToken> = found.iter().map(|token| (token.text.expose(), token)).collect();
        for Question { digest, text, reply } in batch {
            // The database takes letters of either case for the same; this does not.
            let validation = match found.get(text.expose()) {
                Some(token) => self.take_over(digest, token).await,
                None => Validation::Unknown,
            };
            if self.corrections.load(Ordering::Acquire) == corrections {
                self.remember(digest, validation, settings);
            }
            let _who_asked_may_have_gone = reply.send(validation);
        }
    }

    /// What a token of the shop is worth; a good one has a session from now on.
    async fn take_over(&self, digest: TokenDigest, token: &ShopToken) -> Validation {
        let Some(holder) = token.holder.filter(|holder| self.may_hold(holder)) else { return Validation::Unknown };
        let TokenHolder { subject, website, role, locked_until, .. } = holder;
        // Before the session is there, so that none is there that nobody asks about.
        self.note(token.row, digest, subject.kind);
        let issued = token.issued;
        let adopted = AdoptSession { subject, website, digest, issued, role, locked_until };
        let validation = self.registry.adopt(adopted).await;
        if matches!(validation, Validation::Valid(_)) {
            // Again, since a look may have let go of the session before it.
            self.note(token.row, digest, subject.kind);
        }
        validation
    }

    /// Whether tokens of this user count. As at every look at the shop, an account that is switched off has none, unless
    /// the customer has signed in here in that state, as Magento lets them.
    fn may_hold(&self, holder: &TokenHolder) -> bool {
        let TokenHolder { subject, is_active, ends, .. } = *holder;
        match subject.kind {
            UserType::Customer => is_active || self.accounts.signed_in_inactive(subject.id),
            UserType::Admin => is_active && ends.is_none_or(|ends| ends > self.clock.now()),
            UserType::Integration => self.integrations_count(),
        }
    }

    fn integrations_count(&self) -> bool {
        self.snapshot.load().settings.flag(INTEGRATIONS)
    }

    async fn end_what_has_ended(&self) -> Looked {
        let rows: Vec<_> = self.rows_with_sessions().into_iter().collect();
        let mut looked = Looked::default();
        for batch in rows.chunks(BATCH) {
            if looked.gives_up() {
                break;
            }
            looked.ask();
            let numbers: Vec<_> = batch.iter().map(|(number, _)| *number).collect();
            if let Some(standing) = looked.take(self.accounts.standing_tokens(&numbers).await) {
                self.release(self.not_among(&standing, batch)).await;
            }
        }
        looked
    }

    /// Those of these rows that are no longer good.
    fn not_among(&self, standing: &[(u32, Secret)], rows: &[(u32, Row)]) -> Vec<(u32, Row)> {
        let digest = |text: &Secret| self.registry.reader().digest(text.expose());
        let standing: HashMap<_, _> = standing.iter().filter_map(|(row, text)| Some((*row, digest(text)?))).collect();
        let integrations_count = self.integrations_count();
        let is_good = |(number, Row { digest, kind, .. }): &(u32, Row)| {
            standing.get(number) == Some(digest) && (*kind != UserType::Integration || integrations_count)
        };
        rows.iter().filter(|row| !is_good(row)).copied().collect()
    }

    /// The rows to ask about. Those whose sessions have ended are forgotten.
    fn rows_with_sessions(&self) -> HashMap<u32, Row> {
        let reader = self.registry.reader();
        let mut gone = Vec::new();
        let rows = {
            let mut rows = self.rows();
            rows.retain(|_, row| {
                let stays = reader.holds(row.digest) || row.since.elapsed() < ON_ITS_WAY;
                if !stays {
                    gone.push(row.digest);
                }
                stays
            });
            rows.clone()
        };
        if !gone.is_empty() {
            // Only for the registry to forget them, too; it is gone when the process ends.
            self.registry.actor().do_send(ReleaseSessions(gone));
        }
        rows
    }

    /// Ends sessions; what fails now is done at the next look.
    async fn release(&self, ended: Vec<(u32, Row)>) {
        if ended.is_empty() {
            return;
        }
        let digests: Vec<_> = ended.iter().map(|(_, row)| row.digest).collect();
        if self.registry.release(ReleaseSessions(digests)).await.is_ok() {
            info!(sessions = ended.len(), "the shop has ended tokens of its own");
            let mut rows = self.rows();
            for (number, row) in ended {
                // One that was taken over again meanwhile stays.
                if rows.get(&number).is_some_and(|present| present.since == row.since) {
                    rows.remove(&number);
                }
            }
        }
    }

    async fn follow(&self) -> Result<u64, AccountError> {
        for asked in 1..=MOST_PAGES {
            let last = *self.last_row.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(last) = last else {
                self.see(self.accounts.last_token().await?);
                return Ok(asked);
            };
            let new = self.accounts.tokens_after(last, PAGE).await?;
            let Some((newest, _)) = new.last() else { return Ok(asked) };
            self.corrections.fetch_add(1, Ordering::AcqRel);
            for (_, text) in &new {
                if let Some(digest) = self.registry.reader().digest(text.expose()) {
                    self.not_good.remove(&digest);
                }
            }
            self.see(*newest);
            if new.len() < PAGE as usize {
                return Ok(asked);
            }
        }
        Ok(MOST_PAGES)
    }

    fn see(&self, row: u32) {
        *self.last_row.lock().unwrap_or_else(PoisonError::into_inner) = Some(row);
    }

    fn remembered(&self, digest: TokenDigest) -> Option<Validation> {
        let NotGood { validation, since, settings } = self.not_good.get(&digest)?;
        let counts = self.clock.now().since(since) < REMEMBERED && settings == self.settings();
        counts.then_some(validation)
    }

    /// What tells the settings of this moment from other ones: where they lie. Changed settings take a place of their own;
    /// that an old place is used again within the time that anything is remembered does no more harm than remembering.
    fn settings(&self) -> usize {
        Arc::as_ptr(&self.snapshot.load()).addr()
    }

    fn remember(&self, digest: TokenDigest, validation: Validation, settings: usize) {
        if !matches!(validation, Validation::Valid(_) | Validation::Unavailable) {
            self.not_good.insert(digest, NotGood { validation, since: self.clock.now(), settings });
        }
    }

    fn note(&self, row: u32, digest: TokenDigest, kind: UserType) {
        self.rows().insert(row, Row { digest, kind, since: Instant::now() });
    }

    fn rows(&self) -> MutexGuard<'_, HashMap<u32, Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ShopTokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ShopTokens").field("with_sessions", &self.known.rows().len()).finish_non_exhaustive()
    }
}
