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
