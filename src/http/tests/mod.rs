//! The listeners as their clients see them, with a real registry behind them.

mod edge;
mod exchange;
mod facts_rest;
mod gateway;
mod rest;
mod rest_routes;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use actix::{Actor, Addr, Context, Handler};
use actix_web::body::{BoxBody, to_bytes};
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::header::HeaderMap;
use actix_web::test::{TestRequest, init_service};
use actix_web::web::{Data, ServiceConfig};
use actix_web::{App, Error};
use async_trait::async_trait;

use crate::accounts::{AccountError, AccountStore, Administrator, Customer, SecondFactor};
use crate::audit::Origin;
use crate::clock::{MockClock, UnixSeconds};
use crate::decision::{OtherSchemes, Policy, Requirement};
use crate::http::holder::Holders;
use crate::http::{MagentoVersion, Options, Services};
use crate::registry::{
    IssueToken, Options as RegistryOptions, Parts, Registry, Revocation, RevokeSessions, TokenForms, TokenRegistry,
    TokenValidator, ValidatorCounts,
};
use crate::secret::Password;
use crate::session::{EndReason, SessionId, Subject, SubjectChanged};
use crate::settings::{Role, RoleId, Roles, Settings, SharedSnapshot, Snapshot, StoreDirectory, WebsiteId};
use crate::sign_in::{self, SignIn, password};
use crate::store::{Change, Committed, CustomerLock, Durability, Record, RecordOutcome, ThrottleRow};
use crate::telemetry::Readiness;
use crate::token::jwt::SharedJwtKey;
use crate::token::{DigestKey, EmptyLifetime, Token};

/// The time at which tests begin.
const START: UnixSeconds = UnixSeconds(1_700_000_000);

/// The role that may see websites.
const STOREKEEPER: RoleId = RoleId(1);

/// Everything behind the listeners.
struct House {
    services: Data<Services>,
    registry: Registry,
    clock: Arc<MockClock>,
    store: Arc<Mutex<RecordOutcome>>,
    /// Empty, unless a test puts one in.
    jwt_key: SharedJwtKey,
}

/// What a client saw.
struct Seen {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Seen {
    /// A header's value; empty when it is empty or not there.
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }
}

impl House {
    fn new() -> Self {
        Self::with(|_| {})
    }

    /// A house that is ready and whose listeners behave as `change` says.
    fn with(change: impl FnOnce(&mut Options)) -> Self {
        let house = Self::starting_with(change);
        house.services.readiness.set_ready();
        house
    }

    /// A house that is not ready yet.
    fn starting() -> Self {
        Self::starting_with(|_| {})
    }

    fn starting_with(change: impl FnOnce(&mut Options)) -> Self {
        let clock = MockClock::at(START);
        let snapshot = snapshot();
        let store = Arc::new(Mutex::new(RecordOutcome::Stored));
        let forms = TokenForms::default();
        let registry = registry(&snapshot, &clock, &store, forms.clone());
        let mut options = options();
        change(&mut options);
        let accounts: Arc<dyn AccountStore> = Arc::new(Accounts);
        let sign_in = SignIn::new(sign_in::Parts {
            accounts: accounts.clone(),
            registry: registry.clone(),
            snapshot: snapshot.clone(),
            clock: clock.clone(),
            options: sign_in::Options {
                concurrency: 1,
                queue: 16,
                refuse_inactive: false,
                reset_counters_on_success: true,
                second_factor: sign_in::SecondFactorRule::Auto,
                rehash: false,
            },
            installation_key: Arc::default(),
            guards: Arc::new(|_| Box::new(())),
        });
        let holders = Holders::start(accounts.clone(), clock.clone(), false, Box::new(()));
        let services = Services {
            clock: clock.clone(),
            snapshot,
            registry: registry.clone(),
            sign_in,
            accounts,
            holders,
            elsewhere: None,
            metrics: Arc::default(),
            readiness: Arc::new(Readiness::default()),
            options,
        };
        Self { services: Data::new(services), registry, clock, store, jwt_key: forms.jwt_key }
    }

    /// Signs somebody in without a password: the token's text.
    async fn issue(&self, subject: Subject, website: WebsiteId, role: Option<RoleId>) -> String {
        let token = Token::generate();
        let digest = self.registry.reader().digest(token.expose()).unwrap();
        self.registry
            .issue(IssueToken {
                subject,
                website,
                digest,
                fixed_end: None,
                role,
                along: Vec::new(),
                origin: Origin::SERVER,
                typed: None,
            })
            .await
            .unwrap();
        token.expose().to_owned()
    }

    async fn customer(&self) -> String {
        self.issue(Subject::customer(7), WebsiteId(1), None).await
    }

    async fn admin(&self) -> String {
        self.issue(Subject::admin(3), WebsiteId::ADMIN, Some(STOREKEEPER)).await
    }

    async fn revoke(&self, subject: Subject) {
        let which = Revocation::Subject(subject);
        self.registry
            .revoke(RevokeSessions { which, reason: EndReason::SignedOut, origin: Origin::SERVER })
            .await
            .unwrap();
    }

    async fn lock(&self, customer: u32, until: UnixSeconds) {
        let change = SubjectChanged { subject: Subject::customer(customer), locked_until: Some(until), role: None };
        self.registry.actor().send(change).await.unwrap();
    }

    fn break_store(&self) {
        *self.store.lock().unwrap() = RecordOutcome::Failed;
    }

    async fn internal(&self, request: TestRequest) -> Seen {
        self.call(super::internal, request).await
    }

    async fn public(&self, request: TestRequest) -> Seen {
        self.call(super::public, request).await
    }

