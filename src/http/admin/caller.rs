//! Who calls, and whether they may.

use std::net::IpAddr;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, ResponseError, web};
use futures_util::future::{Ready, ready};
use serde::Deserialize;

use crate::audit::{Channel, Origin};
use crate::http::Services;
use crate::http::admin::error::AdminError;
use crate::http::bearer::{self, Presented};
use crate::http::client;
use crate::http::holder::CannotTell;
use crate::registry::Validation;
use crate::session::{Session, UserType};
use crate::settings::{RoleId, SharedSnapshot};

/// What settings need: the section of Magento's configuration in which the lifetimes are (fact sheet 4.6).
const SETTINGS: &str = "Magento_Integration::config_oauth";
/// What customers' sessions and locks need.
const CUSTOMERS: &str = "Magento_Customer::invalidate_tokens";
/// What sessions and locks of administrators and integrations need.
const ADMINISTRATORS: &str = "Magento_User::acl_users";

/// What a route needs its caller to be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// Settings.
    Settings,
    /// Customers.
    Customers,
    /// The users that the query chooses by `kind`, `email` or `username`; all kinds when it chooses none.
    UsersOfQuery,
    /// The kind of users that the path names.
    UsersOfPath,
    /// Users of some kind. The handler learns of which one, and asks [`Administrator::may_see`].
    AnyUsers,
}

/// The administrator who calls.
#[derive(Clone, Debug)]
pub(super) struct Administrator {
    /// The session of the call.
    pub(super) session: Session,
    /// The address of the call, as far as it is known.
    address: Option<IpAddr>,
    role: Option<RoleId>,
    snapshot: SharedSnapshot,
}

impl Administrator {
    /// Whether the role allows what is done to users of this kind.
    ///
    /// # Errors
    /// [`AdminError::NotAllowed`].
    pub(super) fn may_see(&self, kind: UserType) -> Result<(), AdminError> {
        self.require(resource_of(kind))
    }

    /// Who asks, for the audit trail.
    pub(super) fn origin(&self) -> Origin {
        Origin::user(self.session.subject, Channel::AdminApi, self.address)
    }

    fn require(&self, resource: &'static str) -> Result<(), AdminError> {
        let allowed = self.role.is_some_and(|role| self.snapshot.load().roles.allows(role, resource));
        if allowed { Ok(()) } else { Err(AdminError::NotAllowed { resource }) }
    }

    fn meet(&self, needs: Needs, request: &HttpRequest) -> Result<(), AdminError> {
        match needs {
            Needs::Settings => self.require(SETTINGS),
            Needs::Customers => self.require(CUSTOMERS),
            Needs::UsersOfQuery => kinds_of_query(request).into_iter().try_for_each(|kind| self.may_see(kind)),
            Needs::UsersOfPath => kinds_of_path(request).into_iter().try_for_each(|kind| self.may_see(kind)),
            Needs::AnyUsers => self.require(ADMINISTRATORS).or_else(|_| self.require(CUSTOMERS)),
        }
    }
}

/// The resource of Magento that allows what is done to users of this kind.
fn resource_of(kind: UserType) -> &'static str {
    match kind {
        UserType::Customer => CUSTOMERS,
        UserType::Admin | UserType::Integration => ADMINISTRATORS,
    }
}

/// The part of a query that says whom it is about. What cannot be read is about everybody: the handler refuses it.
#[derive(Default, Deserialize)]
struct Chosen {
    kind: Option<String>,
    email: Option<String>,
    username: Option<String>,
}

fn kinds_of_query(request: &HttpRequest) -> Vec<UserType> {
    let chosen = web::Query::<Chosen>::from_query(request.query_string()).map(web::Query::into_inner);
    let Chosen { kind, email, username } = chosen.unwrap_or_default();
    let named = kind.map(|name| kinds_named(&name));
    let by_email = email.map(|_| vec![UserType::Customer]);
    let by_username = username.map(|_| vec![UserType::Admin]);
    let kinds: Vec<_> = [named, by_email, by_username].into_iter().flatten().flatten().collect();
    if kinds.is_empty() { UserType::ALL.to_vec() } else { kinds }
}

