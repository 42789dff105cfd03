//! Looks at the shop again and again: what Magento, or its operator, has done to settings, roles, users and tokens.
//!
//! Each subject is looked at by itself, so that a table that somebody holds, or a file that does not answer, keeps nothing
//! else from being noticed. What fails is told of once, and shows in the metrics and in the server's health when it lasts.
//!
//! Only users who have sessions, or whose JWTs are seen, are asked about. With very many of them a look takes more
//! questions, and looks at users and tokens become rarer ([`Figures`]).

use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::accounts::{AccountError, AccountStore, MagentoAccounts};
use crate::app::shop::clocks::Clocks;
use crate::app::shop::parts::{Looked, Part};
use crate::app::shop::users::Users;
use crate::app::shop::{Figures, KeyWatch, Mirror, Patience, Revocations, ShopTokens};
use crate::clock::SharedClock;
use crate::http::holder::Holders;
use crate::keeper::Keeper;
use crate::registry::Registry;
use crate::session::{Subject, UserType};

/// How many users one question is about.
pub(super) const BATCH: usize = 1_000;

/// What is needed for looking at the shop.
pub(in crate::app) struct Watcher {
    pub(in crate::app) accounts: Arc<MagentoAccounts>,
    pub(in crate::app) tokens: Arc<ShopTokens>,
    pub(in crate::app) registry: Registry,
    pub(in crate::app) keeper: Keeper,
    pub(in crate::app) clock: SharedClock,
    /// The time between two looks: `magento.poll`.
    pub(in crate::app) poll: Duration,
    pub(in crate::app) figures: Arc<Figures>,
    /// Users whose tokens are seen and have no sessions to tell of them.
    pub(in crate::app) holders: Arc<Holders>,
    /// The shop's key, and what its files fix.
    pub(in crate::app) key: KeyWatch,
    /// Revocations, both ways.
    pub(in crate::app) revocations: Revocations,
    /// Tokens issued here that stand in the shop, too.
    pub(in crate::app) mirror: Mirror,
}

impl Watcher {
    /// Looks once now, and again and again from then on. `guard` is dropped when that ends. When it `is_needed`, the first
    /// look is waited for, for as long as that takes: what the shop has ended while nobody looked would be good here.
    ///
    /// # Errors
    /// [`AccountError`] when waiting does not mend it.
    pub(in crate::app) async fn begin(self, guard: Box<dyn Any + Send>, is_needed: bool) -> Result<(), AccountError> {
        self.figures.set_poll(self.poll);
        let (notes, mut subjects) = self.subjects();
        if is_needed {
            Patience::Endless.until(async || subjects.look_for_the_first_time(&notes).await).await?;
        } else {
            subjects.look(&notes).await;
        }
        actix_rt::spawn(async move {
            let _guard = guard;
            subjects.look_again_and_again(&notes).await;
        });
        Ok(())
    }

    fn subjects(self) -> (Notes, Subjects) {
        let Self { accounts, tokens, registry, keeper, clock, figures, holders, key, revocations, mirror, .. } = self;
        let clocks = Clocks::new(Arc::clone(&accounts), registry.clone(), Arc::clone(&figures));
        let subjects = Subjects {
            key,
            moments: Moments { clocks, revocations },
            settings: keeper,
            mirror,
            tokens,
            users: Users::new(Arc::clone(&accounts), registry, Arc::clone(&clock)),
            holders: HolderWatch { accounts: Arc::clone(&accounts), holders, clock },
        };
        (Notes { accounts, figures }, subjects)
    }
}

/// Where it is noted how the parts of a look went.
pub(super) struct Notes {
    accounts: Arc<MagentoAccounts>,
    pub(super) figures: Arc<Figures>,
}

impl Notes {
    /// Notes how a part went.
    pub(super) fn note(&self, part: Part, looked: impl Into<Looked>) {
        self.figures.note(part, looked.into(), self.accounts.condition().is_away());
    }
}

/// What is looked at by itself, and at its own pace.
pub(super) trait Look {
    /// Looks once. What fails now is done at the next look, and keeps nothing else of it from being looked at.
    async fn look(&mut self, notes: &Notes);
}

/// Everything that is looked at.
struct Subjects {
    key: KeyWatch,
    moments: Moments,
    settings: Keeper,
    mirror: Mirror,
    tokens: Arc<ShopTokens>,
    users: Users,
    holders: HolderWatch,
}

