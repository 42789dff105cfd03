//! Accounts in our own data folder.
//!
//! [`EmbeddedAccounts`] reads with [`Readers`] and writes through [`Store`]. It announces locks and roles to whoever
//! keeps the sessions: a lock that begins before it is stored, everything else after. It ends no session: who disables
//! an account does that.

mod administrators;
mod customers;
mod locks;
mod read;
mod rows;
#[cfg(test)]
mod tests;

pub use customers::CustomerPage;
pub use rows::{NewAdministrator, NewCustomer};
pub(in crate::accounts) use rows::{administrator_row, customer_row};

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use actix::Recipient;
use async_trait::async_trait;
use rusqlite::Connection;

use crate::accounts::{
    AccountError, AccountStore, Administrator, Authenticator, Customer, DirectorySource, SecondFactor, name,
};
use crate::audit::{Event, Line, Origin};
use crate::clock::{SharedClock, UnixSeconds};
use crate::secret::Secret;
use crate::session::{Subject, SubjectChanged, UserType};
use crate::settings::{Roles, StoreDirectory, WebsiteId};
use crate::store::{Change, CustomerLock, Readers, RowChecksums, Store, StoreError, ThrottleRow};

/// How often outdated rows of the throttle are removed, in seconds: as often as Magento's job does (fact sheet 4.5).
const THROTTLE_CLEANING: u32 = 60;

/// Accounts in `tokenward.db`. Cheap to clone.
#[derive(Clone, Debug)]
pub struct EmbeddedAccounts {
    store: Store,
    readers: Readers,
    clock: SharedClock,
    listener: Arc<OnceLock<Recipient<SubjectChanged>>>,
    /// When the throttle's rows were last cleaned, in Unix seconds.
    cleaned: Arc<AtomicU32>,
    /// Who asks for what an operator does, for the audit trail.
    origin: Origin,
}

impl EmbeddedAccounts {
    /// Accounts of the folder that `store` writes and `readers` read.
    pub fn new(store: Store, readers: Readers, clock: SharedClock) -> Self {
        let cleaned = Arc::new(AtomicU32::new(clock.now().get()));
        Self { store, readers, clock, listener: Arc::default(), cleaned, origin: Origin::SERVER }
    }

    /// The same accounts: what is done to them is done for whoever asks.
    #[must_use]
    pub fn asked_by(&self, origin: Origin) -> Self {
        Self { origin, ..self.clone() }
    }

    /// What the audit trail says of something that was asked for.
    fn line(&self, event: Event) -> Change {
        Change::Audit(Line::new(self.clock.now(), event, self.origin))
    }

    /// Writes a line of its own: of something that changes nothing in the data folder.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`].
    pub async fn tell(&self, event: Event) -> Result<(), AccountError> {
        self.store.write(vec![self.line(event)]).await?;
        Ok(())
    }

    /// Announces every change of a lock or a role to `listener` from now on, and at once all locks that hold and the
    /// roles of all administrators. To be called once, before the server answers; a second listener is ignored.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`] when the accounts cannot be read.
    pub async fn announce_to(&self, listener: Recipient<SubjectChanged>) -> Result<(), AccountError> {
        drop(self.listener.set(listener));
        let now = self.clock.now();
        for changed in self.read(move |file, checksums| read::announcements(file, checksums, now)).await? {
            self.announce(changed);
        }
        Ok(())
    }

    /// The time, for rows that others build.
    pub(in crate::accounts) fn now(&self) -> UnixSeconds {
        self.clock.now()
    }

    /// Writes rows that others built, however long it takes. Announces nothing.
    pub(in crate::accounts) async fn carry_out(&self, changes: Vec<Change>) -> Result<(), AccountError> {
        self.store.write_untimed(changes).await?;
        Ok(())
    }

    /// Reads rows that carry checksums.
    async fn read<T, Q>(&self, query: Q) -> Result<T, StoreError>
    where
        T: Send + 'static,
        Q: FnOnce(&Connection, &RowChecksums) -> rusqlite::Result<T> + Send + 'static,
    {
        let checksums = self.readers.checksums();
        self.readers.read(move |file| query(file, &checksums)).await
    }

    fn announce(&self, changed: SubjectChanged) {
        if let Some(listener) = self.listener.get() {
            // Whoever keeps the sessions is gone only when the process ends.
            listener.do_send(changed);
        }
    }

    fn announce_lock(&self, customer: u32, locked_until: Option<UnixSeconds>) {
        self.announce(SubjectChanged { subject: Subject::customer(customer), locked_until, role: None });
    }

