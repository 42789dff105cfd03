//! Which policy a gateway asks for: from the query, or by name.

use std::borrow::Cow;

use actix_web::web::Query;
use thiserror::Error;

use crate::decision::{Exchange, OtherSchemes, Policy, Requirement};

/// Why a question is no question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum BadQuestion {
    /// A parameter that there is not. Its name is not repeated: a client may have chosen it.
    #[error("Unknown parameter. There are: require, website, acl, exchange.")]
    UnknownParameter,
    /// A parameter that comes twice: one of them may be a client's.
    #[error("The parameter \"{0}\" is repeated.")]
    Repeated(&'static str),
    /// A parameter without a value, which is more likely a gateway's empty variable than a wish.
    #[error("The parameter \"{0}\" is empty.")]
    Empty(&'static str),
    /// A requirement that there is not.
    #[error("Unknown value of \"require\". There are: any, customer, admin, integration, guest-ok.")]
    UnknownRequirement,
    /// A form of exchange that there is not.
    #[error("Unknown value of \"exchange\". There is: jwt.")]
    UnknownExchange,
    /// An exchange without a key to sign with.
    #[error("\"exchange=jwt\" needs the key of the Magento installation: set magento.crypt_key.")]
    NoKey,
    /// Not a query at all.
    #[error("The query cannot be read.")]
    Unreadable,
    /// A policy that is not configured.
    #[error("There is no policy with this name.")]
    UnknownPolicy,
    /// A path below `/check` that is none.
    #[error("There is no such route. Ask /check?require=… or /check/policy/<name>.")]
    UnknownRoute,
}

/// The policy that a query spells out (`require`, `website`, `acl`). Strict: what is unknown or repeated is an error,
/// never a yes.
pub(super) fn from_query(query: &str) -> Result<Cow<'static, Policy>, BadQuestion> {
    match plain(query) {
        Some(policy) => Ok(Cow::Borrowed(policy)),
        None => parse(query).map(Cow::Owned),
    }
}

/// The name in what follows `/check/policy/`. A gateway may append the client's own path there.
pub(super) fn policy_name(tail: &str) -> &str {
    tail.split_once('/').map_or(tail, |(name, _)| name)
}

/// The queries that gateways send most, without an allocation.
fn plain(query: &str) -> Option<&'static Policy> {
    static ANY: Policy = require(Requirement::Any, None);
    static CUSTOMER: Policy = require(Requirement::Customer, None);
    static ADMIN: Policy = require(Requirement::Admin, None);
    static INTEGRATION: Policy = require(Requirement::Integration, None);
    static GUEST_OK: Policy = require(Requirement::GuestOk, None);
    static ANY_EXCHANGED: Policy = require(Requirement::Any, Some(Exchange::Jwt));
    static CUSTOMER_EXCHANGED: Policy = require(Requirement::Customer, Some(Exchange::Jwt));
    static GUEST_OK_EXCHANGED: Policy = require(Requirement::GuestOk, Some(Exchange::Jwt));
    match query {
        "" | "require=any" => Some(&ANY),
        "require=customer" => Some(&CUSTOMER),
        "require=admin" => Some(&ADMIN),
        "require=integration" => Some(&INTEGRATION),
        "require=guest-ok" => Some(&GUEST_OK),
        "exchange=jwt" | "require=any&exchange=jwt" => Some(&ANY_EXCHANGED),
        "require=customer&exchange=jwt" => Some(&CUSTOMER_EXCHANGED),
        "require=guest-ok&exchange=jwt" => Some(&GUEST_OK_EXCHANGED),
        _ => None,
    }
}

const fn require(require: Requirement, exchange: Option<Exchange>) -> Policy {
    Policy { require, website: None, acl: None, observe: false, other_schemes: OtherSchemes::Ignore, exchange }
}

