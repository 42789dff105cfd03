//! What a request asks for: base path, optional store view, version, operation (fact sheet 3.1, 3.2).

use actix_web::http::Method;

use crate::http::rest::error::RestError;
use crate::http::store;
use crate::settings::{StoreDirectory, StoreView};

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// `POST /V1/integration/customer/token`
    CustomerToken,
    /// `POST /V1/integration/admin/token`
    AdminToken,
    /// `POST /V1/tfa/provider/google/authenticate`
    AdminTokenWithCode,
    /// Whatever else Magento has below `/V1/tfa/provider` (fact sheet 9.2, 9.6).
    ProviderNotServed,
    /// `POST /V1/integration/customer/revoke-customer-token`
    RevokeCustomerToken,
    /// `GET /V1/customers/me`
    CustomersMe,
    /// `PUT /V1/customers/me/password`
    ChangePassword,
    /// `POST /V1/customers/isEmailAvailable`
    IsEmailAvailable,
    /// `GET /V1/store/websites`
    Websites,
    /// `GET /V1/store/storeViews`
    StoreViews,
    /// `GET /V1/store/storeConfigs`
    StoreConfigs,
}

/// A route.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    /// The method.
    pub(super) method: &'static str,
    /// The path below base path and store view.
    pub(super) path: &'static str,
    operation: Operation,
}

/// All routes.
pub(super) const ROUTES: [Route; 25] = [
    route("POST", "V1/integration/customer/token", Operation::CustomerToken),
    route("POST", "V1/integration/admin/token", Operation::AdminToken),
    route("POST", "V1/tfa/provider/google/authenticate", Operation::AdminTokenWithCode),
    route("POST", "V1/tfa/provider/google/configure", Operation::ProviderNotServed),
    route("POST", "V1/tfa/provider/google/activate", Operation::ProviderNotServed),
    route("POST", "V1/tfa/provider/duo_security/configure", Operation::ProviderNotServed),
    route("POST", "V1/tfa/provider/duo_security/activate", Operation::ProviderNotServed),
    route("POST", "V1/tfa/provider/duo_security/authenticate", Operation::ProviderNotServed),
    route("POST", "V1/tfa/provider/authy/configure", Operation::ProviderNotServed),
    route("POST", "V1/tfa/provider/authy/activate", Operation::ProviderNotServed),
    route("POST", "V1/tfa/provider/authy/send-token/sms", Operation::ProviderNotServed),
    route("POST", "V1/tfa/provider/authy/send-token/call", Operation::ProviderNotServed),
    route("POST", "V1/tfa/provider/authy/authenticate", Operation::ProviderNotServed),
    route("POST", "V1/tfa/provider/authy/authenticate-onetouch", Operation::ProviderNotServed),
    route("POST", "V1/tfa/provider/u2fkey/configure", Operation::ProviderNotServed),
    route("POST", "V1/tfa/provider/u2fkey/activate", Operation::ProviderNotServed),
    route("POST", "V1/tfa/provider/u2fkey/authentication-challenge", Operation::ProviderNotServed),
    route("POST", "V1/tfa/provider/u2fkey/verify", Operation::ProviderNotServed),
    route("POST", "V1/integration/customer/revoke-customer-token", Operation::RevokeCustomerToken),
    route("GET", "V1/customers/me", Operation::CustomersMe),
    route("PUT", "V1/customers/me/password", Operation::ChangePassword),
    route("POST", "V1/customers/isEmailAvailable", Operation::IsEmailAvailable),
    route("GET", "V1/store/websites", Operation::Websites),
    route("GET", "V1/store/storeViews", Operation::StoreViews),
    route("GET", "V1/store/storeConfigs", Operation::StoreConfigs),
];

const fn route(method: &'static str, path: &'static str, operation: Operation) -> Route {
    Route { method, path, operation }
}

/// The operation, and the store view that the path names. Slashes at either end do not count.
///
/// # Errors
/// [`RestError::NotProcessable`], [`RestError::MethodNotSupported`] and [`RestError::NoRoute`], in this order.
pub(super) fn find<'a>(
    method: &Method,
    path: &str,
    stores: &'a StoreDirectory,
) -> Result<(Operation, &'a StoreView), RestError> {
    let (store, path) = split_store(below_base(path), stores);
    if !has_version(path) {
        return Err(RestError::NotProcessable);
    }
    if ![Method::GET, Method::POST, Method::PUT, Method::DELETE].contains(method) {
        return Err(RestError::MethodNotSupported(method.clone()));
    }
    let operation = operation(method, path).ok_or(RestError::NoRoute)?;
    Ok((operation, store))
}

fn below_base(path: &str) -> &str {
    let path = path.strip_prefix("/index.php").unwrap_or(path);
    path.strip_prefix("/rest").unwrap_or(path).trim_matches('/')
}

/// A first segment that names no store view is part of the path.
fn split_store<'a, 'b>(path: &'b str, stores: &'a StoreDirectory) -> (&'a StoreView, &'b str) {
    let (first, tail) = path.split_once('/').unwrap_or((path, ""));
    match store::named_by_path(Some(first), stores) {
        Some(store) => (store, tail),
        None => (stores.default_store(), path),
    }
}

/// `V` and a number come first.
fn has_version(path: &str) -> bool {
    path.strip_prefix('V').is_some_and(|rest| rest.starts_with(|character: char| character.is_ascii_digit()))
}

fn operation(method: &Method, path: &str) -> Option<Operation> {
    ROUTES.iter().find(|route| route.method == method.as_str() && route.path == path).map(|route| route.operation)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: &str, path: &str) -> Result<Operation, RestError> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        find(&method, path, &StoreDirectory::fresh()).map(|(operation, _)| operation)
    }

    #[test]
    fn every_form_of_the_path_finds_the_operation() {
        for path in [
            "/rest/V1/customers/me",
            "/rest/default/V1/customers/me",
            "/rest/all/V1/customers/me",
            "/index.php/rest/V1/customers/me",
            "/index.php/rest/default/V1/customers/me/",
            "/rest//V1/customers/me//",
        ] {
            assert_eq!(found("GET", path), Ok(Operation::CustomersMe), "{path}");
        }
    }

    #[test]
    fn what_does_not_begin_with_a_store_view_and_a_version_is_not_processed() {
        for path in [
            "/rest",
            "/rest/",
            "/rest/default",
            "/rest/french/V1/customers/me",
            "/rest/Default/V1/customers/me",
            "/rest/v1/customers/me",
            "/rest/V/customers/me",
        ] {
            assert_eq!(found("GET", path), Err(RestError::NotProcessable), "{path}");
        }
    }

    #[test]
    fn a_known_path_with_another_method_matches_no_route() {
        assert_eq!(found("GET", "/rest/V1/integration/customer/token"), Err(RestError::NoRoute));
        assert_eq!(found("POST", "/rest/V1/customers/me"), Err(RestError::NoRoute));
        assert_eq!(found("GET", "/rest/V2/customers/me"), Err(RestError::NoRoute));
        assert_eq!(found("GET", "/rest/V1"), Err(RestError::NoRoute));
    }

    #[test]
    fn other_methods_are_not_supported() {
        for method in ["PATCH", "HEAD", "OPTIONS", "BREW"] {
            let expected = RestError::MethodNotSupported(Method::from_bytes(method.as_bytes()).unwrap());
            assert_eq!(found(method, "/rest/V1/customers/me"), Err(expected), "{method}");
        }
    }
}
