//! Signing an administrator in (fact sheet 5.3).
//!
//! The throttle counts unknown names and wrong passwords only.

use crate::accounts::{AccountError, Administrator, LONGEST_NAME};
use crate::clock::UnixSeconds;
use crate::session::Subject;
use crate::settings::{RoleId, WebsiteId};
use crate::sign_in::attempt::{Attempt, Checked, Comparison, Core, Failed, Grant, unreadable};
use crate::sign_in::{AdministratorCredentials, IssuedToken, Refusal, SignInError};

/// The number of no administrator.
const NOBODY: u32 = 0;

/// Finds the account, compares the password, and begins a session or counts a failure.
pub(super) async fn sign_in(
    credentials: AdministratorCredentials,
    attempt: Attempt,
) -> Result<IssuedToken, SignInError> {
    let core = attempt.core.clone();
    let AdministratorCredentials { username, password } = credentials;
    let found = find(&core, &username).await.map_err(|error| unreadable(&error))?;
    let now = core.clock.now();
    let current = found.as_ref().filter(|account| !has_ended(account, now));
    let stored = current.map(|account| account.password_hash.clone());
    let (comparison, checked) = attempt.compare(stored, password).await?;
    match found {
        Some(found) => decide(&core, &found, comparison, checked).await,
        None => {
            // Asked in vain, so that it takes as long as with an account.
            let _ = core.accounts.administrator(NOBODY).await;
            Err(checked.refuse(Failed::counted(Refusal::UnknownUser)).await)
        }
    }
}

/// The account with this name; where the setting says so, only when it is spelled the same.
async fn find(core: &Core, username: &str) -> Result<Option<Administrator>, AccountError> {
    if username.chars().nth(LONGEST_NAME).is_some() {
        return Ok(None);
    }
    let exactly = core
        .snapshot
        .load()
        .settings
        .flag("admin/security/use_case_sensitive_login");
    let found = core.accounts.administrator_by_username(username).await?;
    Ok(found.filter(|account| !exactly || account.username == username))
}

/// Reads the account again, so that a change in the meantime is not overlooked.
async fn decide(
    core: &Core,
    found: &Administrator,
    comparison: Comparison,
    checked: Checked,
) -> Result<IssuedToken, SignInError> {
    let subject = Subject::admin(found.id);
    let account = match core.accounts.administrator(found.id).await {
        Ok(Some(account)) => account,
        Ok(None) => return Err(checked.refuse(Failed::counted(Refusal::UnknownUser)).await),
        Err(error) if comparison == Comparison::Mismatch => {
            unreadable(&error);
            return Err(checked.refuse(Failed::counted(Refusal::WrongPassword)).await);
        }
        Err(error) => return Err(unreadable(&error)),
    };
    let comparison = match comparison {
        Comparison::Match if found.password_hash != account.password_hash => Comparison::Mismatch,
        unchanged => unchanged,
    };
    match judge(&account, comparison, core.clock.now()) {
        Ok(role) => {
            let grant = Grant {
                subject,
                website: WebsiteId::ADMIN,
                role: Some(role),
                lock: None,
            };
            checked.issue(grant).await
        }
        Err(failed) => Err(checked.refuse(failed).await),
    }
}

/// The steps of the fact sheet, in Magento's order.
fn judge(account: &Administrator, comparison: Comparison, now: UnixSeconds) -> Result<RoleId, Failed> {
    if comparison == Comparison::NotMade || has_ended(account, now) {
        return Err(Failed::uncounted(Refusal::AccountExpired));
    }
    if comparison == Comparison::Mismatch {
        return Err(Failed::counted(Refusal::WrongPassword));
    }
    if !account.is_active {
        return Err(Failed::uncounted(Refusal::Inactive));
    }
    account.role.ok_or(Failed::uncounted(Refusal::NoRole))
}

fn has_ended(account: &Administrator, now: UnixSeconds) -> bool {
    account.expires_at.is_some_and(|end| end <= now)
}