fn kinds_of_path(request: &HttpRequest) -> Vec<UserType> {
    kinds_named(request.match_info().get("kind").unwrap_or_default())
}

/// The kind with this name; all when there is none.
fn kinds_named(name: &str) -> Vec<UserType> {
    let named: Vec<_> = UserType::ALL.into_iter().filter(|kind| kind.name() == name).collect();
    if named.is_empty() { UserType::ALL.to_vec() } else { named }
}

/// Lets administrators through, whatever they may do.
pub(super) async fn authenticate(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match identify(request.request()).await {
        Ok(administrator) => {
            request.extensions_mut().insert(administrator);
            Ok(next.call(request).await?.map_into_boxed_body())
        }
        Err(error) => Ok(request.into_response(error.error_response())),
    }
}

/// Lets those through whose role allows what the route needs.
pub(super) async fn authorise(
    needs: Needs,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let met = caller(request.request()).and_then(|administrator| administrator.meet(needs, request.request()));
    match met {
        Ok(()) => Ok(next.call(request).await?.map_into_boxed_body()),
        Err(error) => Ok(request.into_response(error.error_response())),
    }
}

/// Fails when [`authenticate`] has not let the request through.
fn caller(request: &HttpRequest) -> Result<Administrator, AdminError> {
    request.extensions().get::<Administrator>().cloned().ok_or(AdminError::NoToken)
}

async fn identify(request: &HttpRequest) -> Result<Administrator, AdminError> {
    let services = request.app_data::<web::Data<Services>>().ok_or(AdminError::Unavailable)?;
    let token = match Presented::from_headers(request.headers()) {
        Presented::Bearer(token) => token,
        Presented::Nothing | Presented::OtherScheme => return Err(AdminError::NoToken),
        Presented::Malformed => return Err(AdminError::TokenNotGood("There are two Authorization headers.")),
    };
    let session = match bearer::validate(request, services, token).await {
        Validation::Valid(session) => session,
        Validation::Expired => return Err(AdminError::TokenNotGood("The token has expired.")),
        Validation::Revoked => return Err(AdminError::TokenNotGood("The token has been revoked.")),
        Validation::Unknown => return Err(AdminError::TokenNotGood("The token is not known.")),
        Validation::Unavailable => return Err(AdminError::Unavailable),
    };
    if session.subject.kind != UserType::Admin {
        return Err(AdminError::NotAnAdministrator);
    }
    let standing = bearer::standing(&session, services).await.map_err(|CannotTell| AdminError::Unavailable)?;
    let address = client::address(request, &services.options.trusted_proxies);
    Ok(Administrator { session, address, role: standing.role, snapshot: services.snapshot.clone() })
}

impl FromRequest for Administrator {
    type Error = AdminError;
    type Future = Ready<Result<Self, AdminError>>;

    fn from_request(request: &HttpRequest, _: &mut actix_web::dev::Payload) -> Self::Future {
        ready(caller(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn chosen(query: &str) -> Vec<UserType> {
        kinds_of_query(&TestRequest::get().uri(&format!("/sessions?{query}")).to_http_request())
    }

    #[test]
    fn a_query_is_about_those_whom_it_names_and_else_about_everybody() {
        assert_eq!(chosen("kind=customer"), [UserType::Customer]);
        assert_eq!(chosen("email=a@example.com&limit=3"), [UserType::Customer]);
        assert_eq!(chosen("username=chief"), [UserType::Admin]);
        assert_eq!(chosen("kind=customer&username=chief"), [UserType::Customer, UserType::Admin]);
        for everybody in ["", "kind=", "kind=Customer", "kind=customer&kind=customer", "limit=3"] {
            assert_eq!(chosen(everybody), UserType::ALL, "{everybody}");
        }
    }
}
