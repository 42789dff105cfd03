//! Names as they are compared.

/// How many characters a name may have: what Magento's columns hold (fact sheet 8.1). A longer one is nobody's.
pub const LONGEST_NAME: usize = 255;

/// The form in which two spellings of one name are the same: every character in lower case.
///
/// Nothing is trimmed, as Magento does not (fact sheet 7.4). Each character is taken by itself, so that folding a folded
/// name changes nothing.
pub fn folded(name: &str) -> String {
    name.chars().flat_map(char::to_lowercase).collect()
}

/// The folded name, when an account can have it.
pub(super) fn key(name: &str) -> Option<String> {
    (name.chars().take(LONGEST_NAME + 1).count() <= LONGEST_NAME).then(|| folded(name))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn upper_and_lower_case_are_one_name_and_spaces_count() {
        assert_eq!(folded("Jane.Doe@Example.COM"), "jane.doe@example.com");
        assert_eq!(folded("ÄÖÜ@example.com"), folded("äöü@example.com"));
        assert_ne!(folded(" jane"), folded("jane"));
    }

    #[test]
    fn a_name_of_256_characters_is_nobodys() {
        assert!(key(&"ä".repeat(255)).is_some());
        assert_eq!(key(&"a".repeat(256)), None);
    }

    proptest! {
        #[test]
        fn a_folded_name_stays_as_it_is(name in any::<String>()) {
            let once = folded(&name);
            prop_assert_eq!(folded(&once), once);
        }
    }
}
