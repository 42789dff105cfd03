//! What new tokens look like.

use serde::Deserialize;

/// What a new token looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenFormat {
    /// 32 characters that say nothing (fact sheet 4.1).
    #[default]
    Opaque,
    /// A JWT of Magento's shape (fact sheet 6.1).
    Jwt,
}
