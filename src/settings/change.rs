//! Whether a setting may be changed as somebody asks.

use thiserror::Error;

use crate::settings::{Definition, InvalidValue, Scope, StoreDirectory};

/// Why a setting cannot be changed like that, in words for whoever asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SettingError {
    /// No setting has this path.
    #[error("there is no setting {path}{}", hint(*.nearest))]
    Unknown {
        /// The path.
        path: String,
        /// What was probably meant.
        nearest: Option<&'static str>,
    },
    /// The value breaks the setting's rules.
    #[error(transparent)]
    Invalid(#[from] InvalidValue),
    /// The setting is not one of a website, or of a store view.
    #[error("the setting {0} cannot be set for this scope: it counts for all store views together")]
    OutOfReach(&'static str),
    /// There is no such website or store view.
    #[error("there is no such website or store view")]
    NoSuchScope,
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |path| format!("; did you mean {path}?"))
}

/// The definition of a setting that may get this value at this scope. `None` takes a value back, which needs no scope
/// that still exists.
///
/// # Errors
/// Any [`SettingError`].
pub fn check(
    path: &str,
    scope: Scope,
    value: Option<&str>,
    directory: &StoreDirectory,
) -> Result<&'static Definition, SettingError> {
    let definition = Definition::of(path)
        .ok_or_else(|| SettingError::Unknown { path: path.to_owned(), nearest: Definition::nearest(path) })?;
    if let Some(value) = value {
        if !directory.has(scope) {
            return Err(SettingError::NoSuchScope);
        }
        if !definition.reaches(scope) {
            return Err(SettingError::OutOfReach(definition.path));
        }
        definition.validate(value)?;
    }
    Ok(definition)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::WebsiteId;

    #[test]
    fn a_change_is_refused_for_its_path_its_scope_or_its_value() {
        let directory = StoreDirectory::fresh();
        let refusal = |path, scope, value| check(path, scope, value, &directory).unwrap_err().to_string();
        let lifetime = "oauth/access_token_lifetime/customer";
        let website = |id| Scope::Website(WebsiteId(id));
        assert!(check(lifetime, Scope::Default, Some("2"), &directory).is_ok());
        assert!(
            refusal("oauth/access_token_lifetime/custmer", Scope::Default, Some("2"))
                .ends_with(&format!("did you mean {lifetime}?"))
        );
        assert!(refusal(lifetime, website(1), Some("2")).contains("cannot be set for this scope"));
        assert_eq!(refusal("general/locale/code", website(9), Some("de_DE")), "there is no such website or store view");
        assert!(refusal(lifetime, Scope::Default, Some("x")).contains("valid number"));
        assert!(check("general/locale/code", website(9), None, &directory).is_ok());
    }

    #[test]
    fn scopes_are_named_as_in_magentos_table() {
        let directory = StoreDirectory::fresh();
        for text in ["default", "websites/base", "stores/default"] {
            let scope = directory.scope(text).unwrap();
            assert_eq!(directory.scope_name(scope).as_deref(), Some(text));
        }
        for wrong in ["websites/eu", "website:eu", "store:base", "base", "website", "groups/base", ""] {
            assert_eq!(directory.scope(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn scopes_may_be_named_as_on_the_command_line() {
        let directory = StoreDirectory::fresh();
        for (typed, name) in [("website:base", "websites/base"), ("store:default", "stores/default")] {
            assert!(directory.scope(typed).is_some());
            assert_eq!(directory.scope(typed), directory.scope(name));
        }
    }
}
