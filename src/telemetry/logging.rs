//! One event a line to standard error.

use std::io::IsTerminal;

use serde::Deserialize;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// How events are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Text on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The filter cannot be read.
    #[error("the log filter \"{filter}\" cannot be read: {problem}")]
    Filter {
        /// The filter.
        filter: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Events go somewhere already.
    #[error("logging is set up already")]
    Twice,
}

/// Sends events that pass `filter` (such as `info` or `info,tokenward::sign_in=debug`) to standard error.
///
/// # Errors
/// [`LoggingError`]; nothing is set up then.
pub fn init(format: Format, filter: &str) -> Result<(), LoggingError> {
    let directives = EnvFilter::builder()
        .parse(with_quiet_driver(filter))
        .map_err(|error| LoggingError::Filter { filter: filter.to_owned(), problem: error.to_string() })?;
    let terminal = std::io::stderr().is_terminal();
    let builder =
        tracing_subscriber::fmt().with_env_filter(directives).with_writer(std::io::stderr).with_ansi(terminal);
    let done = match format {
        Format::Text => builder.finish().try_init(),
        Format::Auto if terminal => builder.finish().try_init(),
        Format::Auto | Format::Json => builder.json().flatten_event(true).finish().try_init(),
    };
    done.map_err(|_| LoggingError::Twice)
}

/// The filter without what the database's driver says of a database that is away: that is said once, in our own words.
/// Who names the driver, or wants to see everything, hears it.
fn with_quiet_driver(filter: &str) -> String {
    let sees_everything = filter.split(',').any(|part| {
        let level = part.trim();
        level.eq_ignore_ascii_case("debug") || level.eq_ignore_ascii_case("trace")
    });
    if sees_everything || filter.contains("sqlx") || filter.trim().is_empty() {
        return filter.to_owned();
    }
    format!("{filter},sqlx=error")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_databases_driver_is_quiet_unless_somebody_wants_to_hear_it() {
        assert_eq!(with_quiet_driver("info,actix_http=off"), "info,actix_http=off,sqlx=error");
        assert_eq!(with_quiet_driver("info,tokenward=debug"), "info,tokenward=debug,sqlx=error");
        for filter in ["debug", "info, trace", "warn,sqlx=warn", ""] {
            assert_eq!(with_quiet_driver(filter), filter);
        }
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_named() {
        let error = init(Format::Json, "tokenward=loud").unwrap_err();
        assert!(error.to_string().contains("\"tokenward=loud\""), "{error}");
    }
}
