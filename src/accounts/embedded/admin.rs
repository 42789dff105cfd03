//! What an operator does with accounts, by name and with answers in words.

use crate::accounts::embedded::{EmbeddedAccounts, read};
use crate::accounts::{
    AccountError, AccountStore, Administrator, Customer, DirectorySource, folded, is_email_address, name,
};
use crate::clock::UnixSeconds;
use crate::session::{Subject, SubjectChanged, UserType};
use crate::settings::{RoleId, Roles, StoreDirectory, Website};
use crate::store::{AdministratorRow, Change, CustomerLock, CustomerRow};

/// Magento's group "General", which registered customers get (fact sheet 8.1).
const GENERAL: u32 = 1;

/// How many customers [`EmbeddedAccounts::add_customers`] writes in one transaction: enough to make the commit cheap,
/// and few enough to keep memory small.
const SLICE: usize = 10_000;

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

/// Which customers to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerPage {
    /// Only those whose address contains this text, in upper or lower case.
    pub containing: Option<String>,
    /// Only those with a greater number: the last one of the page before, or 0.
    pub after: u32,
    /// At most so many.
    pub limit: u32,
}

impl EmbeddedAccounts {
    /// Adds a customer.
    ///
    /// # Errors
    /// [`AccountError::Conflict`], in words for the operator, when a value is wrong or the address is taken.
    pub async fn add_customer(&self, new: NewCustomer) -> Result<Customer, AccountError> {
        let ids = self.add_customers([new]).await?;
        let id = ids.first().copied().unwrap_or_default();
        self.customer(id).await?.ok_or_else(|| AccountError::Unavailable("the customer vanished again".to_owned()))
    }

    /// Adds many customers, ten thousand in a transaction, and gives their numbers in order. When one is refused, those
    /// of earlier transactions stay.
    ///
    /// # Errors
    /// As for [`EmbeddedAccounts::add_customer`].
    pub async fn add_customers<I>(&self, new: I) -> Result<Vec<u32>, AccountError>
    where
        I: IntoIterator<Item = NewCustomer>,
    {
        let (directory, _) = self.directory().await?;
        let now = self.clock.now();
        let mut new = new.into_iter().peekable();
        let mut ids = Vec::new();
        while new.peek().is_some() {
            let rows =
                new.by_ref().take(SLICE).map(|new| customer_row(new, &directory, now)).collect::<Result<_, _>>()?;
            let written = self.store.write_untimed(vec![Change::CreateCustomers(rows)]).await?;
            ids.extend(written.ids);
        }
        Ok(ids)
    }

    /// Lists customers in the order of their numbers.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`].
    pub async fn list_customers(&self, page: CustomerPage) -> Result<Vec<Customer>, AccountError> {
        let part = page.containing.as_deref().map(folded).unwrap_or_default();
        let page = move |file: &_| read::customers(file, &part, page.after, page.limit);
        Ok(self.readers.read(page).await?)
    }

    /// Sets a customer's password. Counters and lock stay; sessions go on (fact sheet 2.7).
    ///
    /// # Errors
    /// [`AccountError::Conflict`] when there is no such customer, or several and no website is named.
    pub async fn set_customer_password(
        &self,
        email: &str,
        website: Option<&str>,
        hash: String,
    ) -> Result<Customer, AccountError> {
        let mut found = self.customers_named(email, website).await?;
        if found.len() > 1 {
            return Err(conflict(format!(
                "there are {} customers with the address {email}: name the website",
                found.len()
            )));
        }
        let customer = found.remove(0);
        let change = Change::CustomerPassword { customer: customer.id, hash, at: self.clock.now() };
        self.store.write(vec![change]).await?;
        Ok(customer)
    }

    /// Ends the lock of a customer, clears the counters and the throttle's row; without a website that of every customer
    /// with this address. The throttle in memory is the caller's to clear.
    ///
    /// # Errors
    /// [`AccountError::Conflict`] when there is no such customer.
    pub async fn unlock_customer(&self, email: &str, website: Option<&str>) -> Result<Vec<Customer>, AccountError> {
        let found = self.customers_named(email, website).await?;
        let unlocked = found.iter().map(|customer| {
            Change::CustomerLock(CustomerLock {
                customer: customer.id,
                failures: 0,
                first_failure: None,
                lock_expires: None,
            })
        });
        let changes = unlocked.chain([throttle_cleared(UserType::Customer, email)]).collect();
        self.store.write(changes).await?;
        for customer in &found {
            self.announce_lock(customer.id, None);
        }
        Ok(found)
    }

