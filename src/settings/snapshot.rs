//! Everything that a decision is made against, as one immutable value.

use std::sync::Arc;

use arc_swap::ArcSwap;

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
    /// Puts the parts together and works out once what every check needs.
    pub fn new(settings: Settings, stores: StoreDirectory, roles: Roles, empty: EmptyLifetime) -> Self {
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

    /// The snapshot that follows this one: other contents, and the same idea of an empty lifetime.
    #[must_use]
    pub fn followed_by(&self, settings: Settings, stores: StoreDirectory, roles: Roles) -> Self {
        Self::new(settings, stores, roles, self.empty)
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

/// Minutes as Magento reads them: none is half an hour.
fn jwt_seconds(minutes: u32) -> u32 {
    if minutes == 0 { 30 * 60 } else { minutes.saturating_mul(60) }
}

#[cfg(test)]
mod tests {
    use super::*;

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
