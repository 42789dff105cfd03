//! What was written and nobody asked for, with the key that was probably meant.

use std::collections::BTreeSet;

use strsim::normalized_damerau_levenshtein;

use crate::config::error::{ConfigError, Fault, Place};
use crate::config::layers::variable_of;
use crate::config::reader::Reader;

/// Below this likeness (0 to 1) a suggestion would puzzle more than help.
const LIKE_ENOUGH: f64 = 0.6;
/// The same for the last part of a key alone.
const NAMES_LIKE_ENOUGH: f64 = 0.35;
/// The likeness of a key that is right except for its section.
const OTHER_SECTION: f64 = 0.9;

/// Reports whatever is left in the layers after all sections have been read.
pub(super) fn report_unknown(reader: &mut Reader) {
    let tables = unknown_tables(reader);
    let inside = |key: &str| tables.iter().any(|(table, _)| is_below(key, table));
    let keys: Vec<_> = std::mem::take(&mut reader.layers.entries)
        .into_iter()
        .filter(|(key, _)| !inside(key))
        .map(|(key, entry)| unknown(&reader.known, &key, entry.place))
        .collect();
    let tables = tables.iter().map(|(path, place)| unknown(&reader.known, path, place.clone()));
    let variables = reader.layers.strays.iter().filter_map(|name| stray(&reader.known, name));
    let problems: Vec<_> = keys.into_iter().chain(tables).chain(variables).collect();
    reader.problems.extend(problems);
}

/// The most similar of some candidates, if one is similar enough.
fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (likeness(wanted, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= LIKE_ENOUGH)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}

/// The outermost tables that no known key is below.
fn unknown_tables(reader: &Reader) -> Vec<(String, Place)> {
    let sections = sections(&reader.known);
    let mut unknown: Vec<(String, Place)> = Vec::new();
    for (path, place) in &reader.layers.tables {
        // What is below a section whose keys are free has been reported by that section.
        let reported = path.starts_with("settings.") || unknown.iter().any(|(outer, _)| is_below(path, outer));
        if !sections.contains(path) && !reported {
            unknown.push((path.clone(), place.clone()));
        }
    }
    unknown
}

fn unknown(known: &BTreeSet<String>, key: &str, place: Place) -> ConfigError {
    let sections = sections(known);
    if sections.contains(key) {
        return ConfigError::invalid(place, key, "is a section: set the keys in it");
    }
    if known.contains(key) {
        return ConfigError::invalid(place, key, "is a key, not a section");
    }
    let wanted = key.to_lowercase().replace("__", ".");
    let candidates = known.iter().chain(&sections).map(String::as_str);
    let nearest = nearest(&wanted, candidates).map(|nearest| match place {
        Place::Environment(_) => variable_of(nearest),
        _ => nearest.to_owned(),
    });
    let key = key.to_owned();
    let fault = Fault::UnknownKey { key, nearest };
    ConfigError { place, fault }
}

/// A variable that would be one of ours, had it two underscores where it has one.
fn stray(known: &BTreeSet<String>, name: &str) -> Option<ConfigError> {
    let letters = |name: &str| name.replace('_', "").to_uppercase();
    let nearest = known.iter().map(|key| variable_of(key)).find(|variable| letters(variable) == letters(name))?;
    Some(ConfigError { place: Place::Environment(name.to_owned()), fault: Fault::UnknownVariable { nearest } })
}

/// Everything that keys are in, `settings` included: its keys are not ours.
fn sections(known: &BTreeSet<String>) -> BTreeSet<String> {
    let above = |key: &String| {
        let ends = key.match_indices('.').map(|(end, _)| key[..end].to_owned());
        ends.collect::<Vec<_>>()
    };
    known.iter().flat_map(above).chain(["settings".to_owned()]).collect()
}

/// How like two keys are, from 0 to 1. A long section that both are in must not make up for names that are unlike.
fn likeness(wanted: &str, candidate: &str) -> f64 {
    let name = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let (wanted_name, candidate_name) = (name(wanted), name(candidate));
    if wanted_name == candidate_name {
        return OTHER_SECTION;
    }
    match normalized_damerau_levenshtein(&wanted_name, &candidate_name) {
        names if names >= NAMES_LIKE_ENOUGH => normalized_damerau_levenshtein(wanted, candidate),
        _ => 0.0,
    }
}

fn is_below(key: &str, table: &str) -> bool {
    key.strip_prefix(table).is_some_and(|rest| rest.starts_with(['.', '[']))
}
