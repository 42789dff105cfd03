//! The shop that the requests are sent to: the real one, without its listeners.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use actix_web::App;
use actix_web::http::Method;
use actix_web::test::{TestRequest, init_service};
use actix_web::web::Data;
use tempfile::TempDir;

use crate::accounts::AccountStore;
use crate::app::House;
use crate::audit::Origin;
use crate::config::Config;
use crate::http::tests::facts_rest::table::{Case, split};
use crate::http::tests::{Seen, answer};
use crate::http::{MagentoVersion, public};
use crate::registry::IssueToken;
use crate::session::Subject;
use crate::settings::{RoleId, WebsiteId};
use crate::token::Token;

/// Websites, accounts and roles.
const SEED: &str = include_str!("shop.toml");

/// The number of a customer who is not there.
const GONE: u32 = 4_000_000;

pub(super) struct Shop {
    house: House,
    /// Tokens by the name of whom they stand for.
    tokens: HashMap<String, String>,
    /// Removed with the shop.
    _folder: TempDir,
}

impl Shop {
    /// Opens a fresh one.
    pub(super) async fn open(settings: &BTreeMap<String, String>, version: MagentoVersion) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let seed = folder.path().join("seed.toml");
        std::fs::write(&seed, filling(settings)).unwrap();
        let data = folder.path().join("data").to_string_lossy().into_owned();
        let line = match version {
            MagentoVersion::V247 => "2.4.7",
            MagentoVersion::V248 => "2.4.8",
        };
        let flags = [("data.dir", data.as_str()), ("magento.version", line), ("tokens.capacity", "1000")];
        let flags = flags.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let config = Config::load(None, [] as [(&str, &str); 0], flags).unwrap();
        let house = House::open(config, Some(&seed)).await.unwrap();
        house.services.readiness.set_ready();
        Self { house, tokens: HashMap::new(), _folder: folder }
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
        request.set_payload(case.body.clone())
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
