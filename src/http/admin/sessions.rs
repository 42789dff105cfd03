//! Who is signed in, and signing out.

use actix_web::web::{Data, Json, Path, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::clock::UnixSeconds;
use crate::http::Services;
use crate::http::admin::caller::Administrator;
use crate::http::admin::error::{AdminError, Problem, Problems};
use crate::http::admin::input::{UserKind, cut, page_length};
use crate::registry::{FindSession, ListSessions, Revocation, RevokeSessions};
use crate::session::{EndReason, Session, SessionId, Subject};
use crate::settings::{Snapshot, WebsiteId};

/// How many pages of the registry are looked through for one answer, so that a filter that matches little never holds
/// the registry for long.
const MOST_PAGES: usize = 10;

/// How long a page of the registry is while it is filtered by website.
const FILTERED_PAGE: usize = 1000;

/// One live session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(super) struct SessionView {
    /// Its number. Numbers grow in the order of issue and are never reused
    id: u64,
    user: UserView,
    /// The code of the website in which it was issued; `null` for administrators
    #[schema(required = true)]
    website: Option<String>,
    /// When it was issued (RFC 3339)
    #[schema(format = DateTime)]
    issued_at: String,
    /// When its token was last found good, to the minute (RFC 3339)
    #[schema(format = DateTime)]
    last_used_at: String,
    /// When it ends by itself (RFC 3339); `null` when it does not
    #[schema(format = DateTime, required = true)]
    expires_at: Option<String>,
    /// The seconds that it has left; `null` when it does not end by itself
    #[schema(required = true)]
    expires_in: Option<u32>,
}

/// Whose session it is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub(super) struct UserView {
    kind: UserKind,
    /// Magento's number of a user of this kind
    id: u32,
}

/// A page of live sessions, in the order of their numbers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionPage {
    sessions: Vec<SessionView>,
    /// `after` of the next page; `null` on the last one. A page that is not the last one may hold fewer sessions than
    /// were asked for
    #[schema(required = true)]
    next: Option<u64>,
}

/// What was ended.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionsEnded {
    /// How many live sessions
    pub(super) sessions_ended: usize,
}

/// Which sessions to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SessionFilter {
    /// Only those of users of this kind
    kind: Option<UserKind>,
    /// Only those of the user with this number; with `kind`
    id: Option<u32>,
    /// Only those of customers with this e-mail address, in whichever website
    email: Option<String>,
    /// Only those of the administrator with this user name
    username: Option<String>,
    /// Only those that were issued in the website with this code
    website: Option<String>,
    /// Only those with a greater number: `next` of the page before
    after: Option<u64>,
    /// At most so many
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// Which class of sessions to end.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SessionClass {
    /// The kind of users whose sessions all end; `all` for everybody's
    #[param(inline)]
    kind: UserKinds,
    /// The same once more, so that nobody does it by mistake
    #[param(inline, required = true)]
    confirm: Option<UserKinds>,
}

/// A kind of user, or all kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum UserKinds {
    /// Programs with their own access tokens.
    Integration,
    /// Administrators.
    Admin,
    /// Customers.
    Customer,
    /// Everybody: whoever asks has to be allowed all of the above.
    All,
}

impl From<UserKinds> for Revocation {
    fn from(kinds: UserKinds) -> Self {
        match kinds {
            UserKinds::Integration => Self::Kind(UserKind::Integration.into()),
            UserKinds::Admin => Self::Kind(UserKind::Admin.into()),
            UserKinds::Customer => Self::Kind(UserKind::Customer.into()),
            UserKinds::All => Self::Everything,
        }
    }
}

