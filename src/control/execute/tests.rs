//! Commands on a data folder, without a server around it.

use futures_util::FutureExt;

use super::*;
use crate::accounts::embedded::NewCustomer;
use crate::accounts::{AccountStore, Administrator};
use crate::audit::Origin;
use crate::clock::MockClock;
use crate::control::{Copier, ExposedPassword, UserName};
use crate::keeper::{self, SettingsKeeper};
use crate::registry::{self, IssueToken, ListSessions, TokenForms, TokenRegistry};
use crate::secret::Password;
use crate::session::Subject;
use crate::settings::{Snapshot, StoreDirectory, StoreId, StoreView, Website, WebsiteId};
use crate::sign_in;
use crate::store::{Change, DataFolder, Durability, Readers, Store};
use crate::token::{DigestKey, EmptyLifetime, Token};

struct House {
    office: Office,
    _folder: DataFolder,
    _home: tempfile::TempDir,
}

impl House {
    /// A folder with the websites `base` and `eu`, and the administrator `chief`.
    async fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(home.path()).unwrap();
        let (store, readers) = (Store::start_here(&folder).unwrap(), Readers::new(&folder));
        store.write(vec![Change::Directory(two_websites())]).await.unwrap();
        let clock: SharedClock = MockClock::at(UnixSeconds(1_700_000_000));
        let accounts = Arc::new(EmbeddedAccounts::new(store.clone(), readers.clone(), clock.clone()));
        let (settings, stores, roles) = keeper::load(&readers, &*accounts).await.unwrap();
        let snapshot = Snapshot::new(settings, stores, roles, EmptyLifetime::default()).shared();
        let registry = TokenRegistry::start_here(registry::Parts {
            snapshot: Arc::clone(&snapshot),
            clock: clock.clone(),
            options: registry::Options { capacity: 100, per_subject: 100, durability: Durability::Sync, outbox: false },
            key: DigestKey::generate(),
            forms: TokenForms::default(),
            first_id: SessionId(1),
            recorder: store.recorder(),
            guard: Box::new(()),
        });
        store.attach_registry(registry.actor().clone().recipient());
        let sign_in = SignIn::new(sign_in::Parts {
            accounts: accounts.clone(),
            registry: registry.clone(),
            snapshot: Arc::clone(&snapshot),
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
        let actor = SettingsKeeper::new(
            Arc::new(store),
            accounts.clone(),
            Arc::clone(&snapshot),
            clock.clone(),
            Box::new(|| ()),
            None,
        );
        let keeper = Keeper::start(actor, snapshot);
        let chief = NewAdministrator {
            username: "chief".to_owned(),
            email: "chief@example.com".to_owned(),
            firstname: None,
            lastname: None,
            role: None,
            password_hash: String::new(),
        };
        accounts.add_administrator(chief).await.unwrap();
        let copier = Copier(Arc::new(|_| Box::pin(async { Ok(()) })));
        let origin = Origin::SERVER;
        let elsewhere = None;
        #[cfg(debug_assertions)]
        let office = Office {
            clock,
            accounts,
            shop: None,
            elsewhere,
            keeper,
            registry,
            sign_in,
            copier,
            origin,
            panics: Vec::new(),
        };
        #[cfg(not(debug_assertions))]
        let office = Office { clock, accounts, shop: None, elsewhere, keeper, registry, sign_in, copier, origin };
        Self { office, _folder: folder, _home: home }
    }

    async fn chief(&self) -> Administrator {
        self.office.accounts.administrator_by_username("chief").await.unwrap().unwrap()
    }

    async fn add_jane(&self, website: &str) -> Subject {
        let jane = NewCustomer {
            email: "jane@example.com".to_owned(),
            firstname: None,
            lastname: None,
            website: Some(website.to_owned()),
            password_hash: None,
            confirmed: true,
            active: true,
        };
        Subject::customer(self.office.accounts.add_customer(jane).await.unwrap().id)
    }

    async fn begin(&self, subject: Subject) {
        let digest = self.office.registry.reader().digest(Token::generate().expose()).unwrap();
        let change = IssueToken {
            subject,
            website: WebsiteId(1),
            digest,
            fixed_end: None,
            role: None,
            along: Vec::new(),
            origin: Origin::SERVER,
            typed: None,
        };
        self.office.registry.issue(change).await.unwrap();
    }

    /// Does as much beside the command as it has to do itself, which it does not do meanwhile.
    async fn assert_waits(&self, command: &mut (impl Future<Output = Answer> + Unpin)) {
        for _ in 0..20 {
            assert_eq!(command.now_or_never(), None);
            self.chief().await;
        }
    }

    async fn live(&self, subject: Subject) -> usize {
        let all = ListSessions { subject: Some(subject), kind: None, after: None, limit: 100 };
        self.office.registry.list(all).await.unwrap().len()
    }
}

fn two_websites() -> StoreDirectory {
    let fresh = StoreDirectory::fresh();
    let (base, default) = (fresh.websites()[0].clone(), fresh.default_store().clone());
    let eu = Website {
        id: WebsiteId(2),
        code: "eu".to_owned(),
        is_default: false,
        default_store: StoreId(2),
        ..base.clone()
    };
    let de = StoreView { id: StoreId(2), code: "de".to_owned(), website: WebsiteId(2), ..default.clone() };
    StoreDirectory::new(vec![base, eu], vec![default, de]).unwrap()
}

fn ids(answer: Answer) -> Vec<u64> {
    let Answer::Rows(rows) = answer else { panic!("{answer:?}") };
    rows.iter().map(|row| row["id"].as_u64().unwrap()).collect()
}

#[actix::test]
async fn disabling_an_administrator_waits_for_a_sign_in_that_is_decided_on_and_ends_its_session() {
    let house = House::new().await;
    let chief = Subject::admin(house.chief().await.id);
    let deciding = house.office.sign_in.turn_of(chief).await;
    let command = Command::DisableAdministrator { username: "chief".to_owned(), force: true };
    let mut disabling = Box::pin(execute(command, &house.office));
    house.assert_waits(&mut disabling).await;
    assert!(house.chief().await.is_active);
    house.begin(chief).await;
    drop(deciding);
    assert_eq!(disabling.await, Answer::Done("administrator 1 is disabled; sessions ended: 1".to_owned()));
    assert!(!house.chief().await.is_active);
    assert_eq!(house.live(chief).await, 0);
}

#[actix::test]
async fn a_new_password_is_stored_when_no_sign_in_is_decided_on_with_the_old_one() {
    let house = House::new().await;
    let jane = house.add_jane("base").await;
    let password = || ExposedPassword(Password::new("correct horse".to_owned()));
    let commands = [
        (
            Subject::admin(house.chief().await.id),
            Command::SetAdministratorPassword { username: "chief".to_owned(), password: password() },
        ),
        (
            jane,
            Command::SetCustomerPassword { email: "jane@example.com".to_owned(), website: None, password: password() },
        ),
    ];
    for (subject, command) in commands {
        let deciding = house.office.sign_in.turn_of(subject).await;
        let mut setting = Box::pin(execute(command, &house.office));
        let hashed = || house.office.sign_in.statistics().load.hashed;
        let before = hashed();
        while hashed() == before {
            assert!((&mut setting).now_or_never().is_none());
            tokio::task::yield_now().await;
        }
        house.assert_waits(&mut setting).await;
        drop(deciding);
        assert!(matches!(setting.await, Answer::Done(_)));
    }
}

#[actix::test]
async fn a_new_second_factor_is_stored_when_no_sign_in_is_decided_on_with_the_old_one() {
    let house = House::new().await;
    let chief = house.chief().await.id;
    let secret = |text: &str| Some(ExposedPassword(Password::new(text.to_owned())));
    let set = |text: &str| Command::SetSecondFactor { username: "chief".to_owned(), secret: secret(text) };
    let remove = || Command::RemoveSecondFactor { username: "chief".to_owned() };
    for (command, stored) in [(set("gezd gnbv gy3t qojq"), true), (remove(), false)] {
        let deciding = house.office.sign_in.turn_of(Subject::admin(chief)).await;
        let mut setting = Box::pin(execute(command, &house.office));
        house.assert_waits(&mut setting).await;
        assert_eq!(house.office.accounts.second_factor(chief).await.unwrap().is_some(), !stored);
        drop(deciding);
        assert!(matches!(setting.await, Answer::SecondFactor { .. } | Answer::Done(_)));
        assert_eq!(house.office.accounts.second_factor(chief).await.unwrap().is_some(), stored);
    }
    let Answer::SecondFactor { uri, .. } = execute(set("gezdgnbvgy3tqojq"), &house.office).await else {
        panic!("it is set")
    };
    assert_eq!(uri.0.expose(), "otpauth://totp/tokenward:chief?secret=GEZDGNBVGY3TQOJQ&issuer=tokenward");
    assert!(!format!("{uri:?}").contains("GEZD"));
    let wrong = execute(set("GEZD0NBV"), &house.office).await;
    assert!(matches!(wrong, Answer::Failed(problem) if problem.contains("base32")));
}

#[actix::test]
async fn the_sessions_of_several_customers_with_one_address_are_one_list() {
    let house = House::new().await;
    let (base, eu) = (house.add_jane("base").await, house.add_jane("eu").await);
    for subject in [eu, base, base, eu, base] {
        house.begin(subject).await;
    }
    let list = |after, limit| {
        let user = Some(UserName::CustomerEmail("jane@example.com".to_owned()));
        execute(Command::ListSessions { user, after, limit }, &house.office)
    };
    assert_eq!(ids(list(0, 2).await), [1, 2]);
    assert_eq!(ids(list(2, 2).await), [3, 4]);
    assert_eq!(ids(list(4, 2).await), [5]);
}
