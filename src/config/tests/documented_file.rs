//! `tokenward.toml` says all there is, and says it right.

use std::collections::BTreeSet;

use super::*;
use crate::config::reader::Reader;

const DOCUMENTED: &str = include_str!("../../../tokenward.toml");

/// The file with its commented keys uncommented, as far as `keep` says so of a key's line and the comment before it.
fn uncommented(keep: impl Fn(&str, &str) -> bool) -> String {
    let mut comment = String::new();
    let mut text = String::new();
    for line in DOCUMENTED.lines() {
        match line.strip_prefix('#') {
            Some(prose) if prose.is_empty() || prose.starts_with(' ') => comment += prose,
            Some(key) if keep(key, &comment) => text += key,
            Some(_) => {}
            None => {
                text += line;
                comment.clear();
            }
        }
        text += "\n";
    }
    text
}

fn reader_of(text: &str) -> Reader {
    let mut layers = Layers::default();
    layers.add_document(Path::new("tokenward.toml"), text);
    Reader::new(layers)
}

/// Everything but where it was set.
fn without_places(mut config: Config) -> String {
    config.places = crate::config::Places::default();
    format!("{config:?}")
}

#[test]
fn as_it_is_it_says_the_defaults() {
    assert_eq!(without_places(from_text(DOCUMENTED).unwrap()), without_places(Config::default()));
}

#[test]
fn the_defaults_it_shows_are_the_defaults() {
    let text = uncommented(|_, comment| !["No default", "Default: "].iter().any(|says| comment.contains(says)));
    assert!(text.lines().filter(|line| line.contains(" = ")).count() > 15, "{text}");
    assert_eq!(without_places(from_text(&text).unwrap()), without_places(Config::default()));
}

#[test]
fn uncommented_it_is_good_and_sets_every_key() {
    let text = uncommented(|key, _| !key.contains("_file = "));
    from_text(&text).unwrap();
    let mut reader = reader_of(&text);
    Config::read(&mut reader);
    let set: BTreeSet<&str> = reader.places.keys().map(in_any_table).collect();
    let files = reader.known.iter().filter(|key| key.ends_with("_file"));
    let documented = |key: &str| {
        let last = key.rsplit('.').next().unwrap();
        DOCUMENTED.lines().any(|line| line.starts_with(&format!("#{last} = ")))
    };
    for key in files {
        assert!(documented(key), "{key} is not in tokenward.toml");
    }
    for key in reader.known.iter().filter(|key| !key.ends_with("_file")) {
        let is_list_of_tables = ["policies", "clients"].contains(&key.as_str());
        assert!(is_list_of_tables || set.contains(in_any_table(key)), "{key} is not in tokenward.toml");
    }
}

/// `name` of `policies[0].name`: a table among several need not set every key.
fn in_any_table(key: &str) -> &str {
    key.split_once("].").map_or(key, |(_, key)| key)
}
