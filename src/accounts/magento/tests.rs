//! Accounts of a shop: the acceptance suite, and what is special about them, on a real server.

#[path = "../../../tests/it/support/mariadb.rs"]
mod mariadb;
#[path = "outage_tests.rs"]
mod outages;

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use futures_util::FutureExt;
use mariadb::MariaDb;
use tempfile::TempDir;

use super::*;
use crate::accounts::acceptance::{Sample, keeps_its_promises};
use crate::accounts::{AccountError, AccountLocks, AccountStore, SettingStore};
use crate::audit::{Event, Line, Origin};
use crate::clock::{MockClock, UnixSeconds};
use crate::magento::InstallationKey;
use crate::magento::env_php::{Deployment, Environment, ScopeCode, SystemValue, parse};
use crate::secret::Secret;
use crate::session::{Subject, UserType};
use crate::settings::{RoleId, Scope, Settings, WebsiteId};
use crate::store::{Change, CustomerLock, DataFolder, Readers, SettingRow, Store, ThrottleRow, UserRevocation};
use crate::token::{Token, TokenDigest};

const NOW: UnixSeconds = UnixSeconds(1_700_000_000);

/// The accounts of a shop, and a data folder for their audit trail.
#[derive(Debug)]
struct Shop {
    accounts: MagentoAccounts,
    folder: DataFolder,
    _home: TempDir,
}

impl Deref for Shop {
    type Target = MagentoAccounts;

    fn deref(&self) -> &MagentoAccounts {
        &self.accounts
    }
}

/// The accounts, with the time at [`NOW`].
async fn open(options: DatabaseOptions) -> Result<Shop, AccountError> {
    open_with(options, FixedSettings::default()).await
}

async fn open_with(options: DatabaseOptions, fixed: FixedSettings) -> Result<Shop, AccountError> {
    open_at_with(options, fixed, MockClock::at(NOW)).await
}

async fn open_at(options: DatabaseOptions, clock: Arc<MockClock>) -> Result<Shop, AccountError> {
    open_at_with(options, FixedSettings::default(), clock).await
}

async fn open_at_with(
    options: DatabaseOptions,
    fixed: FixedSettings,
    clock: Arc<MockClock>,
) -> Result<Shop, AccountError> {
    let home = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(home.path()).unwrap();
    let store = Store::start(&folder, None).unwrap();
    let accounts = MagentoAccounts::open(options, fixed, clock, store).await?;
    Ok(Shop { accounts, folder, _home: home })
}

fn options(database: &MariaDb) -> DatabaseOptions {
    DatabaseOptions::from_url(&Secret::new(database.url())).unwrap()
}

fn refusal<T: std::fmt::Debug>(outcome: Result<T, AccountError>) -> String {
    match outcome {
        Err(AccountError::Conflict(problem)) => problem,
        other => panic!("{other:?}"),
    }
}

#[actix::test]
async fn accounts_of_a_shop_keep_the_promises_of_every_account_store() {
    let Some(database) = MariaDb::start() else { return };
    database.sql(
        "INSERT INTO customer_entity (entity_id, website_id, email, store_id, firstname, password_hash) VALUES
            (101, 1, 'Jane.Doe@Example.com', 1, 'Jane', 'h:s:2'), (102, 2, 'Jane.Doe@Example.com', 2, 'Jane', 'h:s:2');
         INSERT INTO admin_user (user_id, username, email, password) VALUES (103, 'Jürgen', 'j@example.com', 'h:s:2');
         INSERT INTO authorization_role (parent_id, tree_level, role_type, user_id, user_type, role_name)
            VALUES (1, 2, 'U', 103, '2', 'j');",
    );
    let accounts = open(options(&database)).await.unwrap();
    let sample = Sample {
        customers: [(101, WebsiteId(1)), (102, WebsiteId(2))],
        administrator: 103,
        carry_out: Box::new(|changes| {
            assert!(changes.is_empty(), "everything is in the shop: {changes:?}");
            Box::pin(async {})
        }),
    };
    keeps_its_promises(&*accounts, &sample).await;
}