impl Subjects {
    async fn look_for_the_first_time(&mut self, notes: &Notes) -> Result<(), AccountError> {
        self.look(notes).await;
        match notes.figures.problem(&Part::NEEDED_AT_START) {
            None => Ok(()),
            Some(problem) => Err(AccountError::Unavailable(problem)),
        }
    }

    async fn look(&mut self, notes: &Notes) {
        self.key.look(notes).await;
        self.moments.look(notes).await;
        self.mirror.look(notes).await;
        self.settings.look(notes).await;
        self.tokens.look(notes).await;
        self.users.look(notes).await;
        self.holders.look(notes).await;
    }

    async fn look_again_and_again(self, notes: &Notes) {
        tokio::join!(
            again(self.key, notes, Figures::poll),
            again(self.moments, notes, Figures::poll),
            again(self.settings, notes, Figures::poll),
            again(self.mirror, notes, Figures::interval),
            again(self.tokens, notes, Figures::interval),
            again(self.users, notes, Figures::interval),
            again(self.holders, notes, Figures::interval),
        );
    }
}

async fn again(mut subject: impl Look, notes: &Notes, pause: impl Fn(&Figures) -> Duration) {
    loop {
        tokio::time::sleep(pause(&notes.figures)).await;
        subject.look(notes).await;
    }
}

/// Clocks and revocations: the moments of these are compared by those.
struct Moments {
    clocks: Clocks,
    revocations: Revocations,
}

impl Look for Moments {
    async fn look(&mut self, notes: &Notes) {
        let compared = self.clocks.compare().await;
        // What a moment of the shop's clock means is known by a comparison that is as new as the moment.
        let not_compared = compared.as_ref().err().map(ToString::to_string);
        notes.note(Part::Clocks, compared);
        notes.note(Part::Delivery, self.revocations.deliver().await);
        match not_compared {
            None => notes.note(Part::Revocations, self.revocations.take_over().await),
            Some(problem) => notes.note(Part::Revocations, Err::<u64, _>(problem)),
        }
        let (users, oldest) = self.revocations.waiting().await.unwrap_or_default();
        notes.figures.set_waiting_users(users, oldest);
    }
}

impl Look for Keeper {
    async fn look(&mut self, notes: &Notes) {
        notes.note(Part::Settings, self.reload_directory().await.map(|()| 1));
    }
}

impl Look for Arc<ShopTokens> {
    async fn look(&mut self, notes: &Notes) {
        notes.note(Part::Tokens, ShopTokens::look(self).await);
    }
}

impl Look for Users {
    async fn look(&mut self, notes: &Notes) {
        notes.note(Part::Users, self.look_at_users().await);
    }
}

/// Users whose tokens are seen and have no sessions.
struct HolderWatch {
    accounts: Arc<MagentoAccounts>,
    holders: Arc<Holders>,
    clock: SharedClock,
}

impl Look for HolderWatch {
    async fn look(&mut self, notes: &Notes) {
        notes.note(Part::Holders, self.look_at_holders().await);
    }
}

impl HolderWatch {
    /// Nothing is ended of users whose tokens have no sessions: what is known of them counts at each check.
    async fn look_at_holders(&self) -> Looked {
        let followed = self.holders.to_follow(self.clock.now());
        let of_kind =
            |kind| followed.iter().filter(move |user| user.kind == kind).map(|user| user.id).collect::<Vec<_>>();
        let mut looked = Looked::default();
        for kind in UserType::ALL {
            let mut of_this_kind = Looked::default();
            self.look_at_kind(kind, &of_kind(kind), &mut of_this_kind).await;
            looked = looked.and(of_this_kind);
        }
        looked
    }

    /// A table that somebody holds keeps users of another kind from nothing.
    async fn look_at_kind(&self, kind: UserType, ids: &[u32], looked: &mut Looked) {
        let now = self.clock.now();
        for batch in ids.chunks(BATCH) {
            if looked.gives_up() {
                return;
            }
            looked.ask();
            let Some(found) = looked.take(self.accounts.states(kind, batch).await) else { continue };
            let found: HashMap<_, _> = found.into_iter().collect();
            for id in batch {
                self.holders.update(Subject { kind, id: *id }, found.get(id).copied(), now);
            }
        }
    }
}

/// Those of these numbers that were not found.
pub(super) fn missing(ids: &[u32], found: impl Iterator<Item = u32>) -> impl Iterator<Item = u32> {
    let found: HashSet<_> = found.collect();
    ids.iter().copied().filter(move |id| !found.contains(id))
}
