//! Signing a user out everywhere.

use actix_web::web::{Data, Json, Path};

use crate::http::Services;
use crate::http::admin::caller::Administrator;
use crate::http::admin::error::{AdminError, Problem, Problems};
use crate::http::admin::input::UserKind;
use crate::http::admin::sessions::{SessionsEnded, end};
use crate::registry::Revocation;
use crate::session::{Subject, UserType};

/// End all sessions of a user
///
/// Those of an account that is no longer there end as well.
#[utoipa::path(
    delete,
    path = "/users/{kind}/{id}/sessions",
    tag = "sessions",
    params(
        ("kind" = UserKind, Path, description = "The kind of user"),
        ("id" = u32, Path, description = "Magento's number of the user")
    ),
    responses(
        (status = 200, description = "They have ended; there may have been none", body = SessionsEnded),
        (status = 404, description = "There is no such user", body = Problem,
         content_type = "application/problem+json"),
        Problems
    )
)]
pub(super) async fn end_user_sessions(
    administrator: Administrator,
    services: Data<Services>,
    user: Path<(UserKind, u32)>,
) -> Result<Json<SessionsEnded>, AdminError> {
    let (kind, id) = user.into_inner();
    let subject = Subject { kind: kind.into(), id };
    let ended = end(&services, &administrator, Revocation::Subject(subject)).await?;
    if ended.sessions_ended == 0 && !exists(&services, subject).await? {
        return Err(AdminError::NotFound(format!("There is no {} with the number {id}.", subject.kind)));
    }
    Ok(Json(ended))
}

/// Integrations have no accounts here: one without sessions is not known.
async fn exists(services: &Services, subject: Subject) -> Result<bool, AdminError> {
    Ok(match subject.kind {
        UserType::Customer => services.accounts.customer(subject.id).await?.is_some(),
        UserType::Admin => services.accounts.administrator(subject.id).await?.is_some(),
        UserType::Integration => false,
    })
}