#[actix::test]
async fn a_customer_is_read_as_the_shop_wrote_it() {
    let Some(database) = MariaDb::start() else { return };
    database.sql(
        "SET time_zone = '+00:00'; UPDATE customer_entity SET created_at = '2024-02-29 12:00:00', dob = '1990-01-31',
            gender = 2, taxvat = 'DE1', website_id = 2 WHERE entity_id = 4;",
    );
    let accounts = open(options(&database)).await.unwrap();
    let customer = accounts.customer(4).await.unwrap().unwrap();
    assert_eq!(customer.created_at.to_magento(), "2024-02-29 12:00:00", "the server's own time zone is another one");
    assert_eq!((customer.date_of_birth.as_deref(), customer.gender), (Some("1990-01-31"), Some(2)));
    assert_eq!((customer.taxvat.as_deref(), customer.website), (Some("DE1"), WebsiteId(2)));
    assert_eq!((customer.failures, customer.lock_expires, customer.is_active), (0, None, true));

    let locked = accounts.customer(18).await.unwrap().unwrap();
    assert_eq!(locked.lock_expires.unwrap().to_magento(), "2037-12-31 23:59:59");
    assert!(accounts.customer(20).await.unwrap().unwrap().website_excluded);
    assert!(!accounts.customer(21).await.unwrap().unwrap().is_active);
    assert_eq!(accounts.customer(22).await.unwrap().unwrap().password_hash, None);
    let both = accounts.customer_by_email("TWIN@example.com", Some(WebsiteId(2))).await.unwrap();
    assert_eq!(both.unwrap().id, 15);
    let difference = accounts.clock_difference().await.unwrap();
    assert!(difference.ahead > 1000, "the clock of this test stands in the past");
    assert_eq!(difference.within, 1, "and it stands still while the database answers");
}

#[actix::test]
async fn an_administrator_has_the_role_and_the_end_that_the_shop_gave() {
    let Some(database) = MariaDb::start() else { return };
    let accounts = open(options(&database)).await.unwrap();
    let found = async |name: &str| accounts.administrator_by_username(name).await.unwrap().unwrap();
    assert_eq!((found("CHIEF").await.role, found("clerk").await.role), (Some(RoleId(1)), Some(RoleId(2))));
    assert_eq!((found("norole").await.role, found("retired").await.is_active), (None, false));
    assert_eq!(found("expired").await.expires_at.unwrap().to_magento(), "2024-01-01 00:00:00");
    let ShopSettings { settings, stores, roles } = accounts.settings().await.unwrap();
    assert!(roles.allows(RoleId(1), "Anything::at_all") && roles.allows(RoleId(2), "Magento_Customer::manage"));
    assert!(!roles.allows(RoleId(2), "Magento_Customer::delete"));
    assert_eq!(stores.websites().iter().map(|website| website.code.as_str()).collect::<Vec<_>>(), ["base", "outlet"]);
    assert_eq!((stores.default_store().code.as_str(), stores.stores().len()), ("default", 3));
    assert!(!stores.store("outlet_old").unwrap().is_active);
    assert_eq!(settings.text("customer/create_account/confirm", Scope::Website(WebsiteId(1))), "1");
    assert_eq!(settings.text("web/unsecure/base_url", Scope::Default), "http://shop.example/");
}

#[actix::test]
async fn spellings_that_only_the_database_takes_for_one_are_nobody() {
    let Some(database) = MariaDb::start() else { return };
    database.sql("UPDATE customer_entity SET email = 'jurgen@example.com' WHERE entity_id = 1");
    let accounts = open(options(&database)).await.unwrap();
    assert!(accounts.customer_by_email("JURGEN@example.com", None).await.unwrap().is_some());
    for other in ["jürgen@example.com", "jurgen@example.com ", "jurgen@example.com\0"] {
        assert_eq!(accounts.customer_by_email(other, None).await, Ok(None), "{other:?}");
    }
}

#[actix::test]
async fn a_group_is_excluded_from_the_website_that_is_asked_about() {
    let Some(database) = MariaDb::start() else { return };
    database.sql("INSERT INTO customer_group_excluded_website (customer_group_id, website_id) VALUES (1, 2), (0, 2)");
    database.sql("UPDATE customer_entity SET group_id = 0 WHERE entity_id = 5");
    let accounts = open(options(&database)).await.unwrap();
    let excluded = async |id: u32, website: u16| {
        accounts.customer_in(id, WebsiteId(website)).await.unwrap().unwrap().website_excluded
    };
    // The website of all of them is 1, and the group of the second one is excluded from that.
    assert_eq!((excluded(4, 1).await, excluded(4, 2).await), (false, true));
    assert_eq!((excluded(20, 1).await, excluded(20, 2).await), (true, false));
    assert_eq!((excluded(5, 1).await, excluded(5, 2).await), (false, false), "group 0 is never excluded");
    assert_eq!(accounts.customer_in(999, WebsiteId(1)).await, Ok(None));
}

#[actix::test]
async fn who_was_switched_off_is_known_until_it_is_accepted() {
    let Some(database) = MariaDb::start() else { return };
    let accounts = open(options(&database)).await.unwrap();
    let switched_off = async || accounts.was_switched_off(4).await.unwrap();
    assert!(!switched_off().await);
    database.sql("UPDATE customer_entity SET is_active = 0 WHERE entity_id = 4");
    assert!(switched_off().await && switched_off().await && !accounts.signed_in_inactive(4));
    accounts.accept_inactive(4);
    assert!(!switched_off().await && accounts.signed_in_inactive(4));
    database.sql("UPDATE customer_entity SET is_active = 1 WHERE entity_id = 4");
    assert!(!switched_off().await && !accounts.signed_in_inactive(4));
    database.sql("UPDATE customer_entity SET is_active = 0 WHERE entity_id = 4");
    assert!(switched_off().await, "once more");
}

