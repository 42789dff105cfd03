//! `[accounts]`: where customers and administrators are kept.

use serde::Deserialize;

use crate::config::choice::one_of;
use crate::config::reader::Reader;

/// Where customers and administrators are kept.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    /// Where.
    pub source: AccountSource,
}

/// Where customers and administrators are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountSource {
    /// In the data folder.
    #[default]
    Embedded,
    /// In the shop's database.
    Magento,
}

impl Accounts {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self { source: reader.read("accounts.source", one_of).unwrap_or_default() }
    }
}
