//! Carries commands out.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::accounts::embedded::{CustomerPage, EmbeddedAccounts, NewAdministrator, NewCustomer};
use crate::accounts::{AccountStore, Administrator, Customer};
use crate::clock::{SharedClock, UnixSeconds};
use crate::control::{Answer, Command, ExposedPassword, UserName};
use crate::keeper::Keeper;
use crate::registry::{ListSessions, Registry, RegistryError, Revocation, RevokeSessions};
use crate::session::{EndReason, Session, SessionId, Subject, UserType};
use crate::settings::{Definition, Scope, Snapshot};
use crate::sign_in::SignIn;

/// The most rows of one answer.
const LONGEST_PAGE: u32 = 10_000;

/// What commands are carried out on.
#[derive(Debug)]
pub struct Office {
    /// The time.
    pub clock: SharedClock,
    /// Customers and administrators.
    pub accounts: Arc<EmbeddedAccounts>,
    /// The live settings.
    pub keeper: Keeper,
    /// The sessions.
    pub registry: Registry,
    /// Hashing, and the throttle.
    pub sign_in: SignIn,
    /// What makes each actor panic, by the actor's name.
    #[cfg(debug_assertions)]
    pub panics: Vec<(&'static str, PanicButton)>,
}

/// Makes an actor panic.
#[cfg(debug_assertions)]
pub struct PanicButton(pub Box<dyn Fn() + Send + Sync>);

#[cfg(debug_assertions)]
impl std::fmt::Debug for PanicButton {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("PanicButton")
    }
}

type Outcome = Result<Answer, String>;

/// Carries a command out.
pub async fn execute(command: Command, office: &Office) -> Answer {
    let outcome = match command {
        Command::AddCustomer { email, firstname, lastname, website, password } => {
            office.add_customer(email, firstname, lastname, website, password).await
        }
        Command::ListCustomers { after, limit } => office.list_customers(after, limit).await,
        Command::SetCustomerPassword { email, website, password } => {
            office.set_customer_password(&email, website.as_deref(), password).await
        }
        Command::UnlockCustomer { email, website } => office.unlock_customer(&email, website.as_deref()).await,
        Command::AddAdministrator { username, email, firstname, lastname, role, password } => {
            let new = |password_hash| NewAdministrator {
                username,
                email,
                firstname: filled(firstname),
                lastname: filled(lastname),
                role,
                password_hash,
            };
            office.add_administrator(new, password).await
        }
        Command::ListAdministrators => office.list_administrators().await,
        Command::SetAdministratorPassword { username, password } => {
            office.set_administrator_password(&username, password).await
        }
        Command::UnlockAdministrator { username } => office.unlock_administrator(&username).await,
        Command::DisableAdministrator { username } => office.disable_administrator(&username).await,
        Command::ListSessions { user, after, limit } => office.list_sessions(user, after, limit).await,
        Command::RevokeUser { user } => office.revoke_user(user).await,
        Command::RevokeSession { id } => {
            let count = office.revoke(Revocation::Session(SessionId(id))).await;
            count.and_then(|count| match count {
                0 => {
                    Err(format!("there is no live session with the number {id}; `session list` shows those there are"))
                }
                _ => done(format!("session {id} is revoked")),
            })
        }
        Command::RevokeTokens { tokens } => office.revoke_tokens(tokens).await,
        Command::RevokeAll => {
            let count = office.revoke(Revocation::Everything).await;
            count.and_then(|count| done(format!("all sessions are revoked: {count}")))
        }
        Command::ShowSettings { path, scope } => office.show_settings(path.as_deref(), &scope),
        Command::SetSetting { path, scope, value } => office.set_setting(path, &scope, value).await,
        #[cfg(debug_assertions)]
        Command::ProvokePanic { actor } => office.provoke_panic(&actor),
    };
    outcome.unwrap_or_else(Answer::Failed)
}

/// Accounts.
impl Office {
    async fn add_customer(
        &self,
        email: String,
        firstname: String,
        lastname: String,
        website: Option<String>,
        password: Option<ExposedPassword>,
    ) -> Outcome {
        let password_hash = match password {
            Some(password) => Some(self.hash(password).await?),
            None => None,
        };
        let (firstname, lastname) = (filled(firstname), filled(lastname));
        let new = NewCustomer { email, firstname, lastname, website, password_hash, confirmed: true, active: true };
        let customer = self.accounts.add_customer(new).await.map_err(text)?;
        done(format!("customer {} ({}) is added", customer.id, customer.email))
    }

    async fn list_customers(&self, after: u32, limit: u32) -> Outcome {
        let page = CustomerPage { containing: None, after, limit: limit.min(LONGEST_PAGE) };
        let customers = self.accounts.list_customers(page).await.map_err(text)?;
        let snapshot = self.keeper.snapshot();
        Ok(Answer::Rows(customers.iter().map(|customer| self.customer_row(customer, &snapshot)).collect()))
    }

