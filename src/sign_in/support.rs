//! What the tests of the folder share: accounts and sessions in memory, and a sign-in whose hashes cost nothing.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::sync::Notify;

use crate::accounts::{AccountError, AccountStore, Administrator, Customer, SecondFactor, folded};
use crate::audit::Line;
use crate::clock::{MockClock, SharedClock, UnixSeconds};
use crate::registry::{IssueToken, Issued, NewToken, RegistryError};
use crate::secret::{Password, Secret};
use crate::session::{Session, SessionId, Subject, UserType};
use crate::settings::{
    RoleId, Roles, Scope, Settings, SharedSnapshot, Snapshot, StoreDirectory, StoreId, StoreView, WebsiteId,
};
use crate::sign_in::attempt::{Core, Sessions};
use crate::sign_in::outage::Outage;
use crate::sign_in::password::{HasherPool, PoolOptions};
use crate::sign_in::report::Counters;
use crate::sign_in::second_factor::UsedCodes;
use crate::sign_in::throttle::Throttle;
use crate::sign_in::trail::Refusals;
use crate::sign_in::turns::Turns;
use crate::sign_in::{
    AdministratorCredentials, Caller, CustomerCredentials, IssuedToken, Options, Refusal, SecondFactorRule, SignIn,
    SignInError,
};
use crate::store::{Change, CustomerLock, ThrottleRow};
use crate::token::{DigestKey, EmptyLifetime, Token};

/// The password of all accounts, with its hash at the cost of tests.
pub(super) const PASSWORD: &str = "Password1";

pub(super) const START: UnixSeconds = UnixSeconds(1_700_000_000);

/// A confirmed customer with [`PASSWORD`], whose hash the fixture fills in.
pub(super) fn customer(email: &str) -> Customer {
    Customer {
        id: 7,
        website: WebsiteId(1),
        store: StoreId(1),
        created_in: None,
        group_id: 1,
        email: email.to_owned(),
        firstname: None,
        middlename: None,
        lastname: None,
        prefix: None,
        suffix: None,
        date_of_birth: None,
        gender: None,
        taxvat: None,
        created_at: START,
        updated_at: START,
        is_active: true,
        password_hash: None,
        confirmation: None,
        failures: 0,
        first_failure: None,
        lock_expires: None,
        website_excluded: false,
    }
}

/// An active administrator with a role and [`PASSWORD`], whose hash the fixture fills in.
pub(super) fn administrator(username: &str) -> Administrator {
    Administrator {
        id: 3,
        username: username.to_owned(),
        email: String::new(),
        firstname: None,
        lastname: None,
        password_hash: String::new(),
        is_active: true,
        role: Some(RoleId(1)),
        expires_at: None,
    }
}

#[derive(Debug, Default)]
pub(super) struct MemoryAccounts {
    pub(super) customers: Mutex<Vec<Customer>>,
    pub(super) administrators: Mutex<Vec<Administrator>>,
    /// What was to be stored for failures.
    pub(super) failures: Mutex<Vec<(Option<CustomerLock>, Option<ThrottleRow>)>>,
    pub(super) stored_rows: Mutex<Vec<ThrottleRow>>,
    /// That of every administrator.
    pub(super) second_factor: Mutex<Option<SecondFactor>>,
    pub(super) second_factor_unreadable: AtomicBool,
    pub(super) lookups: AtomicU64,
    pub(super) unreadable: AtomicBool,
    /// Only accounts asked for by number cannot be read.
    pub(super) unreadable_by_number: AtomicBool,
    pub(super) unwritable: AtomicBool,
    pub(super) deactivations: AtomicU64,
    /// Whether customers were switched off elsewhere, and their sessions go on.
    pub(super) switched_off: AtomicBool,
    pub(super) renewals: AtomicU64,
    /// What the audit trail was told.
    pub(super) lines: Mutex<Vec<Line>>,
}

impl MemoryAccounts {
    fn tell(&self, changes: Vec<Change>) {
        let lines = changes.into_iter().filter_map(|change| match change {
            Change::Audit(line) => Some(line),
            _ => None,
        });
        self.lines.lock().unwrap().extend(lines);
    }

    fn check(fault: &AtomicBool) -> Result<(), AccountError> {
        if fault.load(Ordering::SeqCst) {
            return Err(AccountError::Unavailable("a cause for the log alone".to_owned()));
        }
        Ok(())
    }

