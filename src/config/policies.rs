//! `[[policies]]`: what a gateway can ask for by name, `/check/policy/<name>`.

use std::collections::BTreeMap;

use crate::config::choice::one_of;
use crate::config::raw::Raw;
use crate::config::reader::Reader;
use crate::config::value::{Parsed, boolean, mismatch, some_text, text};
use crate::decision::{Policy, Requirement};

/// The policies that are always there, and what they require.
const BUILT_IN: [(&str, Requirement); 4] = [
    ("any", Requirement::Any),
    ("customer", Requirement::Customer),
    ("admin", Requirement::Admin),
    ("storefront", Requirement::GuestOk),
];

/// All policies by name, the built-in ones `any`, `customer`, `admin` and `storefront` included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policies(BTreeMap<String, Policy>);

impl Default for Policies {
    fn default() -> Self {
        let policy = |require| Policy { require, ..Policy::default() };
        let built_in = BUILT_IN.map(|(name, require)| (name.to_owned(), policy(require)));
        Self(built_in.into())
    }
}

impl Policies {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let mut policies = Self::default();
        for index in 0..reader.tables("policies") {
            policies.read_one(reader, &format!("policies[{index}]"));
        }
        policies
    }

    /// Names and policies, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Policy)> {
        self.0.iter().map(|(name, policy)| (name.as_str(), policy))
    }

    /// The policy with this name.
    pub fn named(&self, name: &str) -> Option<&Policy> {
        self.0.get(name)
    }

    fn read_one(&mut self, reader: &mut Reader, table: &str) {
        let policy = read_policy(reader, table);
        let key = format!("{table}.name");
        let problems = reader.problems.len();
        match reader.read(&key, policy_name) {
            None if reader.problems.len() == problems => {
                reader.report(reader.place_of_table(table), &key, "is missing: a policy is asked for by its name");
            }
            None => {}
            Some(name) => match self.why_not(&name) {
                Some(problem) => reader.report(reader.places.of(&key), &key, problem),
                None => drop(self.0.insert(name, policy)),
            },
        }
    }

    fn why_not(&self, name: &str) -> Option<String> {
        if BUILT_IN.iter().any(|(built_in, _)| *built_in == name) {
            return Some(format!("\"{name}\" is built in: choose another name"));
        }
        self.0.contains_key(name).then(|| format!("\"{name}\" is there twice: choose another name"))
    }
}

fn read_policy(reader: &mut Reader, table: &str) -> Policy {
    let key = |name: &str| format!("{table}.{name}");
    let policy = Policy {
        require: reader.read(&key("require"), one_of).unwrap_or_default(),
        website: reader.read(&key("website"), text),
        acl: reader.read(&key("acl"), text),
        observe: reader.read(&key("observe"), boolean).unwrap_or_default(),
        other_schemes: reader.read(&key("other_schemes"), one_of).unwrap_or_default(),
        exchange: reader.read(&key("exchange"), one_of),
    };
    let contradiction = match policy.require {
        Requirement::Customer if policy.acl.is_some() => Some(("acl", "administrators and integrations")),
        Requirement::Admin if policy.website.is_some() => Some(("website", "customers")),
        _ => None,
    };
    if let Some((name, whom)) = contradiction {
        let problem = format!("is about {whom}, whom this policy's `require` does not let through");
        reader.report(reader.places.of(&key(name)), &key(name), problem);
    }
    policy
}

/// A name stands in a path, so it is made of characters that a path need not escape.
fn policy_name(raw: &Raw) -> Parsed<String> {
    let expected = "a name of letters, digits, - and _";
    let name = some_text(raw, expected)?;
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if is_plain { Ok(name.to_owned()) } else { Err(mismatch(expected, raw)) }
}
