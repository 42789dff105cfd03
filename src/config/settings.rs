//! `[settings]`: initial values of live settings, by Magento's path, for a fresh data folder.

use std::collections::BTreeMap;

use crate::config::error::{ConfigError, Fault, Place};
use crate::config::layers::Entry;
use crate::config::raw::Raw;
use crate::config::reader::Reader;
use crate::settings::Definition;

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
            match initial(&path, &entry) {
                Ok((path, value)) => {
                    reader.places.remember(&format!("{SECTION}.{path}"), entry.place);
                    settings.0.insert(path, value);
                }
                Err(fault) => reader.problems.push(ConfigError { place: entry.place, fault }),
            }
        }
        settings
    }

    /// Paths and values, ordered by path.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(path, value)| (*path, value.as_str()))
    }

    /// The initial value of a setting.
    pub fn value(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }
}

fn initial(path: &str, entry: &Entry) -> Result<(&'static str, String), Fault> {
    let invalid = |key: String, problem: String| Fault::Invalid { key, problem };
    if !matches!(entry.place, Place::File { .. }) {
        let problem = "can be set in the file only, and while the server runs by `tokenward setting`";
        return Err(invalid(SECTION.to_owned(), problem.to_owned()));
    }
    let definition = Definition::of(path).ok_or_else(|| Fault::UnknownSetting {
        path: path.to_owned(),
        nearest: Definition::nearest(path).map(|path| format!("\"{path}\"")),
    })?;
    let value = as_text(&entry.raw).ok_or_else(|| {
        let problem = format!("must be text, a number, true or false, not {}", entry.raw.kind());
        invalid(format!("\"{path}\""), problem)
    })?;
    match definition.validate(&value) {
        Ok(()) => Ok((definition.path, value)),
        Err(refusal) => Err(invalid(format!("\"{path}\" = {}:", entry.raw.shown()), refusal.problem)),
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