    pub(super) fn apply(&self, lock: CustomerLock) {
        for customer in self.customers.lock().unwrap().iter_mut().filter(|customer| customer.id == lock.customer) {
            customer.failures = lock.failures;
            customer.first_failure = lock.first_failure;
            customer.lock_expires = lock.lock_expires;
        }
    }
}

#[async_trait]
impl AccountStore for MemoryAccounts {
    async fn customer_by_email(
        &self,
        email: &str,
        website: Option<WebsiteId>,
    ) -> Result<Option<Customer>, AccountError> {
        self.lookups.fetch_add(1, Ordering::SeqCst);
        Self::check(&self.unreadable)?;
        let customers = self.customers.lock().unwrap();
        let mut found = customers.iter().filter(|customer| folded(&customer.email) == folded(email));
        Ok(found.find(|customer| website.is_none_or(|website| website == customer.website)).cloned())
    }

    async fn customer(&self, id: u32) -> Result<Option<Customer>, AccountError> {
        Self::check(&self.unreadable_by_number)?;
        let found = self.customers.lock().unwrap().iter().find(|customer| customer.id == id).cloned();
        // Whoever reads and then writes without waiting for a turn is overtaken here.
        tokio::task::yield_now().await;
        Ok(found)
    }

    async fn administrator_by_username(&self, username: &str) -> Result<Option<Administrator>, AccountError> {
        self.lookups.fetch_add(1, Ordering::SeqCst);
        Self::check(&self.unreadable)?;
        let administrators = self.administrators.lock().unwrap();
        Ok(administrators.iter().find(|account| folded(&account.username) == folded(username)).cloned())
    }

    async fn administrator(&self, id: u32) -> Result<Option<Administrator>, AccountError> {
        Self::check(&self.unreadable_by_number)?;
        Ok(self.administrators.lock().unwrap().iter().find(|account| account.id == id).cloned())
    }

    async fn second_factor(&self, _: u32) -> Result<Option<SecondFactor>, AccountError> {
        Self::check(&self.second_factor_unreadable)?;
        Ok(self.second_factor.lock().unwrap().clone())
    }

    async fn was_switched_off(&self, _: u32) -> Result<bool, AccountError> {
        Ok(self.switched_off.load(Ordering::SeqCst))
    }

    fn accept_inactive(&self, _: u32) {
        self.switched_off.store(false, Ordering::SeqCst);
    }

    async fn success(
        &self,
        subject: Subject,
        _at: UnixSeconds,
        lock: Option<CustomerLock>,
        throttle_name: Option<String>,
    ) -> Result<Vec<Change>, AccountError> {
        let cleared = throttle_name.map(|name| Change::ThrottleCleared { kind: subject.kind, name });
        Ok(lock.map(Change::CustomerLock).into_iter().chain(cleared).collect())
    }

    async fn failure(
        &self,
        lock: Option<CustomerLock>,
        throttle: Option<ThrottleRow>,
        along: Vec<Change>,
    ) -> Result<(), AccountError> {
        Self::check(&self.unwritable)?;
        self.tell(along);
        // The fewer failures, the longer it takes: without turns a later row would be overwritten by an earlier one.
        for _ in throttle.as_ref().map_or(0, |row| row.failures)..10 {
            tokio::task::yield_now().await;
        }
        if let Some(lock) = lock {
            self.apply(lock);
        }
        if lock.is_some() || throttle.is_some() {
            self.failures.lock().unwrap().push((lock, throttle));
        }
        Ok(())
    }

    async fn deactivate_administrator(&self, id: u32) -> Result<(), AccountError> {
        Self::check(&self.unwritable)?;
        self.deactivations.fetch_add(1, Ordering::SeqCst);
        for account in self.administrators.lock().unwrap().iter_mut().filter(|account| account.id == id) {
            account.is_active = false;
        }
        Ok(())
    }

    async fn change_password(&self, id: u32, hash: String, along: Vec<Change>) -> Result<(), AccountError> {
        Self::check(&self.unwritable)?;
        self.tell(along);
        for customer in self.customers.lock().unwrap().iter_mut().filter(|customer| customer.id == id) {
            customer.password_hash = Some(hash.clone());
        }
        Ok(())
    }

