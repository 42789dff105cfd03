//! Seeds on fresh folders.

use std::convert::Infallible;

use super::*;
use crate::accounts::AccountStore;
use crate::clock::{MockClock, UnixSeconds};
use crate::settings::{Scope, StoreId, WebsiteId};
use crate::store::{DataFolder, Readers, Store};

const SEED: &str = r#"
[[websites]]
code = "base"
name = "Main Website"

[[websites]]
code = "eu"
default = true

[[stores]]
code = "en"
website = "base"

[[stores]]
code = "de"
website = "eu"
name = "Deutsch"

[[stores]]
code = "fr"
website = "eu"
active = false

[[roles]]
name = "Support"
allow = ["Magento_Backend::store"]
deny = ["Magento_User::acl_users"]

[[customers]]
email = "Jane@example.com"
password = "Secret-42"
firstname = "Jane"
gender = 2
website = "base"

[[customers]]
email = "jane@example.com"
password_hash = "hash:salt:2"
confirmed = false

[[administrators]]
username = "root"
email = "root@example.com"
password = "Secret-43"

[[administrators]]
username = "helper"
email = "helper@example.com"
password = "Secret-44"
role = "Support"

[settings]
"oauth/access_token_lifetime/customer" = 2.5
"customer/account_share/scope" = 0
"graphql/validation/alias_limit_enabled" = true
"#;

struct House {
    accounts: EmbeddedAccounts,
    readers: Readers,
    home: tempfile::TempDir,
}

fn house() -> House {
    let home = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(home.path()).unwrap();
    let (store, readers) = (Store::start_here(&folder).unwrap(), Readers::new(&folder));
    House { accounts: EmbeddedAccounts::new(store, readers.clone(), MockClock::at(UnixSeconds(1))), readers, home }
}

async fn hash(password: Password) -> Result<String, Infallible> {
    Ok(format!("hashed {}", password.expose()))
}

async fn fill(house: &House, text: &str) -> Result<(), SeedError> {
    apply(&house.accounts, Seed::parse(text)?, [], hash).await
}

async fn problem(text: &str) -> String {
    let house = house();
    let problem = fill(&house, text).await.unwrap_err().to_string();
    drop(house.accounts);
    assert!(DataFolder::open(house.home.path()).unwrap().is_fresh(), "nothing may stay behind");
    problem
}

#[actix::test]
async fn a_seed_fills_a_fresh_folder() {
    let house = house();
    let initial = [("oauth/access_token_lifetime/customer", "7"), ("oauth/access_token_lifetime/admin", "8")];
    let initial = initial.map(|(path, value)| (path.to_owned(), value.to_owned()));
    apply(&house.accounts, Seed::parse(SEED).unwrap(), initial, hash).await.unwrap();

    let (directory, roles) = house.accounts.directory().await.unwrap();
    assert_eq!(directory.default_store().code, "de");
    assert_eq!(directory.store("en").unwrap().website, WebsiteId(1));
    assert!(!directory.store("fr").unwrap().is_active);
    let find = |website| house.accounts.customer_by_email("JANE@example.com", Some(WebsiteId(website)));
    let (first, second) = (find(1).await.unwrap().unwrap(), find(2).await.unwrap().unwrap());
    assert_eq!(first.password_hash.as_deref(), Some("hashed Secret-42"));
    assert_eq!((first.firstname.as_deref(), first.gender, first.store), (Some("Jane"), Some(2), StoreId(1)));
    assert_eq!(second.password_hash.as_deref(), Some("hash:salt:2"));
    assert!(second.confirmation.is_some() && first.confirmation.is_none());
    let role = async |name: &str| house.accounts.administrator_by_username(name).await.unwrap().unwrap().role.unwrap();
    let (root, helper) = (role("root").await, role("helper").await);
    assert!(roles.allows(root, "Magento_User::acl_users"));
    assert!(roles.allows(helper, "Magento_Backend::store") && !roles.allows(helper, "Magento_User::acl_users"));
    let mut settings: Vec<_> = house.readers.settings().await.unwrap();
    settings.sort_by(|left, right| left.path.cmp(&right.path));
    let settings: Vec<_> = settings.iter().map(|row| (row.path.as_str(), row.value.as_deref().unwrap())).collect();
    let expected = [
        ("customer/account_share/scope", "0"),
        ("graphql/validation/alias_limit_enabled", "1"),
        ("oauth/access_token_lifetime/admin", "8"),
        ("oauth/access_token_lifetime/customer", "2.5"),
    ];
    assert_eq!(settings, expected);
    drop(house.accounts);
    assert!(!DataFolder::open(house.home.path()).unwrap().is_fresh());
}