    /// Adds an administrator, and announces the role.
    ///
    /// # Errors
    /// [`AccountError::Conflict`], in words for the operator, when a value is wrong or the name is taken.
    pub async fn add_administrator(&self, new: NewAdministrator) -> Result<Administrator, AccountError> {
        let (_, roles) = self.directory().await?;
        let username = new.username.clone();
        let row = administrator_row(new, &roles, self.clock.now())?;
        self.store.write(vec![Change::CreateAdministrator(row)]).await?;
        let added = self.administrator_named(&username).await?;
        self.announce(SubjectChanged { subject: Subject::admin(added.id), locked_until: None, role: added.role });
        Ok(added)
    }

    /// Lists all administrators in the order of their numbers.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`].
    pub async fn list_administrators(&self) -> Result<Vec<Administrator>, AccountError> {
        Ok(self.readers.read(read::administrators).await?)
    }

    /// Sets an administrator's password. Sessions go on (fact sheet 4.4).
    ///
    /// # Errors
    /// [`AccountError::Conflict`] when there is no such administrator.
    pub async fn set_administrator_password(
        &self,
        username: &str,
        hash: String,
    ) -> Result<Administrator, AccountError> {
        let administrator = self.administrator_named(username).await?;
        let change = Change::AdministratorPassword { administrator: administrator.id, hash };
        self.store.write(vec![change]).await?;
        Ok(administrator)
    }

    /// Clears the throttle's row of an administrator: the API knows no other lock of them (fact sheet 5.3). The
    /// throttle in memory is the caller's to clear.
    ///
    /// # Errors
    /// [`AccountError::Conflict`] when there is no such administrator.
    pub async fn unlock_administrator(&self, username: &str) -> Result<Administrator, AccountError> {
        let administrator = self.administrator_named(username).await?;
        self.store.write(vec![throttle_cleared(UserType::Admin, username)]).await?;
        Ok(administrator)
    }

    /// Switches an administrator off. Ending the sessions is the caller's task (fact sheet 4.4).
    ///
    /// # Errors
    /// [`AccountError::Conflict`] when there is no such administrator.
    pub async fn disable_administrator(&self, username: &str) -> Result<Administrator, AccountError> {
        let administrator = self.administrator_named(username).await?;
        let change = Change::AdministratorActive { administrator: administrator.id, active: false };
        self.store.write(vec![change]).await?;
        Ok(administrator)
    }

    /// At least one customer.
    async fn customers_named(&self, email: &str, website: Option<&str>) -> Result<Vec<Customer>, AccountError> {
        let website = match website {
            Some(code) => Some(website_named(code, &self.directory().await?.0)?.id),
            None => None,
        };
        let found = match name::key(email) {
            Some(key) => self.readers.read(move |file| read::customers_by_key(file, &key, website)).await?,
            None => Vec::new(),
        };
        if found.is_empty() {
            return Err(conflict(format!("there is no customer with the address {email}")));
        }
        Ok(found)
    }

    async fn administrator_named(&self, username: &str) -> Result<Administrator, AccountError> {
        self.administrator_by_username(username)
            .await?
            .ok_or_else(|| conflict(format!("there is no administrator with the user name {username}")))
    }
}

fn conflict(problem: String) -> AccountError {
    AccountError::Conflict(problem)
}

fn throttle_cleared(kind: UserType, name: &str) -> Change {
    Change::ThrottleCleared { kind, name: folded(name) }
}

fn website_named<'a>(code: &str, directory: &'a StoreDirectory) -> Result<&'a Website, AccountError> {
    directory.website_by_code(code).ok_or_else(|| {
        let known: Vec<_> = directory.websites().iter().map(|website| website.code.as_str()).collect();
        conflict(format!("there is no website {code}; there are: {}", known.join(", ")))
    })
}

/// The customer's row, after a look at each value.
pub(in crate::accounts) fn customer_row(
    new: NewCustomer,
    directory: &StoreDirectory,
    now: UnixSeconds,
) -> Result<CustomerRow, AccountError> {
    let email_key = email_key(&new.email)?;
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
