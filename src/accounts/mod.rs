//! Customers and administrators, wherever they are kept.
//!
//! [`AccountStore`] is what sign-in and the protocols need of them. It knows no password in clear and no session; the
//! rules of a sign-in are in [`crate::sign_in`]. A user that is not there is `Ok(None)`, not an error.

#[cfg(test)]
pub(crate) mod acceptance;
mod account;
mod email;
pub mod embedded;
pub mod gatherer;
mod locks;
pub mod magento;
mod mirrored;
mod name;
mod second_factor;
pub mod seed;
mod setting_store;
mod user_state;

pub use account::{AccountError, Administrator, Customer};
pub use email::is_email_address;
pub use embedded::EmbeddedAccounts;
pub use locks::AccountLocks;
pub use magento::MagentoAccounts;
pub use mirrored::Mirrored;
pub use name::{LONGEST_NAME, folded};
pub use second_factor::{Authenticator, SecondFactor};
pub use setting_store::SettingStore;
pub use user_state::UserState;

use async_trait::async_trait;

use crate::clock::UnixSeconds;
use crate::session::{Subject, UserType};
use crate::settings::{Roles, Settings, StoreDirectory, WebsiteId};
use crate::store::{Change, CustomerLock, ThrottleRow};
use crate::token::{Token, TokenDigest};

