//! What a setting is: its path, its words for the merchant, and the rules of its value.

use thiserror::Error;

use crate::settings::{DEFINITIONS, Scope};

/// How many characters a value may have.
const LONGEST_VALUE: usize = 4096;

/// What a value has to look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Zero or a greater number, fractions allowed.
    Number,
    /// Zero or a greater whole number.
    Digits,
    /// A whole number within these bounds, both included.
    Within(u32, u32),
    /// `0` or `1`.
    YesNo,
    /// One of these.
    Choice(&'static [&'static str]),
    /// Any text.
    Text,
}

/// Where a value may be set (fact sheet 8.6). Each includes the ones above.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// For everybody.
    Default,
    /// Also for one website.
    Website,
    /// Also for one store view.
    Store,
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// Magento's path.
    pub path: &'static str,
    /// Its label in Magento's administration.
    pub label: &'static str,
    /// The comment that the merchant sees below the field; may be empty.
    pub comment: &'static str,
    /// What the number counts, such as `hours`; may be empty.
    pub unit: &'static str,
    /// The value that counts when none is set.
    pub default: &'static str,
    /// What a value has to look like.
    pub kind: Kind,
    /// Whether an empty value is refused.
    pub required: bool,
    /// Where it may be set.
    pub reach: Reach,
}

/// Why a value was refused, in words for the merchant.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{path}: {problem}")]
pub struct InvalidValue {
    /// The setting.
    pub path: String,
    /// What is wrong and what would be right.
    pub problem: String,
}

impl Definition {
    /// The setting with this path.
    pub fn of(path: &str) -> Option<&'static Self> {
        let place = DEFINITIONS.binary_search_by(|definition| definition.path.cmp(path)).ok()?;
        DEFINITIONS.get(place)
    }

    /// The path that was probably meant: the most similar one, when it is similar at all.
    pub fn nearest(path: &str) -> Option<&'static str> {
        DEFINITIONS
            .iter()
            .map(|definition| (strsim::normalized_damerau_levenshtein(path, definition.path), definition.path))
            .filter(|(similarity, _)| *similarity > 0.6)
            .max_by(|(left, _), (right, _)| left.total_cmp(right))
            .map(|(_, path)| path)
    }

    /// Whether it may be set there.
    pub fn reaches(&self, scope: Scope) -> bool {
        let wanted = match scope {
            Scope::Default => Reach::Default,
            Scope::Website(_) => Reach::Website,
            Scope::Store(_) => Reach::Store,
        };
        wanted <= self.reach
    }

    /// Looks at a value as Magento's form does.
    ///
    /// # Errors
    /// [`InvalidValue`] with the reason.
    pub fn validate(&self, value: &str) -> Result<(), InvalidValue> {
        self.problem(value).map_or(Ok(()), |problem| Err(InvalidValue { path: self.path.to_owned(), problem }))
    }

    fn problem(&self, value: &str) -> Option<String> {
        if value.chars().take(LONGEST_VALUE + 1).count() > LONGEST_VALUE {
            return Some(format!("Please enter at most {LONGEST_VALUE} characters."));
        }
        if value.trim().is_empty() {
            return self.required.then(|| self.when_empty().to_owned());
        }
        match self.kind {
            Kind::Number => number_problem(value),
            Kind::Digits => number_problem(value).or_else(|| digits_problem(value)),
            Kind::Within(least, most) => self.bounds_problem(value, least, most),
            Kind::YesNo => choice_problem(value, &["0", "1"]),
            Kind::Choice(choices) => choice_problem(value, choices),
            Kind::Text if self.path == PROVIDERS => providers_problem(value),
            Kind::Text => None,
        }
    }

    fn when_empty(&self) -> &'static str {
        match self.path {
            PROVIDERS => NO_PROVIDER,
            _ => "This is a required field.",
        }
    }

    fn bounds_problem(&self, value: &str, least: u32, most: u32) -> Option<String> {
        match value.trim().parse::<u32>() {
            Ok(number) if (least..=most).contains(&number) => None,
            Err(_) if self.path == LEEWAY => Some("The Leeway must be a numeric value.".to_owned()),
            _ => Some(format!("Please enter a whole number from {least} to {most}.")),
        }
    }
}

/// Two settings whose refusals Magento words in its own way (fact sheet 9.7).
pub(super) const PROVIDERS: &str = "twofactorauth/general/force_providers";
/// The providers of second factors that Magento has.
const KNOWN_PROVIDERS: [&str; 4] = ["authy", "duo_security", "google", "u2fkey"];
const NO_PROVIDER: &str = "You have to select at least one Two-Factor Authorization provider";
/// See [`PROVIDERS`].
pub(super) const LEEWAY: &str = "twofactorauth/google/leeway";

