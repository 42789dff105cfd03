//! Who the bearer token of a request belongs to (fact sheet 1.7, 1.8).

use actix_web::HttpRequest;

use crate::http::Services;
use crate::http::bearer::{self, Presented};
use crate::http::error::Failure;
use crate::http::graphql::context::Context;
use crate::http::graphql::line::Line;
use crate::http::holder::CannotTell;
use crate::registry::{Candidate, Revocation, Validation};
use crate::session::{Session, UserType};
use crate::settings::RoleId;

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Identity {
    /// Nobody that is known.
    Guest,
    /// The user of a session.
    Known {
        /// The session.
        session: Session,
        /// What ends its token alone.
        alone: Revocation,
    },
}

impl Identity {
    /// Reads the `Authorization` header. In the older line a token that is not good makes a guest.
    ///
    /// # Errors
    /// [`Failure::TokenUnknown`], [`Failure::TokenExpired`], [`Failure::TokenRevoked`], [`Failure::Unavailable`].
    pub(super) async fn of(request: &HttpRequest, services: &Services) -> Result<Self, Failure> {
        let Some(token) = Presented::from_headers(request.headers()).bearer() else {
            return Ok(Self::Guest);
        };
        let (candidate, validation) = bearer::validate_candidate(request, services, token).await;
        Self::from_validation(validation, candidate, services.options.version.line())
    }

    fn from_validation(validation: Validation, candidate: Option<Candidate>, line: Line) -> Result<Self, Failure> {
        let failure = match validation {
            Validation::Valid(session) => {
                let alone = candidate.map_or(Revocation::Session(session.id), |candidate| candidate.revocation());
                return Ok(Self::Known { session, alone });
            }
            Validation::Unavailable => return Err(Failure::Unavailable),
            Validation::Expired => Failure::TokenExpired,
            Validation::Unknown => Failure::TokenUnknown,
            Validation::Revoked => Failure::TokenRevoked,
        };
        if line.refuses_bad_tokens { Err(failure) } else { Ok(Self::Guest) }
    }
}

/// A request that counts as a customer's.
#[derive(Clone, Copy, Debug)]
pub(super) struct CurrentCustomer {
    /// The session.
    pub(super) session: Session,
    /// What ends its token alone.
    pub(super) alone: Revocation,
}

impl Context {
    /// The customer who asks. In the newer line, a customer of another website counts as nobody, unless accounts are shared.
    ///
    /// # Errors
    /// [`Failure::CustomerRequired`] when it is nobody, or no customer; [`Failure::Unavailable`] when the website counts
    /// and cannot be told.
    pub(super) async fn customer(&self) -> Result<CurrentCustomer, Failure> {
        let customer = self.customer_anywhere()?;
        if !self.accounts_are_per_website() || !self.services.options.version.line().keeps_to_the_website {
            return Ok(customer);
        }
        match bearer::standing(&customer.session, &self.services).await {
            Ok(standing) if standing.website == self.store.website => Ok(customer),
            Ok(_) => Err(Failure::CustomerRequired),
            Err(CannotTell) => Err(Failure::Unavailable),
        }
    }

    /// The customer who signs out: also one whose website cannot be told at the moment.
    ///
    /// # Errors
    /// [`Failure::CustomerRequired`], as [`Self::customer`].
    pub(super) async fn leaving_customer(&self) -> Result<CurrentCustomer, Failure> {
        match self.customer().await {
            Err(Failure::Unavailable) => self.customer_anywhere(),
            told => told,
        }
    }

    fn customer_anywhere(&self) -> Result<CurrentCustomer, Failure> {
        let Identity::Known { session, alone } = self.identity else {
            return Err(Failure::CustomerRequired);
        };
        if session.subject.kind != UserType::Customer || session.subject.id == 0 {
            return Err(Failure::CustomerRequired);
        }
        Ok(CurrentCustomer { session, alone })
    }
}

impl Context {
    /// The administrator who asks, with what the role allows.
    ///
    /// # Errors
    /// [`Failure::CustomerRequired`], Magento's words for everybody else (fact sheet 2.3); [`Failure::Unavailable`] when the
    /// role cannot be told.
    pub(super) async fn administrator(&self) -> Result<CurrentAdministrator, Failure> {
        match self.identity {
            Identity::Known { session, .. } if session.subject.kind == UserType::Admin => {
                match bearer::standing(&session, &self.services).await {
                    Ok(standing) => Ok(CurrentAdministrator { id: session.subject.id, role: standing.role }),
                    Err(CannotTell) => Err(Failure::Unavailable),
                }
            }
            Identity::Known { .. } | Identity::Guest => Err(Failure::CustomerRequired),
        }
    }

    /// Whether the administrator's role allows `resource`.
    pub(super) fn allows(&self, administrator: CurrentAdministrator, resource: &str) -> bool {
        administrator.role.is_some_and(|role| self.snapshot.roles.allows(role, resource))
    }
}

/// A request that counts as an administrator's.
#[derive(Clone, Copy, Debug)]
pub(super) struct CurrentAdministrator {
    /// Magento's number of the administrator.
    pub(super) id: u32,
    role: Option<RoleId>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::MagentoVersion;

    #[test]
    fn a_bad_token_is_refused_from_2_4_8_and_a_guest_before() {
        let of = |validation, version: MagentoVersion| {
            Identity::from_validation(validation, None, version.line()).map(|_| ())
        };
        for (validation, failure) in [
            (Validation::Expired, Failure::TokenExpired),
            (Validation::Unknown, Failure::TokenUnknown),
            (Validation::Revoked, Failure::TokenRevoked),
        ] {
            assert_eq!(of(validation, MagentoVersion::V248), Err(failure));
            assert_eq!(of(validation, MagentoVersion::V247), Ok(()));
        }
    }

    #[test]
    fn what_cannot_be_told_is_never_a_guest() {
        for version in [MagentoVersion::V247, MagentoVersion::V248] {
            let identity = Identity::from_validation(Validation::Unavailable, None, version.line());
            assert!(matches!(identity, Err(Failure::Unavailable)));
        }
    }
}
