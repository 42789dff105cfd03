//! How long a token lives, from a setting in hours (fact sheet 4.3).

use serde::{Deserialize, Serialize};

use crate::clock::UnixSeconds;

/// What an empty or zero lifetime means: Magento's newest code and its form disagree (fact sheet 4.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EmptyLifetime {
    /// Expired from the start, as Magento 2.4.4 and newer behave.
    #[default]
    AtOnce,
    /// No expiry, as the form tells the merchant.
    Never,
}

/// How long a session of one class lives from its issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// For this many seconds; 0 means expired from the start.
    Seconds(u32),
    /// It does not end by itself.
    Never,
}

impl Lifetime {
    /// Reads a setting in hours. What is not a number, or not above zero, counts as empty; anything above zero is at
    /// least a second.
    pub fn from_hours(text: &str, empty: EmptyLifetime) -> Self {
        let seconds = text.trim().parse::<f64>().map_or(0.0, |hours| hours * 3600.0);
        if seconds.is_finite() && seconds > 0.0 {
            // The cast saturates: a lifetime beyond 136 years ends where thirty-two bits of seconds do.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked, and it saturates")]
            return Self::Seconds(seconds.round().max(1.0) as u32);
        }
        match empty {
            EmptyLifetime::AtOnce => Self::Seconds(0),
            EmptyLifetime::Never => Self::Never,
        }
    }

    /// The first second at which a token issued at `issued` is no longer good; `None` when it does not end.
    pub fn end_of(self, issued: UnixSeconds) -> Option<UnixSeconds> {
        match self {
            Self::Seconds(seconds) => Some(issued.plus(seconds)),
            Self::Never => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_may_have_fractions_and_nonsense_is_empty() {
        let read = |text| Lifetime::from_hours(text, EmptyLifetime::AtOnce);
        assert_eq!(read("1"), Lifetime::Seconds(3600));
        assert_eq!(read("2.5"), Lifetime::Seconds(9000));
        assert_eq!(read(" 4 "), Lifetime::Seconds(14_400));
        assert_eq!(read("0.0001"), Lifetime::Seconds(1));
        for empty in ["", "0", "-1", "abc", "NaN", "inf"] {
            assert_eq!(read(empty), Lifetime::Seconds(0), "{empty}");
        }
        assert_eq!(Lifetime::from_hours("", EmptyLifetime::Never), Lifetime::Never);
    }

    #[test]
    fn the_end_is_the_first_second_that_is_too_late() {
        assert_eq!(Lifetime::Seconds(10).end_of(UnixSeconds(5)), Some(UnixSeconds(15)));
        assert_eq!(Lifetime::Never.end_of(UnixSeconds(5)), None);
    }
}