/// Where accounts are kept.
#[async_trait]
pub trait AccountStore: std::fmt::Debug + Send + Sync + 'static {
    /// The customer with this e-mail address: in this website, or in any when `website` is `None` (accounts are shared
    /// globally). Upper and lower case are the same (fact sheet 8.1).
    async fn customer_by_email(
        &self,
        email: &str,
        website: Option<WebsiteId>,
    ) -> Result<Option<Customer>, AccountError>;

    /// The customer with this number.
    async fn customer(&self, id: u32) -> Result<Option<Customer>, AccountError>;

    /// The customer with this number as the store views of a website see them: [`Customer::website_excluded`] is about
    /// that website, which is another one than the customer's where accounts are shared globally.
    async fn customer_in(&self, id: u32, website: WebsiteId) -> Result<Option<Customer>, AccountError> {
        // An account that knows of one website only knows of its own.
        Ok(self.customer(id).await?.map(|customer| Customer {
            website_excluded: customer.website_excluded && customer.website == website,
            ..customer
        }))
    }

    /// The administrator with this user name. Upper and lower case are the same (fact sheet 5.3).
    async fn administrator_by_username(&self, username: &str) -> Result<Option<Administrator>, AccountError>;

    /// The administrator with this number.
    async fn administrator(&self, id: u32) -> Result<Option<Administrator>, AccountError>;

    /// What a check has to know of those of these users who are there, with their numbers; at most a thousand are asked
    /// about at once. Beside a shop every integration is there that has a token; elsewhere there are none.
    async fn states(&self, kind: UserType, ids: &[u32]) -> Result<Vec<(u32, UserState)>, AccountError> {
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            let state = match kind {
                UserType::Customer => self.customer(*id).await?.as_ref().map(UserState::from),
                UserType::Admin => self.administrator(*id).await?.as_ref().map(UserState::from),
                UserType::Integration => None,
            };
            found.extend(state.map(|state| (*id, state)));
        }
        Ok(found)
    }

    /// What the administrator with this number can show besides the password (fact sheet 9.5); `None` for somebody who
    /// has nothing, or is not there. Asked only after the password was right.
    async fn second_factor(&self, administrator: u32) -> Result<Option<SecondFactor>, AccountError>;

    /// Whether a customer's account was switched off elsewhere since anybody looked, so that the sessions that there are
    /// have to end before another begins, which an inactive customer may (fact sheet 5.2). Once they have ended, that is
    /// to be said with [`Self::accept_inactive`].
    ///
    /// # Errors
    /// [`AccountError::Unavailable`] when it cannot be told: no session must begin.
    async fn was_switched_off(&self, customer: u32) -> Result<bool, AccountError> {
        // Who switches an account off that is kept here ends its sessions.
        let _ = customer;
        Ok(false)
    }

    /// From now on sessions of this customer are those of an inactive one, which go on as long as nothing changes.
    fn accept_inactive(&self, customer: u32) {
        let _ = customer;
    }

    /// What has to be stored with the session that a successful sign-in begins, in the same transaction. Accounts that
    /// are kept elsewhere are changed there, before this returns, and nothing is left to store here.
    ///
    /// `lock` is the customer's reset counter, when it has to be reset; `throttle_name` the throttle's row to clear.
    /// Announces to the registry that the customer has no lock: there is a success only after a lock has ended by itself,
    /// so this is right even when the success cannot be stored.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`] when it could not be stored elsewhere: the session must not begin.
    async fn success(
        &self,
        subject: Subject,
        at: UnixSeconds,
        lock: Option<CustomerLock>,
        throttle_name: Option<String>,
    ) -> Result<Vec<Change>, AccountError>;

    /// Writes a token that is about to be handed out where the accounts are, when it has to be good there, too. Before its
    /// session begins: what has to be stored with that comes back, and is kept until the session has begun or failed to.
    /// It is issued now there, and at `begins` at the earliest.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`] when it could not be written: the session must not begin.
    async fn mirror_token(
        &self,
        _subject: Subject,
        _token: &Token,
        _digest: TokenDigest,
        _begins: UnixSeconds,
    ) -> Result<Mirrored, AccountError> {
        Ok(Mirrored::default())
    }

    /// Puts a new hash in the place of an old one of the same password, unless another one stands there by now; says
    /// whether it did. Accounts whose hashes are never old do nothing.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`] when it could not be written: the old hash goes on being good.
    async fn renew_hash(&self, _subject: Subject, _old: &str, _new: &str) -> Result<bool, AccountError> {
        Ok(false)
    }

    /// Stores what a refused sign-in leaves behind: the customer's counter and lock, the throttle's row, and what else
    /// has to be stored `along`. Announces a lock to the registry, whether or not it can be stored: that makes answers
    /// stricter only.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`] when it could not be stored.
    async fn failure(
        &self,
        lock: Option<CustomerLock>,
        throttle: Option<ThrottleRow>,
        along: Vec<Change>,
    ) -> Result<(), AccountError>;

    /// Switches an administrator off whose account has ended (fact sheet 5.3, step 1). Ending the sessions is the
    /// caller's task.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`] when it could not be stored.
    async fn deactivate_administrator(&self, id: u32) -> Result<(), AccountError>;

    /// Sets a customer's password, and stores what else has to be stored `along`. Counters and lock stay; sessions go on
    /// (fact sheet 2.7). A customer who is no longer there is no error.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`] when it could not be stored.
    async fn change_password(&self, id: u32, hash: String, along: Vec<Change>) -> Result<(), AccountError>;

    /// The throttle's rows as they were stored, for the start.
    async fn throttle_rows(&self) -> Result<Vec<ThrottleRow>, AccountError>;

    /// What is counted for a name as it is stored now, while its lock lasts; for where somebody else counts, too (fact
    /// sheet 5.1). Asked at each attempt.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`]: then nobody can say whether the attempt may go on.
    async fn throttle_row(&self, _kind: UserType, _name: &str) -> Result<Option<ThrottleRow>, AccountError> {
        Ok(None)
    }
}

/// Where websites, store views and roles are kept: beside the accounts.
#[async_trait]
pub trait DirectorySource: std::fmt::Debug + Send + Sync + 'static {
    /// All of them as they are now.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`] when they cannot be read.
    async fn directory(&self) -> Result<(StoreDirectory, Roles), AccountError>;

    /// All of them with the settings, when these are kept there, too, and not in the data folder.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`] when they cannot be read.
    async fn everything(&self) -> Result<(Option<Settings>, StoreDirectory, Roles), AccountError> {
        let (stores, roles) = self.directory().await?;
        Ok((None, stores, roles))
    }
}