    fn customer_row(&self, customer: &Customer, snapshot: &Snapshot) -> Map<String, Value> {
        row([
            ("id", json!(customer.id)),
            ("email", json!(customer.email)),
            ("website", json!(snapshot.stores.website(customer.website).map(|website| &website.code))),
            ("firstname", json!(customer.firstname)),
            ("lastname", json!(customer.lastname)),
            ("confirmed", json!(customer.confirmation.is_none())),
            ("failures", json!(customer.failures)),
            ("locked_until", moment(customer.lock_expires.filter(|_| customer.is_locked_at(self.clock.now())))),
        ])
    }

    async fn set_customer_password(&self, email: &str, website: Option<&str>, password: ExposedPassword) -> Outcome {
        let hash = self.hash(password).await?;
        let customer = self.accounts.set_customer_password(email, website, hash).await.map_err(text)?;
        done(format!("the password of customer {} is set; their sessions go on", customer.id))
    }

    async fn unlock_customer(&self, email: &str, website: Option<&str>) -> Outcome {
        let unlocked = self.accounts.unlock_customer(email, website).await.map_err(text)?;
        self.sign_in.clear_throttle(UserType::Customer, email);
        let numbers: Vec<_> = unlocked.iter().map(|customer| customer.id.to_string()).collect();
        done(format!("unlocked: customer {}", numbers.join(", ")))
    }

    async fn add_administrator(
        &self,
        new: impl FnOnce(String) -> NewAdministrator,
        password: ExposedPassword,
    ) -> Outcome {
        let hash = self.hash(password).await?;
        let administrator = self.accounts.add_administrator(new(hash)).await.map_err(text)?;
        done(format!("administrator {} ({}) is added", administrator.id, administrator.username))
    }

    async fn list_administrators(&self) -> Outcome {
        let administrators = self.accounts.list_administrators().await.map_err(text)?;
        let snapshot = self.keeper.snapshot();
        let roles = &snapshot.roles;
        let row = |administrator: &Administrator| {
            row([
                ("id", json!(administrator.id)),
                ("username", json!(administrator.username)),
                ("email", json!(administrator.email)),
                ("role", json!(administrator.role.and_then(|role| roles.role(role)).map(|role| &role.name))),
                ("active", json!(administrator.is_active)),
                ("expires_at", moment(administrator.expires_at)),
            ])
        };
        Ok(Answer::Rows(administrators.iter().map(row).collect()))
    }

    async fn set_administrator_password(&self, username: &str, password: ExposedPassword) -> Outcome {
        let hash = self.hash(password).await?;
        let administrator = self.accounts.set_administrator_password(username, hash).await.map_err(text)?;
        done(format!("the password of administrator {} is set; their sessions go on", administrator.id))
    }

    async fn unlock_administrator(&self, username: &str) -> Outcome {
        let administrator = self.accounts.unlock_administrator(username).await.map_err(text)?;
        self.sign_in.clear_throttle(UserType::Admin, username);
        done(format!("unlocked: administrator {}", administrator.id))
    }

    async fn disable_administrator(&self, username: &str) -> Outcome {
        let administrator = self.accounts.disable_administrator(username).await.map_err(text)?;
        let count = self.revoke(Revocation::Subject(Subject::admin(administrator.id))).await?;
        done(format!("administrator {} is disabled; sessions ended: {count}", administrator.id))
    }

    async fn hash(&self, password: ExposedPassword) -> Result<String, String> {
        self.sign_in.hash_password(password.0).await.map_err(text)
    }
}

/// Sessions.
impl Office {
    async fn list_sessions(&self, user: Option<UserName>, after: u64, limit: usize) -> Outcome {
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
        let snapshot = self.keeper.snapshot();
        let now = self.clock.now();
        Ok(Answer::Rows(sessions.iter().take(limit).map(|session| session_row(session, &snapshot, now)).collect()))
    }

    async fn revoke_user(&self, user: UserName) -> Outcome {
        let mut count = 0;
        for subject in self.subjects(user).await? {
            count += self.revoke(Revocation::Subject(subject)).await?;
        }
        done(format!("sessions ended: {count}"))
    }

    async fn revoke_tokens(&self, tokens: Vec<ExposedPassword>) -> Outcome {
        let (mut count, given) = (0, tokens.len());
        for token in tokens {
            if let Some(digest) = self.registry.reader().digest(token.0.expose()) {
                count += self.revoke(Revocation::Token(digest)).await?;
            }
        }
        done(format!("tokens given: {given}, sessions ended: {count}, not live: {}", given - count))
    }

    async fn revoke(&self, which: Revocation) -> Result<usize, String> {
        let change = RevokeSessions { which, reason: EndReason::Ended };
        self.registry.revoke(change).await.map_err(|error| match error {
            RegistryError::Full | RegistryError::Busy | RegistryError::Unavailable => format!("{error}; try again"),
        })
    }

