//! What an account is.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::clock::UnixSeconds;
use crate::settings::{RoleId, StoreId, WebsiteId};
use crate::store::StoreError;

/// A customer (fact sheet 8.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// Magento's `entity_id`; never 0.
    pub id: u32,
    /// The website within which the address is unique.
    pub website: WebsiteId,
    /// The store view in which the account was made.
    pub store: StoreId,
    /// The name of that store view.
    pub created_in: Option<String>,
    /// The customer group.
    pub group_id: u32,
    /// The e-mail address as it was given.
    pub email: String,
    /// First name.
    pub firstname: Option<String>,
    /// Middle name.
    pub middlename: Option<String>,
    /// Last name.
    pub lastname: Option<String>,
    /// Form of address before the name.
    pub prefix: Option<String>,
    /// What follows the name.
    pub suffix: Option<String>,
    /// Date of birth, `YYYY-MM-DD`.
    pub date_of_birth: Option<String>,
    /// Magento's number of the gender.
    pub gender: Option<u16>,
    /// Tax number.
    pub taxvat: Option<String>,
    /// When the account was made.
    pub created_at: UnixSeconds,
    /// When it was last changed.
    pub updated_at: UnixSeconds,
    /// Whether the account is active. Magento's token routes do not look at it (fact sheet 5.2).
    pub is_active: bool,
    /// The password's hash in Magento's format; `None` never authenticates (fact sheet 7.4).
    #[serde(skip)]
    pub password_hash: Option<String>,
    /// The key with which the e-mail address is still to be confirmed; `None` when it is confirmed.
    #[serde(skip)]
    pub confirmation: Option<String>,
    /// How many wrong passwords since the last success or lock.
    pub failures: u32,
    /// When the first of them was.
    pub first_failure: Option<UnixSeconds>,
    /// Until when the account is locked.
    pub lock_expires: Option<UnixSeconds>,
    /// Whether the customer's group is excluded from the website in which the customer was asked for, or, where none was
    /// named, from the customer's own (fact sheet 5.2, step 5).
    pub website_excluded: bool,
}

impl Customer {
    /// Whether the account is locked at `now`.
    pub fn is_locked_at(&self, now: UnixSeconds) -> bool {
        self.lock_expires.is_some_and(|expires| expires > now)
    }
}

/// An administrator (fact sheet 8.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Administrator {
    /// Magento's `user_id`; never 0.
    pub id: u32,
    /// The user name as it was given.
    pub username: String,
    /// E-mail address.
    pub email: String,
    /// First name.
    pub firstname: Option<String>,
    /// Last name.
    pub lastname: Option<String>,
    /// The password's hash in Magento's format.
    #[serde(skip)]
    pub password_hash: String,
    /// Whether the account is active.
    pub is_active: bool,
    /// The role; without one a sign-in is refused.
    pub role: Option<RoleId>,
    /// When the account ends by itself (Magento's `admin_user_expiration`).
    pub expires_at: Option<UnixSeconds>,
}

/// Why accounts could not be read or changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AccountError {
    /// They cannot be reached or refuse to answer at the moment; the text is for the log only.
    #[error("the accounts are not available: {0}")]
    Unavailable(String),
    /// They answer, and not with what is needed, which nobody mends by waiting; the text is for the log only.
    #[error("the accounts are not as they have to be: {0}")]
    Faulty(String),
    /// The change contradicts what is there, in words for the operator.
    #[error("{0}")]
    Conflict(String),
}

impl From<StoreError> for AccountError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(cause) => Self::Unavailable(cause),
            StoreError::Conflict(problem) => Self::Conflict(problem),
        }
    }
}
