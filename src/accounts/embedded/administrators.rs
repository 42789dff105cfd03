//! What an operator does with administrators, by user name and with answers in words.

use std::collections::{HashMap, HashSet};

use crate::accounts::embedded::rows::{administrator_row, conflict, throttle_cleared};
use crate::accounts::embedded::{EmbeddedAccounts, NewAdministrator, read};
use crate::accounts::{AccountError, AccountStore, Administrator, DirectorySource};
use crate::audit::Event;
use crate::clock::UnixSeconds;
use crate::secret::Secret;
use crate::session::{Subject, SubjectChanged, UserType};
use crate::store::Change;

impl EmbeddedAccounts {
    /// Adds an administrator, and announces the role.
    ///
    /// # Errors
    /// [`AccountError::Conflict`], in words for the operator, when a value is wrong or the name is taken.
    pub async fn add_administrator(&self, new: NewAdministrator) -> Result<Administrator, AccountError> {
        let (_, roles) = self.directory().await?;
        let username = new.username.clone();
        let row = administrator_row(new, &roles, self.clock.now())?;
        let line = self.line(Event::AccountsMade { kind: UserType::Admin, count: 1, subject: None });
        self.store.write(vec![Change::CreateAdministrator(row), line]).await?;
        let added = self.administrator_named(&username).await?;
        self.announce(SubjectChanged { subject: Subject::admin(added.id), locked_until: None, role: added.role });
        Ok(added)
    }

    /// Lists all administrators in the order of their numbers.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`].
    pub async fn list_administrators(&self) -> Result<Vec<Administrator>, AccountError> {
        Ok(self.read(read::administrators).await?)
    }

    /// Until when administrators are refused because their names have failed `most` times, by folded name.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`].
    pub async fn refused_administrators(&self, most: u32) -> Result<HashMap<String, UnixSeconds>, AccountError> {
        let now = self.clock.now();
        Ok(self.readers.read(move |file| read::refused_administrators(file, now, most)).await?)
    }

    /// Sets an administrator's password. Sessions go on (fact sheet 4.4).
    ///
    /// # Errors
    /// [`AccountError::Conflict`] when there is no such administrator.
    pub async fn set_administrator_password(
        &self,
        username: &str,
        hash: String,
    ) -> Result<Administrator, AccountError> {
        let administrator = self.administrator_named(username).await?;
        let change = Change::AdministratorPassword { administrator: administrator.id, hash };
        let line = self.line(Event::PasswordSet { subject: Subject::admin(administrator.id) });
        self.store.write(vec![change, line]).await?;
        Ok(administrator)
    }

    /// Clears the throttle's row of an administrator: the API knows no other lock of them (fact sheet 5.3). The
    /// throttle in memory is the caller's to clear.
    ///
    /// # Errors
    /// [`AccountError::Conflict`] when there is no such administrator.
    pub async fn unlock_administrator(&self, username: &str) -> Result<Administrator, AccountError> {
        let administrator = self.administrator_named(username).await?;
        let subject = Some(Subject::admin(administrator.id));
        let line = self.line(Event::LockLifted { kind: UserType::Admin, subject });
        self.store.write(vec![throttle_cleared(UserType::Admin, username), line]).await?;
        Ok(administrator)
    }

    /// Switches an administrator off. Ending the sessions is the caller's task (fact sheet 4.4).
    ///
    /// # Errors
    /// [`AccountError::Conflict`] when there is no such administrator.
    pub async fn disable_administrator(&self, username: &str) -> Result<Administrator, AccountError> {
        let administrator = self.administrator_named(username).await?;
        self.deactivate_administrator(administrator.id).await?;
        Ok(administrator)
    }

    /// Switches an administrator on again.
    ///
    /// # Errors
    /// [`AccountError::Conflict`] when there is no such administrator.
    pub async fn enable_administrator(&self, username: &str) -> Result<Administrator, AccountError> {
        let administrator = self.administrator_named(username).await?;
        let change = Change::AdministratorActive { administrator: administrator.id, active: true };
        let line = self.line(Event::AccountSwitched { subject: Subject::admin(administrator.id), active: true });
        self.store.write(vec![change, line]).await?;
        Ok(administrator)
    }

    /// Sets the secret of an administrator's authenticator app, or removes it. Sessions go on. Whoever calls holds the
    /// account's turn, so that no sign-in goes on with the old one.
    ///
    /// # Errors
    /// [`AccountError::Conflict`] when there is no such administrator.
    pub async fn set_second_factor(
        &self,
        username: &str,
        secret: Option<Secret>,
    ) -> Result<Administrator, AccountError> {
        let administrator = self.administrator_named(username).await?;
        let (subject, active) = (Subject::admin(administrator.id), secret.is_some());
        let line = self.line(Event::SecondFactorSwitched { subject, active });
        self.store.write(vec![Change::SecondFactor { administrator: administrator.id, secret }, line]).await?;
        Ok(administrator)
    }

    /// The numbers of the administrators who have a secret.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`].
    pub async fn administrators_with_second_factor(&self) -> Result<HashSet<u32>, AccountError> {
        Ok(self.readers.read(read::with_second_factor).await?)
    }

    /// The administrator with this user name.
    ///
    /// # Errors
    /// [`AccountError::Conflict`] when there is none.
    pub async fn administrator_named(&self, username: &str) -> Result<Administrator, AccountError> {
        self.administrator_by_username(username)
            .await?
            .ok_or_else(|| conflict(format!("there is no administrator with the user name {username}")))
    }
}
