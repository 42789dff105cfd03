//! Values that are understood, but that this version does not serve yet.
//!
//! A row goes when its part is built. A key that is set to its default does what it says, so it is not named.

use crate::config::{Config, ConfigError, Exchange, Fault, SecondFactor, TokenFormat};

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
    row("tokens.format", " = \"jwt\"", |c| c.tokens.format == TokenFormat::Jwt, "use \"opaque\""),
    row("upstream.url", "", |c| c.upstream.url.is_some(), LEAVE_OUT),
    row("exchange.lifetime", "", |c| c.exchange.lifetime != Exchange::default().lifetime, LEAVE_OUT),
    row("exchange.kinds", "", |c| c.exchange.kinds != Exchange::default().kinds, LEAVE_OUT),
    row(
        "admin.second_factor",
        " = \"required\"",
        |c| c.admin.second_factor == SecondFactor::Required,
        "use \"auto\" or \"off\"",
    ),
    row(
        "settings.twofactorauth/general/force_providers",
        "",
        wants_second_factor,
        "leave it out, or set admin.second_factor = \"off\"",
    ),
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

/// Whether `admin.second_factor = "auto"` comes to mean "required".
fn wants_second_factor(config: &Config) -> bool {
    let providers = config.settings.value("twofactorauth/general/force_providers");
    config.admin.second_factor == SecondFactor::Auto && providers.is_some_and(|providers| !providers.is_empty())
}

const fn row(key: &'static str, value: &'static str, is_set: fn(&Config) -> bool, instead: &'static str) -> Row {
    Row { key, value, is_set, instead }
}
