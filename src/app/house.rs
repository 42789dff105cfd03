//! Everything but the listeners.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use thiserror::Error;
use tracing::{info, warn};

use crate::accounts::seed::SeedError;
use crate::accounts::{
    AccountError, AccountLocks, AccountStore, DirectorySource, EmbeddedAccounts, MagentoAccounts, SettingStore,
};
use crate::app::folder::{clock, fill, open_folder, warn_of_other_settings};
use crate::app::shop::{
    Figures, Installation, KeyWatch, Mirror, Patience, Revocations, ShopError, ShopTokens, Watcher,
};
use crate::app::{LoadingError, Validators, loading, options};
use crate::clock::SharedClock;
use crate::config::{self, AccountSource, Config, ConfigError};
use crate::http::Services;
use crate::http::holder::Holders;
use crate::keeper::{self, Keeper, SettingsKeeper};
use crate::lifecycle::{Panics, Watch};
use crate::magento::SharedInstallationKey;
use crate::registry::{self, SettingsChanged, TokenRegistry, TokensElsewhere};
use crate::settings::{Snapshot, StoreDirectory};
use crate::sign_in::{self, SignIn};
use crate::store::{DataFolder, FolderError, Loader, Readers, Store, StoreError};
use crate::telemetry::{Metrics, Readiness};
use crate::token::jwt::SharedJwtKey;

/// A data folder that is open, and every actor that works on it.
#[derive(Debug)]
pub struct House {
    /// What the house was built from.
    pub config: Config,
    /// What protocol code may use.
    pub services: Arc<Services>,
    /// Customers and administrators of the data folder, with what only an operator may do. There are none beside a shop.
    pub accounts: Arc<EmbeddedAccounts>,
    /// Customers and administrators of a shop, when the server runs beside one.
    pub shop: Option<Arc<MagentoAccounts>>,
    /// The opaque tokens that the shop issued.
    pub(super) tokens: Option<Arc<ShopTokens>>,
    /// How it goes with looking at the shop.
    figures: Arc<Figures>,
    /// The live settings.
    pub keeper: Keeper,
    /// The validators of the workers, once these have started.
    pub validators: Arc<Validators>,
    /// Hands out guards for the actors that are started later.
    pub watch: Watch,
    /// Where actors that panic are heard of.
    pub panics: Panics,
    /// The key under which JWTs are signed and read. A new one takes its place at once, for everybody.
    pub jwt_key: SharedJwtKey,
    /// The shop's key: for values that the shop has encrypted, and very old password hashes.
    installation_key: SharedInstallationKey,
    pub(super) store: Store,
    pub(super) readers: Readers,
    /// Kept for as long as the house stands: with it goes the folder's lock.
    pub(super) folder: DataFolder,
}