#[actix::test]
async fn a_lock_that_the_column_cannot_hold_lasts_as_long_as_it_can() {
    let Some(database) = MariaDb::start() else { return };
    let accounts = open(options(&database)).await.unwrap();
    let end = UnixSeconds(u32::MAX);
    let lock = CustomerLock { customer: 4, failures: 10, first_failure: Some(NOW), lock_expires: Some(end) };
    let row = ThrottleRow { kind: UserType::Customer, name: "a".to_owned(), failures: 1, lock_expires: end };
    accounts.failure(Some(lock), Some(row), Vec::new()).await.unwrap();
    let noted = database.sql(
        "SET time_zone = '+00:00'; SELECT lock_expires FROM customer_entity WHERE entity_id = 4;
         SELECT lock_expires_at FROM oauth_token_request_log",
    );
    assert_eq!(noted, "2038-01-19 03:14:07\n2038-01-19 03:14:07");
}

#[actix::test]
async fn a_name_that_no_row_can_have_keeps_nothing_else_from_being_stored() {
    let Some(database) = MariaDb::start() else { return };
    database.sql(
        "ALTER TABLE oauth_token_request_log CONVERT TO CHARACTER SET utf8mb3;
         INSERT INTO oauth_token_request_log (user_name, user_type, failures_count, lock_expires_at)
            VALUES ('old', 2, 9, '2001-01-01 00:00:00')",
    );
    let clock = MockClock::at(NOW);
    let accounts = open_at(options(&database), clock.clone()).await.unwrap();
    clock.advance(Duration::from_mins(2));
    let lock = CustomerLock { customer: 4, failures: 7, first_failure: Some(NOW), lock_expires: None };
    for name in ["🦀@example.com".to_owned(), "i\u{307}".repeat(200)] {
        let row = ThrottleRow { kind: UserType::Customer, name, failures: 1, lock_expires: NOW.plus(1800) };
        accounts.failure(Some(lock), Some(row), Vec::new()).await.unwrap();
    }
    assert_eq!(database.sql("SELECT failures_num FROM customer_entity WHERE entity_id = 4"), "7");
    assert_eq!(database.sql("SELECT COUNT(*) FROM oauth_token_request_log"), "0", "the old one was removed");
}

#[actix::test]
async fn a_success_is_noted_where_magento_notes_it() {
    let Some(database) = MariaDb::start() else { return };
    let accounts = open(options(&database)).await.unwrap();
    for at in [NOW, NOW.plus(60)] {
        accounts.success(Subject::customer(4), at, None, None).await.unwrap();
        accounts.success(Subject::admin(1), at, None, None).await.unwrap();
    }
    let noted = database.sql(
        "SET time_zone = '+00:00'; SELECT customer_id, last_login_at FROM customer_log;
         SELECT logdate, lognum FROM admin_user WHERE user_id = 1",
    );
    assert_eq!(noted, "4\t2023-11-14 22:14:20\n2023-11-14 22:14:20\t2");
}

#[actix::test]
async fn the_throttle_goes_on_from_what_the_shop_has_counted() {
    let Some(database) = MariaDb::start() else { return };
    database.sql(
        "SET time_zone = '+00:00'; INSERT INTO oauth_token_request_log (user_name, user_type, failures_count,
            lock_expires_at) VALUES ('Jane@example.com', 2, 3, '2023-11-14 22:30:00'), ('chief', 3, 5, '2023-11-14 22:30:00'),
            ('old', 2, 9, '2023-11-14 22:00:00')",
    );
    let accounts = open(options(&database)).await.unwrap();
    let row = |kind, name: &str, failures, expires| ThrottleRow {
        kind,
        name: name.to_owned(),
        failures,
        lock_expires: expires,
    };
    let mut rows = accounts.throttle_rows().await.unwrap();
    rows.sort_unstable_by_key(|row| row.failures);
    let until = UnixSeconds(1_700_001_000);
    assert_eq!(rows, [row(UserType::Customer, "jane@example.com", 3, until), row(UserType::Admin, "chief", 5, until)]);

    let later = NOW.plus(1800);
    accounts.failure(None, Some(row(UserType::Customer, "jane@example.com", 1, later)), Vec::new()).await.unwrap();
    accounts.failure(None, Some(row(UserType::Customer, "old", 1, later)), Vec::new()).await.unwrap();
    accounts.failure(None, Some(row(UserType::Admin, "new", 1, later)), Vec::new()).await.unwrap();
    let counts =
        database.sql("SELECT user_type, LOWER(user_name), failures_count FROM oauth_token_request_log ORDER BY 2");
    assert_eq!(counts, "3\tchief\t5\n2\tjane@example.com\t4\n3\tnew\t1\n2\told\t1");
    let page = accounts.throttled_names((UserType::Customer, "jane@example.com".to_owned()), 5).await.unwrap();
    assert_eq!(page.len(), 1);
    assert!(accounts.clear_throttled_name(UserType::Customer, "OLD", Origin::SERVER).await.unwrap());
    assert!(!accounts.clear_throttled_name(UserType::Customer, "OLD", Origin::SERVER).await.unwrap());
}

