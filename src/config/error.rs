//! What can be wrong with the configuration, and where.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

/// Where a value comes from. A later variant wins over an earlier one.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Nobody set it.
    #[default]
    Default,
    /// A line of a file; the first line is 1, and 0 stands for the file as a whole.
    File {
        /// The file as it was named.
        path: PathBuf,
        /// The line on which the key stands.
        line: usize,
    },
    /// An environment variable.
    Environment(String),
    /// The command line.
    Flag,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// The configuration file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// The configuration file is not TOML.
    #[error("{0}")]
    Syntax(String),
    /// Nobody knows this key.
    #[error("{key} is not a key{}", did_you_mean(.nearest.as_deref()))]
    UnknownKey {
        /// The key as it was written.
        key: String,
        /// The known key, or the variable that would set it, that is most like it.
        nearest: Option<String>,
    },
    /// A variable that looks like one of ours, and would not be read.
    #[error("is not read; did you mean {nearest}?")]
    UnknownVariable {
        /// The variable that is read.
        nearest: String,
    },
    /// A value that cannot be used, by itself or together with others.
    #[error("{key} {problem}")]
    Invalid {
        /// The key.
        key: String,
        /// What is wrong, and what would be right. It never holds a secret.
        problem: String,
    },
    /// A path below `[settings]` that is none of Magento's.
    #[error("\"{path}\" is not a setting{}", did_you_mean(.nearest.as_deref()))]
    UnknownSetting {
        /// The path as it was written.
        path: String,
        /// The known path that is most like it.
        nearest: Option<String>,
    },
    /// A value that is understood, but that this version does not serve.
    #[error("{key}{value} is not available in this version yet: {instead}")]
    NotYetAvailable {
        /// The key.
        key: &'static str,
        /// The value with its sign, ` = "jwt"`, or empty where any value is meant.
        value: &'static str,
        /// What can be done instead.
        instead: &'static str,
    },
}

/// One thing that is wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{place}: {fault}")]
pub struct ConfigError {
    /// Where.
    pub place: Place,
    /// What.
    pub fault: Fault,
}

/// Everything that is wrong, ordered by place; never empty. It prints one problem a line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct ConfigErrors(Vec<ConfigError>);

/// Where each key was set. A key that nobody set is at [`Place::Default`].
#[derive(Clone, Debug, Default)]
pub struct Places(BTreeMap<String, Place>);

impl ConfigError {
    /// A value that cannot be used.
    pub(super) fn invalid(place: Place, key: impl Into<String>, problem: impl Into<String>) -> Self {
        let fault = Fault::Invalid { key: key.into(), problem: problem.into() };
        Self { place, fault }
    }
}

impl ConfigErrors {
    /// Puts the problems in order; `Ok` when there are none.
    pub(super) fn none_of(mut problems: Vec<ConfigError>) -> Result<(), Self> {
        problems.sort_by(|one, other| one.place.cmp(&other.place));
        if problems.is_empty() { Ok(()) } else { Err(Self(problems)) }
    }

    /// The problems.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.0.iter()
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

impl Places {
    /// Where this key was set.
    pub fn of(&self, key: &str) -> Place {
        self.0.get(key).cloned().unwrap_or_default()
    }

    /// Whether somebody set this key.
    pub fn is_set(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Where this key, or its `_file`, or something below it was set.
    pub(super) fn nearest_to(&self, key: &str) -> Place {
        let file_key = format!("{key}_file");
        let is_near = |name: &str| name == key || name == file_key || name.starts_with(&format!("{key}["));
        let near = self.0.iter().find(|(name, _)| is_near(name));
        near.map(|(_, place)| place.clone()).unwrap_or_default()
    }

    #[cfg(test)]
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(super) fn remember(&mut self, key: &str, place: Place) {
        self.0.insert(key.to_owned(), place);
    }
}

impl Place {
    /// The layer, from the first to the last.
    pub(super) fn layer(&self) -> u8 {
        match self {
            Self::Default => 0,
            Self::File { .. } => 1,
            Self::Environment(_) => 2,
            Self::Flag => 3,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("by default"),
            Self::File { path, line: 0 } => write!(formatter, "{}", path.display()),
            Self::File { path, line } => write!(formatter, "{}:{line}", path.display()),
            Self::Environment(name) => formatter.write_str(name),
            Self::Flag => formatter.write_str("command line"),
        }
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(formatter, "{separator}{error}")?;
        }
        Ok(())
    }
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!("; did you mean {nearest}?"))
}
