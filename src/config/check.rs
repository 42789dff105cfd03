//! `[check]`: how the gateway's question is answered.

use serde::Deserialize;

use crate::config::choice::one_of;
use crate::config::reader::Reader;

/// How the gateway's question is answered.
#[derive(Clone, Debug, Default)]
pub struct Check {
    /// What becomes of a locked customer's token while the lock lasts (fact sheet 2.4).
    pub locked: Locked,
}

/// What becomes of a locked customer's token while the lock lasts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Locked {
    /// It is refused, and good again afterwards.
    #[default]
    Deny,
    /// It stays good.
    Allow,
}

impl Check {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self { locked: reader.read("check.locked", one_of).unwrap_or_default() }
    }
}
