//! What a new password has to be like (fact sheet 2.10).

use crate::secret::Password;
use crate::settings::Settings;

/// No password is longer, in characters.
const LONGEST: usize = 256;

/// What PHP trims, apart from the spaces of other scripts.
const WHITE_SPACE: [char; 6] = [' ', '\t', '\n', '\r', '\0', '\u{b}'];

/// The rule that a new password breaks. Lengths are in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordProblem {
    /// It is the e-mail address, in upper or lower case.
    SameAsEmail,
    /// It is too long.
    TooLong {
        /// How long it may be.
        most: usize,
    },
    /// It is too short.
    TooShort {
        /// How long it has to be.
        least: u32,
    },
    /// It begins or ends with white space.
    SpaceAround,
    /// It has too few of lower case, upper case, digits and everything else.
    TooFewClasses {
        /// How many it has to have.
        least: u32,
    },
}

/// What the settings demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PasswordRules {
    shortest: u32,
    classes: u32,
}

impl PasswordRules {
    pub(super) fn of(settings: &Settings) -> Self {
        Self {
            shortest: settings.number("customer/password/minimum_password_length"),
            classes: settings.number("customer/password/required_character_classes_number"),
        }
    }

    /// The first rule that a password breaks which takes the place of another, in Magento's order.
    pub(super) fn check(self, password: &Password, email: &str) -> Result<(), PasswordProblem> {
        let text = password.expose();
        let length = text.chars().count();
        if text.eq_ignore_ascii_case(email) {
            Err(PasswordProblem::SameAsEmail)
        } else if length > LONGEST {
            Err(PasswordProblem::TooLong { most: LONGEST })
        } else if length < self.shortest as usize {
            Err(PasswordProblem::TooShort { least: self.shortest })
        } else if text.starts_with(WHITE_SPACE) || text.ends_with(WHITE_SPACE) {
            Err(PasswordProblem::SpaceAround)
        } else if classes(text) < self.classes {
            Err(PasswordProblem::TooFewClasses { least: self.classes })
        } else {
            Ok(())
        }
    }
}

/// How many classes of characters are in it. Letters beyond ASCII are special ones.
fn classes(text: &str) -> u32 {
    let has = |class: fn(&char) -> bool| u32::from(text.chars().any(|character| class(&character)));
    has(char::is_ascii_lowercase)
        + has(char::is_ascii_uppercase)
        + has(char::is_ascii_digit)
        + has(|character| !character.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> Option<PasswordProblem> {
        PasswordRules::of(&Settings::default()).check(&Password::new(text.to_owned()), "A1@example.com").err()
    }

    #[test]
    fn the_rules_are_checked_in_magentos_order() {
        let too_short = Some(PasswordProblem::TooShort { least: 8 });
        let too_few = Some(PasswordProblem::TooFewClasses { least: 3 });
        for (text, expected) in [
            ("a1@EXAMPLE.com", Some(PasswordProblem::SameAsEmail)),
            (&*" ".repeat(257), Some(PasswordProblem::TooLong { most: 256 })),
            ("", too_short),
            (" Aa1", too_short),
            (" Aa1 Aa1", Some(PasswordProblem::SpaceAround)),
            ("Aa1Aa1Aa\n", Some(PasswordProblem::SpaceAround)),
            ("password", too_few),
            ("password1", too_few),
            ("Password", too_few),
            ("Password1", None),
            ("pass word1", None),
            ("pässwort1", None),
            ("Aa1 ".repeat(64).trim_end(), None),
        ] {
            assert_eq!(problem(text), expected, "{text}");
        }
    }

    #[test]
    fn length_counts_characters() {
        assert_eq!(problem("äÄ1äÄ1ä"), Some(PasswordProblem::TooShort { least: 8 }));
        assert_eq!(problem(&"äaA1".repeat(64)), None);
    }
}
