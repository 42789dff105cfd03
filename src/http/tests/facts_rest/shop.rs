//! The shop that the requests are sent to: the real one, without its listeners.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use actix_web::App;
use actix_web::http::Method;
use actix_web::test::{TestRequest, init_service};
use actix_web::web::Data;
use tempfile::TempDir;

use crate::accounts::AccountStore;
use crate::app::House;
use crate::audit::Origin;
use crate::clock::{MockClock, UnixSeconds};
use crate::config::Config;
use crate::http::tests::facts_rest::table::{Case, Table, split};
use crate::http::tests::{START, Seen, answer};
use crate::http::{MagentoVersion, public};
use crate::registry::{CollectStatistics, IssueToken, SettingsChanged};
use crate::secret::Secret;
use crate::session::Subject;
use crate::settings::{RoleId, WebsiteId};
use crate::sign_in::TotpSecret;
use crate::token::Token;

/// Websites, accounts and roles.
const SEED: &str = include_str!("shop.toml");

/// The secret of every authenticator app.
const APP: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// The number of a customer who is not there.
const GONE: u32 = 4_000_000;

/// How many turns the registry has to take out what has expired; it takes one moment's sessions of a kind a turn.
const TURNS: u32 = 20;

pub(super) struct Shop {
    house: House,
    clock: Arc<MockClock>,
    /// Tokens by the name of whom they stand for.
    tokens: HashMap<String, String>,
    /// Removed with the shop.
    _folder: TempDir,
}

impl Shop {
    /// Opens a fresh one.
    pub(super) async fn open(table: &Table, version: MagentoVersion) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let seed = folder.path().join("seed.toml");
        std::fs::write(&seed, filling(&table.settings)).unwrap();
        let data = folder.path().join("data").to_string_lossy().into_owned();
        let line = match version {
            MagentoVersion::V247 => "2.4.7",
            MagentoVersion::V248 => "2.4.8",
        };
        let flags = [("data.dir", data.as_str()), ("magento.version", line), ("tokens.capacity", "1000")];
        let flags =
            flags.map(|(key, value)| (key.to_owned(), value.to_owned())).into_iter().chain(table.config.clone());
        let config = Config::load(None, [] as [(&str, &str); 0], flags).unwrap();
        let clock = MockClock::at(START);
        let house = House::open_by(config, Some(&seed), |_| clock.clone()).await.unwrap();
        for name in &table.apps {
            house.accounts.set_second_factor(name, Some(Secret::new(APP.to_owned()))).await.unwrap();
        }
        house.services.readiness.set_ready();
        Self { house, clock, tokens: HashMap::new(), _folder: folder }
    }

    /// Lets time pass, and what has to be done meanwhile. The registry's own timer waits for real time.
    pub(super) async fn wait(&self, seconds: u32) {
        if seconds == 0 {
            return;
        }
        self.clock.advance(Duration::from_secs(seconds.into()));
        let registry = self.house.services.registry.actor();
        registry.send(SettingsChanged).await.unwrap();
        for _ in 0..TURNS {
            registry.send(CollectStatistics).await.unwrap();
        }
    }

    /// Sends a request.
    pub(super) async fn ask(&mut self, case: &Case) -> Seen {
        let request = self.request(case).await;
        let services = Data::from(self.house.services.clone());
        let service = init_service(App::new().app_data(services).configure(public)).await;
        let seen = answer(&service, request).await;
        if let Some(name) = &case.keep {
            self.tokens.insert(name.clone(), seen.json().as_str().expect("a token is text").to_owned());
        }
        seen
    }

    async fn request(&mut self, case: &Case) -> TestRequest {
        let (method, address) = case.request.split_once(' ').expect("a request is method and address");
        let mut request = TestRequest::default().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(address);
        for line in &case.headers {
            request = request.append_header(split(line));
        }
        if let Some(content_type) = case.content_type() {
            request = request.insert_header(("content-type", content_type));
        }
        if let Some(name) = &case.caller {
            request = request.append_header(("authorization", format!("Bearer {}", self.token(name).await)));
        }
        request.set_payload(self.filled_in(&case.body))
    }

    /// A body with codes in place of what stands for them.
    fn filled_in(&self, body: &str) -> String {
        let (app, now) = (TotpSecret::from_base32(APP).unwrap(), self.house.services.clock.wall());
        let code = app.code_at(now);
        let soon = [now.0 - 29, now.0 + 29, now.0 + 58].map(|moment| app.code_at(UnixSeconds(moment)));
        let wrong =
            (0..5).map(|number| format!("{number:06}")).find(|one| *one != code && !soon.contains(one)).unwrap();
        body.replace("{code}", &code).replace("{wrong code}", &wrong)
    }

    async fn token(&mut self, name: &str) -> String {
        if let Some(token) = self.tokens.get(name) {
            return token.clone();
        }
        let (subject, website, role) = self.owner(name).await;
        let token = Token::generate();
        let registry = &self.house.services.registry;
        let digest = registry.reader().digest(token.expose()).unwrap();
        registry
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
        self.tokens.insert(name.to_owned(), token.expose().to_owned());
        token.expose().to_owned()
    }

    async fn owner(&self, name: &str) -> (Subject, WebsiteId, Option<RoleId>) {
        let accounts = &self.house.accounts;
        if name == "gone" {
            (Subject::customer(GONE), WebsiteId(1), None)
        } else if name.contains('@') {
            let customer = accounts.customer_by_email(name, None).await.unwrap().expect("the shop has this customer");
            (Subject::customer(customer.id), customer.website, None)
        } else {
            let found = accounts.administrator_by_username(name).await.unwrap();
            let administrator = found.expect("the shop has this administrator");
            (Subject::admin(administrator.id), WebsiteId::ADMIN, administrator.role)
        }
    }
}

/// The seed with a table's settings.
fn filling(settings: &BTreeMap<String, String>) -> String {
    let mut seed = format!("{SEED}\n[settings]\n");
    for (path, value) in settings {
        writeln!(seed, "{path:?} = {value:?}").unwrap();
    }
    seed
}
