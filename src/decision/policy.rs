//! What a gateway requires.

use serde::Deserialize;

/// Who is let through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Requirement {
    /// A customer, an administrator or an integration.
    #[default]
    Any,
    /// A customer.
    Customer,
    /// An administrator.
    Admin,
    /// An integration.
    Integration,
    /// Everybody; but a token that is sent must be good.
    GuestOk,
}

/// What becomes of an `Authorization` header with another scheme than `Bearer`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OtherSchemes {
    /// It counts as no token.
    #[default]
    Ignore,
    /// It passes with an empty identity: somebody behind the gateway checks it.
    Pass,
}

/// What a gateway is given in place of a good token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exchange {
    /// A JWT that Magento accepts, for a short time.
    Jwt,
}

/// What a gateway requires of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Policy {
    /// Who is let through.
    pub require: Requirement,
    /// The code of the website that a customer's session has to belong to.
    pub website: Option<String>,
    /// The resource that the role of an administrator or an integration has to allow.
    pub acl: Option<String>,
    /// Answer yes always, and say what would have been decided.
    pub observe: bool,
    /// What becomes of other schemes.
    pub other_schemes: OtherSchemes,
    /// What a good token is exchanged for. It changes nothing of the decision.
    pub exchange: Option<Exchange>,
}
