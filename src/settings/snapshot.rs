//! Everything that a decision is made against, as one immutable value.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::session::UserType;
use crate::settings::{Roles, Scope, Settings, StoreDirectory};
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
}

/// The snapshot that everybody reads: loading it takes no lock.
pub type SharedSnapshot = Arc<ArcSwap<Snapshot>>;

impl Snapshot {
    /// Puts the parts together and works out once what every check needs.
    pub fn new(settings: Settings, stores: StoreDirectory, roles: Roles, empty: EmptyLifetime) -> Self {
        let lifetime = |path| Lifetime::from_hours(settings.text(path, Scope::Default), empty);
        let customer_lifetime = lifetime("oauth/access_token_lifetime/customer");
        let admin_lifetime = lifetime("oauth/access_token_lifetime/admin");
        Self { settings, stores, roles, empty, customer_lifetime, admin_lifetime }
    }

    /// The snapshot that follows this one: other contents, and the same idea of an empty lifetime.
    #[must_use]
    pub fn followed_by(&self, settings: Settings, stores: StoreDirectory, roles: Roles) -> Self {
        Self::new(settings, stores, roles, self.empty)
    }

    /// How long an opaque token of this kind lives. Integration tokens do not expire (fact sheet 4.3).
    pub fn lifetime(&self, kind: UserType) -> Lifetime {
        match kind {
            UserType::Customer => self.customer_lifetime,
            UserType::Admin => self.admin_lifetime,
            UserType::Integration => Lifetime::Never,
        }
    }

    /// The snapshot in the form that is shared.
    pub fn shared(self) -> SharedSnapshot {
        Arc::new(ArcSwap::from_pointee(self))
    }
}