    /// The throttle's cleaning, when it is due: names that nobody has must not pile up in the file.
    fn cleaning(&self) -> Option<Change> {
        let now = self.clock.now();
        let cleaned = self.cleaned.load(Ordering::Relaxed);
        let due = now.since(UnixSeconds(cleaned)) >= THROTTLE_CLEANING
            && self.cleaned.compare_exchange(cleaned, now.get(), Ordering::Relaxed, Ordering::Relaxed).is_ok();
        due.then_some(Change::ThrottleOutdated { at: now })
    }
}

#[async_trait]
impl AccountStore for EmbeddedAccounts {
    async fn customer_by_email(
        &self,
        email: &str,
        website: Option<WebsiteId>,
    ) -> Result<Option<Customer>, AccountError> {
        let Some(key) = name::key(email) else { return Ok(None) };
        let found = self.read(move |file, checksums| read::customers_by_key(file, checksums, &key, website)).await?;
        Ok(found.into_iter().next())
    }

    async fn customer(&self, id: u32) -> Result<Option<Customer>, AccountError> {
        Ok(self.read(move |file, checksums| read::customer(file, checksums, id)).await?)
    }

    async fn administrator_by_username(&self, username: &str) -> Result<Option<Administrator>, AccountError> {
        let Some(key) = name::key(username) else {
            return Ok(None);
        };
        Ok(self.read(move |file, checksums| read::administrator_by_key(file, checksums, &key)).await?)
    }

    async fn administrator(&self, id: u32) -> Result<Option<Administrator>, AccountError> {
        Ok(self.read(move |file, checksums| read::administrator(file, checksums, id)).await?)
    }

    async fn second_factor(&self, administrator: u32) -> Result<Option<SecondFactor>, AccountError> {
        let secret = self.readers.read(move |file| read::second_factor(file, administrator)).await?;
        let google = secret.map(|secret| Authenticator { secret: Secret::new(secret), window: None });
        Ok(google.map(|google| SecondFactor { google: Some(google), u2f_key: false }))
    }

    async fn success(
        &self,
        subject: Subject,
        at: UnixSeconds,
        lock: Option<CustomerLock>,
        throttle_name: Option<String>,
    ) -> Result<Vec<Change>, AccountError> {
        if let Some(CustomerLock { customer, lock_expires: None, .. }) = lock {
            self.announce_lock(customer, None);
        }
        let signed_in = match subject.kind {
            UserType::Customer => Some(Change::CustomerSignedIn { customer: subject.id, at }),
            UserType::Admin => Some(Change::AdministratorSignedIn { administrator: subject.id, at }),
            UserType::Integration => None,
        };
        let cleared = throttle_name.map(|name| Change::ThrottleCleared { kind: subject.kind, name });
        Ok(signed_in.into_iter().chain(lock.map(Change::CustomerLock)).chain(cleared).collect())
    }

    async fn failure(
        &self,
        lock: Option<CustomerLock>,
        throttle: Option<ThrottleRow>,
        along: Vec<Change>,
    ) -> Result<(), AccountError> {
        if let Some(CustomerLock { customer, lock_expires: Some(until), .. }) = lock {
            self.announce_lock(customer, Some(until));
        }
        let changes: Vec<_> = lock
            .map(Change::CustomerLock)
            .into_iter()
            .chain(throttle.map(Change::ThrottleSet))
            .chain(self.cleaning())
            .chain(along)
            .collect();
        if !changes.is_empty() {
            self.store.write(changes).await?;
        }
        Ok(())
    }

    async fn deactivate_administrator(&self, id: u32) -> Result<(), AccountError> {
        let line = self.line(Event::AccountSwitched { subject: Subject::admin(id), active: false });
        self.store.write(vec![Change::AdministratorActive { administrator: id, active: false }, line]).await?;
        Ok(())
    }

    async fn change_password(&self, id: u32, hash: String, mut along: Vec<Change>) -> Result<(), AccountError> {
        along.push(Change::CustomerPassword { customer: id, hash, at: self.clock.now() });
        self.store.write(along).await?;
        Ok(())
    }

    async fn throttle_rows(&self) -> Result<Vec<ThrottleRow>, AccountError> {
        let now = self.clock.now();
        Ok(self.read(move |file, checksums| read::throttle_rows(file, checksums, now)).await?)
    }
}

#[async_trait]
impl DirectorySource for EmbeddedAccounts {
    async fn directory(&self) -> Result<(StoreDirectory, Roles), AccountError> {
        let (directory, roles) = self.readers.read(read::directory).await?;
        let directory = directory
            .ok_or_else(|| AccountError::Unavailable("no website with a store view is the default one".to_owned()))?;
        Ok((directory, roles))
    }
}
