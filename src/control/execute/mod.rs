//! Carries commands out.

mod accounts;
mod second_factor;
mod sessions;
mod settings;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value};
use tracing::warn;

use crate::accounts::embedded::{EmbeddedAccounts, NewAdministrator};
use crate::accounts::{AccountStore, MagentoAccounts};
use crate::audit::{Event, Origin};
use crate::clock::{SharedClock, UnixSeconds};
use crate::control::{Answer, Command};
use crate::keeper::Keeper;
use crate::registry::{Registry, Revocation, TokensElsewhere};
use crate::session::SessionId;
use crate::sign_in::SignIn;

/// What commands about accounts hear beside a shop.
const ACCOUNTS_OF_A_SHOP: &str = "the accounts are Magento's (accounts.source = \"magento\"): add and change them there; \
     locks can be lifted by the admin API";

/// The most rows of one answer.
const LONGEST_PAGE: u32 = 10_000;

/// What commands are carried out on, and for whom. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Office {
    /// The time.
    pub clock: SharedClock,
    /// Customers and administrators of the data folder.
    pub accounts: Arc<EmbeddedAccounts>,
    /// Those of the shop, when accounts are there.
    pub shop: Option<Arc<MagentoAccounts>>,
    /// Where a token is looked for that has no session here.
    pub elsewhere: Option<Arc<dyn TokensElsewhere>>,
    /// The live settings.
    pub keeper: Keeper,
    /// The sessions.
    pub registry: Registry,
    /// Hashing, and the throttle.
    pub sign_in: SignIn,
    /// Copies the data folder's file.
    pub copier: Copier,
    /// Who asks, for the audit trail.
    pub origin: Origin,
    /// What makes each actor panic, by the actor's name.
    #[cfg(debug_assertions)]
    pub panics: Vec<(&'static str, PanicButton)>,
}

impl Office {
    /// The same, for whoever asks.
    #[must_use]
    pub fn asked_by(&self, origin: Origin) -> Self {
        Self { accounts: Arc::new(self.accounts.asked_by(origin)), origin, ..self.clone() }
    }
}

/// Copies everything to the file at a path, and says what went wrong.
#[derive(Clone)]
pub struct Copier(pub Arc<dyn Fn(PathBuf) -> BoxFuture<'static, Result<(), String>> + Send + Sync>);

impl std::fmt::Debug for Copier {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Copier")
    }
}

/// Makes an actor panic.
#[cfg(debug_assertions)]
#[derive(Clone)]
pub struct PanicButton(pub Arc<dyn Fn() + Send + Sync>);

#[cfg(debug_assertions)]
impl std::fmt::Debug for PanicButton {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("PanicButton")
    }
}

type Outcome = Result<Answer, String>;

/// Carries a command out.
pub async fn execute(command: Command, office: &Office) -> Answer {
    if office.shop.is_some() && command.is_about_embedded_accounts() {
        return Answer::Failed(ACCOUNTS_OF_A_SHOP.to_owned());
    }
    let outcome = match command {
        Command::AddCustomer { email, firstname, lastname, website, password } => {
            office.add_customer(email, firstname, lastname, website, password).await
        }
        Command::ListCustomers { after, limit } => office.list_customers(after, limit).await,
        Command::SetCustomerPassword { email, website, password } => {
            office.set_customer_password(&email, website.as_deref(), password).await
        }
        Command::UnlockCustomer { email, website } => office.unlock_customer(&email, website.as_deref()).await,
        Command::EraseCustomer { email, website } => office.erase_customer(&email, website.as_deref()).await,
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
        Command::DisableAdministrator { username, force } => office.disable_administrator(&username, force).await,
        Command::EnableAdministrator { username } => office.enable_administrator(&username).await,
        Command::SetSecondFactor { username, secret } => office.set_second_factor(&username, secret).await,
        Command::RemoveSecondFactor { username } => office.remove_second_factor(&username).await,
        Command::ListRoles => Ok(office.list_roles()),
        Command::ListWebsites => Ok(office.list_websites()),
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
        Command::RevokeKind { kind } => {
            let count = office.revoke(Revocation::Kind(kind)).await;
            count.and_then(|count| done(format!("all sessions of kind {kind} are revoked: {count}")))
        }
        Command::RevokeAll => {
            let count = office.revoke(Revocation::Everything).await;
            count.and_then(|count| done(format!("all sessions are revoked: {count}")))
        }
        Command::ShowSettings { path, scope } => office.show_settings(path.as_deref(), &scope),
        Command::SetSetting { path, scope, value } => office.set_setting(path, &scope, value).await,
        Command::TrySetting { path, scope, value } => office.try_setting(&path, &scope, value).await,
        Command::BackUp { file } => office.back_up(file).await,
        #[cfg(debug_assertions)]
        Command::ProvokePanic { actor } => office.provoke_panic(&actor),
    };
    outcome.unwrap_or_else(Answer::Failed)
}

impl Office {
    /// Customers and administrators, wherever they are.
    fn account_store(&self) -> &dyn AccountStore {
        match &self.shop {
            Some(shop) => shop.as_ref(),
            None => self.accounts.as_ref(),
        }
    }

    /// A copy holds all that the folder holds, so the audit trail says that there is one. A folder that cannot be written
    /// any more can be copied all the same.
    async fn back_up(&self, file: PathBuf) -> Outcome {
        self.copier.0(file.clone()).await?;
        if let Err(error) = self.accounts.tell(Event::BackedUp).await {
            warn!(%error, "the copy has no line in the audit trail");
        }
        done(format!("everything is copied to {}", file.display()))
    }
}

#[cfg(debug_assertions)]
impl Office {
    fn provoke_panic(&self, actor: &str) -> Outcome {
        let Some((_, button)) = self.panics.iter().find(|(name, _)| *name == actor) else {
            let names: Vec<_> = self.panics.iter().map(|(name, _)| *name).collect();
            return Err(format!("there is no actor {actor:?}; there are {}", names.join(", ")));
        };
        (button.0)();
        done(format!("{actor} has been told to panic"))
    }
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
