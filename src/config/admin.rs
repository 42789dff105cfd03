//! `[admin]`: what administrators have to show.

use serde::Deserialize;

use crate::config::choice::one_of;
use crate::config::reader::Reader;

/// What administrators have to show.
#[derive(Clone, Debug, Default)]
pub struct Admin {
    /// Whether the plain admin token route wants a second factor.
    pub second_factor: SecondFactor,
}

/// Whether the plain admin token route wants a second factor (fact sheet 9.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecondFactor {
    /// Exactly when `twofactorauth/general/force_providers` names a provider.
    #[default]
    Auto,
    /// Never.
    Off,
    /// Always.
    Required,
}

impl Admin {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self { second_factor: reader.read("admin.second_factor", one_of).unwrap_or_default() }
    }
}
