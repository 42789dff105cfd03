//! Customers who are locked out and names that are throttled in a shop, for its operator.
//!
//! It knows the statements of its neighbours and not the rules: who is locked out, and until when, was decided by a
//! sign-in. What always holds: a lock that was lifted is announced and written into the audit trail after the shop's
//! database has it.

use std::sync::Arc;

use async_trait::async_trait;
use sqlx::Connection;

use crate::accounts::magento::store::ask;
use crate::accounts::magento::{MagentoAccounts, customers, throttle};
use crate::accounts::{AccountError, AccountLocks, AccountStore, Customer, folded};
use crate::audit::{Event, Line, Origin, Person};
use crate::session::{Subject, UserType};
use crate::store::{Change, CustomerLock, ThrottleRow};

#[async_trait]
impl AccountLocks for MagentoAccounts {
    async fn locked_customers(&self, after: u32, limit: u32) -> Result<Vec<Customer>, AccountError> {
        let now = self.clock.now();
        ask!(self, |connection, tables| customers::locked(connection, &tables, now, after, limit).await)
    }

    async fn throttled_names(&self, after: (UserType, String), limit: u32) -> Result<Vec<ThrottleRow>, AccountError> {
        // The table is cleaned every minute, so there are few, and it has an order of its own.
        let mut rows = self.throttle_rows().await?;
        rows.sort_unstable_by(|one, other| (one.kind, &one.name).cmp(&(other.kind, &other.name)));
        rows.retain(|row| (row.kind, &row.name) > (after.0, &after.1));
        rows.truncate(limit as usize);
        Ok(rows)
    }

    async fn lift_lock(&self, customer: u32, origin: Origin) -> Result<Option<Customer>, AccountError> {
        self.may_write()?;
        let Some(found) = self.customer(customer).await? else { return Ok(None) };
        let name = folded(&found.email);
        ask!(self, |connection, tables| {
            let free = CustomerLock { customer, failures: 0, first_failure: None, lock_expires: None };
            let mut transaction = connection.begin().await?;
            customers::set_lock(&mut transaction, &tables, free).await?;
            throttle::clear(&mut transaction, &tables, UserType::Customer, &name).await?;
            transaction.commit().await
        })?;
        self.announce_lock(customer, None);
        let event = Event::LockLifted { kind: UserType::Customer, subject: Some(Subject::customer(customer)) };
        self.tell(vec![Change::Audit(Line::new(self.clock.now(), event, origin))]).await?;
        Ok(Some(found))
    }

    async fn clear_throttled_name(&self, kind: UserType, name: &str, origin: Origin) -> Result<bool, AccountError> {
        let key = folded(name);
        let counts = if self.write {
            let key = key.clone();
            ask!(self, |connection, tables| throttle::clear(connection, &tables, kind, &key).await)?
        } else {
            // There is no row of ours; the throttle in memory is the caller's to clear.
            false
        };
        // The name is somebody else's, so the address of whoever asks does not go under the same key.
        let origin = Origin { address: None, ..origin };
        let line = Line::new(self.clock.now(), Event::LockLifted { kind, subject: None }, origin);
        let line = line.typed(name.to_owned(), Person::Name { kind, folded: key });
        self.tell(vec![Change::Audit(line)]).await?;
        Ok(counts)
    }
}