#[actix::test]
async fn a_lock_can_be_lifted() {
    let Some(database) = MariaDb::start() else { return };
    let accounts = open(options(&database)).await.unwrap();
    let locked = accounts.locked_customers(0, 10).await.unwrap();
    assert_eq!(locked.iter().map(|customer| customer.id).collect::<Vec<_>>(), [18, 19]);
    assert_eq!(accounts.lift_lock(18, Origin::SERVER).await.unwrap().unwrap().failures, 10);
    assert_eq!(accounts.lift_lock(999, Origin::SERVER).await.unwrap(), None);
    assert!(accounts.locked_customers(18, 10).await.unwrap().iter().all(|customer| customer.id == 19));
    assert_eq!(database.sql("SELECT failures_num, lock_expires FROM customer_entity WHERE entity_id = 18"), "0\tNULL");
}

#[actix::test]
async fn the_states_of_users_are_asked_by_number_in_batches() {
    let Some(database) = MariaDb::start() else { return };
    let accounts = open(options(&database)).await.unwrap();
    let before = accounts.condition().questions();
    let ids: Vec<_> = (1..=2500).collect();
    let found = accounts.customer_states(&ids).await.unwrap();
    assert_eq!((found.len(), accounts.condition().questions() - before), (24, 3));
    let inactive: Vec<_> = found.iter().filter(|state| !state.is_active).map(|state| state.id).collect();
    assert_eq!(inactive, [21]);
    let administrators = accounts.administrator_states(&[1, 4, 5, 99]).await.unwrap();
    assert_eq!(administrators.iter().map(|state| state.id).collect::<Vec<_>>(), [1, 4, 5]);
    assert_eq!(administrators[0].role, Some(RoleId(1)));
    assert!(administrators[2].expires_at.is_some());
}

#[actix::test]
async fn settings_are_written_where_magento_has_them_unless_they_are_fixed() {
    let Some(database) = MariaDb::start() else { return };
    let lifetime = "oauth/access_token_lifetime/customer";
    let fixed = |path: &str, value: &str| SystemValue {
        scope: ScopeCode::Default,
        path: path.to_owned(),
        value: zeroize::Zeroizing::new(value.to_owned()),
    };
    let fixed = FixedSettings::new(vec![fixed("oauth/access_token_lifetime/admin", "8")]);
    let accounts = open_with(options(&database), fixed).await.unwrap();
    let ShopSettings { settings, stores, .. } = accounts.settings().await.unwrap();
    assert_eq!(settings.text("oauth/access_token_lifetime/admin", Scope::Default), "8");
    let write = async |path: &str, scope, value: Option<&str>| {
        let row = SettingRow { path: path.to_owned(), scope, value: value.map(str::to_owned) };
        let event = Event::AccountSwitched { subject: Subject::admin(1), active: true };
        SettingStore::write(&*accounts, row, Line::new(NOW, event, Origin::SERVER), &stores, &Settings::default()).await
    };
    for value in ["2", "3"] {
        write(lifetime, Scope::Default, Some(value)).await.unwrap();
    }
    write("customer/create_account/confirm", Scope::Website(WebsiteId(1)), None).await.unwrap();
    let trail = Readers::new(&accounts.folder);
    assert_eq!(trail.oldest_line().await.unwrap(), Some((1, NOW)), "a change in the shop has its line here");
    let rows =
        database.sql("SELECT scope, scope_id, path, value FROM core_config_data WHERE path LIKE '%o%e%' ORDER BY 1, 2");
    assert!(rows.contains("default\t0\toauth/access_token_lifetime/customer\t3"), "{rows}");
    assert!(!rows.contains("create_account/confirm"), "{rows}");
    let refused = refusal(write("oauth/access_token_lifetime/admin", Scope::Default, Some("2")).await);
    assert!(refused.contains("is fixed by the shop's env.php"), "{refused}");
    database.sql("UPDATE core_config_data SET value = NULL WHERE path = 'oauth/access_token_lifetime/customer'");
    let now = accounts.settings().await.unwrap().settings;
    assert_eq!(now.changed(lifetime, Scope::Default), Some(""), "an empty row overrides the default");
}