/// List live sessions
#[utoipa::path(
    get,
    path = "/sessions",
    tag = "sessions",
    params(SessionFilter),
    responses((status = 200, description = "A page of live sessions", body = SessionPage), Problems)
)]
pub(super) async fn list_sessions(
    services: Data<Services>,
    filter: Query<SessionFilter>,
) -> Result<Json<SessionPage>, AdminError> {
    let filter = filter.into_inner();
    let snapshot = services.snapshot.load_full();
    let limit = page_length(filter.limit)? as usize;
    let after = SessionId(filter.after.unwrap_or(0));
    let website = filter.website.as_deref().map(|code| website_named(code, &snapshot)).transpose()?;
    let whose = Whose::of(&filter, &services, &snapshot).await?;
    let (sessions, next) = match website {
        None => whose.page(&services, after, limit).await?,
        Some(website) => whose.page_within(&services, website, after, limit).await?,
    };
    let now = services.clock.now();
    let sessions = sessions.iter().map(|session| SessionView::of(session, &snapshot, now)).collect();
    Ok(Json(SessionPage { sessions, next: next.map(|id| id.0) }))
}

/// Show a live session
#[utoipa::path(
    get,
    path = "/sessions/{id}",
    tag = "sessions",
    params(("id" = u64, Path, description = "Its number")),
    responses(
        (status = 200, description = "The session", body = SessionView),
        (status = 404, description = "No live session has this number", body = Problem,
         content_type = "application/problem+json"),
        Problems
    )
)]
pub(super) async fn show_session(
    administrator: Administrator,
    services: Data<Services>,
    id: Path<u64>,
) -> Result<Json<SessionView>, AdminError> {
    let session = find(&administrator, &services, *id).await?;
    Ok(Json(SessionView::of(&session, &services.snapshot.load(), services.clock.now())))
}

/// End a session
#[utoipa::path(
    delete,
    path = "/sessions/{id}",
    tag = "sessions",
    params(("id" = u64, Path, description = "Its number")),
    responses(
        (status = 200, description = "It has ended", body = SessionsEnded),
        (status = 404, description = "No live session has this number", body = Problem,
         content_type = "application/problem+json"),
        Problems
    )
)]
pub(super) async fn end_session(
    administrator: Administrator,
    services: Data<Services>,
    id: Path<u64>,
) -> Result<Json<SessionsEnded>, AdminError> {
    let session = find(&administrator, &services, *id).await?;
    match end(&services, &administrator, Revocation::Session(session.id)).await? {
        SessionsEnded { sessions_ended: 0 } => Err(no_session(*id)),
        ended => Ok(Json(ended)),
    }
}

/// End all sessions of a kind of users, or everybody's
///
/// With `kind=admin` and `kind=all` the session of whoever asks ends as well.
#[utoipa::path(
    delete,
    path = "/sessions",
    tag = "sessions",
    params(SessionClass),
    responses((status = 200, description = "They have ended", body = SessionsEnded), Problems)
)]
pub(super) async fn end_sessions(
    administrator: Administrator,
    services: Data<Services>,
    class: Query<SessionClass>,
) -> Result<Json<SessionsEnded>, AdminError> {
    if class.confirm != Some(class.kind) {
        let text = "This ends all sessions of a kind. To go ahead, name the kind a second time as `confirm`.";
        return Err(AdminError::Unreadable(text.to_owned()));
    }
    end(&services, &administrator, class.kind.into()).await.map(Json)
}

/// Ends sessions, and says so in the log.
pub(super) async fn end(
    services: &Services,
    administrator: &Administrator,
    which: Revocation,
) -> Result<SessionsEnded, AdminError> {
    let change = RevokeSessions { which, reason: EndReason::Ended, origin: administrator.origin() };
    let sessions_ended = services.registry.revoke(change).await?;
    let by = administrator.session.subject.id;
    tracing::info!(administrator = by, ?which, sessions_ended, "sessions were ended by an administrator");
    Ok(SessionsEnded { sessions_ended })
}

async fn find(administrator: &Administrator, services: &Services, id: u64) -> Result<Session, AdminError> {
    let found = services.registry.find(FindSession { id: SessionId(id) }).await?;
    let session = found.ok_or_else(|| no_session(id))?;
    administrator.may_see(session.subject.kind)?;
    Ok(session)
}

fn no_session(id: u64) -> AdminError {
    AdminError::NotFound(format!("There is no live session with the number {id}."))
}

