//! The file.

use std::fmt;
use std::path::Path;

use serde::de::{Error, MapAccess, SeqAccess, Visitor, value};
use serde::{Deserialize, Deserializer};

use crate::accounts::seed::SeedError;
use crate::secret::Password;

/// A seed as it was read. Unknown keys are refused.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seed {
    /// Websites; if there are any, they take the place of `base`.
    pub websites: Vec<SeededWebsite>,
    /// Store views; if there are any, they take the place of `default`, which belongs to the first website otherwise.
    /// The first of a website is its default one.
    pub stores: Vec<SeededStore>,
    /// Roles beside `Administrators`, which may do everything.
    pub roles: Vec<SeededRole>,
    /// Customers.
    pub customers: Vec<SeededCustomer>,
    /// Administrators.
    pub administrators: Vec<SeededAdministrator>,
    /// Settings: a table of values by path, or a list with scopes.
    #[serde(deserialize_with = "settings")]
    pub settings: Vec<SeededSetting>,
}

/// A website.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeededWebsite {
    /// Its code.
    pub code: String,
    /// Its name; the code when it has none.
    pub name: Option<String>,
    /// Whether it is the default one; the first is when none says so.
    #[serde(default)]
    pub default: bool,
}

/// A store view.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeededStore {
    /// Its code.
    pub code: String,
    /// The code of its website; needless when there is only one.
    pub website: Option<String>,
    /// Its name; the code when it has none.
    pub name: Option<String>,
    /// Whether customers may see it.
    #[serde(default = "yes")]
    pub active: bool,
}

/// A role.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeededRole {
    /// Its name.
    pub name: String,
    /// The resources that it allows.
    #[serde(default)]
    pub allow: Vec<String>,
    /// Resources that it names and refuses; one that is not named is refused all the same.
    #[serde(default)]
    pub deny: Vec<String>,
}

/// A customer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeededCustomer {
    /// E-mail address.
    pub email: String,
    /// The password in clear.
    #[serde(default, deserialize_with = "password")]
    pub password: Option<Password>,
    /// Or its hash in Magento's format.
    pub password_hash: Option<String>,
    /// The code of the website; the default one without.
    pub website: Option<String>,
    /// The customer group; "General" without.
    pub group_id: Option<u32>,
    /// First name.
    pub firstname: Option<String>,
    /// Middle name.
    pub middlename: Option<String>,
    /// Last name.
    pub lastname: Option<String>,
    /// Form of address before the name.
    pub prefix: Option<String>,
    /// What follows the name.
    pub suffix: Option<String>,
    /// Date of birth, `YYYY-MM-DD`.
    pub date_of_birth: Option<String>,
    /// Magento's number of the gender.
    pub gender: Option<u16>,
    /// Tax number.
    pub taxvat: Option<String>,
    /// Whether the address is confirmed.
    #[serde(default = "yes")]
    pub confirmed: bool,
    /// Whether the account is active.
    #[serde(default = "yes")]
    pub active: bool,
}

/// An administrator.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeededAdministrator {
    /// User name.
    pub username: String,
    /// E-mail address.
    pub email: String,
    /// The password in clear.
    #[serde(default, deserialize_with = "password")]
    pub password: Option<Password>,
    /// Or its hash in Magento's format.
    pub password_hash: Option<String>,
    /// First name.
    pub firstname: Option<String>,
    /// Last name.
    pub lastname: Option<String>,
    /// The name of the role; one that allows everything without.
    pub role: Option<String>,
    /// Whether the account is active.
    #[serde(default = "yes")]
    pub active: bool,
}

/// The value of a setting.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeededSetting {
    /// Magento's path.
    pub path: String,
    /// `default`, `websites/<code>` or `stores/<code>`.
    #[serde(default = "everybody")]
    pub scope: String,
    /// The value: text, a number, or yes and no as `true` and `false`.
    #[serde(deserialize_with = "text_of_value")]
    pub value: String,
}

impl Seed {
    /// Reads a file.
    ///
    /// # Errors
    /// [`SeedError::Unreadable`] and [`SeedError::Malformed`].
    pub fn read(path: &Path) -> Result<Self, SeedError> {
        let text = std::fs::read_to_string(path).map_err(|cause| SeedError::Unreadable { cause })?;
        Self::parse(&text)
    }

    /// Reads TOML.
    ///
    /// # Errors
    /// [`SeedError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, SeedError> {
        toml::from_str(text).map_err(|error: toml::de::Error| {
            let start = error.span().map_or(0, |span| span.start);
            SeedError::Malformed {
                line: text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1,
                problem: with_nearest(error.message()),
            }
        })
    }
}

/// Names the known key that is most like an unknown one. The message quotes the unknown key first, and then those there
/// are; where it says anything else, it stays as it is.
fn with_nearest(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = quoted.next().filter(|_| message.starts_with("unknown field"));
    let nearest = unknown.and_then(|unknown| {
        let alike = quoted.map(|known| (strsim::normalized_damerau_levenshtein(unknown, known), known));
        alike.filter(|(likeness, _)| *likeness >= LIKE_ENOUGH).max_by(|(one, _), (other, _)| one.total_cmp(other))
    });
    nearest.map_or_else(|| message.to_owned(), |(_, known)| format!("{message}; did you mean {known}?"))
}

/// Below this likeness (0 to 1) a suggestion would puzzle more than help.
const LIKE_ENOUGH: f64 = 0.6;

fn yes() -> bool {
    true
}

fn everybody() -> String {
    "default".to_owned()
}

/// A password that is no text is refused without being quoted.
fn password<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Password>, D::Error> {
    match toml::Value::deserialize(deserializer)? {
        toml::Value::String(text) => Ok(Some(Password::new(text))),
        _ => Err(D::Error::custom("a password is text: put it in quotes")),
    }
}

fn text_of_value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match toml::Value::deserialize(deserializer)? {
        toml::Value::String(text) => Ok(text),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Float(number) => Ok(number.to_string()),
        toml::Value::Boolean(yes) => Ok(u8::from(yes).to_string()),
        _ => Err(D::Error::custom("the value of a setting is text or a number")),
    }
}

fn settings<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SeededSetting>, D::Error> {
    deserializer.deserialize_any(Settings)
}

/// Takes settings in both forms.
struct Settings;

impl<'de> Visitor<'de> for Settings {
    type Value = Vec<SeededSetting>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a table of values by path, or a list of settings")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        Vec::deserialize(value::SeqAccessDeserializer::new(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Self::Value, A::Error> {
        let mut settings = Vec::new();
        while let Some(path) = table.next_key()? {
            let Text(value) = table.next_value()?;
            settings.push(SeededSetting { path, scope: everybody(), value });
        }
        Ok(settings)
    }
}

#[derive(Deserialize)]
struct Text(#[serde(deserialize_with = "text_of_value")] String);