fn number_problem(value: &str) -> Option<String> {
    match value.trim().parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 0.0 => None,
        Ok(number) if number < 0.0 => Some("Please enter a number 0 or greater in this field.".to_owned()),
        _ => Some("Please enter a valid number in this field.".to_owned()),
    }
}

fn digits_problem(value: &str) -> Option<String> {
    let whole = value.trim().chars().all(|c| c.is_ascii_digit());
    (!whole).then(|| "Please enter a whole number in this field.".to_owned())
}

/// A mistyped provider would lock every administrator out.
fn providers_problem(value: &str) -> Option<String> {
    let mut codes = value.split(',').map(str::trim).filter(|code| !code.is_empty()).peekable();
    if codes.peek().is_none() {
        return Some(NO_PROVIDER.to_owned());
    }
    let wrong = codes.find(|code| !KNOWN_PROVIDERS.contains(code))?;
    Some(format!("There is no provider {wrong:?}. Please choose from: {}.", KNOWN_PROVIDERS.join(", ")))
}

fn choice_problem(value: &str, choices: &[&str]) -> Option<String> {
    (!choices.contains(&value)).then(|| format!("Please choose one of: {}.", choices.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{StoreId, WebsiteId};

    fn problem(path: &str, value: &str) -> Option<String> {
        let outcome = Definition::of(path).unwrap().validate(value);
        outcome.err().map(|invalid| invalid.problem)
    }

    #[test]
    fn every_setting_is_found_by_its_path_and_its_default_is_valid() {
        for definition in DEFINITIONS {
            assert_eq!(Definition::of(definition.path).map(|found| found.path), Some(definition.path));
            if !definition.default.is_empty() {
                assert_eq!(definition.validate(definition.default), Ok(()));
            }
            assert!(!definition.label.is_empty(), "{}", definition.path);
        }
        assert!(Definition::of("oauth/access_token_lifetime").is_none());
    }

    #[test]
    fn the_settings_stand_in_the_order_of_their_paths() {
        assert!(DEFINITIONS.is_sorted_by(|left, right| left.path < right.path));
    }

    #[test]
    fn a_lifetime_is_a_number_from_zero_or_empty() {
        let lifetime = "oauth/access_token_lifetime/customer";
        for good in ["", "0", "1", "2.5", " 4 "] {
            assert_eq!(problem(lifetime, good), None, "{good}");
        }
        for bad in ["-1", "one", "1h", "NaN", "inf", "1,5"] {
            assert!(problem(lifetime, bad).is_some(), "{bad}");
        }
        let negative = problem(lifetime, "-0.5").unwrap();
        assert_eq!(negative, "Please enter a number 0 or greater in this field.");
    }

    #[test]
    fn a_count_of_failures_is_digits_and_required() {
        let failures = "oauth/authentication_lock/max_failures_count";
        assert_eq!(problem(failures, "6"), None);
        assert_eq!(problem(failures, "").unwrap(), "This is a required field.");
        assert_eq!(problem(failures, "6.5").unwrap(), "Please enter a whole number in this field.");
        assert!(problem(failures, "1e3").is_some());
    }

    #[test]
    fn choices_bounds_and_providers_are_refused_in_words() {
        assert_eq!(problem("customer/account_share/scope", "2").unwrap(), "Please choose one of: 0, 1.");
        assert_eq!(problem(LEEWAY, "30").unwrap(), "Please enter a whole number from 1 to 29.");
        assert_eq!(problem(LEEWAY, "abc").unwrap(), "The Leeway must be a numeric value.");
        assert!(problem(PROVIDERS, "").unwrap().starts_with("You have to select"));
        assert!(problem(PROVIDERS, " , ").unwrap().starts_with("You have to select"));
        assert_eq!(problem(PROVIDERS, "google, u2fkey"), None);
        let unknown = problem(PROVIDERS, "google,gogle").unwrap();
        assert_eq!(unknown, "There is no provider \"gogle\". Please choose from: authy, duo_security, google, u2fkey.");
        assert!(problem("general/locale/code", &"x".repeat(5000)).is_some());
    }

    #[test]
    fn a_mistyped_path_has_a_nearest_one() {
        let nearest = Definition::nearest("oauth/access_token_lifetime/costumer");
        assert_eq!(nearest, Some("oauth/access_token_lifetime/customer"));
        assert_eq!(Definition::nearest("x"), None);
    }

    #[test]
    fn a_setting_reaches_as_far_as_magento_shows_it() {
        let (website, store) = (Scope::Website(WebsiteId(1)), Scope::Store(StoreId(1)));
        let reaches = |path: &str| {
            let definition = Definition::of(path).unwrap();
            [Scope::Default, website, store].map(|scope| definition.reaches(scope))
        };
        assert_eq!(reaches("oauth/access_token_lifetime/admin"), [true, false, false]);
        assert_eq!(reaches("customer/create_account/confirm"), [true, true, false]);
        assert_eq!(reaches("general/locale/code"), [true, true, true]);
    }
}
