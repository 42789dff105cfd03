//! Which settings there are, with Magento's paths, labels, defaults and rules (fact sheet 4.6, 5, 9.7, 11).

use thiserror::Error;

/// What a value has to look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Zero or a greater number, fractions allowed; empty allowed.
    Number,
    /// Zero or a greater whole number; empty allowed.
    Digits,
    /// `0` or `1`.
    YesNo,
    /// Any text.
    Text,
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// Magento's path.
    pub path: &'static str,
    /// Its label in Magento's administration.
    pub label: &'static str,
    /// The value that counts when none is set.
    pub default: &'static str,
    /// What a value has to look like.
    pub kind: Kind,
}

/// Why a value was refused, in words for the merchant.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{path}: {problem}")]
pub struct InvalidValue {
    /// The setting.
    pub path: String,
    /// What is wrong and what would be right.
    pub problem: String,
}

const fn setting(path: &'static str, label: &'static str, default: &'static str, kind: Kind) -> Definition {
    Definition { path, label, default, kind }
}

/// All settings, ordered by path.
pub static DEFINITIONS: &[Definition] = &[
    setting("oauth/access_token_lifetime/admin", "Admin Token Lifetime (hours)", "4", Kind::Number),
    setting("oauth/access_token_lifetime/customer", "Customer Token Lifetime (hours)", "1", Kind::Number),
];

impl Definition {
    /// The setting with this path.
    pub fn of(path: &str) -> Option<&'static Self> {
        DEFINITIONS.iter().find(|definition| definition.path == path)
    }
}
