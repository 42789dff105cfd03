//! Everything that a decision is made against, as one immutable value.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tracing::warn;

use crate::session::UserType;
use crate::settings::{Roles, Scope, Settings, StoreDirectory};
use crate::token::jwt::JwtAlgorithm;
use crate::token::{EmptyLifetime, Lifetime};

/// Settings, websites and roles at one moment. A new one replaces it whole.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The settings.
    pub settings: Settings,
    /// Websites and store views.
    pub stores: StoreDirectory,
    /// Roles of administrators.
    pub roles: Roles,
    empty: EmptyLifetime,
    customer_lifetime: Lifetime,
    admin_lifetime: Lifetime,
    jwt_algorithm: Option<JwtAlgorithm>,
    customer_jwt_seconds: u32,
    admin_jwt_seconds: u32,
}

/// The snapshot that everybody reads: loading it takes no lock.
pub type SharedSnapshot = Arc<ArcSwap<Snapshot>>;

impl Snapshot {
    /// Puts the parts together and works out once what every check needs. Says in the log which lifetimes are none.
    pub fn new(settings: Settings, stores: StoreDirectory, roles: Roles, empty: EmptyLifetime) -> Self {
        let snapshot = Self::of(settings, stores, roles, empty);
        snapshot.odd_lifetimes().iter().for_each(OddLifetime::tell);
        snapshot
    }

    fn of(settings: Settings, stores: StoreDirectory, roles: Roles, empty: EmptyLifetime) -> Self {
        let lifetime = |path| Lifetime::from_hours(settings.text(path, Scope::Default), empty);
        let customer_lifetime = lifetime("oauth/access_token_lifetime/customer");
        let admin_lifetime = lifetime("oauth/access_token_lifetime/admin");
        let jwt_algorithm = JwtAlgorithm::from_name(settings.text("webapi/jwtauth/jwt_alg", Scope::Default));
        let customer_jwt_seconds = jwt_seconds(settings.number("webapi/jwtauth/customer_expiration"));
        let admin_jwt_seconds = jwt_seconds(settings.number("webapi/jwtauth/admin_expiration"));
        Self {
            settings,
            stores,
            roles,
            empty,
            customer_lifetime,
            admin_lifetime,
            jwt_algorithm,
            customer_jwt_seconds,
            admin_jwt_seconds,
        }
    }

    /// The snapshot that follows this one: other contents, and the same idea of an empty lifetime. Says in the log which
    /// lifetimes are none any more.
    #[must_use]
    pub fn followed_by(&self, settings: Settings, stores: StoreDirectory, roles: Roles) -> Self {
        let next = Self::of(settings, stores, roles, self.empty);
        let known = self.odd_lifetimes();
        next.odd_lifetimes().iter().filter(|odd| !known.contains(odd)).for_each(OddLifetime::tell);
        next
    }

    /// The lifetimes that a form would not have taken, as somebody may have written them into a shop's database.
    fn odd_lifetimes(&self) -> Vec<OddLifetime> {
        let opaque = OPAQUE_LIFETIMES.into_iter().filter_map(|path| self.odd_opaque_lifetime(path));
        let jwts = JWT_LIFETIMES.into_iter().filter_map(|path| self.odd_jwt_lifetime(path));
        opaque.chain(jwts).collect()
    }

    fn odd_opaque_lifetime(&self, path: &'static str) -> Option<OddLifetime> {
        let value = self.settings.text(path, Scope::Default);
        let effect = match Lifetime::from_hours(value, self.empty) {
            Lifetime::Seconds(0) => "tokens of this kind have ended as soon as they are issued",
            Lifetime::Never if !is_none(value) => "tokens of this kind do not end by themselves",
            _ => return None,
        };
        Some(OddLifetime { path, value: value.to_owned(), effect })
    }

    fn odd_jwt_lifetime(&self, path: &'static str) -> Option<OddLifetime> {
        let value = self.settings.text(path, Scope::Default);
        let is_odd = self.settings.number(path) == 0 && !is_none(value);
        let effect = "JWTs of this kind live for half an hour";
        is_odd.then(|| OddLifetime { path, value: value.to_owned(), effect })
    }

    /// This one with another value of a setting; `None` is the inherited one.
    #[must_use]
    pub fn with(&self, path: &str, scope: Scope, value: Option<String>) -> Self {
        let mut settings = self.settings.clone();
        settings.set(path, scope, value);
        self.followed_by(settings, self.stores.clone(), self.roles.clone())
    }

