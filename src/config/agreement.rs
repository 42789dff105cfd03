//! Values that are good alone and contradict one another.

use std::net::SocketAddr;

use crate::config::{Config, ConfigError};

impl Config {
    /// What contradicts.
    pub(super) fn disagreements(&self) -> Vec<ConfigError> {
        self.listeners_in_one_place()
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
}

/// Whether two listeners would want the same port of the same address.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let same_address = one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && same_address
}
