//! Whether an administrator has to show a second factor, and whether it is good (fact sheet 9.1 to 9.3).
//!
//! Unlike Magento, which clears the throttle's row when the password was right, nothing here clears it but a session:
//! otherwise whoever knows the password could guess codes without end, with a plain sign-in after every few.

use dashmap::DashMap;
use tracing::error;

use crate::accounts::{AccountError, SecondFactor};
use crate::secret::Secret;
use crate::settings::{Scope, Settings};
use crate::sign_in::attempt::{Core, Failed};
use crate::sign_in::totp::{TotpSecret, Verdict};
use crate::sign_in::{Refusal, SecondFactorRule};
use crate::store::UsedCode;

const PROVIDERS: &str = "twofactorauth/general/force_providers";
const LEEWAY: &str = "twofactorauth/google/leeway";

/// A provider that needs no set-up of its own. Duo Security and Authy do, which cannot be done here, so that they are
/// not set up and thus ignored, as in Magento.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Provider {
    Google,
    U2fKey,
}

impl Provider {
    const ALL: [Self; 2] = [Self::Google, Self::U2fKey];

    fn code(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::U2fKey => "u2fkey",
        }
    }

    fn is_active(self, shown: &SecondFactor) -> bool {
        match self {
            Self::Google => shown.google.is_some(),
            Self::U2fKey => shown.u2f_key,
        }
    }
}

/// What the installation requires of every administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Required {
    /// Whether anything is named, known or not: whoever has named something does not want passwords to suffice.
    named: bool,
    providers: Vec<Provider>,
}

impl Required {
    fn of(settings: &Settings) -> Self {
        let codes = || settings.text(PROVIDERS, Scope::Default).split(',').map(str::trim);
        let known = |code| Provider::ALL.into_iter().find(|provider| provider.code() == code);
        Self { named: codes().any(|code| !code.is_empty()), providers: codes().filter_map(known).collect() }
    }
}

/// The codes of the providers that the installation requires.
pub(super) fn required_providers(settings: &Settings) -> Vec<&'static str> {
    Required::of(settings).providers.into_iter().map(Provider::code).collect()
}

/// The last code that each administrator has signed in with: one small entry for each who ever has.
#[derive(Debug, Default)]
pub(super) struct UsedCodes(DashMap<u32, u32>);

impl UsedCodes {
    /// Takes note of a code. It need not be of a later period than the one before: the clock may have been ahead.
    pub(super) fn note(&self, code: UsedCode) {
        self.0.insert(code.administrator, code.period);
    }

    fn last(&self, administrator: u32) -> Option<u32> {
        self.0.get(&administrator).map(|period| *period)
    }
}

/// Judges what an administrator shows whose password was right: the code to take note of, if any, or why it does not
/// suffice. To be called in the account's turn, so that a code is not used twice at the same time.
pub(super) async fn judge(
    core: &Core,
    administrator: u32,
    typed: Option<Secret>,
) -> Result<Result<Option<UsedCode>, Failed>, AccountError> {
    let required = Required::of(&core.snapshot.load().settings);
    match typed {
        Some(typed) => with_code(core, administrator, &required, &typed).await,
        None => without_code(core, administrator, &required).await,
    }
}

/// The steps of fact sheet 9.1.
async fn without_code(
    core: &Core,
    administrator: u32,
    required: &Required,
) -> Result<Result<Option<UsedCode>, Failed>, AccountError> {
    let is_wanted = match core.options.second_factor {
        SecondFactorRule::Auto => required.named,
        SecondFactorRule::Off => false,
        SecondFactorRule::Required => true,
    };
    if !is_wanted {
        return Ok(Ok(None));
    }
    if required.providers.is_empty() {
        return Ok(Err(Failed::uncounted(Refusal::SecondFactorUnselected)));
    }
    let shown = core.accounts.second_factor(administrator).await?.unwrap_or_default();
    let complete = required.providers.iter().all(|provider| provider.is_active(&shown));
    let refusal = if complete { Refusal::SecondFactorMissing } else { Refusal::SecondFactorNotSetUp };
    Ok(Err(Failed::uncounted(refusal)))
}

/// The steps of fact sheet 9.2 that follow the password.
async fn with_code(
    core: &Core,
    administrator: u32,
    required: &Required,
    typed: &Secret,
) -> Result<Result<Option<UsedCode>, Failed>, AccountError> {
    if !required.providers.contains(&Provider::Google) {
        return Ok(Err(Failed::uncounted(Refusal::ProviderNotAllowed)));
    }
    let stored = core.accounts.second_factor(administrator).await?.and_then(|shown| shown.google);
    let Some((window, secret)) = stored.and_then(|app| Some((app.window, readable(&app.secret, administrator)?)))
    else {
        return Ok(Err(Failed::uncounted(Refusal::ProviderNotConfigured)));
    };
    let leeway = window.unwrap_or_else(|| core.snapshot.load().settings.number(LEEWAY));
    // Apps go by the wall clock.
    let verdict = secret.verify(typed.expose(), core.clock.wall(), leeway, core.used_codes.last(administrator));
    Ok(match verdict {
        Verdict::Good(period) => Ok(Some(UsedCode { administrator, period })),
        Verdict::Used => Err(Failed::counted(Refusal::UsedCode)),
        Verdict::Wrong => Err(Failed::counted(Refusal::WrongCode)),
    })
}

