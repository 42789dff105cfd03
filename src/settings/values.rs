//! The values of settings, per scope (fact sheet 8.6).

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::settings::{Definition, StoreDirectory, StoreId, StoreView, WebsiteId};

/// Where a value is set, and for whom it is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// For everybody.
    Default,
    /// For one website.
    Website(WebsiteId),
    /// For one store view.
    Store(StoreId),
}

/// The values that differ from the built-in defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    changed: HashMap<(&'static str, Scope), String>,
}

/// What a change did to a value; `None` is the inherited one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference<'a> {
    /// Magento's path.
    pub path: &'static str,
    /// Where.
    pub scope: Scope,
    /// The value before.
    pub from: Option<&'a str>,
    /// The value after.
    pub to: Option<&'a str>,
}

impl Settings {
    /// The value that is set at exactly this scope, else the built-in default. An unknown path has an empty value.
    pub fn text(&self, path: &str, scope: Scope) -> &str {
        let Some(definition) = Definition::of(path) else {
            return "";
        };
        self.changed.get(&(definition.path, scope)).map_or(definition.default, String::as_str)
    }

    /// The value for a store view: its own, else its website's, else the default scope's, else the built-in default.
    pub fn text_for(&self, path: &str, store: &StoreView) -> &str {
        let Some(definition) = Definition::of(path) else {
            return "";
        };
        [Scope::Store(store.id), Scope::Website(store.website), Scope::Default]
            .into_iter()
            .find_map(|scope| self.changed.get(&(definition.path, scope)))
            .map_or(definition.default, String::as_str)
    }

    /// The value that counts at this scope: the one that is set there, else the inherited one.
    pub fn inherited(&self, path: &str, scope: Scope, stores: &StoreDirectory) -> &str {
        let store = match scope {
            Scope::Store(id) => stores.stores().iter().find(|store| store.id == id),
            Scope::Default | Scope::Website(_) => None,
        };
        store.map_or_else(
            || self.changed(path, scope).unwrap_or_else(|| self.text(path, Scope::Default)),
            |store| self.text_for(path, store),
        )
    }

    /// The value that is set at exactly this scope, if one is.
    pub fn changed(&self, path: &str, scope: Scope) -> Option<&str> {
        let definition = Definition::of(path)?;
        self.changed.get(&(definition.path, scope)).map(String::as_str)
    }

    /// A yes/no setting at the default scope: PHP's idea of true (everything but empty and `0`).
    pub fn flag(&self, path: &str) -> bool {
        is_true(self.text(path, Scope::Default))
    }

    /// A yes/no setting for a store view.
    pub fn flag_for(&self, path: &str, store: &StoreView) -> bool {
        is_true(self.text_for(path, store))
    }

    /// A whole number at the default scope, read as PHP casts text: without its fraction, and 0 when there is none.
    pub fn number(&self, path: &str) -> u32 {
        whole(self.text(path, Scope::Default))
    }

    /// What is set otherwise in `later`, in the order of paths and scopes: default, websites, store views.
    pub fn differences<'a>(&'a self, later: &'a Self) -> Vec<Difference<'a>> {
        let both = self.changed.keys().chain(later.changed.keys());
        let mut places: Vec<_> = both.map(|&(path, scope)| (path, place_of(scope), scope)).collect();
        places.sort_unstable_by_key(|&(path, place, _)| (path, place));
        places.dedup();
        let differences = places.into_iter().map(|(path, _, scope)| Difference {
            path,
            scope,
            from: self.changed(path, scope),
            to: later.changed(path, scope),
        });
        differences.filter(|difference| difference.from != difference.to).collect()
    }

    /// Sets a value; `None` goes back to the inherited one. An unknown path changes nothing.
    pub fn set(&mut self, path: &str, scope: Scope, value: Option<String>) {
        let Some(definition) = Definition::of(path) else { return };
        match value {
            Some(value) => self.changed.insert((definition.path, scope), value),
            None => self.changed.remove(&(definition.path, scope)),
        };
    }
}

/// The place of a scope in the order in which scopes are told.
fn place_of(scope: Scope) -> (u8, u16) {
    match scope {
        Scope::Default => (0, 0),
        Scope::Website(id) => (1, id.0),
        Scope::Store(id) => (2, id.0),
    }
}