    async fn renew_hash(&self, subject: Subject, old: &str, new: &str) -> Result<bool, AccountError> {
        self.renewals.fetch_add(1, Ordering::SeqCst);
        Self::check(&self.unwritable)?;
        let replace = |hash: &mut String| {
            let stands = hash == old;
            if stands {
                new.clone_into(hash);
            }
            stands
        };
        let (mut customers, mut administrators) = (self.customers.lock().unwrap(), self.administrators.lock().unwrap());
        Ok(match subject.kind {
            UserType::Customer => customers
                .iter_mut()
                .filter(|customer| customer.id == subject.id)
                .filter_map(|customer| customer.password_hash.as_mut())
                .any(replace),
            _ => administrators
                .iter_mut()
                .filter(|account| account.id == subject.id)
                .any(|account| replace(&mut account.password_hash)),
        })
    }

    async fn throttle_rows(&self) -> Result<Vec<ThrottleRow>, AccountError> {
        Self::check(&self.unreadable)?;
        Ok(self.stored_rows.lock().unwrap().clone())
    }
}

/// A registry that only takes notes.
#[derive(Debug)]
pub(super) struct MemorySessions {
    accounts: Arc<MemoryAccounts>,
    clock: SharedClock,
    pub(super) begun: Mutex<Vec<IssueToken>>,
    /// Whose sessions were ended.
    pub(super) ended: Mutex<Vec<Subject>>,
    pub(super) fault: Mutex<Option<RegistryError>>,
    /// When set, a session begins only after `go_on`.
    pub(super) hold: AtomicBool,
    pub(super) reached: Notify,
    pub(super) go_on: Notify,
}

#[async_trait]
impl Sessions for MemorySessions {
    fn new_token(&self, _: Subject) -> Option<NewToken> {
        let token = Token::generate();
        let digest = DigestKey::from_bytes([1; 32]).digest(token.expose());
        Some(NewToken { token, digest, fixed_end: None, begins: UnixSeconds(0) })
    }

    async fn begin(&self, change: IssueToken) -> Result<Issued, RegistryError> {
        if self.hold.load(Ordering::SeqCst) {
            self.reached.notify_one();
            self.go_on.notified().await;
        }
        if let Some(fault) = *self.fault.lock().unwrap() {
            return Err(fault);
        }
        for stored in &change.along {
            if let Change::CustomerLock(lock) = stored {
                self.accounts.apply(*lock);
            }
        }
        let session = Session {
            id: SessionId(42),
            subject: change.subject,
            website: change.website,
            issued: self.clock.now(),
            ends: None,
            last_used: self.clock.now(),
        };
        self.begun.lock().unwrap().push(change);
        Ok(Issued { session })
    }

    async fn has_any(&self, subject: Subject) -> Result<bool, RegistryError> {
        Ok(self.begun.lock().unwrap().iter().any(|begun| begun.subject == subject))
    }

    async fn end_all(&self, subject: Subject) -> Result<(), RegistryError> {
        if let Some(fault) = *self.fault.lock().unwrap() {
            return Err(fault);
        }
        self.ended.lock().unwrap().push(subject);
        Ok(())
    }
}

/// A sign-in with everything around it.
pub(super) struct Fixture {
    pub(super) sign_in: SignIn,
    pub(super) accounts: Arc<MemoryAccounts>,
    pub(super) sessions: Arc<MemorySessions>,
    pub(super) clock: Arc<MockClock>,
    pub(super) snapshot: SharedSnapshot,
    hash: String,
}

impl Fixture {
    /// The options of a server that speaks as 2.4.8.
    pub(super) fn options() -> Options {
        Options {
            concurrency: 2,
            queue: 400,
            refuse_inactive: false,
            reset_counters_on_success: true,
            second_factor: SecondFactorRule::Auto,
            rehash: false,
        }
    }

    pub(super) async fn new() -> Self {
        Self::with(Self::options()).await
    }

