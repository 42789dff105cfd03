//! Commands about sessions.

use serde_json::{Map, Value, json};

use super::{LONGEST_PAGE, Office, Outcome, done, moment, row, text};
use crate::accounts::folded;
use crate::clock::UnixSeconds;
use crate::control::{Answer, ExposedPassword, UserName};
use crate::registry::{Candidate, ListSessions, RegistryError, Revocation, RevokeSessions};
use crate::session::{EndReason, Session, SessionId, Subject};
use crate::settings::Snapshot;

impl Office {
    pub(super) async fn list_sessions(&self, user: Option<UserName>, after: u64, limit: usize) -> Outcome {
        let mut sessions = Vec::new();
        let subjects = match user {
            Some(user) => self.subjects(user).await?.into_iter().map(Some).collect(),
            None => vec![None],
        };
        let limit = limit.min(LONGEST_PAGE as usize);
        for subject in subjects {
            let question = ListSessions { subject, kind: None, after: Some(SessionId(after)), limit };
            sessions.extend(self.registry.list(question).await.map_err(text)?);
        }
        // Each subject's are in order; the first of all of them make the page.
        sessions.sort_unstable_by_key(|session| session.id);
        let snapshot = self.keeper.snapshot();
        let now = self.clock.now();
        Ok(Answer::Rows(sessions.iter().take(limit).map(|session| session_row(session, &snapshot, now)).collect()))
    }

    pub(super) async fn revoke_user(&self, user: UserName) -> Outcome {
        let mut count = 0;
        for subject in self.subjects(user).await? {
            count += self.revoke(Revocation::Subject(subject)).await?;
        }
        done(format!("sessions ended: {count}"))
    }

    pub(super) async fn revoke_tokens(&self, tokens: Vec<ExposedPassword>) -> Outcome {
        let (mut count, given) = (0, tokens.len());
        for token in tokens {
            if let Some(candidate) = self.registry.reader().examine(token.0.expose()) {
                let which = self.what_ends(candidate, token.0.expose()).await;
                count += self.revoke(which).await?;
            }
        }
        Ok(Answer::TokensRevoked { given, ended: count })
    }

    /// A token that the shop issued may never have been used here. It is taken over first, so that it counts as ended when
    /// it is good. What is not good at the moment, or cannot be told, may be good later: it is denied all the same.
    async fn what_ends(&self, candidate: Candidate, text: &str) -> Revocation {
        let (Candidate::Opaque(digest), Some(elsewhere)) = (candidate, &self.elsewhere) else {
            return candidate.revocation();
        };
        if !self.registry.reader().holds(digest) {
            elsewhere.look_up(digest, text).await;
        }
        Revocation::Unheld(digest)
    }

    pub(super) async fn revoke(&self, which: Revocation) -> Result<usize, String> {
        let change = RevokeSessions { which, reason: EndReason::Ended, origin: self.origin };
        self.registry.revoke(change).await.map_err(|error| match error {
            RegistryError::Full => {
                "too many single tokens are denied already: end those of their user, or of all".to_owned()
            }
            RegistryError::Busy | RegistryError::Unavailable => format!("{error}; try again"),
        })
    }

    async fn administrators_with(&self, email: &str) -> Result<impl Iterator<Item = Subject>, String> {
        // A shop is asked by user name only: its administrators have no index of addresses.
        let all = match self.shop {
            Some(_) => Vec::new(),
            None => self.accounts.list_administrators().await.map_err(text)?,
        };
        let wanted = folded(email);
        Ok(all.into_iter().filter(move |one| folded(&one.email) == wanted).map(|one| Subject::admin(one.id)))
    }

    /// The subjects that a name means: an e-mail address may belong to a customer in each website.
    async fn subjects(&self, user: UserName) -> Result<Vec<Subject>, String> {
        match user {
            UserName::CustomerId(id) => match self.account_store().customer(id).await.map_err(text)? {
                Some(_) => Ok(vec![Subject::customer(id)]),
                None => Err(format!("there is no customer with the number {id}")),
            },
            UserName::AdministratorId(id) => match self.account_store().administrator(id).await.map_err(text)? {
                Some(_) => Ok(vec![Subject::admin(id)]),
                None => Err(format!("there is no administrator with the number {id}")),
            },
            UserName::CustomerEmail(email) => {
                let mut found = Vec::new();
                for website in self.keeper.snapshot().stores.websites() {
                    let customer =
                        self.account_store().customer_by_email(&email, Some(website.id)).await.map_err(text)?;
                    found.extend(customer.map(|customer| Subject::customer(customer.id)));
                }
                found.extend(self.administrators_with(&email).await?);
                if found.is_empty() {
                    return Err(format!("there is neither a customer nor an administrator with the address {email}"));
                }
                Ok(found)
            }
            UserName::AdministratorName(name) => {
                let found = self.account_store().administrator_by_username(&name).await.map_err(text)?;
                found
                    .map(|administrator| vec![Subject::admin(administrator.id)])
                    .ok_or_else(|| format!("there is no administrator with the user name {name}"))
            }
        }
    }
}

fn session_row(session: &Session, snapshot: &Snapshot, now: UnixSeconds) -> Map<String, Value> {
    row([
        ("id", json!(session.id.0)),
        ("user", json!(session.subject.to_string())),
        ("website", json!(snapshot.stores.website(session.website).map(|website| &website.code))),
        ("issued", moment(Some(session.issued))),
        ("last_used", moment(Some(session.last_used))),
        ("ends", moment(session.ends)),
        ("expires_in", json!(session.expires_in(now))),
    ])
}