#[actix::test]
async fn with_writing_off_nothing_but_select_is_needed() {
    let Some(database) = MariaDb::start() else { return };
    database.sql("REVOKE ALL ON magento.* FROM magento@'%'; GRANT SELECT ON magento.* TO magento@'%'");
    let accounts = open(DatabaseOptions { write: false, ..options(&database) }).await.unwrap();
    let lock = CustomerLock { customer: 4, failures: 1, first_failure: Some(NOW), lock_expires: None };
    let row = ThrottleRow { kind: UserType::Customer, name: "a".to_owned(), failures: 1, lock_expires: NOW.plus(9) };
    accounts.failure(Some(lock), Some(row), Vec::new()).await.unwrap();
    accounts.success(Subject::customer(4), NOW, Some(lock), Some("a".to_owned())).await.unwrap();
    accounts.success(Subject::admin(1), NOW, None, None).await.unwrap();
    accounts.deactivate_administrator(1).await.unwrap();
    assert!(accounts.administrator(1).await.unwrap().unwrap().is_active);
    assert!(refusal(accounts.lift_lock(18, Origin::SERVER).await).contains("magento.write = false"));
    assert!(matches!(
        accounts.change_password(4, "h:s:1".to_owned(), Vec::new()).await,
        Err(AccountError::Unavailable(_))
    ));
    assert!(accounts.settings().await.is_ok() && accounts.customer_states(&[4]).await.is_ok());
}

#[actix::test]
async fn an_old_shop_without_the_newer_tables_is_served() {
    let Some(database) = MariaDb::start() else { return };
    database.sql(
        "DROP TABLE customer_group_excluded_website, customer_log, admin_user_expiration, jwt_auth_revoked, tfa_user_config;
         ALTER TABLE customer_entity DROP COLUMN session_cutoff",
    );
    let accounts = open(options(&database)).await.unwrap();
    assert_eq!(accounts.schema().done_without(true).len(), 6);
    assert!(!accounts.customer(20).await.unwrap().unwrap().website_excluded);
    assert_eq!(accounts.administrator(5).await.unwrap().unwrap().expires_at, None);
    accounts.success(Subject::customer(4), NOW, None, None).await.unwrap();
    accounts.change_password(4, "h:s:1".to_owned(), Vec::new()).await.unwrap();
    assert_eq!(accounts.administrator_states(&[5]).await.unwrap()[0].expires_at, None);
}

/// Options of a user of its own, with the rights of `grants.sql` and without those that these statements take back.
fn with_rights(database: &MariaDb, taken_back: &str) -> DatabaseOptions {
    let grants = include_str!("../../../deploy/magento/grants.sql");
    database.sql(&grants.replace("IDENTIFIED BY 'a long password'", "IDENTIFIED BY 'granted'"));
    database.sql(taken_back);
    let url = format!("mysql://tokenward:granted@127.0.0.1:{}/magento", database.port());
    DatabaseOptions::from_url(&Secret::new(url)).unwrap()
}

#[actix::test]
async fn a_right_to_write_that_is_missing_refuses_the_start_by_name() {
    let Some(database) = MariaDb::start() else { return };
    let options = with_rights(&database, "");
    drop(open(options.clone()).await.unwrap());
    database.sql(
        "REVOKE INSERT ON customer_log FROM tokenward; REVOKE DELETE ON oauth_token_request_log FROM tokenward;
         REVOKE UPDATE (logdate) ON admin_user FROM tokenward; REVOKE UPDATE (session_cutoff) ON customer_entity FROM
         tokenward; REVOKE UPDATE, DELETE ON core_config_data FROM tokenward;",
    );
    let refused = refusal(open(options.clone()).await);
    for told in [
        "INSERT on customer_log",
        "DELETE on oauth_token_request_log",
        "UPDATE (logdate, lognum, is_active) on admin_user",
        "UPDATE (session_cutoff) on customer_entity",
        "grants.sql",
        "magento.write = false",
    ] {
        assert!(refused.contains(told), "{told}: {refused}");
    }
    assert!(!refused.contains("core_config_data") && !refused.contains("failures_num"), "{refused}");
    open(DatabaseOptions { write: false, ..options }).await.unwrap();
    let tried = "SELECT COUNT(*) FROM customer_log UNION ALL SELECT COUNT(*) FROM jwt_auth_revoked WHERE user_id = 0";
    assert_eq!(database.sql(tried), "0\n0", "nothing is written to try a right");
}

