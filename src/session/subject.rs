//! Whose a session is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The kinds of user that Magento knows, with its numbers (fact sheet 0.2, first column).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum UserType {
    /// A program with its own access token.
    Integration = 1,
    /// An administrator.
    Admin = 2,
    /// A customer.
    Customer = 3,
}

impl UserType {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Integration, Self::Admin, Self::Customer];

    /// Magento's number.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The kind that has Magento's `number`.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// Its name in headers, metrics and commands.
    pub fn name(self) -> &'static str {
        match self {
            Self::Integration => "integration",
            Self::Admin => "admin",
            Self::Customer => "customer",
        }
    }
}

impl FromStr for UserType {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| format!("{name} is no kind of user: integration, admin or customer"))
    }
}

impl fmt::Display for UserType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// One user: a kind and Magento's id of that kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// The kind.
    pub kind: UserType,
    /// The id among users of that kind; never 0.
    pub id: u32,
}

impl Subject {
    /// The customer with this id.
    pub fn customer(id: u32) -> Self {
        Self { kind: UserType::Customer, id }
    }

    /// The administrator with this id.
    pub fn admin(id: u32) -> Self {
        Self { kind: UserType::Admin, id }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.kind, self.id)
    }
}
