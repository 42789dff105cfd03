//! A registry with sessions in it, over a store that commits at once.

#![allow(dead_code, clippy::allow_attributes, reason = "each bench uses another part of it")]

use std::sync::Arc;

use actix::{Actor, Addr, Arbiter, Context, Handler};
use arc_swap::ArcSwapOption;
use tokenward::clock::{SharedClock, SystemClock};
use tokenward::magento::InstallationKey;
use tokenward::registry::{
    IssueToken, Options, Parts, PreloadSession, PreloadSessions, Registry, TokenForms, TokenRegistry, TokenValidator,
    ValidatorCounts,
};
use tokenward::session::{SessionId, Subject};
use tokenward::settings::{Roles, Settings, Snapshot, StoreDirectory, WebsiteId};
use tokenward::store::{Committed, Durability, Record, RecordOutcome};
use tokenward::token::jwt::JwtKey;
use tokenward::token::{DigestKey, EmptyLifetime, TokenDigest, TokenFormat};

/// Commits whatever it is given.
#[derive(Default)]
struct InstantStore {
    registry: Option<Addr<TokenRegistry>>,
}

impl Actor for InstantStore {
    type Context = Context<Self>;
}

struct Attach(Addr<TokenRegistry>);

impl actix::Message for Attach {
    type Result = ();
}

impl Handler<Attach> for InstantStore {
    type Result = ();

    fn handle(&mut self, attach: Attach, _: &mut Self::Context) {
        self.registry = Some(attach.0);
    }
}

impl Handler<Record> for InstantStore {
    type Result = ();

    fn handle(&mut self, record: Record, _: &mut Self::Context) {
        if let Some(registry) = &self.registry {
            registry.do_send(Committed { through: record.ticket, outcome: RecordOutcome::Stored });
        }
    }
}

/// The key under which JWTs are signed.
pub(crate) fn jwt_key() -> JwtKey {
    JwtKey::new(&InstallationKey::parse("0123456789abcdef0123456789abcdef").expect("it has an entry"))
}

/// A registry on a thread of its own with so many sessions, two a customer.
pub(crate) async fn registry(sessions: u32) -> Registry {
    let store = InstantStore::start_in_arbiter(&Arbiter::new().handle(), |_| InstantStore::default());
    let snapshot = Snapshot::new(Settings::default(), StoreDirectory::fresh(), Roles::default(), EmptyLifetime::AtOnce);
    let clock: SharedClock = Arc::new(SystemClock::default());
    let registry = TokenRegistry::start_apart(Parts {
        snapshot: snapshot.shared(),
        clock,
        options: Options { capacity: 100_000_000, per_subject: 1000, durability: Durability::Sync, outbox: false },
        key: DigestKey::generate(),
        forms: TokenForms {
            issued: TokenFormat::Jwt,
            jwt_key: Arc::new(ArcSwapOption::from_pointee(jwt_key())),
            adopts_opaque: false,
        },
        first_id: SessionId(1),
        recorder: store.clone().recipient(),
        guard: Box::new(()),
    });
    store.send(Attach(registry.actor().clone())).await.expect("the store runs");
    let session = |number| PreloadSession {
        subject: Subject::customer(number / 2 + 1),
        website: WebsiteId(1),
        digest: digest(number),
    };
    let all = (0..sessions).map(session).collect();
    registry
        .actor()
        .send(PreloadSessions { sessions: all, stored: false })
        .await
        .expect("the registry runs")
        .expect("there is room");
    registry
}

/// A validator on the thread of the caller.
pub(crate) fn validator(registry: &Registry) -> Addr<TokenValidator> {
    new_validator(registry).start()
}

/// A validator on another thread, to measure what the server spares itself.
pub(crate) fn validator_apart(registry: &Registry) -> Addr<TokenValidator> {
    let validator = new_validator(registry);
    TokenValidator::start_in_arbiter(&Arbiter::new().handle(), |_| validator)
}

fn new_validator(registry: &Registry) -> TokenValidator {
    TokenValidator::new(registry.reader().clone(), Arc::<ValidatorCounts>::default(), Box::new(()))
}

/// The digest of the session with this number.
pub(crate) fn digest(number: u32) -> TokenDigest {
    let mut digest = [0; 16];
    digest.copy_from_slice(&blake3::hash(&number.to_le_bytes()).as_bytes()[..16]);
    TokenDigest(digest)
}

/// A new session of a customer with few others.
pub(crate) fn issue(number: u32) -> IssueToken {
    IssueToken {
        subject: Subject::customer(1_000_000_000 + number % 1_000_000),
        website: WebsiteId(1),
        digest: digest(1_000_000_000 + number),
        fixed_end: None,
        role: None,
        along: Vec::new(),
        origin: tokenward::audit::Origin::SERVER,
        typed: None,
    }
}
