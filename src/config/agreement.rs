//! Values that are good alone and contradict one another.

use std::net::SocketAddr;

use crate::config::{AccountSource, Config, ConfigError, TokenFormat};

impl Config {
    /// What contradicts.
    pub(super) fn disagreements(&self) -> Vec<ConfigError> {
        let mut found = self.listeners_in_one_place();
        found.extend(self.lacks_database());
        found.extend(self.lacks_key());
        found
    }

    fn listeners_in_one_place(&self) -> Vec<ConfigError> {
        let listeners = self.http.listeners();
        let mut found = Vec::new();
        for (index, (key, address)) in listeners.iter().enumerate() {
            let clashing = listeners[..index].iter().filter(|(_, other)| overlap(*address, *other));
            found.extend(clashing.map(|(other, _)| self.clash(other, key, *address)));
        }
        found
    }

    /// The problem of two listeners at one address, told at the key that was set in the later layer.
    fn clash(&self, one: &str, other: &str, address: SocketAddr) -> ConfigError {
        let mut keys = [(self.places.of(one), one), (self.places.of(other), other)];
        keys.sort();
        let [(_, first), (place, second)] = keys;
        let problem = format!("and {first} listen on the same port ({address}): give each its own");
        ConfigError::invalid(place, second, problem)
    }

    fn lacks_database(&self) -> Option<ConfigError> {
        let lacks = self.accounts.source == AccountSource::Magento
            && self.magento.env_php.is_none()
            && self.magento.database_url.is_none();
        let problem = "= \"magento\" needs magento.env_php, or magento.database_url";
        lacks.then(|| self.problem_at("accounts.source", problem))
    }

    fn lacks_key(&self) -> Option<ConfigError> {
        let lacks = self.tokens.format == TokenFormat::Jwt
            && self.magento.env_php.is_none()
            && self.magento.crypt_key.is_none();
        let problem = "= \"jwt\" needs magento.crypt_key, magento.crypt_key_file or magento.env_php";
        lacks.then(|| self.problem_at("tokens.format", problem))
    }

    fn problem_at(&self, key: &str, problem: &str) -> ConfigError {
        ConfigError::invalid(self.places.of(key), key, problem)
    }
}

/// Whether two listeners would want the same port of the same address.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let same_address = one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && same_address
}