#[actix::test]
async fn what_a_forgotten_right_hides_is_told_as_that() {
    let Some(database) = MariaDb::start() else { return };
    let options = with_rights(&database, "REVOKE SELECT ON admin_user_expiration FROM tokenward");
    let accounts = open(options.clone()).await.unwrap();
    let [without] = accounts.schema().done_without(true).try_into().unwrap();
    assert_eq!((without.name.as_str(), without.weight), ("admin_user_expiration", Weight::Looser));
    database.sql("REVOKE ALL ON authorization_rule FROM tokenward");
    let refused = refusal(open(options).await);
    assert!(refused.contains("authorization_rule, or the database user may not read it (GRANT SELECT"), "{refused}");
}

#[actix::test]
async fn a_statistic_that_cannot_be_written_keeps_nobody_out() {
    let Some(database) = MariaDb::start() else { return };
    let accounts = open(with_rights(&database, "")).await.unwrap();
    database.sql("DROP TABLE customer_log; ALTER TABLE admin_user DROP COLUMN lognum");
    accounts.success(Subject::customer(4), NOW, None, None).await.unwrap();
    accounts.success(Subject::admin(1), NOW, None, None).await.unwrap();
    let free = CustomerLock { customer: 4, failures: 0, first_failure: None, lock_expires: None };
    database.sql("UPDATE customer_entity SET failures_num = 3 WHERE entity_id = 4");
    accounts.success(Subject::customer(4), NOW, Some(free), None).await.unwrap();
    assert_eq!(database.sql("SELECT failures_num FROM customer_entity WHERE entity_id = 4"), "0");
    assert!(!accounts.condition().is_away());
}

#[actix::test]
async fn a_database_that_cannot_be_connected_to_is_named_with_the_cause_and_without_the_password() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let outcome = async |server: &str| {
        let url = Secret::new(format!("mysql://shop:swordfish@{server}/magento"));
        open(DatabaseOptions::from_url(&url).unwrap()).await.unwrap_err().to_string()
    };
    let refused = outcome(&closed.to_string()).await;
    let place = format!("cannot connect to the shop's database at {closed}/magento (from magento.database_url): ");
    assert!(refused.contains(&place) && refused.contains("refused"), "{refused}");
    let unknown = outcome("no-such-host.invalid:3306").await;
    assert!(unknown.contains("no-such-host.invalid:3306/magento"), "{unknown}");
    assert!(!refused.contains("swordfish") && !unknown.contains("swordfish"));
}

#[actix::test]
async fn a_password_that_needs_tls_is_told_as_that() {
    let Some(database) = MariaDb::start() else { return };
    if database.sql("SELECT plugin FROM mysql.user WHERE user = 'magento'") != "caching_sha2_password" {
        return; // MariaDB keeps passwords in another way.
    }
    let url = Secret::new(format!("{}?ssl-mode=disabled", database.url()));
    let refused = refusal(open(DatabaseOptions::from_url(&url).unwrap()).await);
    assert!(refused.contains("caching_sha2_password, which needs TLS"), "{refused}");
}

#[actix::test]
async fn a_database_that_is_no_shops_is_refused_by_name() {
    let Some(database) = MariaDb::start() else { return };
    let prefixed = DatabaseOptions { table_prefix: "m2_".to_owned(), ..options(&database) };
    let missing = refusal(open(prefixed).await);
    assert!(missing.contains("no table m2_store_website"), "{missing}");
    let strange = DatabaseOptions { table_prefix: "a`b".to_owned(), ..options(&database) };
    assert!(refusal(open(strange).await).contains("letters, digits and _"));
    database.sql("ALTER TABLE customer_entity DROP COLUMN confirmation");
    assert!(refusal(open(options(&database)).await).contains("no column customer_entity.confirmation"));
    database.sql("ALTER TABLE customer_entity ADD COLUMN confirmation VARCHAR(64), DROP COLUMN taxvat");
    assert!(refusal(open(options(&database)).await).contains("no column customer_entity.taxvat"));
}

#[actix::test]
async fn tables_may_have_a_prefix() {
    let Some(database) = MariaDb::start() else { return };
    let tables = database.sql("SHOW TABLES");
    let renamed: Vec<_> = tables.lines().map(|table| format!("{table} TO m2_{table}")).collect();
    database.sql(&format!("RENAME TABLE {}", renamed.join(", ")));
    let accounts = open(DatabaseOptions { table_prefix: "m2_".to_owned(), ..options(&database) }).await.unwrap();
    assert_eq!(accounts.customer(4).await.unwrap().unwrap().email, "current@example.com");
    accounts.success(Subject::customer(4), NOW, None, Some("x".to_owned())).await.unwrap();
    assert!(accounts.settings().await.unwrap().roles.allows(RoleId(1), "Any::thing"));
}

