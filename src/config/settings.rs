//! `[settings]`: initial values of live settings, by Magento's path, for a fresh data folder.

use std::collections::BTreeMap;

use crate::config::error::{ConfigError, Fault, Place};
use crate::config::layers::Entry;
use crate::config::raw::Raw;
use crate::config::reader::Reader;
use crate::config::unknown::nearest;
use crate::settings::{DEFINITIONS, Definition};

/// The section's name.
const SECTION: &str = "settings";

/// Initial values of live settings at the default scope, by Magento's path. They fill a fresh data folder; afterwards
/// the data folder holds.
#[derive(Clone, Debug, Default)]
pub struct InitialSettings(BTreeMap<&'static str, String>);

impl InitialSettings {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let mut settings = Self::default();
        for (path, entry) in reader.everything_below(SECTION) {
            match initial(&path, entry) {
                Ok((definition, value)) => drop(settings.0.insert(definition.path, value)),
                Err(problem) => reader.problems.push(problem),
            }
        }
        settings
    }

    /// Paths and values, ordered by path.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(path, value)| (*path, value.as_str()))
    }
}

fn initial(path: &str, Entry { place, raw }: Entry) -> Result<(&'static Definition, String), ConfigError> {
    if !matches!(place, Place::File { .. }) {
        let problem = "can be set in the file only; a running server's settings by `tokenward setting set`";
        return Err(ConfigError::invalid(place, SECTION, problem));
    }
    let Some(definition) = Definition::of(path) else {
        let known = DEFINITIONS.iter().map(|definition| definition.path);
        let fault = Fault::UnknownSetting {
            path: path.to_owned(),
            nearest: nearest(path, known).map(|path| format!("\"{path}\"")),
        };
        return Err(ConfigError { place, fault });
    };
    let invalid = |place, problem: String| ConfigError::invalid(place, format!("\"{path}\""), problem);
    match as_text(&raw) {
        Some(value) => Ok((definition, value)),
        None => Err(invalid(place, format!("must be text, a number, true or false, not {}", raw.kind()))),
    }
}

/// The value as Magento stores it: as text.
fn as_text(raw: &Raw) -> Option<String> {
    match raw {
        Raw::Text(text) | Raw::Fraction(text) => Some(text.clone()),
        Raw::Integer(number) => Some(number.to_string()),
        Raw::Boolean(value) => Some(u8::from(*value).to_string()),
        Raw::Untyped(_) | Raw::List(_) | Raw::Table | Raw::Date => None,
    }
}
