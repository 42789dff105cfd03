//! What an operator does with customers, by address and with answers in words.

use crate::accounts::embedded::rows::{conflict, customer_row, throttle_cleared, website_named};
use crate::accounts::embedded::{EmbeddedAccounts, NewCustomer, read};
use crate::accounts::{AccountError, AccountStore, Customer, DirectorySource, folded, name};
use crate::audit::Event;
use crate::session::{Subject, UserType};
use crate::settings::WebsiteId;
use crate::store::{Change, CustomerLock, Erasure};

/// How many customers [`EmbeddedAccounts::add_customers`] writes in one transaction: enough to make the commit cheap,
/// and few enough to keep memory small.
const SLICE: usize = 10_000;

/// Which customers to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerPage {
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
            let rows: Vec<_> =
                new.by_ref().take(SLICE).map(|new| customer_row(new, &directory, now)).collect::<Result<_, _>>()?;
            let count = rows.len() as u64;
            let line = self.line(Event::AccountsMade { kind: UserType::Customer, count, subject: None });
            let written = self.store.write_untimed(vec![Change::CreateCustomers(rows), line]).await?;
            ids.extend(written.ids);
        }
        Ok(ids)
    }

    /// The numbers of the customers with these addresses in one website, in the same order; `None` for who is not there.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`].
    pub async fn customer_numbers(
        &self,
        emails: &[String],
        website: WebsiteId,
    ) -> Result<Vec<Option<u32>>, AccountError> {
        let keys: Vec<_> = emails.iter().map(|email| folded(email)).collect();
        Ok(self.readers.read(move |file| read::customer_numbers(file, &keys, website)).await?)
    }

    /// Lists customers in the order of their numbers.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`].
    pub async fn list_customers(&self, page: CustomerPage) -> Result<Vec<Customer>, AccountError> {
        Ok(self.read(move |file, checksums| read::customers(file, checksums, page.after, page.limit)).await?)
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
        let customer = self.customer_named(email, website).await?;
        let change = Change::CustomerPassword { customer: customer.id, hash, at: self.clock.now() };
        let line = self.line(Event::PasswordSet { subject: Subject::customer(customer.id) });
        self.store.write(vec![change, line]).await?;
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
        let lines = found.iter().map(|customer| {
            self.line(Event::LockLifted { kind: UserType::Customer, subject: Some(Subject::customer(customer.id)) })
        });
        let changes = unlocked.chain([throttle_cleared(UserType::Customer, email)]).chain(lines).collect();
        self.store.write(changes).await?;
        for customer in &found {
            self.announce_lock(customer.id, None);
        }
        Ok(found)
    }

    /// Makes whoever has this address unreadable: the rows of `customers`, who have it, their keys in the audit trail and
    /// those of the address itself, and the throttle's row. Ending the sessions is the caller's task, before; the throttle
    /// in memory is the caller's to clear. Says whether that is so in the log of the file already; otherwise it becomes so as
    /// soon as nobody reads it.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`].
    pub async fn erase(&self, email: &str, customers: &[Customer]) -> Result<bool, AccountError> {
        let subjects: Vec<_> = customers.iter().map(|customer| Some(Subject::customer(customer.id))).collect();
        let erasure = Erasure {
            kind: UserType::Customer,
            name: folded(email),
            customers: customers.iter().map(|customer| customer.id).collect(),
        };
        let told = if subjects.is_empty() { vec![None] } else { subjects };
        let lines = told.into_iter().map(|subject| self.line(Event::Erased { subject }));
        let written = self.store.write([Change::Erase(erasure)].into_iter().chain(lines).collect()).await?;
        for customer in customers {
            self.announce_lock(customer.id, None);
        }
        Ok(!written.lingers)
    }

    /// The customers with this address: in this website, or in any.
    ///
    /// # Errors
    /// [`AccountError::Conflict`] when there is no such website.
    pub async fn customers_with(&self, email: &str, website: Option<&str>) -> Result<Vec<Customer>, AccountError> {
        let website = match website {
            Some(code) => Some(website_named(code, &self.directory().await?.0)?.id),
            None => None,
        };
        match name::key(email) {
            Some(key) => {
                Ok(self.read(move |file, checksums| read::customers_by_key(file, checksums, &key, website)).await?)
            }
            None => Ok(Vec::new()),
        }
    }

    /// The one customer with this address.
    ///
    /// # Errors
    /// [`AccountError::Conflict`] when there is no such customer, or several and no website is named.
    pub async fn customer_named(&self, email: &str, website: Option<&str>) -> Result<Customer, AccountError> {
        let mut found = self.customers_named(email, website).await?;
        if found.len() > 1 {
            return Err(conflict(format!(
                "there are {} customers with the address {email}: name the website",
                found.len()
            )));
        }
        Ok(found.remove(0))
    }

    /// At least one customer.
    async fn customers_named(&self, email: &str, website: Option<&str>) -> Result<Vec<Customer>, AccountError> {
        let found = self.customers_with(email, website).await?;
        if found.is_empty() {
            return Err(conflict(format!("there is no customer with the address {email}")));
        }
        Ok(found)
    }
}