    async fn call(&self, listener: fn(&mut ServiceConfig), request: TestRequest) -> Seen {
        let reader = self.registry.reader().clone();
        let validator = TokenValidator::new(reader, Arc::<ValidatorCounts>::default(), Box::new(())).start();
        let app = App::new().app_data(self.services.clone()).app_data(validator).configure(listener);
        let service = init_service(app).await;
        answer(&service, request).await
    }
}

async fn answer<S>(service: &S, request: TestRequest) -> Seen
where
    S: Service<actix_http::Request, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    let response = service.call(request.to_request()).await.unwrap();
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let body = to_bytes(response.into_body()).await.unwrap();
    Seen { status, headers, body: String::from_utf8(body.to_vec()).unwrap() }
}

fn get(uri: &str) -> TestRequest {
    TestRequest::get().uri(uri)
}

fn bearing(uri: &str, token: &str) -> TestRequest {
    get(uri).insert_header(("authorization", format!("Bearer {token}")))
}

fn snapshot() -> SharedSnapshot {
    let role =
        Role { id: STOREKEEPER, name: "Storekeeper".to_owned(), allowed: ["Magento_Backend::store".to_owned()].into() };
    let roles: Roles = [role].into_iter().collect();
    Snapshot::new(Settings::default(), StoreDirectory::fresh(), roles, EmptyLifetime::AtOnce).shared()
}

fn options() -> Options {
    let policy = |require| Policy { require, ..Policy::default() };
    let observing = Policy { observe: true, ..policy(Requirement::Customer) };
    let passing = Policy { other_schemes: OtherSchemes::Pass, ..policy(Requirement::Customer) };
    let policies = [
        ("any", policy(Requirement::Any)),
        ("storefront", policy(Requirement::GuestOk)),
        ("customer", policy(Requirement::Customer)),
        ("observing", observing),
        ("passing", passing),
    ];
    Options {
        version: MagentoVersion::V248,
        max_body: 1024,
        trusted_proxies: Vec::new(),
        allowed_origins: Vec::new(),
        policies: policies.map(|(name, policy)| (name.to_owned(), policy)).into_iter().collect::<HashMap<_, _>>(),
        graphql: crate::http::graphql::Options::default(),
        refuse_locked: true,
        exchange: None,
    }
}

fn registry(
    snapshot: &SharedSnapshot,
    clock: &Arc<MockClock>,
    store: &Arc<Mutex<RecordOutcome>>,
    forms: TokenForms,
) -> Registry {
    let address = Arc::new(OnceLock::new());
    let store = PromptStore { registry: address.clone(), outcome: store.clone() }.start();
    let registry = TokenRegistry::start_here(Parts {
        snapshot: snapshot.clone(),
        clock: clock.clone(),
        options: RegistryOptions { capacity: 1000, per_subject: 100, durability: Durability::default(), outbox: false },
        key: DigestKey::generate(),
        forms,
        first_id: SessionId(1),
        recorder: store.recipient(),
        guard: Box::new(()),
    });
    address.set(registry.actor().clone()).unwrap();
    registry
}

/// A store that answers each record at once.
struct PromptStore {
    registry: Arc<OnceLock<Addr<TokenRegistry>>>,
    outcome: Arc<Mutex<RecordOutcome>>,
}

impl Actor for PromptStore {
    type Context = Context<Self>;
}

impl Handler<Record> for PromptStore {
    type Result = ();

    fn handle(&mut self, record: Record, _: &mut Self::Context) {
        let outcome = *self.outcome.lock().unwrap();
        self.registry.get().unwrap().do_send(Committed { through: record.ticket, outcome });
    }
}

/// The hash of the password `password`.
fn password_hash() -> String {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| password::hash(&Password::new("password".to_owned())).unwrap()).clone()
}

/// Knows customer 7 and administrator 3, whose password is `password`.
#[derive(Debug)]
struct Accounts;

#[async_trait]
impl AccountStore for Accounts {
    async fn customer_by_email(&self, email: &str, _: Option<WebsiteId>) -> Result<Option<Customer>, AccountError> {
        Ok((email == "customer@example.com").then(jane))
    }

    async fn customer(&self, id: u32) -> Result<Option<Customer>, AccountError> {
        Ok((id == 7).then(jane))
    }

    async fn administrator_by_username(&self, username: &str) -> Result<Option<Administrator>, AccountError> {
        Ok((username == "admin").then(admin))
    }

    async fn administrator(&self, id: u32) -> Result<Option<Administrator>, AccountError> {
        Ok((id == 3).then(admin))
    }

    async fn second_factor(&self, _: u32) -> Result<Option<SecondFactor>, AccountError> {
        Ok(None)
    }

    async fn success(
        &self,
        _: Subject,
        _: UnixSeconds,
        _: Option<CustomerLock>,
        _: Option<String>,
    ) -> Result<Vec<Change>, AccountError> {
        Ok(Vec::new())
    }

    async fn failure(
        &self,
        _: Option<CustomerLock>,
        _: Option<ThrottleRow>,
        _: Vec<Change>,
    ) -> Result<(), AccountError> {
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

fn jane() -> Customer {
    Customer {
        id: 7,
        website: WebsiteId(1),
        store: crate::settings::StoreId(1),
        created_in: None,
        group_id: 1,
        email: "customer@example.com".to_owned(),
        firstname: Some("Jane".to_owned()),
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
        password_hash: Some(password_hash()),
        confirmation: None,
        failures: 0,
        first_failure: None,
        lock_expires: None,
        website_excluded: false,
    }
}

fn admin() -> Administrator {
    Administrator {
        id: 3,
        username: "admin".to_owned(),
        email: "admin@example.com".to_owned(),
        firstname: None,
        lastname: None,
        password_hash: password_hash(),
        is_active: true,
        role: Some(STOREKEEPER),
        expires_at: None,
    }
}
