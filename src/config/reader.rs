//! Takes the values out of the layers, one key at a time.
//!
//! What nobody has asked for in the end is not a key. So each key is written down in one place only: where its section
//! reads it.

use std::collections::BTreeSet;

use crate::config::error::{ConfigError, Place, Places};
use crate::config::layers::{Entry, Layers};
use crate::config::raw::Raw;
use crate::config::value::{self, Parsed};

/// Reads keys, and remembers which were asked for, where they were set, and what is wrong with them.
pub(super) struct Reader {
    pub(super) layers: Layers,
    pub(super) known: BTreeSet<String>,
    pub(super) places: Places,
    pub(super) problems: Vec<ConfigError>,
}

impl Reader {
    pub(super) fn new(mut layers: Layers) -> Self {
        let problems = std::mem::take(&mut layers.problems);
        Self { layers, known: BTreeSet::new(), places: Places::default(), problems }
    }

    /// The value of a key, when it is set and good. What is wrong with it is reported.
    pub(super) fn read<T>(&mut self, key: &str, parse: impl Fn(&Raw) -> Parsed<T>) -> Option<T> {
        let entry = self.take(key)?;
        self.keep(key, entry.place, parse(&entry.raw))
    }

    /// A secret: given itself, or as `<key>_file`, the file that holds it. A line break at the file's end is not part
    /// of it. The later layer wins; both in one layer are refused.
    pub(super) fn secret(&mut self, key: &str) -> Option<String> {
        let file_key = format!("{key}_file");
        match (self.take(key), self.take(&file_key)) {
            (Some(given), Some(file)) if given.place.layer() == file.place.layer() => {
                let problem = format!("and {file_key} are both set: keep one of them");
                self.report(given.place.max(file.place), key, problem);
                None
            }
            (Some(given), Some(file)) if given.place < file.place => self.secret_in_file(&file_key, file),
            (Some(given), _) => self.keep(key, given.place, value::secret(&given.raw)),
            (None, file) => self.secret_in_file(&file_key, file?),
        }
    }

    /// How many tables a list of tables has; their keys are `policies[0].name` and so on.
    pub(super) fn tables(&mut self, key: &str) -> usize {
        let value = self.take(key).filter(|entry| !entry.raw.is_empty_list());
        let single = self.layers.tables.remove(key);
        if let Some(place) = single.or_else(|| value.map(|entry| entry.place)) {
            drop(self.everything_below(key));
            self.report(place, key, format!("is a list of tables: write [[{key}]] in the file"));
        }
        let is_there = |index: &usize| self.layers.tables.contains_key(&format!("{key}[{index}]"));
        (0..self.layers.tables.len()).take_while(is_there).count()
    }

    /// All keys below a section whose keys are not ours to name, without the section's name.
    pub(super) fn everything_below(&mut self, section: &str) -> Vec<(String, Entry)> {
        let prefix = format!("{section}.");
        let below = self.layers.entries.extract_if(.., |key, _| key.starts_with(&prefix));
        below.map(|(key, entry)| (key[prefix.len()..].to_owned(), entry)).collect()
    }

    /// Where a table of the file begins.
    pub(super) fn place_of_table(&self, path: &str) -> Place {
        self.layers.tables.get(path).cloned().unwrap_or_default()
    }

    /// Reports a value that cannot be used.
    pub(super) fn report(&mut self, place: Place, key: &str, problem: impl Into<String>) {
        self.problems.push(ConfigError::invalid(place, key, problem));
    }

    fn take(&mut self, key: &str) -> Option<Entry> {
        self.known.insert(key.to_owned());
        self.layers.entries.remove(key)
    }

    fn keep<T>(&mut self, key: &str, place: Place, value: Parsed<T>) -> Option<T> {
        match value {
            Ok(value) => {
                self.places.remember(key, place);
                Some(value)
            }
            Err(problem) => {
                self.report(place, key, problem);
                None
            }
        }
    }

    fn secret_in_file(&mut self, file_key: &str, file: Entry) -> Option<String> {
        self.keep(file_key, file.place, value::secret_in_file(&file.raw))
    }
}