fn parse(query: &str) -> Result<Policy, BadQuestion> {
    let pairs = Query::<Vec<(String, String)>>::from_query(query).map_err(|_| BadQuestion::Unreadable)?;
    let (mut required, mut website, mut acl, mut exchange) = (None, None, None, None);
    for (name, value) in pairs.into_inner() {
        let (name, place) = match name.as_str() {
            "require" => ("require", &mut required),
            "website" => ("website", &mut website),
            "acl" => ("acl", &mut acl),
            "exchange" => ("exchange", &mut exchange),
            _ => return Err(BadQuestion::UnknownParameter),
        };
        if value.is_empty() {
            return Err(BadQuestion::Empty(name));
        }
        if place.replace(value).is_some() {
            return Err(BadQuestion::Repeated(name));
        }
    }
    let exchange = exchanged(exchange.as_deref())?;
    Ok(Policy { website, acl, ..require(requirement(required.as_deref())?, exchange) })
}

fn exchanged(value: Option<&str>) -> Result<Option<Exchange>, BadQuestion> {
    match value {
        None => Ok(None),
        Some("jwt") => Ok(Some(Exchange::Jwt)),
        Some(_) => Err(BadQuestion::UnknownExchange),
    }
}

fn requirement(value: Option<&str>) -> Result<Requirement, BadQuestion> {
    match value {
        None | Some("any") => Ok(Requirement::Any),
        Some("customer") => Ok(Requirement::Customer),
        Some("admin") => Ok(Requirement::Admin),
        Some("integration") => Ok(Requirement::Integration),
        Some("guest-ok") => Ok(Requirement::GuestOk),
        Some(_) => Err(BadQuestion::UnknownRequirement),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_query_spells_out_a_policy() {
        let policy = from_query("require=customer&website=base&acl=Magento_Backend%3A%3Astore").unwrap();
        assert_eq!(policy.require, Requirement::Customer);
        assert_eq!(policy.website.as_deref(), Some("base"));
        assert_eq!(policy.acl.as_deref(), Some("Magento_Backend::store"));
        assert!(!policy.observe);
        assert_eq!(from_query("website=base").unwrap().require, Requirement::Any);
        assert_eq!(from_query("").unwrap().require, Requirement::Any);
    }

    #[test]
    fn what_is_repeated_unknown_or_empty_is_an_error() {
        for (query, problem) in [
            ("require=customer&require=guest-ok", BadQuestion::Repeated("require")),
            ("website=base&website=base", BadQuestion::Repeated("website")),
            ("require=customer&role=1", BadQuestion::UnknownParameter),
            ("Require=customer", BadQuestion::UnknownParameter),
            ("observe=true", BadQuestion::UnknownParameter),
            ("require=everybody", BadQuestion::UnknownRequirement),
            ("require=Customer", BadQuestion::UnknownRequirement),
            ("require=", BadQuestion::Empty("require")),
            ("website", BadQuestion::Empty("website")),
            ("exchange=jwt&exchange=jwt", BadQuestion::Repeated("exchange")),
            ("exchange=", BadQuestion::Empty("exchange")),
            ("exchange=saml", BadQuestion::UnknownExchange),
        ] {
            assert_eq!(from_query(query), Err(problem), "{query}");
        }
    }

    #[test]
    fn the_common_queries_mean_what_the_parser_says() {
        for query in [
            "",
            "require=any",
            "require=customer",
            "require=admin",
            "require=integration",
            "require=guest-ok",
            "exchange=jwt",
            "require=any&exchange=jwt",
            "require=customer&exchange=jwt",
            "require=guest-ok&exchange=jwt",
        ] {
            assert_eq!(plain(query), Some(&parse(query).unwrap()), "{query}");
        }
    }

    #[test]
    fn what_follows_a_name_is_ignored() {
        assert_eq!(policy_name("storefront"), "storefront");
        assert_eq!(policy_name("storefront/graphql/../any"), "storefront");
        assert_eq!(policy_name(""), "");
    }

    proptest! {
        #[test]
        fn a_guest_is_welcome_only_when_the_query_says_so(query in "[a-z=&%0-9+-]{0,40}") {
            if let Ok(policy) = from_query(&query) {
                let decoded = query.replace("%2D", "-").replace("%2d", "-");
                prop_assert!(policy.require != Requirement::GuestOk || decoded.contains("guest-ok"));
            }
        }
    }
}
