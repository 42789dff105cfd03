//! [`MagentoAccounts`]: the statements, behind the traits that everybody else knows.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use actix::Recipient;
use arc_swap::ArcSwap;
use async_trait::async_trait;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection};
use tracing::{debug, warn};

use crate::accounts::magento::database::Database;
use crate::accounts::magento::mirror::Mirror;
use crate::accounts::magento::rights::Feature;
use crate::accounts::magento::{
    Condition, DatabaseOptions, FixedSettings, SchemaReport, ShopDatabase, administrators, customers, holders, rights,
    second_factors, throttle,
};
use crate::accounts::{
    AccountError, AccountStore, Administrator, Customer, LONGEST_NAME, Mirrored, SecondFactor, UserState, folded,
};
use crate::audit::{Event, Line, Origin};
use crate::clock::{SharedClock, UnixSeconds};
use crate::magento::SharedInstallationKey;
use crate::session::{Subject, SubjectChanged, UserType};
use crate::settings::WebsiteId;
use crate::store::{Change, CustomerLock, Store, ThrottleRow};
use crate::token::{Token, TokenDigest};

/// How often outdated rows of the throttle are removed, in seconds: as often as Magento's job does (fact sheet 4.5).
const THROTTLE_CLEANING: u32 = 60;

/// How many inactive customers who have sessions are remembered.
const MOST_INACTIVE: usize = 100_000;

/// The shop's tables, by their names without prefix.
#[derive(Debug)]
pub(super) struct Tables {
    prefix: String,
    pub(super) schema: SchemaReport,
}

impl Tables {
    /// A table's name, with its prefix.
    pub(super) fn name(&self, table: &str) -> String {
        format!("{}{table}", self.prefix)
    }

    /// A statement: `{customer_entity}` becomes the table's name with its prefix.
    pub(super) fn sql(&self, template: &str) -> AssertSqlSafe<String> {
        // The prefix is letters, digits and underscores, and the templates are ours: no text of a client is in them.
        AssertSqlSafe(template.replace('{', &format!("`{}", self.prefix)).replace('}', "`"))
    }
}

/// Accounts in a shop's own database.
#[derive(Debug)]
pub struct MagentoAccounts {
    pub(super) database: Database,
    pub(super) tables: Arc<Tables>,
    pub(super) write: bool,
    /// What the shop's files and its environment fix; the files may be written again at any time.
    pub(super) fixed: ArcSwap<FixedSettings>,
    /// What the shop encrypts values under; empty when it is not known.
    pub(super) key: SharedInstallationKey,
    /// Whether tokens that are issued here are written into the shop's table, too.
    pub(super) mirrors: bool,
    /// Those that stand there.
    pub(super) mirror: Arc<Mirror>,
    pub(super) clock: SharedClock,
    /// Where the audit trail is, which is kept here and not in the shop.
    pub(super) store: Store,
    listener: OnceLock<Recipient<SubjectChanged>>,
    /// When the throttle's rows were last cleaned, in Unix seconds.
    cleaned: AtomicU32,
    /// Customers whose sessions began although they are inactive, which Magento allows (fact sheet 5.2).
    inactive: Mutex<HashSet<u32>>,
    /// Whether it was said that the shop does not take down when somebody signs in.
    told_of_statistics: AtomicBool,
}

/// Asks the database with a statement of one of the neighbours.
macro_rules! ask {
    ($self:ident, |$connection:ident, $tables:ident| $work:expr) => {{
        let $tables = Arc::clone(&$self.tables);
        $self.database.ask(move |$connection| Box::pin(async move { $work })).await
    }};
}

pub(super) use ask;

impl MagentoAccounts {
    /// Reaches the database and looks at its tables. `fixed` is what the shop's files fix of the settings; the audit trail
    /// goes into `store`.
    ///
    /// # Errors
    /// [`AccountError::Conflict`] when something necessary is missing, or a right to write, or the prefix is none;
    /// [`AccountError::Unavailable`] when the database cannot be reached.
    pub async fn open(
        options: DatabaseOptions,
        fixed: FixedSettings,
        clock: SharedClock,
        store: Store,
    ) -> Result<Self, AccountError> {
        let database = ShopDatabase::connect(options)?;
        let schema = database.inspect().await?;
        let accounts = Self::new(database, schema, fixed, clock, store);
        accounts.try_rights().await?;
        Ok(accounts)
    }

