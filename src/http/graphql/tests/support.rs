//! A house with fake accounts and a store that forgets, and a client that speaks GraphQL to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use actix::{Actor, Addr, Context, Handler};
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, web};
use async_trait::async_trait;
use serde_json::{Value, json};

use crate::accounts::{AccountError, AccountStore, Administrator, Customer, SecondFactor};
use crate::audit::Origin;
use crate::clock::{MockClock, UnixSeconds};
use crate::http::holder::Holders;
use crate::http::{MagentoVersion, Options, Services};
use crate::registry::{self, IssueToken, Parts, Registry, Revocation, RevokeSessions, TokenForms, TokenRegistry};
use crate::secret::Password;
use crate::session::{EndReason, SessionId, Subject};
use crate::settings::{
    Role, RoleId, Roles, Settings, Snapshot, StoreDirectory, StoreId, StoreView, Website, WebsiteId,
};
use crate::sign_in::{self, SignIn, password};
use crate::store::{Change, Committed, CustomerLock, Durability, Record, RecordOutcome, ThrottleRow};
use crate::telemetry::{Metrics, Readiness};
use crate::token::{DigestKey, EmptyLifetime, Token};

/// The moment at which every test begins: 2023-11-14 22:13:20 UTC.
pub(super) const START: UnixSeconds = UnixSeconds(1_700_000_000);

/// The number of the one customer that there is.
pub(super) const CUSTOMER: u32 = 7;

/// Says that every record is stored, at once.
struct ForgetfulStore {
    registry: Arc<Mutex<Option<Addr<TokenRegistry>>>>,
}

impl Actor for ForgetfulStore {
    type Context = Context<Self>;
}

impl Handler<Record> for ForgetfulStore {
    type Result = ();

    fn handle(&mut self, record: Record, _: &mut Self::Context) {
        let committed = Committed { through: record.ticket, outcome: RecordOutcome::Stored };
        // Losing the answer is fine: the registry answers with the session.
        self.registry.lock().unwrap().as_ref().unwrap().do_send(committed);
    }
}

/// Accounts in memory.
#[derive(Debug, Default)]
pub(super) struct FakeAccounts {
    customers: Mutex<HashMap<u32, Customer>>,
    is_away: Mutex<bool>,
}

impl FakeAccounts {
    fn keep(&self, lock: Option<CustomerLock>) {
        if let Some(lock) = lock
            && let Some(customer) = self.customers.lock().unwrap().get_mut(&lock.customer)
        {
            customer.failures = lock.failures;
            customer.first_failure = lock.first_failure;
            customer.lock_expires = lock.lock_expires;
        }
    }

    fn check(&self) -> Result<(), AccountError> {
        let is_away = *self.is_away.lock().unwrap();
        if is_away { Err(AccountError::Unavailable("gone".to_owned())) } else { Ok(()) }
    }
}

#[async_trait]
impl AccountStore for FakeAccounts {
    async fn customer_by_email(
        &self,
        email: &str,
        website: Option<WebsiteId>,
    ) -> Result<Option<Customer>, AccountError> {
        self.check()?;
        let customers = self.customers.lock().unwrap();
        let is_meant =
            |customer: &&Customer| customer.email == email && website.is_none_or(|website| website == customer.website);
        Ok(customers.values().find(is_meant).cloned())
    }

    async fn customer(&self, id: u32) -> Result<Option<Customer>, AccountError> {
        self.check()?;
        Ok(self.customers.lock().unwrap().get(&id).cloned())
    }

    async fn administrator_by_username(&self, _: &str) -> Result<Option<Administrator>, AccountError> {
        Ok(None)
    }

    async fn administrator(&self, _: u32) -> Result<Option<Administrator>, AccountError> {
        Ok(None)
    }

    async fn second_factor(&self, _: u32) -> Result<Option<SecondFactor>, AccountError> {
        Ok(None)
    }

    async fn success(
        &self,
        _: Subject,
        _: UnixSeconds,
        lock: Option<CustomerLock>,
        _: Option<String>,
    ) -> Result<Vec<Change>, AccountError> {
        self.keep(lock);
        Ok(Vec::new())
    }

    async fn failure(
        &self,
        lock: Option<CustomerLock>,
        _: Option<ThrottleRow>,
        _: Vec<Change>,
    ) -> Result<(), AccountError> {
        self.keep(lock);
        Ok(())
    }

    async fn deactivate_administrator(&self, _: u32) -> Result<(), AccountError> {
        Ok(())
    }

    async fn change_password(&self, _: u32, _: String, _: Vec<Change>) -> Result<(), AccountError> {
        Ok(())
    }

    async fn throttle_rows(&self) -> Result<Vec<ThrottleRow>, AccountError> {
        Ok(Vec::new())
    }
}

