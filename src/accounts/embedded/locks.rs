//! Locks in `tokenward.db`.

use async_trait::async_trait;

use crate::accounts::embedded::rows::throttle_cleared;
use crate::accounts::embedded::{EmbeddedAccounts, read};
use crate::accounts::{AccountError, AccountLocks, AccountStore, Customer, folded};
use crate::session::UserType;
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

    async fn lift_lock(&self, customer: u32) -> Result<Option<Customer>, AccountError> {
        let Some(found) = self.customer(customer).await? else { return Ok(None) };
        let free = CustomerLock { customer, failures: 0, first_failure: None, lock_expires: None };
        let cleared = throttle_cleared(UserType::Customer, &found.email);
        self.store.write(vec![Change::CustomerLock(free), cleared]).await?;
        self.announce_lock(customer, None);
        Ok(Some(found))
    }

    async fn clear_throttled_name(&self, kind: UserType, name: &str) -> Result<bool, AccountError> {
        let (now, key) = (self.now(), folded(name));
        let counts = self.readers.read(move |file| read::is_throttled(file, now, kind, &key)).await?;
        self.store.write(vec![throttle_cleared(kind, name)]).await?;
        Ok(counts)
    }
}