    /// Accounts in a database that was looked at.
    pub fn new(
        database: ShopDatabase,
        schema: SchemaReport,
        fixed: FixedSettings,
        clock: SharedClock,
        store: Store,
    ) -> Self {
        let ShopDatabase { database, options } = database;
        let cleaned = AtomicU32::new(clock.now().get());
        let tables = Arc::new(Tables { prefix: options.table_prefix, schema });
        Self {
            database,
            tables,
            write: options.write,
            fixed: ArcSwap::from_pointee(fixed),
            key: SharedInstallationKey::default(),
            mirrors: false,
            mirror: Arc::default(),
            clock,
            store,
            listener: OnceLock::new(),
            cleaned,
            inactive: Mutex::default(),
            told_of_statistics: AtomicBool::new(false),
        }
    }

    /// Whether everything can be written that has to be: what is refused later would be refused at each sign-in.
    ///
    /// # Errors
    /// [`AccountError::Conflict`] with the rights that are missing; [`AccountError::Unavailable`] when it cannot be told.
    pub async fn try_rights(&self) -> Result<(), AccountError> {
        if !self.write {
            return Ok(());
        }
        let of_settings = ask!(self, |connection, tables| rights::lacking_for_settings(connection, &tables).await)?;
        if !of_settings.is_empty() {
            let lacking = of_settings.join(", ");
            warn!(lacking, "settings can be changed in Magento only: the database user may not write them");
        }
        self.try_rights_of(&rights::WRITING).await
    }

    pub(super) async fn try_rights_of(&self, feature: &'static Feature) -> Result<(), AccountError> {
        let lacking = ask!(self, |connection, tables| rights::lacking(connection, &tables, feature).await)?;
        Ok(feature.check(&lacking)?)
    }

    /// With the key that the shop encrypts values under.
    #[must_use]
    pub fn with_key(self, key: SharedInstallationKey) -> Self {
        Self { key, ..self }
    }

    /// Announces every change of a lock from now on. To be called once; a second listener is ignored.
    pub fn announce_to(&self, listener: Recipient<SubjectChanged>) {
        drop(self.listener.set(listener));
    }

    /// What is known of the database's health.
    pub fn condition(&self) -> &Arc<Condition> {
        self.database.condition()
    }

    /// What the database has.
    pub fn schema(&self) -> &SchemaReport {
        &self.tables.schema
    }

    /// Whether a customer who is inactive now was so already when their last session began: nothing has changed then.
    pub fn signed_in_inactive(&self, customer: u32) -> bool {
        self.inactive.lock().unwrap_or_else(PoisonError::into_inner).contains(&customer)
    }

    /// Notes whether a customer was active when a session began, or later.
    pub fn remember(&self, customer: u32, is_active: bool) {
        let mut inactive = self.inactive.lock().unwrap_or_else(PoisonError::into_inner);
        if is_active {
            inactive.remove(&customer);
        } else if inactive.len() < MOST_INACTIVE {
            inactive.insert(customer);
        }
    }

    pub(super) fn announce_lock(&self, customer: u32, locked_until: Option<UnixSeconds>) {
        if let Some(listener) = self.listener.get() {
            // Whoever keeps the sessions is gone only when the process ends.
            listener.do_send(SubjectChanged { subject: Subject::customer(customer), locked_until, role: None });
        }
    }

