//! Commands about customers and administrators.

use serde_json::{Map, Value, json};

use super::{LONGEST_PAGE, Office, Outcome, done, filled, moment, row, text};
use crate::accounts::embedded::{CustomerPage, NewAdministrator, NewCustomer};
use crate::accounts::{Administrator, Customer, folded};
use crate::control::{Answer, ExposedPassword};
use crate::registry::Revocation;
use crate::session::{Subject, UserType};
use crate::settings::{Role, Snapshot, Website};

impl Office {
    pub(super) async fn add_customer(
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

    pub(super) async fn list_customers(&self, after: u32, limit: u32) -> Outcome {
        let page = CustomerPage { after, limit: limit.min(LONGEST_PAGE) };
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

    pub(super) async fn set_customer_password(
        &self,
        email: &str,
        website: Option<&str>,
        password: ExposedPassword,
    ) -> Outcome {
        let hash = self.hash(password).await?;
        let customer = self.accounts.customer_named(email, website).await.map_err(text)?;
        let _turn = self.sign_in.turn_of(Subject::customer(customer.id)).await;
        let customer = self.accounts.set_customer_password(email, website, hash).await.map_err(text)?;
        done(format!("the password of customer {} is set; their sessions go on", customer.id))
    }

    pub(super) async fn unlock_customer(&self, email: &str, website: Option<&str>) -> Outcome {
        let unlocked = self.accounts.unlock_customer(email, website).await.map_err(text)?;
        self.sign_in.clear_throttle(UserType::Customer, email);
        let numbers: Vec<_> = unlocked.iter().map(|customer| customer.id.to_string()).collect();
        done(format!("unlocked: customer {}", numbers.join(", ")))
    }

    pub(super) async fn erase_customer(&self, email: &str, website: Option<&str>) -> Outcome {
        let found = self.accounts.customers_with(email, website).await.map_err(text)?;
        let mut turns = Vec::new();
        for customer in &found {
            let subject = Subject::customer(customer.id);
            // Until the row is gone, so that no session begins that was decided on before.
            turns.push(self.sign_in.turn_of(subject).await);
            self.revoke(Revocation::Subject(subject)).await?;
        }
        let is_gone = self.accounts.erase(email, &found).await.map_err(text)?;
        self.sign_in.clear_throttle(UserType::Customer, email);
        for customer in &found {
            // One that an administrator was given meanwhile.
            self.revoke(Revocation::Subject(Subject::customer(customer.id))).await?;
        }
        let who = match found.as_slice() {
            [] => "there is no such customer".to_owned(),
            found => {
                let numbers: Vec<_> = found.iter().map(|customer| customer.id.to_string()).collect();
                format!("customer {} is erased, and their sessions have ended", numbers.join(", "))
            }
        };
        let rest = if is_gone {
            ""
        } else {
            " (something reads the data folder at the moment, a backup, say, so it is still in the log of the database \
             file: it goes when that has ended, and the server's log says so)"
        };
        done(format!("{who}; what the audit trail held under this address cannot be read any more{rest}"))
    }

    pub(super) async fn add_administrator(
        &self,
        new: impl FnOnce(String) -> NewAdministrator,
        password: ExposedPassword,
    ) -> Outcome {
        let hash = self.hash(password).await?;
        let administrator = self.accounts.add_administrator(new(hash)).await.map_err(text)?;
        done(format!("administrator {} ({}) is added", administrator.id, administrator.username))
    }

    pub(super) async fn list_administrators(&self) -> Outcome {
        let administrators = self.accounts.list_administrators().await.map_err(text)?;
        let with_second_factor = self.accounts.administrators_with_second_factor().await.map_err(text)?;
        let snapshot = self.keeper.snapshot();
        let most = snapshot.settings.number("oauth/authentication_lock/max_failures_count");
        let refused = self.accounts.refused_administrators(most).await.map_err(text)?;
        let roles = &snapshot.roles;
        let row = |administrator: &Administrator| {
            row([
                ("id", json!(administrator.id)),
                ("username", json!(administrator.username)),
                ("email", json!(administrator.email)),
                ("role", json!(administrator.role.and_then(|role| roles.role(role)).map(|role| &role.name))),
                ("active", json!(administrator.is_active)),
                ("expires_at", moment(administrator.expires_at)),
                ("locked_until", moment(refused.get(&folded(&administrator.username)).copied())),
                ("second_factor", json!(with_second_factor.contains(&administrator.id))),
            ])
        };
        Ok(Answer::Rows(administrators.iter().map(row).collect()))
    }

    pub(super) async fn set_administrator_password(&self, username: &str, password: ExposedPassword) -> Outcome {
        let hash = self.hash(password).await?;
        let administrator = self.accounts.administrator_named(username).await.map_err(text)?;
        let _turn = self.sign_in.turn_of(Subject::admin(administrator.id)).await;
        let administrator = self.accounts.set_administrator_password(username, hash).await.map_err(text)?;
        let hint = hint_of_disabled(&administrator);
        done(format!("the password of administrator {} is set; their sessions go on{hint}", administrator.id))
    }

    pub(super) async fn unlock_administrator(&self, username: &str) -> Outcome {
        let administrator = self.accounts.unlock_administrator(username).await.map_err(text)?;
        self.sign_in.clear_throttle(UserType::Admin, username);
        done(format!("unlocked: administrator {}{}", administrator.id, hint_of_disabled(&administrator)))
    }

    pub(super) async fn disable_administrator(&self, username: &str, force: bool) -> Outcome {
        let administrator = self.accounts.administrator_named(username).await.map_err(text)?;
        if !force && self.is_last_who_may_do_everything(&administrator).await? {
            return Err(format!(
                "{} is the last active administrator who may do everything: add or enable another one first, or say \
                 --force",
                administrator.username
            ));
        }
        let subject = Subject::admin(administrator.id);
        // Until the sessions are ended, so that none begins that was decided on before the account was disabled.
        let _turn = self.sign_in.turn_of(subject).await;
        self.accounts.disable_administrator(username).await.map_err(text)?;
        let count = self.revoke(Revocation::Subject(subject)).await?;
        done(format!("administrator {} is disabled; sessions ended: {count}", administrator.id))
    }

    pub(super) async fn enable_administrator(&self, username: &str) -> Outcome {
        let administrator = self.accounts.enable_administrator(username).await.map_err(text)?;
        done(format!("administrator {} is enabled", administrator.id))
    }

    async fn is_last_who_may_do_everything(&self, administrator: &Administrator) -> Result<bool, String> {
        let snapshot = self.keeper.snapshot();
        let may = |one: &Administrator| {
            let role = one.role.and_then(|role| snapshot.roles.role(role));
            one.is_active && role.is_some_and(Role::allows_everything)
        };
        let all = self.accounts.list_administrators().await.map_err(text)?;
        Ok(may(administrator) && !all.iter().any(|one| one.id != administrator.id && may(one)))
    }

    pub(super) fn list_roles(&self) -> Answer {
        let snapshot = self.keeper.snapshot();
        let mut roles: Vec<_> = snapshot.roles.iter().collect();
        roles.sort_unstable_by_key(|role| role.id.0);
        let allowed = |role: &Role| {
            let mut allowed: Vec<_> = role.allowed.iter().map(String::as_str).collect();
            allowed.sort_unstable();
            allowed.join(", ")
        };
        let row =
            |role: &Role| row([("id", json!(role.id.0)), ("name", json!(role.name)), ("allows", json!(allowed(role)))]);
        Answer::Rows(roles.into_iter().map(row).collect())
    }

    pub(super) fn list_websites(&self) -> Answer {
        let snapshot = self.keeper.snapshot();
        let views = |website: &Website| {
            let views = snapshot.stores.stores().iter().filter(|store| store.website == website.id);
            views.map(|store| store.code.as_str()).collect::<Vec<_>>().join(", ")
        };
        let row = |website: &Website| {
            row([
                ("id", json!(website.id.0)),
                ("code", json!(website.code)),
                ("name", json!(website.name)),
                ("default", json!(website.is_default)),
                ("stores", json!(views(website))),
            ])
        };
        Answer::Rows(snapshot.stores.websites().iter().map(row).collect())
    }

    async fn hash(&self, password: ExposedPassword) -> Result<String, String> {
        self.sign_in.hash_password(password.0).await.map_err(text)
    }
}

pub(super) fn hint_of_disabled(administrator: &Administrator) -> &'static str {
    if administrator.is_active { "" } else { "; the account is disabled, though: `admin enable` lets them in again" }
}