    /// The subjects that a name means: an e-mail address may belong to a customer in each website.
    async fn subjects(&self, user: UserName) -> Result<Vec<Subject>, String> {
        match user {
            UserName::CustomerId(id) => Ok(vec![Subject::customer(id)]),
            UserName::AdministratorId(id) => Ok(vec![Subject::admin(id)]),
            UserName::CustomerEmail(email) => {
                let mut found = Vec::new();
                for website in self.keeper.snapshot().stores.websites() {
                    let customer = self.accounts.customer_by_email(&email, Some(website.id)).await.map_err(text)?;
                    found.extend(customer.map(|customer| Subject::customer(customer.id)));
                }
                if found.is_empty() { Err(format!("there is no customer with the address {email}")) } else { Ok(found) }
            }
            UserName::AdministratorName(name) => {
                let found = self.accounts.administrator_by_username(&name).await.map_err(text)?;
                found
                    .map(|administrator| vec![Subject::admin(administrator.id)])
                    .ok_or_else(|| format!("there is no administrator with the user name {name}"))
            }
        }
    }
}

/// Settings.
impl Office {
    fn show_settings(&self, path: Option<&str>, scope: &str) -> Outcome {
        let snapshot = self.keeper.snapshot();
        let scope = parse_scope(scope, &snapshot)?;
        let definitions: Vec<_> = match path {
            Some(path) => vec![known(path)?],
            None => crate::settings::DEFINITIONS.iter().collect(),
        };
        let rows = definitions.into_iter().map(|definition| setting_row(definition, scope, &snapshot));
        Ok(Answer::Rows(rows.collect()))
    }

    async fn set_setting(&self, path: String, scope: &str, value: Option<String>) -> Outcome {
        let definition = known(&path)?;
        let scope = parse_scope(scope, &self.keeper.snapshot())?;
        self.keeper.change(definition.path, scope, value).await.map_err(text)?;
        let snapshot = self.keeper.snapshot();
        let now = snapshot.settings.inherited(definition.path, scope, &snapshot.stores);
        done(format!("{} is now {now:?}", definition.path))
    }

    #[cfg(debug_assertions)]
    fn provoke_panic(&self, actor: &str) -> Outcome {
        let Some((_, button)) = self.panics.iter().find(|(name, _)| *name == actor) else {
            let names: Vec<_> = self.panics.iter().map(|(name, _)| *name).collect();
            return Err(format!("there is no actor {actor:?}; there are {}", names.join(", ")));
        };
        (button.0)();
        done(format!("{actor} has been told to panic"))
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

fn setting_row(definition: &Definition, scope: Scope, snapshot: &Snapshot) -> Map<String, Value> {
    row([
        ("path", json!(definition.path)),
        ("value", json!(snapshot.settings.inherited(definition.path, scope, &snapshot.stores))),
        ("default", json!(definition.default)),
        ("set_here", json!(snapshot.settings.changed(definition.path, scope).is_some())),
        ("label", json!(definition.label)),
    ])
}

fn known(path: &str) -> Result<&'static Definition, String> {
    Definition::of(path).ok_or_else(|| {
        let nearest = Definition::nearest(path).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        format!("{path} is not a setting{nearest} (`setting list` shows all)")
    })
}

fn parse_scope(text: &str, snapshot: &Snapshot) -> Result<Scope, String> {
    let stores = &snapshot.stores;
    match text.split_once(':') {
        None if text == "default" => Ok(Scope::Default),
        Some(("website", code)) => {
            stores.website_by_code(code).map(|website| Scope::Website(website.id)).ok_or_else(|| {
                format!(
                    "there is no website {code:?}; there are {}",
                    codes(stores.websites().iter().map(|website| &website.code))
                )
            })
        }
        Some(("store", code)) => stores.store(code).map(|store| Scope::Store(store.id)).ok_or_else(|| {
            format!(
                "there is no store view {code:?}; there are {}",
                codes(stores.stores().iter().map(|store| &store.code))
            )
        }),
        _ => Err(format!("{text:?} is not a scope; default, website:<code> or store:<code> is")),
    }
}

fn codes<'a>(codes: impl Iterator<Item = &'a String>) -> String {
    codes.map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn row<const N: usize>(cells: [(&str, Value); N]) -> Map<String, Value> {
    cells.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn moment(at: Option<UnixSeconds>) -> Value {
    at.map_or(Value::Null, |at| Value::String(at.to_rfc3339()))
}

fn filled(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn text<E: std::fmt::Display>(error: E) -> String {
    error.to_string()
}

#[expect(clippy::unnecessary_wraps, reason = "every command ends with an outcome")]
fn done(text: String) -> Outcome {
    Ok(Answer::Done(text))
}