fn website_named(code: &str, snapshot: &Snapshot) -> Result<WebsiteId, AdminError> {
    let website = snapshot.stores.website_by_code(code);
    website.map(|website| website.id).ok_or_else(|| AdminError::Unreadable(format!("There is no website {code}.")))
}

/// Whose sessions are asked for.
enum Whose {
    Everybodys,
    Kind(UserKind),
    /// Of these users, who may be none.
    Subjects(Vec<Subject>),
}

impl Whose {
    async fn of(filter: &SessionFilter, services: &Services, snapshot: &Snapshot) -> Result<Self, AdminError> {
        match (filter.kind, filter.id, &filter.email, &filter.username) {
            (None, None, None, None) => Ok(Self::Everybodys),
            (Some(kind), None, None, None) => Ok(Self::Kind(kind)),
            (Some(kind), Some(id), None, None) => Ok(Self::Subjects(vec![Subject { kind: kind.into(), id }])),
            (None | Some(UserKind::Customer), None, Some(email), None) => {
                customers_named(email, services, snapshot).await.map(Self::Subjects)
            }
            (None | Some(UserKind::Admin), None, None, Some(name)) => {
                let found = services.accounts.administrator_by_username(name).await?;
                Ok(Self::Subjects(found.map(|administrator| Subject::admin(administrator.id)).into_iter().collect()))
            }
            _ => {
                let text = "A user is chosen by kind and id, by email or by username, and by one of these only.";
                Err(AdminError::Unreadable(text.to_owned()))
            }
        }
    }

    /// A page, and where the next one starts.
    async fn page(
        &self,
        services: &Services,
        after: SessionId,
        limit: usize,
    ) -> Result<(Vec<Session>, Option<SessionId>), AdminError> {
        // One more than the page holds, because only that one tells whether it is the last page.
        let list = |subject, kind| {
            services.registry.list(ListSessions { subject, kind, after: Some(after), limit: limit + 1 })
        };
        let mut page = match self {
            Self::Everybodys => list(None, None).await?,
            Self::Kind(kind) => list(None, Some((*kind).into())).await?,
            Self::Subjects(subjects) => {
                let mut page = Vec::new();
                for subject in subjects {
                    page.extend(list(Some(*subject), None).await?);
                }
                page.sort_unstable_by_key(|session| session.id);
                page
            }
        };
        let more = cut(&mut page, limit);
        let next = page.last().map(|session| session.id).filter(|_| more);
        Ok((page, next))
    }

    /// A page of the sessions of one website.
    async fn page_within(
        &self,
        services: &Services,
        website: WebsiteId,
        after: SessionId,
        limit: usize,
    ) -> Result<(Vec<Session>, Option<SessionId>), AdminError> {
        let (mut kept, mut after) = (Vec::new(), after);
        for _ in 0..MOST_PAGES {
            let (page, next) = self.page(services, after, FILTERED_PAGE).await?;
            kept.extend(page.into_iter().filter(|session| session.website == website));
            if cut(&mut kept, limit) {
                let last = kept.last().map(|session| session.id);
                return Ok((kept, last));
            }
            let Some(next) = next else { return Ok((kept, None)) };
            after = next;
        }
        Ok((kept, Some(after)))
    }
}

/// An e-mail address may belong to a customer in each website.
async fn customers_named(email: &str, services: &Services, snapshot: &Snapshot) -> Result<Vec<Subject>, AdminError> {
    let mut found = Vec::new();
    for website in snapshot.stores.websites() {
        let customer = services.accounts.customer_by_email(email, Some(website.id)).await?;
        found.extend(customer.map(|customer| Subject::customer(customer.id)));
    }
    Ok(found)
}

impl SessionView {
    fn of(session: &Session, snapshot: &Snapshot, now: UnixSeconds) -> Self {
        Self {
            id: session.id.0,
            user: UserView { kind: session.subject.kind.into(), id: session.subject.id },
            website: snapshot.stores.website(session.website).map(|website| website.code.clone()),
            issued_at: session.issued.to_rfc3339(),
            last_used_at: session.last_used.to_rfc3339(),
            expires_at: session.ends.map(UnixSeconds::to_rfc3339),
            expires_in: session.expires_in(now),
        }
    }
}
