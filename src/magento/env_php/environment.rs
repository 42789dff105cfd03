//! Magento's environment variables (fact sheet 8.6).

use std::fmt;

use zeroize::Zeroizing;

use crate::magento::env_php::{Key, ScopeCode, SystemValue, Value};

/// `MAGENTO_DC_DB__CONNECTION__DEFAULT__HOST` stands for `db/connection/default/host`.
const DEPLOYMENT: &str = "MAGENTO_DC_";

/// A JSON object whose members take the place of whole sections of the file.
const OVERRIDE: &str = "MAGENTO_DC__OVERRIDE";

/// `CONFIG__DEFAULT__WEB__UNSECURE__BASE_URL` is a setting.
const SETTING: &str = "CONFIG__";

/// The environment of a process, as far as it is text.
#[derive(Clone, Default)]
pub struct Environment(Vec<(String, Zeroizing<String>)>);

impl Environment {
    /// These variables.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name, Zeroizing::new(value))).collect())
    }

    /// The value of a variable.
    pub(super) fn variable(&self, name: &str) -> Option<&Zeroizing<String>> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// What takes the place of whole sections. JSON that cannot be read counts as absent, as in Magento.
    pub(super) fn replaced_sections(&self) -> Option<Value> {
        let text = self.variable(OVERRIDE)?;
        let json: serde_json::Value = serde_json::from_str(text).ok()?;
        json.is_object().then(|| from_json(json))
    }

    /// The value that a variable gives to a path such as `crypt/key`. An empty one counts: Magento takes it, too.
    pub(super) fn deployment_value(&self, path: &str) -> Option<&Zeroizing<String>> {
        let matches =
            |name: &str| name != OVERRIDE && name.strip_prefix(DEPLOYMENT).is_some_and(|rest| is_path(rest, path));
        self.0.iter().find(|(name, _)| matches(name)).map(|(_, value)| value)
    }

    /// Settings, in the order of their variables.
    pub(super) fn settings(&self) -> impl Iterator<Item = SystemValue> {
        self.0.iter().filter_map(|(name, value)| {
            let path = name.strip_prefix(SETTING)?.to_ascii_lowercase().replace("__", "/");
            let (scope, path) = ScopeCode::split(&path)?;
            Some(SystemValue { scope, path: path.to_owned(), value: value.clone() })
        })
    }
}

/// Whether the rest of a variable's name stands for this path.
fn is_path(name: &str, path: &str) -> bool {
    name.to_ascii_lowercase().replace("__", "/") == path
}

fn from_json(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(flag) => Value::Boolean(flag),
        serde_json::Value::Number(number) => {
            number.as_i64().map_or_else(|| Value::Fraction(number.as_f64().unwrap_or_default()), Value::Integer)
        }
        serde_json::Value::String(text) => Value::text(text),
        serde_json::Value::Array(items) => {
            Value::Array((0..).map(Key::Number).zip(items.into_iter().map(from_json)).collect())
        }
        serde_json::Value::Object(members) => {
            Value::Array(members.into_iter().map(|(key, value)| (Key::of(&key), from_json(value))).collect())
        }
    }
}

/// Prints nothing: passwords and keys are among the values.
impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Environment").finish_non_exhaustive()
    }
}