    /// How long an opaque token of this kind lives. Integration tokens do not expire (fact sheet 4.3).
    pub fn lifetime(&self, kind: UserType) -> Lifetime {
        match kind {
            UserType::Customer => self.customer_lifetime,
            UserType::Admin => self.admin_lifetime,
            UserType::Integration => Lifetime::Never,
        }
    }

    /// What JWTs are signed with, and the only algorithm that they are read with; `None` when the shop has chosen one that
    /// encrypts, which is not supported (fact sheet 6.3).
    pub fn jwt_algorithm(&self) -> Option<JwtAlgorithm> {
        self.jwt_algorithm
    }

    /// How many seconds a JWT of this kind lives that is issued now (fact sheet 6.2). Integrations are issued none.
    pub fn jwt_seconds(&self, kind: UserType) -> u32 {
        match kind {
            UserType::Customer => self.customer_jwt_seconds,
            UserType::Admin | UserType::Integration => self.admin_jwt_seconds,
        }
    }

    /// The snapshot in the form that is shared.
    pub fn shared(self) -> SharedSnapshot {
        Arc::new(ArcSwap::from_pointee(self))
    }
}

/// In hours.
const OPAQUE_LIFETIMES: [&str; 2] = ["oauth/access_token_lifetime/customer", "oauth/access_token_lifetime/admin"];

/// In minutes.
const JWT_LIFETIMES: [&str; 2] = ["webapi/jwtauth/customer_expiration", "webapi/jwtauth/admin_expiration"];

/// A lifetime that is not above zero, and what comes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct OddLifetime {
    path: &'static str,
    value: String,
    effect: &'static str,
}

impl OddLifetime {
    fn tell(&self) {
        let Self { path, value, effect } = self;
        warn!(path, value, effect, "the value of this setting is no lifetime above zero");
    }
}

/// Whether a merchant may mean by this that there is no lifetime.
fn is_none(value: &str) -> bool {
    matches!(value.trim(), "" | "0")
}

/// Minutes as Magento reads them: none is half an hour.
fn jwt_seconds(minutes: u32) -> u32 {
    if minutes == 0 { 30 * 60 } else { minutes.saturating_mul(60) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_that_are_none_are_told_with_their_effect() {
        let odd = |path: &str, value: &str, empty| {
            let mut settings = Settings::default();
            settings.set(path, Scope::Default, Some(value.to_owned()));
            let snapshot = Snapshot::new(settings, StoreDirectory::fresh(), Roles::default(), empty);
            snapshot.odd_lifetimes().into_iter().map(|odd| (odd.path, odd.value, odd.effect)).next()
        };
        let [path, _] = OPAQUE_LIFETIMES;
        for value in ["abc", "", "-3", "0"] {
            let effect = "tokens of this kind have ended as soon as they are issued";
            assert_eq!(odd(path, value, EmptyLifetime::AtOnce), Some((path, value.to_owned(), effect)));
        }
        assert_eq!(odd(path, "0.5", EmptyLifetime::AtOnce), None);
        assert_eq!(odd(path, "", EmptyLifetime::Never), None, "the operator has said what that means");
        assert!(odd(path, "-3", EmptyLifetime::Never).unwrap().2.contains("do not end"));
        let [path, _] = JWT_LIFETIMES;
        assert_eq!(odd(path, "0", EmptyLifetime::AtOnce), None, "Magento means half an hour by it");
        assert!(odd(path, "abc", EmptyLifetime::AtOnce).unwrap().2.contains("half an hour"));
        assert_eq!(
            Snapshot::new(Settings::default(), StoreDirectory::fresh(), Roles::default(), EmptyLifetime::AtOnce)
                .odd_lifetimes(),
            []
        );
    }

    #[test]
    fn the_lifetime_of_a_jwt_is_in_minutes_and_none_is_half_an_hour() {
        let seconds = |value: &str| {
            let mut settings = Settings::default();
            settings.set("webapi/jwtauth/customer_expiration", Scope::Default, Some(value.to_owned()));
            let snapshot = Snapshot::new(settings, StoreDirectory::fresh(), Roles::default(), EmptyLifetime::AtOnce);
            (snapshot.jwt_seconds(UserType::Customer), snapshot.jwt_seconds(UserType::Admin))
        };
        for (value, expected) in [("90", 5400), ("1.9", 60), ("0", 1800), ("", 1800), ("abc", 1800), ("-5", 1800)] {
            assert_eq!(seconds(value), (expected, 3600), "{value}");
        }
        assert_eq!(seconds("99999999999").0, u32::MAX);
    }
}
