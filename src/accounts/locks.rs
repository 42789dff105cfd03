//! Who is locked out, for those who may lift it.

use async_trait::async_trait;

use crate::accounts::{AccountError, Customer};
use crate::audit::Origin;
use crate::session::UserType;
use crate::store::ThrottleRow;

/// Where locks are kept: beside the accounts. There are two kinds: a customer's lock after too many wrong passwords, and
/// the throttle's rows, which count failures by name, known or not (fact sheet 5).
#[async_trait]
pub trait AccountLocks: std::fmt::Debug + Send + Sync + 'static {
    /// Customers who are locked now, in the order of their numbers: at most `limit` with a number above `after`.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`].
    async fn locked_customers(&self, after: u32, limit: u32) -> Result<Vec<Customer>, AccountError>;

    /// Rows of the throttle that count now, in the order of kind and name: at most `limit` after the name of `after`.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`].
    async fn throttled_names(&self, after: (UserType, String), limit: u32) -> Result<Vec<ThrottleRow>, AccountError>;

    /// Ends the lock of the customer with this number, and clears the counter and the throttle's row of the address.
    /// `None` when there is no such customer. The throttle in memory is the caller's to clear; `origin` asks for it.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`].
    async fn lift_lock(&self, customer: u32, origin: Origin) -> Result<Option<Customer>, AccountError>;

    /// Clears the throttle's row of a name, and says whether there was one that counts. The throttle in memory is the
    /// caller's to clear; `origin` asks for it.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`].
    async fn clear_throttled_name(&self, kind: UserType, name: &str, origin: Origin) -> Result<bool, AccountError>;
}
