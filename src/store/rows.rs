//! New accounts and roles, as they are written.

use crate::clock::UnixSeconds;
use crate::settings::{RoleId, StoreId, WebsiteId};

/// A customer that is to be created; the fields are those of `customer_entity` (fact sheet 8.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerRow {
    /// The website within which the address is unique.
    pub website: WebsiteId,
    /// The store view in which the account is made.
    pub store: StoreId,
    /// The name of that store view.
    pub created_in: Option<String>,
    /// The customer group.
    pub group_id: u32,
    /// The e-mail address as it was given.
    pub email: String,
    /// The address as it is compared; the sender folds it.
    pub email_key: String,
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
    /// When the account is made.
    pub created_at: UnixSeconds,
    /// Whether the account is active.
    pub is_active: bool,
    /// The password's hash in Magento's format.
    pub password_hash: Option<String>,
    /// The key with which the address is still to be confirmed.
    pub confirmation: Option<String>,
    /// Whether the customer's group is excluded from the website.
    pub website_excluded: bool,
}

/// An administrator that is to be created (fact sheet 8.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdministratorRow {
    /// The user name as it was given.
    pub username: String,
    /// The user name as it is compared; the sender folds it.
    pub username_key: String,
    /// E-mail address.
    pub email: String,
    /// First name.
    pub firstname: Option<String>,
    /// Last name.
    pub lastname: Option<String>,
    /// The password's hash in Magento's format.
    pub password_hash: String,
    /// Whether the account is active.
    pub is_active: bool,
    /// The role.
    pub role: Option<RoleId>,
    /// When the account ends by itself.
    pub expires_at: Option<UnixSeconds>,
    /// When the account is made.
    pub created_at: UnixSeconds,
}

/// A role that is to be created (fact sheet 8.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleRow {
    /// Its number, chosen by the sender.
    pub id: RoleId,
    /// Its name.
    pub name: String,
    /// Resources, each with whether it is allowed.
    pub rules: Vec<(String, bool)>,
}