#[actix::test]
async fn the_files_of_the_shop_lead_to_its_database() {
    let Some(database) = MariaDb::start() else { return };
    let file = parse(&std::fs::read(database.env_php()).unwrap()).unwrap();
    let deployment = Deployment::new([file], Environment::default());
    let accounts = open(DatabaseOptions::from_connection(&deployment.connection().unwrap())).await.unwrap();
    assert_eq!(accounts.customer(4).await.unwrap().unwrap().email, "current@example.com");
}

#[actix::test]
async fn a_table_that_has_gone_makes_no_database_that_is_away() {
    let Some(database) = MariaDb::start() else { return };
    let accounts = open(options(&database)).await.unwrap();
    database.sql("RENAME TABLE store_group TO elsewhere");
    let refused = accounts.settings().await;
    assert!(matches!(&refused, Err(AccountError::Faulty(cause)) if cause.contains("store_group")), "{refused:?}");
    assert!(!accounts.condition().is_away());
}

#[actix::test]
async fn revocations_are_read_in_pages_and_a_later_moment_stays() {
    let Some(database) = MariaDb::start() else { return };
    let shop = open(options(&database)).await.unwrap();
    let revoked = |subject, through| UserRevocation { subject, through: UnixSeconds(through) };
    let ours = [revoked(Subject::customer(1), 1_600_000_000), revoked(Subject::admin(7), 1_600_000_001)];
    for _ in 0..2 {
        shop.write_revocations(ours.to_vec()).await.unwrap();
    }
    database.sql("INSERT INTO jwt_auth_revoked VALUES (1, 5, 1600000002), (3, 9, 99999999999)");
    let all = [ours[1], revoked(Subject::customer(1), 1_700_000_000), revoked(Subject::customer(9), u32::MAX)];
    assert_eq!(shop.revocations(None, UnixSeconds(0)).await.unwrap(), all);
    assert_eq!(shop.revocations(Some(Subject::admin(7)), UnixSeconds(0)).await.unwrap(), all[1..]);
    assert_eq!(shop.revocations(Some(Subject::customer(1)), UnixSeconds(0)).await.unwrap(), all[2..]);
    assert_eq!(shop.revocations(None, NOW).await.unwrap(), all[1..]);
    let reading = open(DatabaseOptions { write: false, ..options(&database) }).await.unwrap();
    assert!(!reading.takes_revocations() && shop.takes_revocations());
    assert!(refusal(reading.write_revocations(ours.to_vec()).await).contains("magento.write = false"));
}

#[actix::test]
async fn a_hash_is_renewed_only_where_the_old_one_still_stands_byte_for_byte() {
    let Some(database) = MariaDb::start() else { return };
    database.sql("UPDATE customer_entity SET password_hash = 'abc:s:1' WHERE entity_id = 4");
    let accounts = open(options(&database)).await.unwrap();
    let customer = Subject::customer(4);
    for other in ["ABC:s:1", "abc:s:1 ", "abc:s:0", ""] {
        assert!(!accounts.renew_hash(customer, other, "new:s:2").await.unwrap(), "{other}");
    }
    assert!(accounts.renew_hash(customer, "abc:s:1", "new:s:2").await.unwrap());
    assert_eq!(accounts.customer(4).await.unwrap().unwrap().password_hash.as_deref(), Some("new:s:2"));
    assert!(!accounts.renew_hash(Subject::customer(99_999), "abc:s:1", "new:s:2").await.unwrap());
    let read_only = open(DatabaseOptions { write: false, ..options(&database) }).await.unwrap();
    refusal(read_only.renew_hash(customer, "new:s:2", "newer:s:2").await);
}

/// Accounts that write tokens into the shop's table.
async fn mirroring(database: &MariaDb) -> Result<(MagentoAccounts, TempDir), AccountError> {
    let Shop { accounts, _home: home, .. } = open(options(database)).await?;
    let key = InstallationKey::parse("g9mY9KLrcuAVJfsmVUSRkKFLDdUPVkaZ").unwrap();
    let accounts = accounts.with_key(Arc::new(ArcSwapOption::from_pointee(key)));
    accounts.try_mirroring().await?;
    Ok((accounts.with_mirrored_tokens(), home))
}

