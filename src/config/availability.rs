//! Values that are understood, but that this version does not serve yet.
//!
//! A row goes when its part is built. A key that is set to its default does what it says, so it is not named.

use crate::config::{Config, ConfigError, Fault};

/// A value that is not served yet.
struct Row {
    key: &'static str,
    value: &'static str,
    is_set: fn(&Config) -> bool,
    instead: &'static str,
}

const LEAVE_OUT: &str = "leave it out";

const ROWS: &[Row] = &[
    row("http.grpc", "", |c| c.http.grpc.is_some(), "ask /check of the internal listener"),
    row("http.issuer", "", |c| c.http.issuer.is_some(), LEAVE_OUT),
    row("upstream.url", "", |c| c.upstream.url.is_some(), LEAVE_OUT),
    row("clients", "", |c| !c.clients.is_empty(), LEAVE_OUT),
];

impl Config {
    /// The keys that are set to values which this version does not serve yet, so that none is ignored silently.
    pub fn not_yet_available(&self) -> Vec<ConfigError> {
        ROWS.iter()
            .filter(|row| (row.is_set)(self))
            .map(|row| ConfigError {
                place: self.places.nearest_to(row.key),
                fault: Fault::NotYetAvailable { key: row.key, value: row.value, instead: row.instead },
            })
            .collect()
    }
}

const fn row(key: &'static str, value: &'static str, is_set: fn(&Config) -> bool, instead: &'static str) -> Row {
    Row { key, value, is_set, instead }
}
