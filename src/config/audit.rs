//! `[audit]`: the audit trail.

use std::time::Duration;

use crate::config::raw::Raw;
use crate::config::reader::Reader;
use crate::config::value::{Parsed, mismatch, whole_number};

/// The audit trail.
#[derive(Clone, Debug)]
pub struct Audit {
    /// How long its lines are kept; `None` for ever.
    pub retention: Option<Duration>,
}

/// A year: what the payment card industry asks of audit trails (PCI DSS 10.5.1).
const YEAR: Duration = Duration::from_hours(365 * 24);

impl Default for Audit {
    fn default() -> Self {
        Self { retention: Some(YEAR) }
    }
}

impl Audit {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let default = Self::default();
        Self { retention: reader.read("audit.retention", retention).unwrap_or(default.retention) }
    }
}

/// A number of days, or for ever.
fn retention(raw: &Raw) -> Parsed<Option<Duration>> {
    if raw.text().map(str::trim) == Some("forever") {
        return Ok(None);
    }
    whole_number(1..=36_500_u64)(raw)
        .map(|days| Some(Duration::from_hours(days * 24)))
        .map_err(|_| mismatch("a whole number of days from 1 to 36500, or \"forever\"", raw))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn read(value: &str) -> Result<Option<Duration>, String> {
        let flags = [("audit.retention".to_owned(), value.to_owned())];
        let loaded = Config::load::<String, String>(None, [], flags);
        loaded.map(|config| config.audit.retention).map_err(|errors| errors.to_string())
    }

    #[test]
    fn lines_are_kept_for_a_number_of_days_or_for_ever() {
        assert_eq!(read("30"), Ok(Some(Duration::from_hours(720))));
        assert_eq!(read("forever"), Ok(None));
        for wrong in ["0", "-1", "a year", ""] {
            let refused = read(wrong).unwrap_err();
            assert!(refused.contains("days from 1 to 36500, or \"forever\""), "{refused}");
        }
    }
}