#[actix::test]
async fn an_empty_seed_leaves_what_a_fresh_folder_has() {
    let house = house();
    fill(&house, "").await.unwrap();
    let (directory, _) = house.accounts.directory().await.unwrap();
    assert_eq!(directory.default_store().code, "default");
}

#[actix::test]
async fn settings_may_have_a_scope() {
    let house = house();
    fill(&house, "[[settings]]\npath = 'general/locale/code'\nscope = 'stores/default'\nvalue = 'de_DE'")
        .await
        .unwrap();
    let stored = house.readers.settings().await.unwrap();
    assert_eq!((stored[0].scope, stored[0].value.as_deref()), (Scope::Store(StoreId(1)), Some("de_DE")));
}

#[actix::test]
async fn a_seed_that_contradicts_itself_is_refused_in_words_and_leaves_nothing() {
    for (text, part) in [
        ("[[websites]]\ncode = 'a'\n[[websites]]\ncode = 'b'", "website b has no store view"),
        ("[[websites]]\ncode = 'e u'", "a code has up to 32"),
        ("[[websites]]\ncode = 'a'\n[[websites]]\ncode = 'a'", "website a is there twice"),
        ("[[websites]]\ncode = 'a'\ndefault = true\n[[websites]]\ncode = 'b'\ndefault = true", "only one website"),
        ("[[stores]]\ncode = 'de'\nwebsite = 'us'", "there is no website us"),
        ("[[roles]]\nname = 'Administrators'", "is there twice"),
        ("[[roles]]\nname = 'A'\nallow = ['x']\ndeny = ['x']", "names x twice"),
        ("[[customers]]\nemail = 'jane'", "customer jane: "),
        ("[[customers]]\nemail = 'a@b.cd'\n[[customers]]\nemail = 'A@b.cd'", "customer A@b.cd is there twice"),
        ("[[customers]]\nemail = 'a@b.cd'\nwebsite = 'x'", "there are: base"),
        ("[[administrators]]\nusername = 'a'\nemail = 'a@b.cd'", "a password or a password_hash is missing"),
        (
            "[[administrators]]\nusername = 'a'\nemail = 'a@b.cd'\npassword = 'x'\nrole = 'Boss'",
            "there is no role \"Boss\"",
        ),
        ("[settings]\n'oauth/access_token_lifetime/custmer' = 1", "did you mean oauth/access_token_lifetime/customer?"),
        ("[settings]\n'oauth/access_token_lifetime/customer' = -1", "a number 0 or greater"),
        ("[[settings]]\npath = 'general/locale/code'\nscope = 'eu'\nvalue = 'x'", "there is no scope eu"),
    ] {
        let problem = problem(text).await;
        assert!(problem.contains(part), "{text}: {problem}");
    }
}

#[actix::test]
async fn a_malformed_seed_is_refused_with_its_line_and_without_its_secrets() {
    let unknown = problem("[[customers]]\nemail = 'a@b.cd'\npasword = 'x'").await;
    assert!(unknown.starts_with("line 3: ") && unknown.contains("pasword"), "{unknown}");
    let number = problem("[[customers]]\nemail = 'a@b.cd'\npassword = 31337").await;
    assert!(!number.contains("31337") && number.contains("put it in quotes"), "{number}");
    let unclosed = problem("[[customers]]\npassword = 'hunter2").await;
    assert!(!unclosed.contains("hunter2"), "{unclosed}");
}

#[test]
fn a_seed_does_not_print_its_passwords() {
    assert!(!format!("{:?}", Seed::parse(SEED).unwrap()).contains("Secret-"));
}

#[test]
fn a_file_that_is_not_there_is_refused() {
    let refused = Seed::read(std::path::Path::new("/no/such/seed.toml")).unwrap_err().to_string();
    assert!(refused.starts_with("the file cannot be read"), "{refused}");
}

#[test]
fn the_seed_in_the_readme_is_read() {
    let readme = include_str!("../../../README.md");
    let (_, rest) = readme.split_once("**Seed file.**").unwrap();
    let (_, rest) = rest.split_once("```toml\n").unwrap();
    let seed = Seed::parse(rest.split("```").next().unwrap()).unwrap();
    assert_eq!((seed.websites.len(), seed.stores.len(), seed.roles.len()), (2, 2, 1));
}