    pub(super) async fn with(options: Options) -> Self {
        let clock = MockClock::at(START);
        let shared: SharedClock = clock.clone();
        let snapshot = snapshot(&[]).shared();
        let accounts = Arc::new(MemoryAccounts::default());
        let sessions = Arc::new(MemorySessions {
            accounts: Arc::clone(&accounts),
            clock: Arc::clone(&shared),
            begun: Mutex::default(),
            ended: Mutex::default(),
            fault: Mutex::default(),
            hold: AtomicBool::default(),
            reached: Notify::new(),
            go_on: Notify::new(),
        });
        let hashers = HasherPool::start_cheap(PoolOptions {
            concurrency: options.concurrency,
            queue: options.queue,
            installation_key: Arc::default(),
            guards: Arc::new(|_| Box::new(())),
        });
        let sign_in = SignIn::from_core(Core {
            accounts: accounts.clone(),
            sessions: sessions.clone(),
            snapshot: Arc::clone(&snapshot),
            clock: Arc::clone(&shared),
            options,
            hashers,
            throttle: Arc::new(Throttle::new(Arc::clone(&snapshot), shared)),
            account_turns: Turns::default(),
            name_turns: Turns::default(),
            used_codes: UsedCodes::default(),
            counters: Counters::default(),
            refusals: Refusals::default(),
            outage: Outage::default(),
        });
        let hash = sign_in.hash_password(Password::new(PASSWORD.to_owned())).await.unwrap();
        Self { sign_in, accounts, sessions, clock, snapshot, hash }
    }

    /// Changes settings at the default scope or at others.
    pub(super) fn set(&self, changes: &[(&str, Scope, &str)]) {
        self.snapshot.store(Arc::new(snapshot(changes)));
    }

    /// A throttle that does not get into the way.
    pub(super) fn without_throttle(&self) {
        self.set(&[("oauth/authentication_lock/timeout", Scope::Default, "0")]);
    }

    /// Replaces all customers by this one, with [`PASSWORD`].
    pub(super) fn add_customer(&self, customer: Customer) {
        let customer = Customer { password_hash: Some(self.hash.clone()), ..customer };
        *self.accounts.customers.lock().unwrap() = vec![customer];
    }

    /// Replaces all administrators by this one, with [`PASSWORD`].
    pub(super) fn add_administrator(&self, account: Administrator) {
        let account = Administrator { password_hash: self.hash.clone(), ..account };
        *self.accounts.administrators.lock().unwrap() = vec![account];
    }

    pub(super) async fn customer(&self, email: &str, password: &str) -> Result<IssuedToken, SignInError> {
        self.sign_in.customer(credentials(email, password), caller("192.0.2.1")).await
    }

    pub(super) async fn administrator(&self, username: &str, password: &str) -> Result<IssuedToken, SignInError> {
        self.administrator_with(username, password, None).await
    }

    pub(super) async fn administrator_with(
        &self,
        username: &str,
        password: &str,
        code: Option<&str>,
    ) -> Result<IssuedToken, SignInError> {
        let credentials = AdministratorCredentials {
            username: username.to_owned(),
            password: Password::new(password.to_owned()),
            code: code.map(|code| Secret::new(code.to_owned())),
        };
        self.sign_in.administrator(credentials, caller("192.0.2.1")).await
    }

    pub(super) fn stored_customer(&self) -> Customer {
        self.accounts.customers.lock().unwrap()[0].clone()
    }

    pub(super) fn hashed(&self) -> u64 {
        self.sign_in.statistics().load.hashed
    }

    /// How many failures the throttle has stored last.
    pub(super) fn throttled(&self) -> Option<u32> {
        let failures = self.accounts.failures.lock().unwrap();
        failures.last().and_then(|(_, row)| row.as_ref().map(|row| row.failures))
    }
}

pub(super) fn credentials(email: &str, password: &str) -> CustomerCredentials {
    CustomerCredentials { email: email.to_owned(), password: Password::new(password.to_owned()), store: store_view() }
}

pub(super) fn store_view() -> StoreView {
    StoreDirectory::fresh().default_store().clone()
}

pub(super) fn caller(address: &str) -> Caller {
    let address: IpAddr = address.parse().unwrap();
    Caller { address: Some(address), protocol: "graphql" }
}

pub(super) fn refused<T>(refusal: Refusal) -> Result<T, SignInError> {
    Err(SignInError::Refused(refusal))
}

/// The outcome without the token, which cannot be compared.
pub(super) fn outcome(result: Result<IssuedToken, SignInError>) -> Result<(), SignInError> {
    result.map(|_| ())
}

fn snapshot(changes: &[(&str, Scope, &str)]) -> Snapshot {
    let mut settings = Settings::default();
    for &(path, scope, value) in changes {
        settings.set(path, scope, Some(value.to_owned()));
    }
    Snapshot::new(settings, StoreDirectory::fresh(), Roles::default(), EmptyLifetime::AtOnce)
}
