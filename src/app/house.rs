//! Everything but the listeners.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use thiserror::Error;
use tokio::sync::oneshot;
use tracing::{info, warn};

use crate::accounts::seed::{self, Seed, SeedError};
use crate::accounts::{
    AccountError, AccountLocks, AccountStore, DirectorySource, EmbeddedAccounts, MagentoAccounts, SettingStore,
};
use crate::app::shop::{
    Figures, Installation, KeyWatch, Mirror, Patience, Revocations, ShopError, ShopTokens, Watcher,
};
use crate::app::{LoadingError, Validators, loading, options};
use crate::audit::Origin;
use crate::clock::{Clock, SharedClock, SystemClock};
use crate::config::{self, AccountSource, Config, ConfigError};
#[cfg(debug_assertions)]
use crate::control::PanicButton;
use crate::control::{Copier, Office};
use crate::http::Services;
use crate::http::holder::Holders;
use crate::keeper::{self, Keeper, KeeperError, SettingsKeeper};
use crate::lifecycle::{Panics, Watch};
use crate::magento::SharedInstallationKey;
use crate::registry::{self, SettingsChanged, TokenRegistry, TokensElsewhere};
use crate::secret::Password;
use crate::session::SessionId;
use crate::settings::{Scope, Settings, Snapshot, StoreDirectory};
use crate::sign_in::{self, SignIn, password};
use crate::store::{
    self, Accepted, DataFolder, FolderError, Loader, Readers, RecoverOptions, Recovery, Store, StoreError,
};
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
    tokens: Option<Arc<ShopTokens>>,
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
    folder: DataFolder,
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
    /// The settings in it.
    #[error(transparent)]
    Settings(#[from] KeeperError),
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
        let kept = Kept::new(&accounts, &store, shop.as_ref());
        if shop.is_none() {
            fill(&folder, &config, seed, &accounts).await?;
        } else if let Some(file) = seed {
            warn!(file = %file.display(), "the seed file is left alone: accounts are the shop's");
        }
        let (settings, stores, roles) =
            patience.until(async || keeper::load(&readers, kept.directory.as_ref()).await).await?;
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
        let services = Services {
            clock,
            snapshot,
            registry,
            metrics,
            sign_in,
            accounts: kept.accounts,
            holders: Arc::new(if shop.is_some() { Holders::followed() } else { Holders::default() }),
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

    /// What commands of the operator are carried out on.
    pub fn office(&self) -> Office {
        Office {
            clock: Arc::clone(&self.services.clock),
            accounts: Arc::clone(&self.accounts),
            shop: self.shop.clone(),
            elsewhere: elsewhere(self.tokens.as_ref()),
            keeper: self.keeper.clone(),
            registry: self.services.registry.clone(),
            sign_in: self.services.sign_in.clone(),
            copier: copier(self.folder.database(), Arc::clone(&self.services.clock)),
            origin: Origin::SERVER,
            #[cfg(debug_assertions)]
            panics: panic_buttons(self),
        }
    }
}

/// Opens the folder on a thread of its own, because that may take long: others are answered meanwhile, and a process that
/// is to end does not wait for it. Says which number the first session of this run gets.
async fn open_folder(config: &Config, readiness: Arc<Readiness>) -> Result<(DataFolder, SessionId), FolderError> {
    let (path, durability) = (config.data.dir.clone(), options::durability(config));
    let is_shops = config.accounts.source == AccountSource::Magento;
    let open = move || {
        let mut folder = DataFolder::open_telling(&path, &|step| readiness.begin(step))?;
        let first_id = folder.first_session(durability)?;
        if is_shops {
            folder.expect_unstored(durability)?;
        }
        readiness.begin("reading accounts and settings");
        Ok((folder, first_id))
    };
    let unusable = |cause| FolderError::Unusable { path: config.data.dir.clone(), cause };
    let (answer, opened) = oneshot::channel();
    // Whoever has given up does not want the answer.
    let thread = std::thread::Builder::new().name("folder-opener".to_owned()).spawn(move || drop(answer.send(open())));
    thread.map_err(unusable)?;
    opened.await.unwrap_or_else(|_| Err(unusable(std::io::Error::other("the thread that opens it has panicked"))))
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
fn elsewhere(tokens: Option<&Arc<ShopTokens>>) -> Option<Arc<dyn TokensElsewhere>> {
    tokens.map(|tokens| Arc::<ShopTokens>::clone(tokens) as Arc<dyn TokensElsewhere>)
}

/// How far the wall clock may be behind the last stored stamp without a word.
const UNREMARKABLE_SECONDS: u32 = 60;

/// Session time, which does not start before the last moment that was stored.
fn clock(folder: &DataFolder) -> SharedClock {
    let clock = SystemClock::starting_at(folder.latest_moment());
    let behind = folder.latest_moment().since(clock.wall());
    if behind > UNREMARKABLE_SECONDS {
        warn!(
            behind_seconds = behind,
            "the system's clock is behind the last moment that was stored: the time of sessions goes on from there"
        );
    }
    Arc::new(clock)
}

/// Whether a data folder is there that has been used before. It makes none.
///
/// # Errors
/// [`FolderError::NotAFolder`].
pub fn is_there(folder: &Path) -> Result<bool, FolderError> {
    if folder.exists() && !folder.is_dir() {
        return Err(FolderError::NotAFolder(folder.to_owned()));
    }
    Ok(store::holds_data(folder))
}

/// Accepts a data folder that was restored from a copy, or whose users are of other accounts than those of `config`; says
/// which of them it was.
///
/// # Errors
/// [`OpenError`]: nothing was accepted.
pub fn accept_restored(config: &Config, keep_sessions: bool) -> Result<Option<Accepted>, OpenError> {
    let accounts = Installation::read(&config.magento)?.accounts_of(config)?;
    let now = SystemClock::default().now();
    let accepted = store::accept_restored(&config.data.dir, &accounts, keep_sessions, now, operator())?;
    match (accepted, keep_sessions) {
        (Some(Accepted::Accounts), false) => {
            warn!(accounts, "the data folder is used with other accounts: all its sessions have ended");
        }
        (Some(Accepted::Accounts), true) => {
            warn!(accounts, "the data folder is used with other accounts, and its sessions go on");
        }
        (None, _) => info!("the data folder is not a restored one, so there is nothing to accept"),
        (Some(Accepted::Copy), false) => warn!("the data folder was restored from a copy: all its sessions have ended"),
        (Some(Accepted::Copy), true) => warn!(
            "the data folder was restored from a copy, and its sessions go on: what was revoked after the copy was made \
             is good again"
        ),
    }
    Ok(accepted)
}

/// Saves what is whole of a damaged data folder that no house stands on. One that is not damaged is left alone, unless that is
/// forced.
///
/// # Errors
/// [`FolderError`]: the folder is as it was then.
pub fn recover(folder: &Path, options: RecoverOptions) -> Result<Recovery, FolderError> {
    store::recover(folder, options, SystemClock::default().now(), operator())
}

/// Whoever runs this process.
pub fn operator() -> Origin {
    Origin::operator(Some(rustix::process::getuid().as_raw()))
}

/// Fills a folder that is still fresh with the `[settings]` of the configuration and the seed file.
async fn fill(
    folder: &DataFolder,
    config: &Config,
    file: Option<&Path>,
    accounts: &EmbeddedAccounts,
) -> Result<(), OpenError> {
    if !folder.is_fresh() {
        if let Some(file) = file {
            warn!(
                file = %file.display(),
                folder = %folder.path().display(),
                "the seed file is left alone: the data folder has been used before, by a server or by a command, and \
                 only a fresh one is filled"
            );
        }
        return Ok(());
    }
    let wrong = |problem| OpenError::Seed { file: file.map(Path::to_owned), problem };
    let seed = file.map(Seed::read).transpose().map_err(wrong)?.unwrap_or_default();
    let initial = config.settings.iter().map(|(path, value)| (path.to_owned(), value.to_owned()));
    seed::apply(accounts, seed, initial, hash_apart).await.map_err(wrong)?;
    if let Some(file) = file {
        info!(file = %file.display(), "the data folder is filled from the seed file");
    }
    Ok(())
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

/// Names the initial settings of the configuration that are none any more: the data folder has another value.
fn warn_of_other_settings(config: &Config, settings: &Settings) {
    for (path, configured) in config.settings.iter() {
        let stored = settings.text(path, Scope::Default);
        if stored != configured {
            warn!(
                path,
                configured,
                stored,
                "the configuration's [settings] fill a fresh data folder only, and this one has another value, which \
                 counts: change it with `tokenward setting set`, or take the line out of the configuration"
            );
        }
    }
}

/// Hashes away from the thread that runs the actors; before there is a pool of hashers.
async fn hash_apart(password: Password) -> Result<String, String> {
    let hashed = tokio::task::spawn_blocking(move || password::hash(&password)).await;
    hashed.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

/// Metrics that know where the validators count, and which clock may be set.
fn metrics(validators: Arc<Validators>, clock: SharedClock) -> Arc<Metrics> {
    let metrics = Metrics::default();
    metrics.set_clock(clock);
    metrics.set_validation_source(move || validators.counts());
    Arc::new(metrics)
}

/// Copies the file at `database`, on a thread that may block.
fn copier(database: PathBuf, clock: SharedClock) -> Copier {
    Copier(Arc::new(move |to| {
        let (database, now) = (database.clone(), clock.now());
        let copied = tokio::task::spawn_blocking(move || store::back_up(&database, &to, now));
        Box::pin(async move {
            let copied = copied.await.map_err(|error| error.to_string())?;
            copied.map_err(|error| error.to_string())
        })
    }))
}

/// What makes each long-lived actor panic.
#[cfg(debug_assertions)]
fn panic_buttons(house: &House) -> Vec<(&'static str, PanicButton)> {
    let (registry, keeper, store) = (house.services.registry.clone(), house.keeper.clone(), house.store.clone());
    let (sign_in, validators) = (house.services.sign_in.clone(), Arc::clone(&house.validators));
    let hashers = sign_in.clone();
    vec![
        ("token-registry", PanicButton(Arc::new(move || registry.provoke_panic()))),
        ("settings-keeper", PanicButton(Arc::new(move || keeper.provoke_panic()))),
        ("store-writer", PanicButton(Arc::new(move || store.provoke_panic()))),
        ("password-hasher", PanicButton(Arc::new(move || hashers.provoke_panic()))),
        ("memory-keeper", PanicButton(Arc::new(move || sign_in.provoke_keeper_panic()))),
        ("token-validator", PanicButton(Arc::new(move || validators.provoke_panic()))),
    ]
}

fn guard(watch: &Watch, actor: &'static str) -> Box<dyn Any + Send> {
    Box::new(watch.guard(actor))
}
