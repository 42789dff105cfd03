//! Second factors of administrators, in `tfa_user_config` (fact sheet 8.7, 9.5). A shop may have none: the table is
//! optional.
//!
//! Content that cannot be read counts as an empty configuration, as in Magento: such an administrator has no second factor
//! to show, and gets no token where one is required.

use serde_json::Value;
use sqlx::{Error, MySqlConnection};
use tracing::warn;

use crate::accounts::magento::row::text;
use crate::accounts::magento::store::Tables;
use crate::accounts::{Authenticator, SecondFactor};
use crate::magento::InstallationKey;
use crate::secret::Secret;

/// The table.
pub(super) const TABLE: &str = "tfa_user_config";

/// What is stored for an administrator; `None` when there is no row.
pub(super) async fn stored(
    connection: &mut MySqlConnection,
    tables: &Tables,
    administrator: u32,
) -> Result<Option<Secret>, Error> {
    // There is one row for each; no index says so.
    let sql = format!("SELECT encoded_config FROM {{{TABLE}}} WHERE user_id = ? ORDER BY config_id LIMIT 1");
    let row = sqlx::query(tables.sql(&sql)).bind(administrator).fetch_optional(connection).await?;
    row.map(|row| Ok(Secret::new(text(&row, "encoded_config")?.unwrap_or_default()))).transpose()
}

/// The providers that this configuration activates.
pub(super) fn read(encoded: &Secret, administrator: u32, key: Option<&InstallationKey>) -> SecondFactor {
    let Some(configuration) = opened(encoded.expose(), key) else {
        if !encoded.expose().is_empty() {
            warn!(administrator, "the second factor of an administrator cannot be read, and is as good as none");
        }
        return SecondFactor::default();
    };
    let active = |code| configuration.get(code).filter(|provider| provider.get("active").is_some_and(is_truthy));
    SecondFactor {
        google: active("google").map(|google| Authenticator {
            secret: secret(google.get("secret").and_then(Value::as_str).unwrap_or_default(), key),
            window: google.get("window").and_then(seconds),
        }),
        u2f_key: active("u2fkey").is_some(),
    }
}

/// The configuration, which old rows hold in clear.
fn opened(encoded: &str, key: Option<&InstallationKey>) -> Option<Value> {
    let parsed = |text: &str| serde_json::from_str(text).ok().filter(Value::is_object);
    parsed(encoded).or_else(|| parsed(&key?.decrypt(encoded).ok()?))
}

/// The secret is encrypted once more, but in old rows: base32 has no colons, and what is encrypted has.
fn secret(stored: &str, key: Option<&InstallationKey>) -> Secret {
    if !stored.contains(':') {
        return Secret::new(stored.to_owned());
    }
    let opened = key.and_then(|key| key.decrypt(stored).ok());
    Secret::new(opened.map(|text| text.as_str().to_owned()).unwrap_or_default())
}

/// What PHP takes for true.
fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !matches!(text.as_str(), "" | "0"),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

fn seconds(value: &Value) -> Option<u32> {
    match value {
        Value::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key() -> InstallationKey {
        InstallationKey::parse("kit0old0key0kit0old0key0kit0old0 g9mY9KLrcuAVJfsmVUSRkKFLDdUPVkaZ").unwrap()
    }

    fn read(encoded: &str) -> SecondFactor {
        super::read(&Secret::new(encoded.to_owned()), 1, Some(&key()))
    }

    fn secret_of(encoded: &str) -> Option<String> {
        read(encoded).google.map(|google| google.secret.expose().to_owned())
    }

    #[test]
    fn a_secret_is_read_whether_it_is_encrypted_twice_once_or_not_at_all() {
        let inner = key().encrypt("MFRGG43F").unwrap();
        for secret in [inner.as_str(), "MFRGG43F"] {
            let clear = json!({ "google": { "secret": secret, "active": true } }).to_string();
            for stored in [key().encrypt(&clear).unwrap(), clear] {
                assert_eq!(secret_of(&stored).as_deref(), Some("MFRGG43F"), "{stored}");
            }
        }
    }

    #[test]
    fn what_cannot_be_read_is_an_empty_configuration() {
        let another = InstallationKey::parse("abcdefghijabcdefghijabcdefghijab").unwrap();
        let strange = another.encrypt(r#"{"google":{"secret":"MFRGG43F","active":true}}"#).unwrap();
        for stored in ["", "null", "[]", "0:3:", "1:2:AAAA", "9:3:AAAA", &strange, "{\"google\":", "{\"google\":7}"] {
            let shown = read(stored);
            assert!(shown.google.is_none() && !shown.u2f_key, "{stored}");
        }
        let whole = json!({ "google": { "secret": another.encrypt("MFRGG43F").unwrap(), "active": true } });
        assert_eq!(secret_of(&whole.to_string()).as_deref(), Some(""), "activated, and good for nothing");
        assert!(super::read(&Secret::new(key().encrypt("{}").unwrap()), 1, None).google.is_none());
    }

    #[test]
    fn a_provider_is_active_when_php_says_so() {
        for (active, expected) in [
            (json!(true), true),
            (json!(1), true),
            (json!("1"), true),
            (json!("false"), true),
            (json!(false), false),
            (json!(0), false),
            (json!("0"), false),
            (json!(""), false),
            (json!(null), false),
            (json!([]), false),
        ] {
            let provider = json!({ "secret": "MFRGG43F", "active": active });
            let shown = read(&json!({ "google": provider, "u2fkey": provider, "duo_security": provider }).to_string());
            assert_eq!((shown.google.is_some(), shown.u2f_key), (expected, expected), "{active}");
        }
    }

    #[test]
    fn a_window_of_ones_own_is_a_number_or_digits() {
        for (window, expected) in [(json!(7), Some(7)), (json!("7"), Some(7)), (json!(-1), None), (json!("x"), None)] {
            let stored = json!({ "google": { "secret": "MFRGG43F", "active": true, "window": window } });
            assert_eq!(read(&stored.to_string()).google.unwrap().window, expected);
        }
    }
}
