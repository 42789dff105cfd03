//! Locks in `tokenward.db`.

use async_trait::async_trait;

use crate::accounts::embedded::rows::throttle_cleared;
use crate::accounts::embedded::{EmbeddedAccounts, read};
use crate::accounts::{AccountError, AccountLocks, AccountStore, Customer, folded};
use crate::audit::{Event, Line, Origin, Person};
use crate::session::{Subject, UserType};
use crate::store::{Change, CustomerLock, ThrottleRow};

#[async_trait]
impl AccountLocks for EmbeddedAccounts {
    async fn locked_customers(&self, after: u32, limit: u32) -> Result<Vec<Customer>, AccountError> {
        let now = self.now();
        Ok(self.read(move |file, checksums| read::locked_customers(file, checksums, now, after, limit)).await?)
    }

    async fn throttled_names(
        &self,
        (kind, name): (UserType, String),
        limit: u32,
    ) -> Result<Vec<ThrottleRow>, AccountError> {
        let now = self.now();
        Ok(self.read(move |file, checksums| read::throttle_page(file, checksums, now, kind, &name, limit)).await?)
    }

    async fn lift_lock(&self, customer: u32, origin: Origin) -> Result<Option<Customer>, AccountError> {
        let Some(found) = self.customer(customer).await? else { return Ok(None) };
        let free = CustomerLock { customer, failures: 0, first_failure: None, lock_expires: None };
        let cleared = throttle_cleared(UserType::Customer, &found.email);
        let lifted = Event::LockLifted { kind: UserType::Customer, subject: Some(Subject::customer(customer)) };
        let line = Change::Audit(Line::new(self.now(), lifted, origin));
        self.store.write(vec![Change::CustomerLock(free), cleared, line]).await?;
        self.announce_lock(customer, None);
        Ok(Some(found))
    }

    async fn clear_throttled_name(&self, kind: UserType, name: &str, origin: Origin) -> Result<bool, AccountError> {
        let (now, key) = (self.now(), folded(name));
        let counts = self.readers.read(move |file| read::is_throttled(file, now, kind, &key)).await?;
        // The name is somebody else's, so the address of whoever asks does not go under the same key.
        let origin = Origin { address: None, ..origin };
        let person = Person::Name { kind, folded: folded(name) };
        let line = Line::new(now, Event::LockLifted { kind, subject: None }, origin).typed(name.to_owned(), person);
        self.store.write(vec![throttle_cleared(kind, name), Change::Audit(line)]).await?;
        Ok(counts)
    }
}
