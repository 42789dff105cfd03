//! Values that are good alone and contradict one another.

use std::net::SocketAddr;

use crate::config::{AccountSource, Config, ConfigError, Exchange, TokenFormat};

impl Config {
    /// What contradicts.
    pub(super) fn disagreements(&self) -> Vec<ConfigError> {
        let mut found = self.listeners_in_one_place();
        found.extend(self.without_a_key());
        found.extend(self.cannot_write_into_the_shop());
        found
    }

    /// What signs JWTs, and has nothing to sign with.
    fn without_a_key(&self) -> Vec<ConfigError> {
        if self.magento.has_key() {
            return Vec::new();
        }
        let exchange = Exchange::default();
        let policies = (0..self.policies.iter().count()).map(|index| format!("policies[{index}].exchange"));
        // There is one value, so that a policy in which the key is set asks for it.
        let mut wanting: Vec<String> = policies.filter(|key| self.places.is_set(key)).collect();
        for (key, wants) in [
            ("tokens.format", self.tokens.format == TokenFormat::Jwt),
            ("exchange.lifetime", self.exchange.lifetime != exchange.lifetime),
            ("exchange.kinds", self.exchange.kinds != exchange.kinds),
        ] {
            wanting.extend(wants.then(|| key.to_owned()));
        }
        let problem = "needs the key of the Magento installation: set magento.crypt_key or magento.crypt_key_file";
        wanting.iter().map(|key| ConfigError::invalid(self.places.of(key), key, problem.to_owned())).collect()
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
                    of_mirror && !magento.has_key(),
                    "needs the shop's key, under which token secrets are encrypted: set magento.env_php, \
                     magento.crypt_key or magento.crypt_key_file",
                ),
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
