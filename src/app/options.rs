//! From the configuration to the options of each part.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwapOption;

use crate::config::{self, AccountSource, Config, ExchangeKind, Locked, MagentoLine, SecondFactor};
use crate::http::graphql;
use crate::http::{self, MagentoVersion};
use crate::magento::InstallationKey;
use crate::registry::TokenForms;
use crate::session::UserType;
use crate::sign_in::SecondFactorRule;
use crate::store::Durability;
use crate::token::jwt::JwtKey;
use crate::{registry, sign_in};

/// Whose behaviour is spoken.
pub(super) fn magento_version(config: &Config) -> MagentoVersion {
    match config.magento.version {
        MagentoLine::V247 => MagentoVersion::V247,
        MagentoLine::V248 => MagentoVersion::V248,
    }
}

/// The limits of the registry; `capacity` is what the budget allows. Whether there is a shop to be told is for the caller.
pub(super) fn registry(config: &Config, capacity: u64) -> registry::Options {
    registry::Options {
        capacity: usize::try_from(capacity).unwrap_or(usize::MAX),
        per_subject: config.tokens.per_subject as usize,
        durability: durability(config),
        outbox: false,
    }
}

/// When a change of a session counts as stored.
pub(super) fn durability(config: &Config) -> Durability {
    match config.data.durability {
        config::Durability::Sync => Durability::Sync,
        config::Durability::Async => Durability::Async,
        config::Durability::None => Durability::None,
    }
}

/// How signing in behaves. Only 2.4.8 and newer reset the customer's counters on success (fact sheet 5.2, step 6).
pub(super) fn sign_in(config: &Config) -> sign_in::Options {
    sign_in::Options {
        concurrency: config.sign_in.concurrency,
        queue: config.sign_in.queue,
        refuse_inactive: config.sign_in.refuse_inactive,
        reset_counters_on_success: magento_version(config) == MagentoVersion::V248,
        second_factor: match config.admin.second_factor {
            SecondFactor::Auto => SecondFactorRule::Auto,
            SecondFactor::Off => SecondFactorRule::Off,
            SecondFactor::Required => SecondFactorRule::Required,
        },
        rehash: config.magento.rehash,
    }
}

/// How the listeners behave; the installation itself may disable introspection, and minting needs its key.
pub(super) fn http(config: &Config, introspection_disabled: bool, has_key: bool) -> http::Options {
    let policies: HashMap<_, _> =
        config.policies.iter().map(|(name, policy)| (name.to_owned(), policy.clone())).collect();
    http::Options {
        version: magento_version(config),
        max_body: config.http.max_body,
        trusted_proxies: config.http.trusted_proxies.clone(),
        allowed_origins: config.http.cors.allowed_origins.clone(),
        policies,
        graphql: graphql::Options {
            introspection: config.graphql.introspection && !introspection_disabled,
            developer_mode: config.graphql.developer_mode,
        },
        refuse_locked: config.check.locked == Locked::Deny,
        exchange: has_key.then(|| exchange(config)),
    }
}

fn exchange(config: &Config) -> http::Exchange {
    let kind = |kind: &ExchangeKind| match kind {
        ExchangeKind::Customer => UserType::Customer,
        ExchangeKind::Admin => UserType::Admin,
    };
    http::Exchange {
        seconds: u32::try_from(config.exchange.lifetime.as_secs()).unwrap_or(u32::MAX),
        kinds: config.exchange.kinds.iter().map(kind).collect(),
    }
}

/// What tokens look like; JWTs are signed under this key.
pub(super) fn forms(config: &Config, key: Option<&InstallationKey>) -> TokenForms {
    TokenForms {
        issued: config.tokens.format,
        jwt_key: Arc::new(ArcSwapOption::from_pointee(key.map(JwtKey::new))),
        adopts_opaque: config.accounts.source == AccountSource::Magento,
    }
}
