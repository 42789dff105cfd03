//! The layers: file, environment, flags, laid over one another key by key.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use crate::config::error::{ConfigError, Fault, Place};
use crate::config::raw::Raw;

/// How the variables of the configuration begin.
const PREFIX: &str = "TOKENWARD__";
/// The variable that names the configuration file.
pub(super) const FILE_VARIABLE: &str = "TOKENWARD_CONFIG";

/// A value and where it was set.
pub(super) struct Entry {
    pub(super) place: Place,
    pub(super) raw: Raw,
}

/// What all layers say together: for each key the value of the last layer that sets it.
#[derive(Default)]
pub(super) struct Layers {
    /// Values by key: `http.cors.allowed_origins`, `policies[0].name`.
    pub(super) entries: BTreeMap<String, Entry>,
    /// The tables of the file, by path.
    pub(super) tables: BTreeMap<String, Place>,
    /// Variables that begin like ours and are none.
    pub(super) strays: Vec<String>,
    /// What was wrong while reading the layers.
    pub(super) problems: Vec<ConfigError>,
}

/// The variable that sets a key.
pub(super) fn variable_of(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_uppercase())
}

impl Layers {
    /// Adds a file. A file that cannot be read, or is not TOML, is one problem and adds nothing.
    pub(super) fn add_file(&mut self, path: &Path) {
        match std::fs::read_to_string(path) {
            Ok(text) => self.add_document(path, &text),
            Err(error) => self.problem(place_in(path, 0), Fault::Unreadable(error.to_string())),
        }
    }

    /// Adds the text of a file.
    pub(super) fn add_document(&mut self, path: &Path, text: &str) {
        let document = Document { path, text };
        match DeTable::parse(text) {
            Ok(root) => self.add_table(&document, "", root.get_ref()),
            Err(error) => {
                let message = error.message().lines().collect::<Vec<_>>().join(", ");
                self.problem(document.place(&error.span().unwrap_or_default()), Fault::Syntax(message));
            }
        }
    }

    fn add_table(&mut self, document: &Document<'_>, parent: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let key = join(parent, name.get_ref());
            self.add_value(document, key, &document.place(&name.span()), value.get_ref());
        }
    }

    fn add_value(&mut self, document: &Document<'_>, key: String, place: &Place, value: &DeValue<'_>) {
        match value {
            DeValue::Table(table) => {
                self.tables.insert(key.clone(), place.clone());
                self.add_table(document, &key, table);
            }
            DeValue::Array(items) if !items.is_empty() && items.iter().all(|item| item.get_ref().is_table()) => {
                for (index, item) in items.iter().enumerate() {
                    let place = document.place(&item.span());
                    self.add_value(document, format!("{key}[{index}]"), &place, item.get_ref());
                }
            }
            _ => self.set(key, place.clone(), Raw::from_toml(value)),
        }
    }

    /// Adds the environment: variables of other programs are passed over.
    pub(super) fn add_environment(&mut self, variables: impl IntoIterator<Item = (OsString, OsString)>) {
        for (name, value) in variables {
            let Ok(name) = name.into_string() else { continue };
            let Some(rest) = name.strip_prefix(PREFIX) else {
                if name.starts_with("TOKENWARD_") && name != FILE_VARIABLE {
                    self.strays.push(name);
                }
                continue;
            };
            let key = key_of(rest);
            let place = Place::Environment(name);
            match value.into_string() {
                Ok(text) => self.set(key, place, Raw::Untyped(text)),
                Err(_) => self.problems.push(ConfigError::invalid(place, key, "must be UTF-8 text")),
            }
        }
    }

    /// Adds what the command line says, as pairs of key and value.
    pub(super) fn add_flags(&mut self, flags: impl IntoIterator<Item = (String, String)>) {
        for (key, value) in flags {
            self.set(key, Place::Flag, Raw::Untyped(value));
        }
    }

    fn set(&mut self, key: String, place: Place, raw: Raw) {
        self.entries.insert(key, Entry { place, raw });
    }

    fn problem(&mut self, place: Place, fault: Fault) {
        self.problems.push(ConfigError { place, fault });
    }
}

/// A file while it is read.
struct Document<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Document<'_> {
    fn place(&self, span: &Range<usize>) -> Place {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        place_in(self.path, before.matches('\n').count() + 1)
    }
}

fn place_in(path: &Path, line: usize) -> Place {
    let path = path.to_owned();
    Place::File { path, line }
}

/// The key that a variable sets, by its name without the prefix. Variables are in upper case; another is no key.
fn key_of(variable: &str) -> String {
    if variable.chars().any(char::is_lowercase) {
        return variable.to_owned();
    }
    variable.replace("__", ".").to_lowercase()
}

/// A name that holds a dot is not two names.
fn join(parent: &str, name: &str) -> String {
    let name = if name.contains(['.', '"']) || name.is_empty() { format!("{name:?}") } else { name.to_owned() };
    if parent.is_empty() { name } else { format!("{parent}.{name}") }
}