#[actix::test]
async fn a_mirrored_token_is_ours_from_its_row_on_and_no_message_repeats_it() {
    let Some(database) = MariaDb::start() else { return };
    let (accounts, _home) = mirroring(&database).await.unwrap();
    let (token, digest) = (Token::generate(), TokenDigest([7; 16]));
    let mirrored = accounts.mirror_token(Subject::customer(4), &token, digest, UnixSeconds(0)).await.unwrap();
    assert!(accounts.is_mirrored(digest) && accounts.mirrored().is_empty(), "its session has yet to begin");
    assert!(matches!(mirrored.along(), Some(Change::MirrorAdded(added)) if added.digest == digest));
    drop(mirrored);
    let ours = accounts.mirrored();
    assert_eq!(ours.len(), 1);
    let twice = accounts.mirror_token(Subject::customer(4), &token, TokenDigest([8; 16]), UnixSeconds(0)).await;
    let problem = format!("{twice:?}");
    assert!(twice.is_err() && !problem.contains(token.expose()), "{problem}");
    assert!(!accounts.is_mirrored(TokenDigest([8; 16])));
    let other = Token::generate();
    let nobody = accounts.mirror_token(Subject::customer(99_999), &other, TokenDigest([9; 16]), UnixSeconds(0)).await;
    assert!(nobody.is_err() && accounts.mirrored().len() == 1, "somebody whose account is gone");
    let row = |text: &str| (ours[0].row, Secret::new(text.to_owned()));
    accounts.delete_tokens(&[row("another0another0another0another0")]).await.unwrap();
    assert_eq!(accounts.standing_tokens(&[ours[0].row]).await.unwrap().len(), 1, "another token is left alone");
    accounts.delete_tokens(&[row(token.expose())]).await.unwrap();
    assert!(accounts.standing_tokens(&[ours[0].row]).await.unwrap().is_empty());
    accounts.forget_mirrored(&ours);
    assert!(accounts.is_mirrored(digest) && accounts.mirrored().is_empty(), "an answer may still be on its way");
}

#[actix::test]
async fn a_mirrored_token_is_issued_now_and_not_before_its_session_begins() {
    let Some(database) = MariaDb::start() else { return };
    let (accounts, _home) = mirroring(&database).await.unwrap();
    let now: u32 = database.sql("SELECT UNIX_TIMESTAMP()").parse().unwrap();
    for (begins, expected) in
        [(0, now..=now + 60), (now + 100, now + 100..=now + 100), (u32::MAX, 0x7FFF_FFFF..=0x7FFF_FFFF)]
    {
        let token = Token::generate();
        let mirrored =
            accounts.mirror_token(Subject::admin(1), &token, TokenDigest([9; 16]), UnixSeconds(begins)).await;
        mirrored.unwrap();
        let issued = format!("SELECT UNIX_TIMESTAMP(created_at) FROM oauth_token WHERE token = '{}'", token.expose());
        let issued: u32 = database.sql(&issued).parse().unwrap();
        assert!(expected.contains(&issued), "{begins}: {issued}");
    }
}

#[actix::test]
async fn a_row_that_nobody_waits_for_any_more_is_ours_all_the_same() {
    let Some(database) = MariaDb::start() else { return };
    let (accounts, _home) = mirroring(&database).await.unwrap();
    let (token, digest) = (Token::generate(), TokenDigest([7; 16]));
    let mut hung_up = Box::pin(accounts.mirror_token(Subject::customer(4), &token, digest, UnixSeconds(0)));
    assert!((&mut hung_up).now_or_never().is_none());
    drop(hung_up);
    while accounts.mirrored().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(accounts.mirrored()[0].digest, digest);
}

#[actix::test]
async fn tokens_are_mirrored_only_with_a_key_and_into_a_table_that_is_there() {
    let Some(database) = MariaDb::start() else { return };
    let Shop { accounts, .. } = open(options(&database)).await.unwrap();
    assert!(refusal(accounts.try_mirroring().await).contains("key"));
    database.sql("DELETE FROM oauth_token; ALTER TABLE oauth_token MODIFY secret varchar(83) NOT NULL");
    let problem = refusal(mirroring(&database).await);
    assert!(problem.contains("the column secret of the table oauth_token is too short"), "{problem}");
    database.sql("ALTER TABLE oauth_token MODIFY secret varchar(84) NOT NULL");
    mirroring(&database).await.unwrap();
    database.sql("DROP TABLE oauth_token");
    let problem = refusal(mirroring(&database).await);
    assert!(problem.contains("oauth_token"), "{problem}");
}

#[actix::test]
async fn hashes_are_renewed_only_in_a_shop_that_has_renewed_some_itself() {
    let Some(database) = MariaDb::start() else { return };
    let accounts = open(options(&database)).await.unwrap();
    accounts.try_renewing_hashes().await.unwrap();
    // As Magento 2.3 has them; what it says of customers may have been written here.
    database.sql("UPDATE admin_user SET password = 'f558:salt:2'");
    assert!(refusal(accounts.try_renewing_hashes().await).contains("Magento 2.3 and older"));
    database.sql("UPDATE admin_user SET password = 'f558:salt:1:3_32_2_67108864' WHERE user_id = 2");
    accounts.try_renewing_hashes().await.unwrap();
}
