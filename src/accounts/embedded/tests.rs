//! Embedded accounts: the acceptance suite, and the operator's commands.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use actix::{Actor, Context, Handler};
use futures_util::FutureExt;

use super::*;
use crate::accounts::acceptance::{Sample, keeps_its_promises};
use crate::clock::{Clock, MockClock};
use crate::settings::{StoreId, StoreView, Website};
use crate::store::DataFolder;

const NOW: UnixSeconds = UnixSeconds(1_700_000_000);

struct House {
    accounts: EmbeddedAccounts,
    store: Store,
    clock: Arc<MockClock>,
    folder: DataFolder,
    _home: tempfile::TempDir,
}

/// A folder with the websites `base` and `eu`.
async fn house() -> House {
    let home = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(home.path()).unwrap();
    let store = Store::start_here(&folder).unwrap();
    store.write(vec![Change::Directory(two_websites())]).await.unwrap();
    let clock = MockClock::at(NOW);
    House {
        accounts: EmbeddedAccounts::new(store.clone(), Readers::new(&folder), clock.clone()),
        store,
        clock,
        folder,
        _home: home,
    }
}

fn two_websites() -> StoreDirectory {
    let fresh = StoreDirectory::fresh();
    let eu = Website {
        id: WebsiteId(2),
        code: "eu".to_owned(),
        name: "Europe".to_owned(),
        is_default: false,
        default_group_id: 2,
        default_store: StoreId(2),
    };
    let german = StoreView {
        id: StoreId(2),
        code: "de".to_owned(),
        name: "Deutsch".to_owned(),
        website: WebsiteId(2),
        group_id: 2,
        group_code: "eu_store".to_owned(),
        is_active: true,
    };
    let websites = fresh.websites().iter().cloned().chain([eu]).collect();
    let stores = fresh.stores().iter().cloned().chain([german]).collect();
    StoreDirectory::new(websites, stores).unwrap()
}

fn jane(website: Option<&str>) -> NewCustomer {
    NewCustomer {
        email: "Jane.Doe@Example.com".to_owned(),
        firstname: Some("Jane".to_owned()),
        lastname: None,
        website: website.map(str::to_owned),
        password_hash: Some("hash:salt:2".to_owned()),
        confirmed: true,
        active: true,
    }
}

fn juergen() -> NewAdministrator {
    NewAdministrator {
        username: "Jürgen".to_owned(),
        email: "juergen@example.com".to_owned(),
        firstname: None,
        lastname: None,
        role: None,
        password_hash: "hash:salt:2".to_owned(),
    }
}

fn problem<T: std::fmt::Debug>(outcome: Result<T, AccountError>) -> String {
    match outcome {
        Err(AccountError::Conflict(problem)) => problem,
        other => panic!("{other:?}"),
    }
}

/// Stands for the registry: remembers what is announced.
#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Vec<SubjectChanged>>>);

impl Actor for Listener {
    type Context = Context<Self>;
}

impl Handler<SubjectChanged> for Listener {
    type Result = ();

    fn handle(&mut self, changed: SubjectChanged, _: &mut Self::Context) {
        self.0.lock().unwrap().push(changed);
    }
}

