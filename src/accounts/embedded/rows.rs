//! New accounts as somebody describes them, checked and made into rows.

use crate::accounts::{AccountError, folded, is_email_address, name};
use crate::clock::UnixSeconds;
use crate::session::UserType;
use crate::settings::{RoleId, Roles, StoreDirectory, Website};
use crate::store::{AdministratorRow, Change, CustomerRow};

/// Magento's group "General", which registered customers get (fact sheet 8.1).
const GENERAL: u32 = 1;

/// A customer as an operator describes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCustomer {
    /// E-mail address.
    pub email: String,
    /// First name.
    pub firstname: Option<String>,
    /// Last name.
    pub lastname: Option<String>,
    /// The code of the website; the default one when `None`.
    pub website: Option<String>,
    /// The password's hash in Magento's format; without one nobody can sign in.
    pub password_hash: Option<String>,
    /// Whether the address is confirmed; if not, `confirmation` gets a key that nobody knows.
    pub confirmed: bool,
    /// Whether the account is active.
    pub active: bool,
}

/// An administrator as an operator describes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAdministrator {
    /// User name.
    pub username: String,
    /// E-mail address.
    pub email: String,
    /// First name.
    pub firstname: Option<String>,
    /// Last name.
    pub lastname: Option<String>,
    /// The name of the role; the first one that allows everything when `None`.
    pub role: Option<String>,
    /// The password's hash in Magento's format.
    pub password_hash: String,
}

/// The customer's row, after a look at each value.
pub(in crate::accounts) fn customer_row(
    new: NewCustomer,
    directory: &StoreDirectory,
    now: UnixSeconds,
) -> Result<CustomerRow, AccountError> {
    let email_key = email_key(&new.email)?;
    expect_printable([Some(&new.email), new.firstname.as_ref(), new.lastname.as_ref()])?;
    let website = match &new.website {
        Some(code) => website_named(code, directory)?.id,
        None => directory.default_store().website,
    };
    let store = directory
        .website(website)
        .and_then(|website| directory.stores().iter().find(|store| store.id == website.default_store));
    Ok(CustomerRow {
        website,
        store: store.map(|store| store.id).unwrap_or_default(),
        created_in: store.map(|store| store.name.clone()),
        group_id: GENERAL,
        email: new.email,
        email_key,
        firstname: new.firstname,
        lastname: new.lastname,
        created_at: now,
        is_active: new.active,
        password_hash: new.password_hash,
        confirmation: (!new.confirmed).then(confirmation_key),
        ..CustomerRow::default()
    })
}

/// The administrator's row, after a look at each value.
pub(in crate::accounts) fn administrator_row(
    new: NewAdministrator,
    roles: &Roles,
    now: UnixSeconds,
) -> Result<AdministratorRow, AccountError> {
    email_key(&new.email)?;
    let texts = [Some(&new.email), Some(&new.username), new.firstname.as_ref(), new.lastname.as_ref()];
    expect_printable(texts)?;
    let username_key = name::key(&new.username)
        .filter(|key| !key.trim().is_empty())
        .ok_or_else(|| conflict(format!("a user name has 1 to {} characters", name::LONGEST_NAME)))?;
    let role = role_named(new.role.as_deref(), roles)?;
    Ok(AdministratorRow {
        username: new.username,
        username_key,
        email: new.email,
        firstname: new.firstname,
        lastname: new.lastname,
        password_hash: new.password_hash,
        is_active: true,
        role: Some(role),
        expires_at: None,
        created_at: now,
    })
}

/// Nobody types a control character on purpose, and a name with one cannot be shown or typed again.
fn expect_printable<const N: usize>(texts: [Option<&String>; N]) -> Result<(), AccountError> {
    match texts.into_iter().flatten().find(|text| text.chars().any(char::is_control)) {
        Some(text) => Err(conflict(format!("{text:?} has a control character in it: names and addresses have none"))),
        None => Ok(()),
    }
}

pub(super) fn website_named<'a>(code: &str, directory: &'a StoreDirectory) -> Result<&'a Website, AccountError> {
    directory.website_by_code(code).ok_or_else(|| {
        let known: Vec<_> = directory.websites().iter().map(|website| website.code.as_str()).collect();
        conflict(format!("there is no website {code}; there are: {}", known.join(", ")))
    })
}

pub(super) fn throttle_cleared(kind: UserType, name: &str) -> Change {
    Change::ThrottleCleared { kind, name: folded(name) }
}

pub(super) fn conflict(problem: String) -> AccountError {
    AccountError::Conflict(problem)
}

fn email_key(email: &str) -> Result<String, AccountError> {
    name::key(email)
        .filter(|_| is_email_address(email))
        .ok_or_else(|| conflict(format!("{email:?} is not a valid e-mail address")))
}

fn role_named(name: Option<&str>, roles: &Roles) -> Result<RoleId, AccountError> {
    let found = match name {
        Some(name) => roles.iter().find(|role| role.name == name),
        None => roles.iter().find(|role| role.allows_everything()),
    };
    found.map(|role| role.id).ok_or_else(|| {
        let known: Vec<_> = roles.iter().map(|role| role.name.as_str()).collect();
        let wanted = name.map_or_else(|| "that allows everything".to_owned(), |name| format!("{name:?}"));
        conflict(format!("there is no role {wanted}; there are: {}", known.join(", ")))
    })
}

/// A key that nobody is told: confirming by mail belongs to whoever sends mails.
fn confirmation_key() -> String {
    use rand::RngExt;
    let key: u128 = rand::rng().random();
    format!("{key:032x}")
}
