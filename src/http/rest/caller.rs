//! Who calls, and whether they may (fact sheet 3.4).

use crate::http::bearer::{self, Presented};
use crate::http::error::Failure;
use crate::http::holder::CannotTell;
use crate::http::rest::Call;
use crate::http::rest::error::RestError;
use crate::registry::Validation;
use crate::session::{Session, UserType};
use crate::settings::{RoleId, Snapshot};

/// The resource that every customer has.
const SELF: &str = "self";

impl Call<'_> {
    /// The customer who calls.
    ///
    /// # Errors
    /// [`RestError::NotAuthorized`] for a guest, which a bad token makes of a caller, and for anybody else;
    /// [`Failure::Unavailable`] when it cannot be told.
    pub(super) async fn customer(&self) -> Result<Session, RestError> {
        customer(self.validation().await)
    }

    /// Lets an administrator through whose role allows `resource`.
    ///
    /// # Errors
    /// As [`Call::customer`].
    pub(super) async fn administrator(&self, resource: &'static str) -> Result<Session, RestError> {
        let validation = self.validation().await;
        let role = match validation {
            Validation::Valid(session) if session.subject.kind == UserType::Admin => {
                bearer::standing(&session, self.services).await.map_err(|CannotTell| Failure::Unavailable)?.role
            }
            _ => None,
        };
        administrator(validation, role, resource, &self.snapshot)
    }

    /// What the caller's token is worth; a caller without one is like one with an unknown token.
    async fn validation(&self) -> Validation {
        match Presented::from_headers(self.request.headers()).bearer() {
            Some(token) => bearer::validate(self.request, self.services, token).await,
            None => Validation::Unknown,
        }
    }
}

fn customer(validation: Validation) -> Result<Session, RestError> {
    let session = good(validation, SELF)?;
    if session.subject.kind != UserType::Customer {
        return Err(RestError::NotAuthorized { resource: SELF });
    }
    Ok(session)
}

fn administrator(
    validation: Validation,
    role: Option<RoleId>,
    resource: &'static str,
    snapshot: &Snapshot,
) -> Result<Session, RestError> {
    let session = good(validation, resource)?;
    let allowed =
        session.subject.kind == UserType::Admin && role.is_some_and(|role| snapshot.roles.allows(role, resource));
    if !allowed {
        return Err(RestError::NotAuthorized { resource });
    }
    Ok(session)
}

fn good(validation: Validation, resource: &'static str) -> Result<Session, RestError> {
    match validation {
        Validation::Valid(session) => Ok(session),
        Validation::Unavailable => Err(Failure::Unavailable.into()),
        Validation::Expired | Validation::Unknown | Validation::Revoked => Err(RestError::NotAuthorized { resource }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixSeconds;
    use crate::session::{SessionId, Subject};
    use crate::settings::{Role, Roles, Settings, StoreDirectory, WebsiteId};
    use crate::token::EmptyLifetime;

    fn valid(subject: Subject) -> Validation {
        Validation::Valid(Session {
            id: SessionId(1),
            subject,
            website: WebsiteId(1),
            issued: UnixSeconds(0),
            ends: None,
            last_used: UnixSeconds(0),
        })
    }

    fn snapshot() -> Snapshot {
        let roles: Roles =
            [Role { id: RoleId(1), name: String::new(), allowed: ["Magento_Backend::store".to_owned()].into() }]
                .into_iter()
                .collect();
        Snapshot::new(Settings::default(), StoreDirectory::fresh(), roles, EmptyLifetime::AtOnce)
    }

    #[test]
    fn only_customers_have_themselves() {
        assert_eq!(customer(valid(Subject::customer(7))).unwrap().subject, Subject::customer(7));
        for other in [valid(Subject::admin(7)), Validation::Unknown, Validation::Expired, Validation::Revoked] {
            assert_eq!(customer(other), Err(RestError::NotAuthorized { resource: "self" }), "{other:?}");
        }
    }

    #[test]
    fn an_administrator_needs_a_role_that_allows_the_resource() {
        let asked = |validation, role: Option<u32>, resource| {
            administrator(validation, role.map(RoleId), resource, &snapshot()).is_ok()
        };
        assert!(asked(valid(Subject::admin(1)), Some(1), "Magento_Backend::store"));
        assert!(!asked(valid(Subject::admin(1)), Some(1), "Magento_User::acl_users"));
        assert!(!asked(valid(Subject::admin(1)), Some(2), "Magento_Backend::store"));
        assert!(!asked(valid(Subject::admin(1)), None, "Magento_Backend::store"));
        assert!(!asked(valid(Subject::customer(1)), Some(1), "Magento_Backend::store"));
    }

    #[test]
    fn what_cannot_be_told_is_unavailable_not_unauthorised() {
        assert_eq!(customer(Validation::Unavailable), Err(Failure::Unavailable.into()));
    }
}
