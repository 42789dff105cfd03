//! Values that are good alone and contradict one another.

use std::net::SocketAddr;

use crate::config::{AccountSource, Config, ConfigError, TokenFormat};

impl Config {
    /// What contradicts.
    pub(super) fn disagreements(&self) -> Vec<ConfigError> {
        let mut found = self.listeners_in_one_place();
        found.extend(self.cannot_write_into_the_shop());
        found
    }

    /// What writes into a shop, and has none, or may not. The first reason is told of each.
    fn cannot_write_into_the_shop(&self) -> Vec<ConfigError> {
        let (magento, mirrors, rehashes) = (&self.magento, "magento.mirror_tokens", "magento.rehash");
        let without_shop = self.accounts.source != AccountSource::Magento;
        let reasons = |key: &'static str| {
            let of_mirror = key == mirrors;
            [
                (without_shop, "is about a shop's accounts: it needs accounts.source = \"magento\""),
                (!magento.write, "writes into the shop's database, which magento.write = false forbids"),
                (
                    of_mirror && self.tokens.format == TokenFormat::Jwt,
                    "is about opaque tokens: with tokens.format = \"jwt\" there are none, and the shop takes JWTs as they are",
                ),
            ]
        };
        let wanted = [(mirrors, magento.mirror_tokens), (rehashes, magento.rehash)];
        let wanted = wanted.into_iter().filter(|(_, wanted)| *wanted);
        wanted
            .filter_map(|(key, _)| {
                let (_, problem) = reasons(key).into_iter().find(|(holds, _)| *holds)?;
                Some(ConfigError::invalid(self.places.of(key), key, problem.to_owned()))
            })
            .collect()
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