impl Listener {
    async fn heard(&self) -> Vec<SubjectChanged> {
        tokio::task::yield_now().await;
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[actix::test]
async fn embedded_accounts_keep_the_promises_of_every_account_store() {
    let house = house().await;
    let first = house.accounts.add_customer(jane(Some("base"))).await.unwrap();
    let second = house.accounts.add_customer(jane(Some("eu"))).await.unwrap();
    let administrator = house.accounts.add_administrator(juergen()).await.unwrap();
    let store = house.store.clone();
    let sample = Sample {
        customers: [(first.id, first.website), (second.id, second.website)],
        administrator: administrator.id,
        carry_out: Box::new(move |changes| {
            let store = store.clone();
            Box::pin(async move { store.write(changes).await.map(drop).unwrap() })
        }),
    };
    keeps_its_promises(&house.accounts, &sample).await;
}

#[actix::test]
async fn a_new_customer_belongs_to_the_default_website_and_its_store_view() {
    let house = house().await;
    let added = house.accounts.add_customer(jane(None)).await.unwrap();
    assert_eq!((added.id, added.website, added.store), (1, WebsiteId(1), StoreId(1)));
    assert_eq!(added.created_in.as_deref(), Some("Default Store View"));
    assert_eq!((added.created_at, added.group_id, added.confirmation), (NOW, 1, None));
    let unconfirmed = NewCustomer { confirmed: false, email: "b@example.com".to_owned(), ..jane(None) };
    assert!(house.accounts.add_customer(unconfirmed).await.unwrap().confirmation.is_some());
}

#[actix::test]
async fn a_wrong_customer_is_refused_in_words() {
    let house = house().await;
    house.accounts.add_customer(jane(None)).await.unwrap();
    let again = NewCustomer { email: "JANE.DOE@example.com".to_owned(), ..jane(None) };
    assert!(problem(house.accounts.add_customer(again).await).contains("already a customer"));
    let nowhere = problem(house.accounts.add_customer(jane(Some("us"))).await);
    assert_eq!(nowhere, "there is no website us; there are: base, eu");
    let malformed = NewCustomer { email: "jane".to_owned(), ..jane(None) };
    assert!(problem(house.accounts.add_customer(malformed).await).contains("not a valid e-mail address"));
}

#[actix::test]
async fn a_wrong_administrator_is_refused_in_words() {
    let house = house().await;
    house.accounts.add_administrator(juergen()).await.unwrap();
    let again = NewAdministrator { username: "JÜRGEN".to_owned(), ..juergen() };
    assert!(problem(house.accounts.add_administrator(again).await).contains("already an administrator"));
    let role = NewAdministrator { role: Some("Boss".to_owned()), ..juergen() };
    let unknown = problem(house.accounts.add_administrator(role).await);
    assert_eq!(unknown, "there is no role \"Boss\"; there are: Administrators");
    let nameless = NewAdministrator { username: " ".to_owned(), ..juergen() };
    assert!(problem(house.accounts.add_administrator(nameless).await).contains("1 to 255 characters"));
}

#[actix::test]
async fn customers_are_listed_in_pages() {
    let house = house().await;
    let many = (0..25).map(|number| NewCustomer { email: format!("c{number}@Example.com"), ..jane(None) });
    let ids = house.accounts.add_customers(many).await.unwrap();
    assert_eq!(ids, (1..=25).collect::<Vec<_>>());
    let second = house.accounts.list_customers(CustomerPage { after: 10, limit: 10 }).await.unwrap();
    assert_eq!(second.iter().map(|one| one.id).collect::<Vec<_>>(), (11..=20).collect::<Vec<_>>());
}

#[actix::test]
async fn the_numbers_of_many_customers_are_in_the_order_of_their_addresses() {
    let house = house().await;
    let new = |email: &str| NewCustomer { email: email.to_owned(), ..jane(None) };
    house.accounts.add_customer(jane(Some("eu"))).await.unwrap();
    house.accounts.add_customers(["A@example.com", "b@example.com"].map(new)).await.unwrap();
    let asked = ["b@example.com", "jane.doe@example.com", "a@Example.com"].map(str::to_owned);
    let numbers = house.accounts.customer_numbers(&asked, WebsiteId(1)).await;
    assert_eq!(numbers.unwrap(), [Some(3), None, Some(2)]);
}

#[actix::test]
async fn passwords_are_set_for_exactly_one_account() {
    let house = house().await;
    let first = house.accounts.add_customer(jane(None)).await.unwrap();
    house.accounts.add_customer(jane(Some("eu"))).await.unwrap();
    let set = |website| house.accounts.set_customer_password("jane.doe@example.com", website, "new:salt:2".to_owned());
    assert!(problem(set(None).await).contains("name the website"));
    set(Some("base")).await.unwrap();
    let changed = house.accounts.customer(first.id).await.unwrap().unwrap();
    assert_eq!(changed.password_hash.as_deref(), Some("new:salt:2"));
    let nobody = house.accounts.set_customer_password("x@example.com", None, String::new());
    assert!(problem(nobody.await).contains("no customer"));

    let admin = house.accounts.add_administrator(juergen()).await.unwrap();
    house.accounts.set_administrator_password("JÜRGEN", "new:salt:2".to_owned()).await.unwrap();
    house.accounts.disable_administrator("jürgen").await.unwrap();
    let changed = house.accounts.administrator(admin.id).await.unwrap().unwrap();
    assert_eq!((changed.password_hash.as_str(), changed.is_active), ("new:salt:2", false));
    assert_eq!(house.accounts.list_administrators().await.unwrap(), [changed]);
}

#[actix::test]
async fn the_secret_of_an_authenticator_app_is_kept_until_it_is_removed() {
    let house = house().await;
    let admin = house.accounts.add_administrator(juergen()).await.unwrap();
    let stored = async || house.accounts.second_factor(admin.id).await.unwrap();
    assert!(stored().await.is_none());
    for secret in ["GEZDGNBV", "MFRGGZDF"] {
        house.accounts.set_second_factor("JÜRGEN", Some(Secret::new(secret.to_owned()))).await.unwrap();
        let google = stored().await.unwrap().google.unwrap();
        assert_eq!((google.secret.expose(), google.window), (secret, None));
    }
    assert_eq!(house.accounts.administrators_with_second_factor().await.unwrap(), HashSet::from([admin.id]));
    house.accounts.set_second_factor("jürgen", None).await.unwrap();
    assert!(stored().await.is_none());
    assert!(problem(house.accounts.set_second_factor("nobody", None).await).contains("no administrator"));
}

#[actix::test]
async fn locks_and_roles_are_announced_at_the_start_and_when_they_change() {
    let house = house().await;
    let id = house.accounts.add_customer(jane(None)).await.unwrap().id;
    let admin = house.accounts.add_administrator(juergen()).await.unwrap();
    let lock = |until| CustomerLock { customer: id, failures: 10, first_failure: Some(NOW), lock_expires: Some(until) };
    house.accounts.failure(Some(lock(NOW.plus(60))), None, Vec::new()).await.unwrap();

    let listener = Listener::default();
    house.accounts.announce_to(listener.clone().start().recipient()).await.unwrap();
    let locked = |until| SubjectChanged { subject: Subject::customer(id), locked_until: until, role: None };
    let role = SubjectChanged { subject: Subject::admin(admin.id), locked_until: None, role: admin.role };
    assert_eq!(listener.heard().await, [locked(Some(NOW.plus(60))), role]);

    house.accounts.failure(Some(lock(NOW.plus(90))), None, Vec::new()).await.unwrap();
    house.accounts.unlock_customer("JANE.doe@example.com", None).await.unwrap();
    assert_eq!(listener.heard().await, [locked(Some(NOW.plus(90))), locked(None)]);
    assert_eq!(house.accounts.customer(id).await.unwrap().unwrap().failures, 0);
}

#[actix::test]
async fn a_lock_is_announced_before_it_is_stored_and_a_later_success_takes_it_back() {
    let house = house().await;
    let id = house.accounts.add_customer(jane(None)).await.unwrap().id;
    let listener = Listener::default();
    house.accounts.announce_to(listener.clone().start().recipient()).await.unwrap();
    let lock = CustomerLock { customer: id, failures: 10, first_failure: Some(NOW), lock_expires: Some(NOW.plus(60)) };
    let announced = |until| SubjectChanged { subject: Subject::customer(id), locked_until: until, role: None };
    let mut writing = Box::pin(house.accounts.failure(Some(lock), None, Vec::new()));
    assert!((&mut writing).now_or_never().is_none());
    assert_eq!(listener.heard().await, [announced(Some(NOW.plus(60)))]);
    writing.await.unwrap();
    assert_eq!(listener.heard().await, [], "once");

    let cleared = CustomerLock { failures: 0, first_failure: None, lock_expires: None, ..lock };
    house.accounts.success(Subject::customer(id), NOW.plus(60), Some(cleared), None).await.unwrap();
    assert_eq!(listener.heard().await, [announced(None)]);
}

#[actix::test]
async fn names_that_nobody_has_do_not_pile_up_in_the_throttle() {
    let house = house().await;
    let fail = |name: &str| {
        let row = ThrottleRow {
            kind: UserType::Admin,
            name: name.to_owned(),
            failures: 1,
            lock_expires: house.clock.now().plus(30),
        };
        house.accounts.failure(None, Some(row), Vec::new())
    };
    fail("a").await.unwrap();
    house.clock.advance(std::time::Duration::from_mins(1));
    fail("b").await.unwrap();
    let rows = house
        .accounts
        .readers
        .read(|file| file.query_row("SELECT group_concat(name) FROM throttle", (), |row| row.get::<_, String>(0)));
    assert_eq!(rows.await.unwrap(), "b");
}

#[actix::test]
async fn a_freshfolder_has_a_role_that_allows_everything() {
    let house = house().await;
    let (directory, roles) = house.accounts.directory().await.unwrap();
    assert_eq!(directory, two_websites());
    let admin = house.accounts.add_administrator(juergen()).await.unwrap();
    assert!(roles.allows(admin.role.unwrap(), "Magento_User::acl_users"));
}

#[actix::test]
async fn a_load_larger_than_one_transaction_keeps_its_order() {
    let house = house().await;
    let many = (0..10_001).map(|number| NewCustomer { email: format!("c{number}@example.com"), ..jane(None) });
    let ids = house.accounts.add_customers(many).await.unwrap();
    assert_eq!(ids, (1..=10_001).collect::<Vec<_>>());
    let last = house.accounts.customer(10_001).await.unwrap().unwrap();
    assert_eq!(last.email, "c10000@example.com");
}

#[actix::test]
async fn a_damaged_account_is_an_error_that_says_what_to_do() {
    for (meddling, is_customer) in [
        ("DROP TRIGGER customer_changed; UPDATE customers SET is_active = 0", true),
        ("DROP TRIGGER customer_changed; UPDATE customers SET password_hash = 'other'", true),
        ("DROP TRIGGER customer_changed; UPDATE customers SET lock_expires = 1", true),
        ("DROP TRIGGER customer_changed; UPDATE customers SET website = 1", true),
        ("UPDATE customers SET checksum = NULL", true),
        ("DROP TRIGGER administrator_changed; UPDATE administrators SET is_active = 0", false),
        ("DROP TRIGGER administrator_changed; UPDATE administrators SET role = NULL", false),
    ] {
        let house = house().await;
        let customer = house.accounts.add_customer(jane(Some("eu"))).await.unwrap();
        house.accounts.add_administrator(juergen()).await.unwrap();
        Connection::open(house.folder.database()).unwrap().execute_batch(meddling).unwrap();
        let refused = if is_customer {
            house.accounts.customer(customer.id).await.map(drop)
        } else {
            house.accounts.administrator_by_username("jürgen").await.map(drop)
        };
        let Err(AccountError::Unavailable(problem)) = refused else { panic!("{meddling}: {refused:?}") };
        assert!(problem.contains("is damaged") && problem.contains("tokenward recover"), "{problem}");
    }
}