/// Why a house could not be built.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The data folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Its file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The accounts in it.
    #[error(transparent)]
    Accounts(#[from] AccountError),
    /// The shop.
    #[error(transparent)]
    Shop(#[from] ShopError),
    /// Sessions and hashing do not fit into the memory.
    #[error(transparent)]
    Budget(#[from] ConfigError),
    /// The sessions in it.
    #[error(transparent)]
    Sessions(#[from] LoadingError),
    /// The seed file.
    #[error("the data folder cannot be filled{}: {problem}", .file.as_deref().map(told_file).unwrap_or_default())]
    Seed {
        /// The seed file, if there is one.
        file: Option<PathBuf>,
        /// What is wrong with it.
        problem: SeedError,
    },
}

impl House {
    /// Opens the data folder of `config` and starts every actor; a fresh folder is filled from the `seed` file. To be
    /// called inside a running actix system. No session is there before [`House::load_sessions`] has been called.
    ///
    /// # Errors
    /// Any [`OpenError`]; nothing is left running that holds the folder.
    pub async fn open(config: Config, seed: Option<&Path>) -> Result<Self, OpenError> {
        Self::open_by(config, seed, clock).await
    }

    /// As [`House::open`], for a server: it waits for a shop's database that is away, for as long as that takes.
    /// `readiness` says all the while what it is busy with, and becomes that of the services.
    ///
    /// # Errors
    /// Any [`OpenError`] that waiting does not mend; nothing is left running that holds the folder.
    pub async fn open_in_time(
        config: Config,
        seed: Option<&Path>,
        readiness: Arc<Readiness>,
    ) -> Result<Self, OpenError> {
        Self::build(config, seed, clock, (readiness, Patience::Endless)).await
    }

    /// As [`House::open`], by the clock that the caller chooses for the folder: tests move theirs.
    ///
    /// # Errors
    /// Any [`OpenError`]; nothing is left running that holds the folder.
    pub(crate) async fn open_by(
        config: Config,
        seed: Option<&Path>,
        clock: impl FnOnce(&DataFolder) -> SharedClock,
    ) -> Result<Self, OpenError> {
        Self::build(config, seed, clock, (Arc::default(), Patience::None)).await
    }

    async fn build(
        config: Config,
        seed: Option<&Path>,
        clock: impl FnOnce(&DataFolder) -> SharedClock,
        (readiness, patience): (Arc<Readiness>, Patience),
    ) -> Result<Self, OpenError> {
        let budget = config.budget(config::memory_limit())?;
        let (folder, first_id) = open_folder(&config, Arc::clone(&readiness)).await?;
        let clock = clock(&folder);
        let (watch, panics) = Watch::new();
        let store = Store::start(&folder, Some(guard(&watch, "store-writer")))?;
        let readers = Readers::new(&folder);
        let accounts = Arc::new(EmbeddedAccounts::new(store.clone(), readers.clone(), Arc::clone(&clock)));
        let installation = Installation::read(&config.magento)?;
        folder.claim_for(&installation.accounts_of(&config)?)?;
        let installation_key: SharedInstallationKey =
            Arc::new(ArcSwapOption::from_pointee(installation.installation_key(&config.magento)));
        if config.accounts.source == AccountSource::Magento {
            readiness.begin("reaching the shop's database");
        }
        let shop = installation.open(&config, patience, &clock, &store, &installation_key).await?;
        if let Some(shop) = &shop {
            Mirror::load(shop, &readers).await?;
        }
        // What the folder itself does not tell is not told later either.
        let patience = if shop.is_some() { patience } else { Patience::None };
        let kept = Kept::new(&accounts, &store, shop.as_ref());
        if shop.is_none() {
            fill(&folder, &config, seed, &accounts).await?;
        } else if let Some(file) = seed {
            warn!(file = %file.display(), "the seed file is left alone: accounts are the shop's");
        }
        let (settings, stores, roles) =
            patience.until(async || keeper::load(&readers, kept.directory.as_ref()).await).await?;
        let last_seen = if shop.is_some() { Some(keeper::seen(&readers, &settings).await?) } else { None };
        warn_of_unknown_websites(&config, &stores);
        warn_of_other_settings(&config, &settings);
        // A key that the shop's file does not have yet is taken from it as soon as it is there.
        let may_mint = installation_key.load().is_some() || config.magento.env_php.is_some();
        let forms = options::forms(&config, installation_key.load_full().as_deref());
        let jwt_key = Arc::clone(&forms.jwt_key);
        let snapshot = Snapshot::new(settings, stores, roles, config.tokens.empty_lifetime).shared();
        let registry = TokenRegistry::start_apart(registry::Parts {
            snapshot: Arc::clone(&snapshot),
            clock: Arc::clone(&clock),
            options: registry::Options {
                outbox: shop.as_ref().is_some_and(|shop| shop.takes_revocations()),
                ..options::registry(&config, budget.sessions)
            },
            key: folder.digest_key().clone(),
            forms,
            first_id,
            recorder: store.recorder(),
            guard: guard(&watch, "token-registry"),
        });
        store.attach_registry(registry.actor().clone().recipient());
        match &shop {
            Some(shop) => shop.announce_to(registry.actor().clone().recipient()),
            None => accounts.announce_to(registry.actor().clone().recipient()).await?,
        }
        let keeper = {
            let registry = registry.actor().clone();
            // A registry that is gone ends the process by its guard.
            let listener = Box::new(move || registry.do_send(SettingsChanged));
            let guard = Some(guard(&watch, "settings-keeper"));
            let Kept { settings, directory, .. } = kept.clone();
            let clock = Arc::clone(&clock);
            let actor = SettingsKeeper::new(settings, directory, Arc::clone(&snapshot), clock, listener, guard);
            let actor = if let Some(seen) = last_seen { actor.since(seen) } else { actor };
            Keeper::start(actor, Arc::clone(&snapshot))
        };
        let sign_in = {
            let watch = watch.clone();
            SignIn::new(sign_in::Parts {
                accounts: Arc::clone(&kept.accounts),
                registry: registry.clone(),
                snapshot: Arc::clone(&snapshot),
                clock: Arc::clone(&clock),
                options: options::sign_in(&config),
                installation_key: Arc::clone(&installation_key),
                guards: Arc::new(move |actor| guard(&watch, actor)),
            })
        };
        patience.until(async || sign_in.load_throttle().await).await?;
        sign_in.load_used_codes(readers.used_codes().await?);
        info!(%budget, "the memory budget");
        let validators = Arc::<Validators>::default();
        let metrics = metrics(Arc::clone(&validators), Arc::clone(&clock));
        let tokens = shop.as_ref().map(|shop| {
            let (snapshot, clock) = (Arc::clone(&snapshot), Arc::clone(&clock));
            ShopTokens::start(Arc::clone(shop), registry.clone(), snapshot, clock, guard(&watch, "shop-tokens"))
        });
        let holders = {
            let (accounts, guard) = (Arc::clone(&kept.accounts), guard(&watch, "holders"));
            Holders::start(accounts, Arc::clone(&clock), shop.is_some(), guard)
        };
        let services = Services {
            clock,
            snapshot,
            registry,
            metrics,
            sign_in,
            accounts: kept.accounts,
            holders,
            elsewhere: elsewhere(tokens.as_ref()),
            readiness,
            options: options::http(&config, installation.disables_introspection(), may_mint),
        };
        let figures = Arc::<Figures>::default();
        if let Some(shop) = &shop {
            let condition = Arc::clone(shop.condition());
            let looking = Arc::clone(&figures);
            let is_ailing = move || condition.is_away() || looking.are_stale();
            services.readiness.set_ailment(is_ailing, config.magento.unready_when_away);
        }
        Ok(Self {
            config,
            shop,
            tokens,
            figures,
            services: Arc::new(services),
            accounts,
            keeper,
            validators,
            watch,
            panics,
            jwt_key,
            installation_key,
            store,
            readers,
            folder,
        })
    }

    /// Takes over the sessions of the data folder. To be called once, before anything else is done with sessions.
    ///
    /// # Errors
    /// [`OpenError::Sessions`], and [`OpenError::Accounts`]: the house must not be used then. What the shop has ended
    /// meanwhile is waited for.
    pub async fn load_sessions(&self) -> Result<(), OpenError> {
        loading::load(Loader::new(&self.folder), self.folder.sessions(), &self.services).await?;
        self.watch_shop(true).await
    }

    /// The same for a command, which answers nobody's checks: it does its work also when the shop does not tell everything.
    ///
    /// # Errors
    /// [`OpenError::Sessions`].
    pub async fn load_sessions_for_command(&self) -> Result<(), OpenError> {
        loading::load(Loader::new(&self.folder), self.folder.sessions(), &self.services).await?;
        self.watch_shop(false).await
    }

    /// Looks at the shop, and goes on looking: what has happened to those who have sessions is known before anything is
    /// answered.
    async fn watch_shop(&self, is_needed: bool) -> Result<(), OpenError> {
        let (Some(shop), Some(tokens)) = (&self.shop, &self.tokens) else { return Ok(()) };
        self.services.readiness.begin("asking what the shop has ended meanwhile");
        let figures = Arc::clone(&self.figures);
        let watcher = Watcher {
            accounts: Arc::clone(shop),
            tokens: Arc::clone(tokens),
            registry: self.services.registry.clone(),
            keeper: self.keeper.clone(),
            clock: Arc::clone(&self.services.clock),
            poll: self.config.magento.poll,
            figures: Arc::clone(&figures),
            holders: Arc::clone(&self.services.holders),
            key: KeyWatch::new(
                &self.config,
                Arc::clone(shop),
                Arc::clone(&self.installation_key),
                Arc::clone(&self.jwt_key),
            ),
            revocations: Revocations::new(
                Arc::clone(shop),
                self.services.registry.clone(),
                (self.store.clone(), self.readers.clone()),
                Arc::clone(&self.services.clock),
            ),
            mirror: Mirror::new(Arc::clone(shop), self.services.registry.clone(), self.store.clone()),
        };
        let shop = Arc::clone(shop);
        self.services.metrics.set_shop_source(move || figures.sample(&shop));
        Ok(watcher.begin(guard(&self.watch, "shop-watcher"), is_needed).await?)
    }

    /// Who is locked out, wherever accounts are.
    pub(super) fn locks(&self) -> Arc<dyn AccountLocks> {
        match &self.shop {
            Some(shop) => Arc::<MagentoAccounts>::clone(shop),
            None => Arc::<EmbeddedAccounts>::clone(&self.accounts),
        }
    }

    /// Waits until everything is stored, and closes the file as after a clean stop.
    pub async fn close(&self) {
        self.store.close().await;
    }

    /// The open data folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// Where accounts and settings are kept: all of it in one place.
#[derive(Clone)]
struct Kept {
    accounts: Arc<dyn AccountStore>,
    directory: Arc<dyn DirectorySource>,
    settings: Arc<dyn SettingStore>,
}

impl Kept {
    fn new(embedded: &Arc<EmbeddedAccounts>, store: &Store, shop: Option<&Arc<MagentoAccounts>>) -> Self {
        match shop {
            Some(shop) => Self { accounts: shop.clone(), directory: shop.clone(), settings: shop.clone() },
            None => Self { accounts: embedded.clone(), directory: embedded.clone(), settings: Arc::new(store.clone()) },
        }
    }
}

/// Where tokens without a session are looked for.
pub(super) fn elsewhere(tokens: Option<&Arc<ShopTokens>>) -> Option<Arc<dyn TokensElsewhere>> {
    tokens.map(|tokens| Arc::<ShopTokens>::clone(tokens) as Arc<dyn TokensElsewhere>)
}

fn told_file(file: &Path) -> String {
    format!(" from {}", file.display())
}

/// Names the policies that nobody can pass, because they ask for a website that is not there.
fn warn_of_unknown_websites(config: &Config, stores: &StoreDirectory) {
    for (policy, rules) in config.policies.iter() {
        let Some(website) = rules.website.as_deref().filter(|code| stores.website_by_code(code).is_none()) else {
            continue;
        };
        let known: Vec<_> = stores.websites().iter().map(|website| website.code.as_str()).collect();
        warn!(policy, website, known = known.join(", "), "a policy asks for a website that is not there");
    }
}

/// Metrics that know where the validators count, and which clock may be set.
fn metrics(validators: Arc<Validators>, clock: SharedClock) -> Arc<Metrics> {
    let metrics = Metrics::default();
    metrics.set_clock(clock);
    metrics.set_validation_source(move || validators.counts());
    Arc::new(metrics)
}

fn guard(watch: &Watch, actor: &'static str) -> Box<dyn Any + Send> {
    Box::new(watch.guard(actor))
}