/// Every text that is valid for a setting with a number is a number here, and the same one: see
/// [`Definition::validate`]. Others count as far as they begin with digits.
fn whole(text: &str) -> u32 {
    let text = text.trim();
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => truncated(number),
        Ok(_) => 0,
        Err(_) => {
            let text = text.strip_prefix('+').unwrap_or(text);
            let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
            text[..digits].parse().map_or(0, truncated)
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast ends at the bounds, as it should")]
fn truncated(number: f64) -> u32 {
    number as u32
}

fn is_true(value: &str) -> bool {
    !matches!(value, "" | "0")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::StoreDirectory;

    const PATH: &str = "general/locale/code";

    #[test]
    fn what_was_set_changed_and_taken_back_differs_and_nothing_else() {
        let (mut before, mut after) = (Settings::default(), Settings::default());
        let website = Scope::Website(WebsiteId(1));
        for settings in [&mut before, &mut after] {
            settings.set("customer/create_account/confirm", Scope::Default, Some("1".to_owned()));
        }
        before.set(PATH, Scope::Default, Some("de_DE".to_owned()));
        after.set(PATH, Scope::Default, Some("en_GB".to_owned()));
        before.set(PATH, Scope::Store(StoreId(1)), Some("fr_FR".to_owned()));
        after.set(PATH, website, Some(String::new()));
        let told: Vec<_> = before.differences(&after).iter().map(|one| (one.scope, one.from, one.to)).collect();
        let expected = [
            (Scope::Default, Some("de_DE"), Some("en_GB")),
            (website, None, Some("")),
            (Scope::Store(StoreId(1)), Some("fr_FR"), None),
        ];
        assert_eq!(told, expected);
        assert_eq!(before.differences(&before), []);
    }

    #[test]
    fn a_store_view_has_its_own_value_else_its_websites_else_the_default() {
        let directory = StoreDirectory::fresh();
        let store = directory.default_store();
        let mut settings = Settings::default();
        assert_eq!(settings.text_for(PATH, store), "en_US");
        for (scope, value) in
            [(Scope::Default, "a"), (Scope::Website(store.website), "b"), (Scope::Store(store.id), "c")]
        {
            settings.set(PATH, scope, Some(value.to_owned()));
            assert_eq!(settings.text_for(PATH, store), value);
        }
        assert_eq!(settings.text(PATH, Scope::Default), "a");
        settings.set(PATH, Scope::Store(store.id), None);
        assert_eq!(settings.text_for(PATH, store), "b");
    }

    #[test]
    fn an_empty_value_overrides_the_default() {
        let path = "oauth/access_token_lifetime/customer";
        let mut settings = Settings::default();
        settings.set(path, Scope::Default, Some(String::new()));
        assert_eq!(settings.text(path, Scope::Default), "");
        assert_eq!(settings.changed(path, Scope::Default), Some(""));
    }

    #[test]
    fn numbers_are_read_as_php_casts_them() {
        let path = "oauth/authentication_lock/timeout";
        let read = |value: &str| {
            let mut settings = Settings::default();
            settings.set(path, Scope::Default, Some(value.to_owned()));
            settings.number(path)
        };
        assert_eq!(Settings::default().number(path), 1800);
        for (text, number) in [
            ("", 0),
            ("abc", 0),
            ("12abc", 12),
            ("+12abc", 12),
            (" 7 ", 7),
            ("1.9", 1),
            (".9", 0),
            ("+1800", 1800),
            ("1e3", 1000),
            ("1.8E3", 1800),
            ("-5", 0),
            ("inf", 0),
            ("NaN", 0),
            ("1e999", 0),
            ("99999999999", u32::MAX),
            ("99999999999 s", u32::MAX),
        ] {
            assert_eq!(read(text), number, "{text}");
        }
    }

    #[test]
    fn a_path_that_is_not_known_is_empty_and_stays_so() {
        let mut settings = Settings::default();
        settings.set("no/such/path", Scope::Default, Some("1".to_owned()));
        assert_eq!(settings, Settings::default());
        assert!(!settings.flag("no/such/path"));
    }
}
