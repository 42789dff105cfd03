//! Signing an administrator in (fact sheet 5.3), with a second factor where one is wanted (9.1, 9.2).
//!
//! The throttle counts unknown names, wrong passwords and wrong codes only.

use tracing::warn;

use crate::accounts::{AccountError, Administrator, LONGEST_NAME};
use crate::clock::UnixSeconds;
use crate::secret::{Password, Secret};
use crate::session::Subject;
use crate::settings::{RoleId, WebsiteId};
use crate::sign_in::attempt::{Attempt, Checked, Comparison, Core, Failed, Grant};
use crate::sign_in::rehash::Renewal;
use crate::sign_in::{AdministratorCredentials, IssuedToken, Refusal, SignInError, second_factor};

/// The number of no administrator.
const NOBODY: u32 = 0;

/// Finds the account, compares the password, and begins a session or counts a failure.
pub(super) async fn sign_in(
    credentials: AdministratorCredentials,
    attempt: Attempt,
) -> Result<IssuedToken, SignInError> {
    let core = attempt.core.clone();
    let AdministratorCredentials { username, password, code: typed } = credentials;
    let found = find(&core, &username).await.map_err(|error| core.unreadable(&error))?;
    let now = core.clock.now();
    let current = found.as_ref().filter(|account| !has_ended(account, now));
    let stored = current.map(|account| account.password_hash.clone());
    let renewal = Renewal::of(&core, stored.as_deref(), &password);
    let (comparison, checked) = attempt.compare(stored, password.clone()).await?;
    let Some(found) = found else {
        // Asked in vain, so that it takes as long as with an account.
        let _ = core.accounts.administrator(NOBODY).await;
        return Err(checked.refuse(Failed::counted(Refusal::UnknownUser), None).await);
    };
    let issued = decide(&core, &found, (password, comparison), typed, checked).await?;
    if let Some(renewal) = renewal {
        renewal.begin(&core, issued.session.subject);
    }
    Ok(issued)
}

/// The account with this name; where the setting says so, only when it is spelled the same.
async fn find(core: &Core, username: &str) -> Result<Option<Administrator>, AccountError> {
    if username.chars().nth(LONGEST_NAME).is_some() {
        return Ok(None);
    }
    let exactly = core.snapshot.load().settings.flag("admin/security/use_case_sensitive_login");
    let found = core.accounts.administrator_by_username(username).await?;
    Ok(found.filter(|account| !exactly || account.username == username))
}