fn readable(secret: &Secret, administrator: u32) -> Option<TotpSecret> {
    let read = TotpSecret::from_base32(secret.expose());
    if let Err(error) = read {
        error!(%error, administrator, "the secret of an authenticator app cannot be read, and is as good as none");
    }
    read.ok()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    use futures_util::future::join_all;

    use super::*;
    use crate::accounts::Authenticator;
    use crate::clock::Clock;
    use crate::sign_in::support::{Fixture, PASSWORD, administrator, outcome, refused};
    use crate::sign_in::{Options, SignInError};
    use crate::store::Change;

    const SECRET: &str = "GEZDGNBVGY3TQOJQ";

    fn app(secret: &str, window: Option<u32>) -> SecondFactor {
        SecondFactor { google: Some(Authenticator { secret: Secret::new(secret.to_owned()), window }), u2f_key: false }
    }

    /// A house whose administrator has an app, with these providers required.
    async fn house(providers: &str) -> Fixture {
        with_rule(providers, SecondFactorRule::Auto).await
    }

    async fn with_rule(providers: &str, second_factor: SecondFactorRule) -> Fixture {
        let house = Fixture::with(Options { second_factor, ..Fixture::options() }).await;
        house.add_administrator(administrator("admin"));
        house.set(&[(PROVIDERS, Scope::Default, providers)]);
        house.show(Some(app(SECRET, None)));
        house
    }

    impl Fixture {
        fn show(&self, shown: Option<SecondFactor>) {
            *self.accounts.second_factor.lock().unwrap() = shown;
        }

        /// What an app shows so many periods later.
        fn code(&self, periods: i64) -> String {
            let moment = i64::from(self.clock.wall().get()) + 30 * periods;
            let moment = crate::clock::UnixSeconds(u32::try_from(moment).unwrap());
            TotpSecret::from_base32(SECRET).unwrap().code_at(moment)
        }

        /// A code that is none.
        fn wrong_code(&self) -> String {
            let good = [-1, 0, 1].map(|periods| self.code(periods));
            (0..4).map(|number| format!("{number:06}")).find(|code| !good.contains(code)).unwrap()
        }

        async fn plain(&self) -> Result<(), SignInError> {
            outcome(self.administrator("admin", PASSWORD).await)
        }

        async fn with_code(&self, code: &str) -> Result<(), SignInError> {
            outcome(self.administrator_with("admin", PASSWORD, Some(code)).await)
        }
    }

    #[actix::test]
    async fn a_code_signs_in_and_is_stored_as_used_with_the_session() {
        let house = house("google").await;
        assert_eq!(house.with_code(&house.code(0)).await, Ok(()));
        let begun = house.sessions.begun.lock().unwrap();
        let period = house.clock.wall().get() / 30;
        let used = |change: &&Change| matches!(change, Change::CodeUsed(code) if *code == UsedCode { administrator: 3, period });
        assert_eq!(begun[0].along.iter().filter(used).count(), 1);
        assert!(begun[0].along.iter().any(|change| matches!(change, Change::ThrottleCleared { .. })));
    }

    #[actix::test]
    async fn the_password_suffices_as_the_rule_says() {
        use SecondFactorRule::{Auto, Off, Required};
        let (missing, unselected) = (refused(Refusal::SecondFactorMissing), refused(Refusal::SecondFactorUnselected));
        for (rule, providers, expected) in [
            (Auto, "", Ok(())),
            (Auto, " , ", Ok(())),
            (Auto, "google", missing),
            (Auto, " u2fkey , google ", refused(Refusal::SecondFactorNotSetUp)),
            (Auto, "duo_security", unselected),
            (Auto, "yubikey", unselected),
            (Auto, "duo_security,google", missing),
            (Off, "google", Ok(())),
            (Required, "", unselected),
            (Required, "google", missing),
        ] {
            let house = with_rule(providers, rule).await;
            assert_eq!(house.plain().await, expected, "{rule:?} {providers}");
            assert_eq!(house.throttled(), None);
        }
    }

    #[actix::test]
    async fn the_steps_after_the_password_are_in_magentos_order_and_only_wrong_codes_count() {
        let house = house("google").await;
        let (good, wrong) = (house.code(0), house.wrong_code());
        assert_eq!(
            outcome(house.administrator_with("admin", "wrong", Some(&good)).await),
            refused(Refusal::WrongPassword)
        );
        house.sign_in.clear_throttle(crate::session::UserType::Admin, "admin");
        house.accounts.failures.lock().unwrap().clear();

        house.set(&[(PROVIDERS, Scope::Default, "u2fkey")]);
        house.show(None);
        assert_eq!(house.with_code(&good).await, refused(Refusal::ProviderNotAllowed));
        house.set(&[(PROVIDERS, Scope::Default, "google")]);
        for shown in [None, Some(SecondFactor::default()), Some(app("not base32!", None)), Some(app("", None))] {
            house.show(shown);
            assert_eq!(house.with_code(&good).await, refused(Refusal::ProviderNotConfigured));
        }
        assert_eq!(house.throttled(), None);
        house.show(Some(app(SECRET, None)));
        for (count, code) in [(1, wrong.as_str()), (2, "")] {
            assert_eq!(house.with_code(code).await, refused(Refusal::WrongCode));
            assert_eq!(house.throttled(), Some(count));
        }
        assert_eq!(house.with_code(&good).await, Ok(()));
        assert_eq!(house.sign_in.statistics().names, 0, "a session clears the row");
    }

    #[actix::test]
    async fn a_code_is_good_once_and_the_next_one_after_it() {
        let house = house("google").await;
        let code = house.code(0);
        assert_eq!(house.with_code(&code).await, Ok(()));
        assert_eq!(house.with_code(&code).await, refused(Refusal::UsedCode));
        assert_eq!(house.throttled(), Some(1));
        house.clock.advance(Duration::from_secs(30));
        assert_eq!(house.with_code(&code).await, refused(Refusal::UsedCode));
        assert_eq!(house.with_code(&house.code(0)).await, Ok(()));
    }

    #[actix::test]
    async fn a_code_at_the_same_time_is_good_once() {
        let house = house("google").await;
        let code = house.code(0);
        let outcomes = join_all((0..5).map(|_| house.with_code(&code))).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == refused(Refusal::UsedCode)).count(), 4);
    }

    #[actix::test]
    async fn a_code_that_an_earlier_run_accepted_is_used() {
        let house = house("google").await;
        let period = house.clock.wall().get() / 30;
        house.sign_in.load_used_codes([UsedCode { administrator: 3, period }]);
        assert_eq!(house.with_code(&house.code(0)).await, refused(Refusal::UsedCode));
    }

    #[actix::test]
    async fn after_a_clock_that_was_ahead_codes_are_good_once_all_the_same() {
        let house = house("google").await;
        let period = house.clock.wall().get() / 30 + 1000;
        house.sign_in.load_used_codes([UsedCode { administrator: 3, period }]);
        assert_eq!(house.with_code(&house.code(0)).await, Ok(()));
        assert_eq!(house.with_code(&house.code(0)).await, refused(Refusal::UsedCode));
    }

    #[actix::test]
    async fn a_code_whose_session_could_not_begin_is_not_used() {
        let house = house("google").await;
        *house.sessions.fault.lock().unwrap() = Some(crate::registry::RegistryError::Unavailable);
        assert_eq!(house.with_code(&house.code(0)).await, Err(SignInError::Unavailable));
        *house.sessions.fault.lock().unwrap() = None;
        assert_eq!(house.with_code(&house.code(0)).await, Ok(()));
    }

    #[actix::test]
    async fn guessing_codes_ends_at_the_throttle_whatever_lies_between() {
        let house = house("google").await;
        let wrong = house.wrong_code();
        for _ in 0..6 {
            assert_eq!(house.with_code(&wrong).await, refused(Refusal::WrongCode));
            assert_eq!(
                house.plain().await,
                if house.throttled() == Some(6) {
                    refused(Refusal::Throttled)
                } else {
                    refused(Refusal::SecondFactorMissing)
                }
            );
        }
        assert_eq!(house.with_code(&house.code(0)).await, refused(Refusal::Throttled));
    }

    #[actix::test]
    async fn fifty_guesses_at_the_same_time_are_six() {
        let house = house("google").await;
        let wrong = house.wrong_code();
        let outcomes = join_all((0..50).map(|_| house.with_code(&wrong))).await;
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == refused(Refusal::WrongCode)).count(), 6);
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == refused(Refusal::Throttled)).count(), 44);
    }

    #[actix::test]
    async fn the_leeway_is_that_of_the_settings_unless_the_administrator_has_another() {
        let house = house("google").await;
        let ahead = house.code(1);
        house.set(&[(PROVIDERS, Scope::Default, "google"), (LEEWAY, Scope::Default, "1")]);
        assert_eq!(house.with_code(&ahead).await, refused(Refusal::WrongCode));
        house.show(Some(app(SECRET, Some(29))));
        assert_eq!(house.with_code(&ahead).await, Ok(()));
    }

    #[actix::test]
    async fn while_second_factors_cannot_be_read_nobody_signs_in_and_nothing_is_counted() {
        let house = house("google").await;
        house.accounts.second_factor_unreadable.store(true, Ordering::SeqCst);
        assert_eq!(house.plain().await, Err(SignInError::Unavailable));
        assert_eq!(house.with_code(&house.code(0)).await, Err(SignInError::Unavailable));
        assert_eq!(house.throttled(), None);
    }
}
