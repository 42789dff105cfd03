//! Every route of REST with every kind of caller (fact sheet 3.4).

use std::time::Duration;

use actix_web::http::Method;
use actix_web::test::TestRequest;

use super::House;
use crate::http::rest;
use crate::session::Subject;
use crate::settings::WebsiteId;

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Everybody,
    Customers,
    /// Administrators whose role allows this resource.
    Resource(&'static str),
}

/// A route that is not listed here fails the test: who adds one has to decide.
fn access(method: &str, path: &str) -> Access {
    match (method, path.strip_prefix("/rest/V1/").unwrap()) {
        ("POST", "integration/customer/token" | "integration/admin/token" | "customers/isEmailAvailable") => {
            Access::Everybody
        }
        ("POST", path) if path.starts_with("tfa/provider/") => Access::Everybody,
        ("POST", "integration/customer/revoke-customer-token")
        | ("GET", "customers/me")
        | ("PUT", "customers/me/password") => Access::Customers,
        ("GET", "store/websites" | "store/storeViews" | "store/storeConfigs") => {
            Access::Resource("Magento_Backend::store")
        }
        _ => panic!("nobody has decided who may {method} {path}"),
    }
}

/// Whether a route lets a caller through, and for which resource it does not. Nothing is sent along, so that an operation
/// may still fail, but never with 401.
async fn refused(house: &House, method: &str, path: &str, token: Option<&str>) -> Option<String> {
    let mut request = TestRequest::default().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
    if let Some(token) = token {
        request = request.insert_header(("authorization", format!("Bearer {token}")));
    }
    let seen = house.public(request).await;
    (seen.status == 401).then(|| seen.json()["parameters"]["resources"].as_str().unwrap().to_owned())
}

#[actix_web::test]
async fn every_route_lets_in_whom_it_is_for_and_nobody_else() {
    for (method, path) in rest::routes() {
        let house = House::new();
        let expired = house.admin().await;
        house.clock.advance(Duration::from_hours(5));
        let (customer, admin) = (house.customer().await, house.admin().await);
        let weak = house.issue(Subject::admin(4), WebsiteId::ADMIN, None).await;
        let access = access(method, &path);
        let resource = match access {
            Access::Everybody => None,
            Access::Customers => Some("self"),
            Access::Resource(resource) => Some(resource),
        };
        for (caller, token, is_for) in [
            ("nobody", None, access == Access::Everybody),
            ("an unknown token", Some("garbage"), access == Access::Everybody),
            ("an expired administrator", Some(expired.as_str()), access == Access::Everybody),
            ("an administrator without the resource", Some(weak.as_str()), access == Access::Everybody),
            ("an administrator", Some(admin.as_str()), access != Access::Customers),
            ("a customer", Some(customer.as_str()), !matches!(access, Access::Resource(_))),
        ] {
            let outcome = refused(&house, method, &path, token).await;
            let expected = resource.filter(|_| !is_for);
            assert_eq!(outcome.as_deref(), expected, "{method} {path} with {caller}");
        }
    }
}