/// Reads the account again, now that it is this attempt's turn, so that a change in the meantime is not overlooked: who
/// disables the account waits for the session that has been decided on, and then ends it.
async fn decide(
    core: &Core,
    found: &Administrator,
    (password, comparison): (Password, Comparison),
    typed: Option<Secret>,
    checked: Checked,
) -> Result<IssuedToken, SignInError> {
    let subject = Subject::admin(found.id);
    let _turn = core.account_turns.wait(subject).await;
    let account = match core.accounts.administrator(found.id).await {
        Ok(Some(account)) => account,
        Ok(None) => return Err(checked.refuse(Failed::counted(Refusal::UnknownUser), None).await),
        Err(error) if comparison == Comparison::Mismatch => {
            core.unreadable(&error);
            return Err(checked.refuse(Failed::counted(Refusal::WrongPassword), Some(subject)).await);
        }
        Err(error) => return Err(core.unreadable(&error)),
    };
    let comparison = core.compare_again(comparison, &found.password_hash, &account.password_hash, &password).await?;
    let now = core.clock.now();
    if has_ended(&account, now) {
        retire(core, &account).await;
    }
    let role = match judge(&account, comparison, now) {
        Ok(role) => role,
        Err(failed) => return Err(checked.refuse(failed, Some(subject)).await),
    };
    match second_factor::judge(core, account.id, typed).await.map_err(|error| core.unreadable(&error))? {
        Ok(used) => {
            let grant = Grant { subject, website: WebsiteId::ADMIN, role: Some(role), lock: None, code: used };
            checked.issue(grant).await
        }
        Err(failed) => Err(checked.refuse(failed, Some(subject)).await),
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

/// Ends the sessions of an account that has ended, and switches it off (step 1), once: whoever goes on trying changes
/// nothing. What fails now is done at the next attempt: the sign-in is refused either way.
async fn retire(core: &Core, account: &Administrator) {
    if !account.is_active {
        return;
    }
    let subject = Subject::admin(account.id);
    if let Err(error) = core.sessions.end_all(subject).await {
        warn!(%error, user = %subject, "the sessions of an administrator whose account has ended go on");
        return;
    }
    if let Err(error) = core.accounts.deactivate_administrator(account.id).await {
        warn!(%error, user = %subject, "an administrator whose account has ended was not switched off");
    }
}

fn has_ended(account: &Administrator, now: UnixSeconds) -> bool {
    account.expires_at.is_some_and(|end| end <= now)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use futures_util::FutureExt;

    use super::*;
    use crate::session::UserType;
    use crate::settings::Scope;
    use crate::sign_in::support::{Fixture, PASSWORD, START, administrator, outcome, refused};

    const EXACTLY: (&str, Scope, &str) = ("admin/security/use_case_sensitive_login", Scope::Default, "1");

    #[actix::test]
    async fn a_right_password_begins_a_session_with_the_role() {
        let house = Fixture::new().await;
        house.add_administrator(administrator("admin"));
        let session = house.administrator("ADMIN", PASSWORD).await.unwrap().session;
        assert_eq!((session.subject, session.website), (Subject::admin(3), WebsiteId::ADMIN));
        assert_eq!(house.sessions.begun.lock().unwrap()[0].role, Some(RoleId(1)));
    }

    #[actix::test]
    async fn each_refusal_has_its_reason_and_costs_one_hash_but_only_unknown_and_wrong_ones_count() {
        let house = Fixture::new().await;
        let admin = || administrator("admin");
        let ended = || Administrator { expires_at: Some(START), ..admin() };
        let inactive = || Administrator { is_active: false, ..admin() };
        let idle = || Administrator { role: None, ..admin() };
        for (name, password, account, refusal, counted) in [
            ("other", PASSWORD, admin(), Refusal::UnknownUser, true),
            ("admin", "password1", admin(), Refusal::WrongPassword, true),
            ("admin", PASSWORD, ended(), Refusal::AccountExpired, false),
            ("admin", "wrong", ended(), Refusal::AccountExpired, false),
            ("admin", PASSWORD, inactive(), Refusal::Inactive, false),
            ("admin", "wrong", inactive(), Refusal::WrongPassword, true),
            ("admin", PASSWORD, idle(), Refusal::NoRole, false),
            ("admin", "wrong", idle(), Refusal::WrongPassword, true),
        ] {
            house.sign_in.clear_throttle(UserType::Admin, name);
            house.accounts.failures.lock().unwrap().clear();
            house.add_administrator(account);
            let before = house.hashed();
            assert_eq!(outcome(house.administrator(name, password).await), refused(refusal));
            assert_eq!(house.hashed() - before, 1, "{refusal}");
            assert_eq!(house.throttled(), counted.then_some(1), "{refusal}");
        }
        house.add_administrator(Administrator { expires_at: Some(START.plus(1)), ..admin() });
        assert_eq!(outcome(house.administrator("admin", PASSWORD).await), Ok(()));
    }

    #[actix::test]
    async fn who_disables_an_account_comes_before_the_decision_or_after_the_session() {
        let house = Fixture::new().await;
        house.add_administrator(administrator("admin"));
        house.sessions.hold.store(true, Ordering::SeqCst);
        let mut signing_in = Box::pin(house.administrator("admin", PASSWORD));
        tokio::select! {
            _ = &mut signing_in => panic!("the session is held back"),
            () = house.sessions.reached.notified() => {}
        }
        let mut disabling = Box::pin(house.sign_in.turn_of(Subject::admin(3)));
        assert!((&mut disabling).now_or_never().is_none(), "a session is decided on and has not begun");
        house.sessions.hold.store(false, Ordering::SeqCst);
        house.sessions.go_on.notify_one();
        assert_eq!(outcome(signing_in.await), Ok(()));

        let turn = disabling.await;
        let mut late = Box::pin(house.administrator("admin", PASSWORD));
        while house.hashed() < 3 {
            tokio::select! {
                _ = &mut late => panic!("it is not this attempt's turn"),
                () = tokio::task::yield_now() => {}
            }
        }
        house.add_administrator(Administrator { is_active: false, ..administrator("admin") });
        drop(turn);
        assert_eq!(outcome(late.await), refused(Refusal::Inactive));
    }

    #[actix::test]
    async fn an_account_that_has_ended_is_switched_off_and_its_sessions_end() {
        let house = Fixture::new().await;
        house.add_administrator(Administrator { expires_at: Some(START), ..administrator("admin") });
        let ended = refused(Refusal::AccountExpired);
        house.accounts.unwritable.store(true, Ordering::SeqCst);
        assert_eq!(outcome(house.administrator("admin", PASSWORD).await), ended);
        assert_eq!(*house.sessions.ended.lock().unwrap(), [Subject::admin(3)], "also when nothing can be stored");
        house.accounts.unwritable.store(false, Ordering::SeqCst);
        assert_eq!(outcome(house.administrator("admin", "wrong").await), ended);
        assert!(!house.accounts.administrators.lock().unwrap()[0].is_active);
        assert_eq!(outcome(house.administrator("admin", PASSWORD).await), ended);
        assert_eq!(house.accounts.deactivations.load(Ordering::SeqCst), 1, "once");
        assert_eq!(
            house.sessions.ended.lock().unwrap().len(),
            2,
            "at the attempt that could not be stored and at the next"
        );
        assert_eq!(house.throttled(), None);
    }

    #[actix::test]
    async fn where_case_matters_another_spelling_is_nobody() {
        let house = Fixture::new().await;
        house.add_administrator(administrator("admin"));
        house.set(&[EXACTLY]);
        assert_eq!(outcome(house.administrator("Admin", PASSWORD).await), refused(Refusal::UnknownUser));
        assert_eq!(house.throttled(), Some(1));
        assert_eq!(outcome(house.administrator("admin", PASSWORD).await), Ok(()));
    }

    #[actix::test]
    async fn while_accounts_cannot_be_read_nothing_is_counted_and_nobody_signs_in() {
        let house = Fixture::new().await;
        house.add_administrator(administrator("admin"));
        house.accounts.unreadable.store(true, Ordering::SeqCst);
        assert_eq!(outcome(house.administrator("admin", "wrong").await), Err(SignInError::Unavailable));
        house.accounts.unreadable.store(false, Ordering::SeqCst);
        house.accounts.unreadable_by_number.store(true, Ordering::SeqCst);
        assert_eq!(outcome(house.administrator("admin", PASSWORD).await), Err(SignInError::Unavailable));
        assert_eq!(house.throttled(), None);
        assert_eq!(outcome(house.administrator("admin", "wrong").await), refused(Refusal::WrongPassword));
        assert_eq!(house.throttled(), Some(1));
    }
}