/// Everything behind the endpoint.
pub(super) struct House {
    services: web::Data<Services>,
    accounts: Arc<FakeAccounts>,
    pub(super) clock: Arc<MockClock>,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Reply {
    /// The body as JSON; null when it is empty.
    pub(super) fn json(&self) -> Value {
        if self.text.is_empty() { Value::Null } else { serde_json::from_str(&self.text).unwrap() }
    }

    /// Status, the first error's message and its category: what a client decides by.
    pub(super) fn gist(&self) -> (u16, String, String) {
        let body = self.json();
        let error = &body["errors"][0];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (self.status.as_u16(), text(&error["message"]), text(&error["extensions"]["category"]))
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

impl House {
    /// A house that speaks 2.4.8.
    pub(super) fn new() -> Self {
        Self::speaking(MagentoVersion::V248)
    }

    /// A house in which one password is hashed and none waits.
    pub(super) fn without_a_queue() -> Self {
        Self::with(MagentoVersion::V248, crate::http::graphql::Options::default(), 0)
    }

    /// A house that speaks this version.
    pub(super) fn speaking(version: MagentoVersion) -> Self {
        Self::showing(version, crate::http::graphql::Options::default())
    }

    /// A house that speaks this version and shows this of itself.
    pub(super) fn showing(version: MagentoVersion, graphql: crate::http::graphql::Options) -> Self {
        Self::with(version, graphql, 64)
    }

    /// A house with website `base` (store views `default`, `french` and the inactive `closed`) and website `other`
    /// (store view `other`).
    fn with(version: MagentoVersion, graphql: crate::http::graphql::Options, queue: usize) -> Self {
        let snapshot = Snapshot::new(Settings::default(), stores(), roles(), EmptyLifetime::AtOnce).shared();
        let clock = MockClock::at(START);
        let address = Arc::default();
        let store = ForgetfulStore { registry: Arc::clone(&address) }.start();
        let registry: Registry = TokenRegistry::start_here(Parts {
            snapshot: snapshot.clone(),
            clock: clock.clone(),
            options: registry::Options {
                capacity: 1000,
                per_subject: 100,
                durability: Durability::default(),
                outbox: false,
            },
            key: DigestKey::generate(),
            forms: TokenForms::default(),
            first_id: SessionId(1),
            recorder: store.recipient(),
            guard: Box::new(()),
        });
        *address.lock().unwrap() = Some(registry.actor().clone());
        let accounts = Arc::new(FakeAccounts::default());
        accounts.customers.lock().unwrap().insert(CUSTOMER, customer());
        let sign_in = SignIn::new(sign_in::Parts {
            accounts: accounts.clone(),
            registry: registry.clone(),
            snapshot: snapshot.clone(),
            clock: clock.clone(),
            options: sign_in::Options {
                concurrency: 1,
                queue,
                refuse_inactive: false,
                reset_counters_on_success: version == MagentoVersion::V248,
                second_factor: sign_in::SecondFactorRule::Auto,
                rehash: false,
            },
            installation_key: Arc::default(),
            guards: Arc::new(|_| Box::new(())),
        });
        let readiness = Arc::new(Readiness::default());
        readiness.set_ready();
        let holders = Holders::start(accounts.clone(), clock.clone(), false, Box::new(()));
        let services = Services {
            clock: clock.clone(),
            snapshot,
            registry,
            sign_in,
            accounts: accounts.clone(),
            holders,
            elsewhere: None,
            metrics: Arc::new(Metrics::default()),
            readiness,
            options: Options {
                version,
                max_body: 1024 * 1024,
                trusted_proxies: Vec::new(),
                allowed_origins: Vec::new(),
                policies: HashMap::new(),
                graphql,
                refuse_locked: true,
                exchange: None,
            },
        };
        Self { services: web::Data::new(services), accounts, clock }
    }

    /// Changes a setting at the default scope.
    pub(super) fn set(&self, path: &str, value: &str) {
        let mut settings = self.services.snapshot.load().settings.clone();
        settings.set(path, crate::settings::Scope::Default, Some(value.to_owned()));
        let snapshot = Snapshot::new(settings, stores(), roles(), EmptyLifetime::AtOnce);
        self.services.snapshot.store(Arc::new(snapshot));
    }

    /// Gives the customer a password.
    pub(super) fn set_password(&self, text: &str) {
        let hash = hash(text);
        self.change_customer(|customer| customer.password_hash = Some(hash));
    }

    /// Changes the customer.
    pub(super) fn change_customer(&self, change: impl FnOnce(&mut Customer)) {
        change(self.accounts.customers.lock().unwrap().get_mut(&CUSTOMER).unwrap());
    }

    /// Removes the customer.
    pub(super) fn remove_customer(&self) {
        self.accounts.customers.lock().unwrap().clear();
    }

    /// From now on the accounts cannot be reached.
    pub(super) fn lose_accounts(&self) {
        *self.accounts.is_away.lock().unwrap() = true;
    }

    /// A good token of `subject`, issued in website `base`.
    pub(super) async fn token(&self, subject: Subject) -> String {
        self.token_with_role(subject, None).await
    }

    /// A good token of an administrator with this role.
    pub(super) async fn token_with_role(&self, subject: Subject, role: Option<RoleId>) -> String {
        let token = Token::generate();
        let digest = self.services.registry.reader().digest(token.expose()).unwrap();
        let change = IssueToken {
            subject,
            website: WebsiteId(1),
            digest,
            fixed_end: None,
            role,
            along: Vec::new(),
            origin: Origin::SERVER,
            typed: None,
        };
        self.services.registry.issue(change).await.unwrap();
        token.expose().to_owned()
    }

    /// Ends all sessions.
    pub(super) async fn revoke_everything(&self) {
        let change = RevokeSessions { which: Revocation::Everything, reason: EndReason::Ended, origin: Origin::SERVER };
        self.services.registry.revoke(change).await.unwrap();
    }

    /// Sends a request as it is.
    pub(super) async fn send(&self, request: TestRequest) -> Reply {
        let app = App::new().app_data(self.services.clone()).configure(crate::http::graphql::configure);
        let response = call_service(&init_service(app).await, request.to_request()).await;
        Reply {
            status: response.status(),
            headers: response.headers().clone(),
            text: String::from_utf8(read_body(response).await.to_vec()).unwrap(),
        }
    }

    /// Posts a document.
    pub(super) async fn post(&self, query: &str) -> Reply {
        self.send(post(query)).await
    }

    /// Posts a document with values of variables.
    pub(super) async fn post_with(&self, query: &str, variables: Value) -> Reply {
        let body = json!({ "query": query, "variables": variables, "operationName": null });
        self.send(TestRequest::post().uri("/graphql").set_json(body)).await
    }

    /// Posts a document with a token.
    pub(super) async fn post_as(&self, token: &str, query: &str) -> Reply {
        self.send(post(query).insert_header(("authorization", format!("Bearer {token}")))).await
    }
}

/// A POST of a document.
pub(super) fn post(query: &str) -> TestRequest {
    TestRequest::post().uri("/graphql").set_json(json!({ "query": query }))
}

/// A GET of a document.
pub(super) fn get(query: &str) -> TestRequest {
    get_with(&[("query", query)])
}

/// A GET with these parameters.
pub(super) fn get_with(parameters: &[(&str, &str)]) -> TestRequest {
    let pairs: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    TestRequest::get().uri(&format!("/graphql?{}", pairs.join("&")))
}

/// Everything but letters and digits is escaped.
pub(super) fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// Everything is allowed to role 1, signing in as a customer to role 2, and another thing to role 3.
fn roles() -> Roles {
    let allowed = [(1, "Magento_Backend::all"), (2, "Magento_LoginAsCustomer::login"), (3, "Magento_Backend::store")];
    let role = |(id, resource): (u32, &str)| Role {
        id: RoleId(id),
        name: String::new(),
        allowed: [resource.to_owned()].into(),
    };
    allowed.into_iter().map(role).collect()
}

/// The hash of a password, hashed once.
fn hash(text: &str) -> String {
    static HASHES: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());
    let mut hashes = HASHES.lock().unwrap();
    if let Some((_, hash)) = hashes.iter().find(|(known, _)| known == text) {
        return hash.clone();
    }
    let hash = password::hash(&Password::new(text.to_owned())).unwrap();
    hashes.push((text.to_owned(), hash.clone()));
    hash
}

fn customer() -> Customer {
    Customer {
        id: CUSTOMER,
        website: WebsiteId(1),
        store: StoreId(1),
        created_in: None,
        group_id: 1,
        email: "customer@example.com".to_owned(),
        firstname: Some("Veronica".to_owned()),
        middlename: None,
        lastname: Some("Costello".to_owned()),
        prefix: None,
        suffix: None,
        date_of_birth: Some("1973-12-15".to_owned()),
        gender: Some(2),
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

fn stores() -> StoreDirectory {
    let website = |id, code: &str, default_store| Website {
        id: WebsiteId(id),
        code: code.to_owned(),
        name: format!("Website {code}"),
        is_default: id == 1,
        default_group_id: id,
        default_store: StoreId(default_store),
    };
    let view = |id, code: &str, website, is_active| StoreView {
        id: StoreId(id),
        code: code.to_owned(),
        name: format!("View {code}"),
        website: WebsiteId(website),
        group_id: website,
        group_code: format!("group_{website}"),
        is_active,
    };
    let views = [(1, "default", 1, true), (2, "french", 1, true), (3, "closed", 1, false), (4, "other", 2, true)];
    StoreDirectory::new(
        vec![website(1, "base", 1), website(2, "other", 4)],
        views.map(|(id, code, website, is_active)| view(id, code, website, is_active)).to_vec(),
    )
    .unwrap()
}