    /// Whether the throttle's rows are to be cleaned now.
    fn cleaning_is_due(&self) -> bool {
        let now = self.clock.now();
        let cleaned = self.cleaned.load(Ordering::Relaxed);
        now.since(UnixSeconds(cleaned)) >= THROTTLE_CLEANING
            && self.cleaned.compare_exchange(cleaned, now.get(), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Cleans the throttle's rows when that is due. What fails now is done in a minute, and is nobody's failure.
    async fn clean_throttle(&self) {
        if !self.cleaning_is_due() {
            return;
        }
        let now = self.clock.now();
        if let Err(error) = ask!(self, |connection, tables| throttle::clean(connection, &tables, now).await) {
            debug!(%error, "outdated rows of the shop's throttle were not removed");
        }
    }

    /// Writes what is kept here about a change that the shop's database has made: after it, so that nothing is told that
    /// was not done.
    pub(super) async fn tell(&self, along: Vec<Change>) -> Result<(), AccountError> {
        if !along.is_empty() {
            self.store.write(along).await?;
        }
        Ok(())
    }

    /// Says once that the shop does not take down when somebody signs in, until it does so again.
    fn tell_of_statistics(&self, refused: Option<&str>) {
        let told = self.told_of_statistics.swap(refused.is_some(), Ordering::Relaxed);
        if let Some(cause) = refused.filter(|_| !told) {
            warn!(
                cause,
                "the shop's database does not take down when somebody signs in (customer_log, admin_user.logdate): \
                 sign-ins go on without"
            );
        }
    }

    pub(super) fn may_write(&self) -> Result<(), AccountError> {
        let refusal = "the shop's database is only read (magento.write = false): change it in Magento";
        if self.write { Ok(()) } else { Err(AccountError::Conflict(refusal.to_owned())) }
    }

    /// Whether an account can have this name at all.
    fn can_be(&self, column: &str, name: &str) -> bool {
        !name.is_empty() && self.has_room(column, name)
    }

    /// Whether a column of names can hold this one.
    fn has_room(&self, column: &str, name: &str) -> bool {
        name.chars().nth(LONGEST_NAME).is_none() && self.tables.schema.can_hold(column, name)
    }
}

#[async_trait]
impl AccountStore for MagentoAccounts {
    async fn customer_by_email(
        &self,
        email: &str,
        website: Option<WebsiteId>,
    ) -> Result<Option<Customer>, AccountError> {
        if !self.can_be("customer_entity.email", email) {
            return Ok(None);
        }
        let (typed, wanted) = (email.to_owned(), folded(email));
        let found = ask!(self, |connection, tables| customers::by_email(connection, &tables, &typed, website).await)?;
        // The database takes accents for the letters below them, and spaces at the end for nothing: such spellings
        // would each be a name of their own to the throttle.
        Ok(found.into_iter().find(|customer| folded(&customer.email) == wanted))
    }

    async fn customer(&self, id: u32) -> Result<Option<Customer>, AccountError> {
        ask!(self, |connection, tables| customers::by_number(connection, &tables, id).await)
    }

    async fn customer_in(&self, id: u32, website: WebsiteId) -> Result<Option<Customer>, AccountError> {
        ask!(self, |connection, tables| customers::by_number_in(connection, &tables, id, website).await)
    }

    async fn administrator_by_username(&self, username: &str) -> Result<Option<Administrator>, AccountError> {
        if !self.can_be("admin_user.username", username) {
            return Ok(None);
        }
        let (typed, wanted) = (username.to_owned(), folded(username));
        let found = ask!(self, |connection, tables| administrators::by_username(connection, &tables, &typed).await)?;
        Ok(found.filter(|administrator| folded(&administrator.username) == wanted))
    }

    async fn administrator(&self, id: u32) -> Result<Option<Administrator>, AccountError> {
        ask!(self, |connection, tables| administrators::by_number(connection, &tables, id).await)
    }

    async fn states(&self, kind: UserType, ids: &[u32]) -> Result<Vec<(u32, UserState)>, AccountError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids = ids.to_vec();
        ask!(self, |connection, tables| holders::read(connection, &tables, kind, &ids).await)
    }

    async fn second_factor(&self, administrator: u32) -> Result<Option<SecondFactor>, AccountError> {
        if !self.tables.schema.has_table(second_factors::TABLE) {
            return Ok(None);
        }
        let stored = ask!(self, |connection, tables| second_factors::stored(connection, &tables, administrator).await)?;
        let key = self.key.load_full();
        Ok(stored.map(|encoded| second_factors::read(&encoded, administrator, key.as_deref())))
    }

    async fn was_switched_off(&self, customer: u32) -> Result<bool, AccountError> {
        let is_active = ask!(self, |connection, tables| customers::is_active(connection, &tables, customer).await)?;
        if is_active {
            self.remember(customer, true);
        }
        Ok(!is_active && !self.signed_in_inactive(customer))
    }

    fn accept_inactive(&self, customer: u32) {
        self.remember(customer, false);
    }

    async fn success(
        &self,
        subject: Subject,
        at: UnixSeconds,
        lock: Option<CustomerLock>,
        throttle_name: Option<String>,
    ) -> Result<Vec<Change>, AccountError> {
        if self.write {
            let refused = ask!(self, |connection, tables| {
                if lock.is_some() || throttle_name.is_some() {
                    let mut transaction = connection.begin().await?;
                    if let Some(lock) = lock {
                        customers::set_lock(&mut transaction, &tables, lock).await?;
                    }
                    if let Some(name) = throttle_name {
                        throttle::clear(&mut transaction, &tables, subject.kind, &name).await?;
                    }
                    transaction.commit().await?;
                }
                refused(note_sign_in(connection, &tables, subject, at).await)
            })?;
            self.tell_of_statistics(refused.as_deref());
        }
        if let Some(CustomerLock { customer, lock_expires: None, .. }) = lock {
            self.announce_lock(customer, None);
        }
        Ok(Vec::new())
    }

    async fn mirror_token(
        &self,
        subject: Subject,
        token: &Token,
        digest: TokenDigest,
        begins: UnixSeconds,
    ) -> Result<Mirrored, AccountError> {
        self.mirror(subject, token, digest, begins).await
    }

    async fn renew_hash(&self, subject: Subject, old: &str, new: &str) -> Result<bool, AccountError> {
        self.replace_hash(subject, old, new).await
    }

    async fn failure(
        &self,
        lock: Option<CustomerLock>,
        row: Option<ThrottleRow>,
        along: Vec<Change>,
    ) -> Result<(), AccountError> {
        if !self.write {
            return self.tell(along).await;
        }
        if let Some(CustomerLock { customer, lock_expires: Some(until), .. }) = lock {
            self.announce_lock(customer, Some(until));
        }
        self.clean_throttle().await;
        let now = self.clock.now();
        // A name that no row can have is counted in memory alone.
        let row = row.filter(|row| self.has_room("oauth_token_request_log.user_name", &row.name));
        if lock.is_none() && row.is_none() {
            return self.tell(along).await;
        }
        ask!(self, |connection, tables| {
            let mut transaction = connection.begin().await?;
            if let Some(lock) = lock {
                customers::set_lock(&mut transaction, &tables, lock).await?;
            }
            if let Some(row) = row {
                throttle::set(&mut transaction, &tables, &row, now).await?;
            }
            transaction.commit().await
        })?;
        self.tell(along).await
    }

    async fn deactivate_administrator(&self, id: u32) -> Result<(), AccountError> {
        if !self.write {
            return Ok(());
        }
        ask!(self, |connection, tables| administrators::deactivate(connection, &tables, id).await)?;
        let event = Event::AccountSwitched { subject: Subject::admin(id), active: false };
        self.tell(vec![Change::Audit(Line::new(self.clock.now(), event, Origin::SERVER))]).await
    }

    async fn change_password(&self, id: u32, hash: String, along: Vec<Change>) -> Result<(), AccountError> {
        if let Err(error) = self.may_write() {
            // A customer can do nothing about it.
            warn!(%error, "a customer's password was not changed");
            return Err(AccountError::Unavailable(error.to_string()));
        }
        let now = self.clock.now();
        ask!(self, |connection, tables| customers::set_password(connection, &tables, id, &hash, now).await)?;
        self.tell(along).await
    }

    async fn throttle_row(&self, kind: UserType, name: &str) -> Result<Option<ThrottleRow>, AccountError> {
        if !self.tables.schema.can_hold("oauth_token_request_log.user_name", name) {
            return Ok(None);
        }
        let (name, now) = (name.to_owned(), self.clock.now());
        ask!(self, |connection, tables| throttle::row(connection, &tables, (kind, &name), now).await)
    }

    async fn throttle_rows(&self) -> Result<Vec<ThrottleRow>, AccountError> {
        let now = self.clock.now();
        ask!(self, |connection, tables| throttle::rows(connection, &tables, now).await)
    }
}

/// Takes down when somebody signed in, which nothing here depends on.
async fn note_sign_in(
    connection: &mut MySqlConnection,
    tables: &Tables,
    subject: Subject,
    at: UnixSeconds,
) -> Result<(), sqlx::Error> {
    match subject.kind {
        UserType::Customer => customers::signed_in(connection, tables, subject.id, at).await,
        UserType::Admin => administrators::signed_in(connection, tables, subject.id, at).await,
        UserType::Integration => Ok(()),
    }
}

/// What the database says that refuses a statement: it has answered, so it is there.
fn refused(done: Result<(), sqlx::Error>) -> Result<Option<String>, sqlx::Error> {
    match done {
        Ok(()) => Ok(None),
        Err(sqlx::Error::Database(refusal)) => Ok(Some(refusal.to_string())),
        Err(error) => Err(error),
    }
}
