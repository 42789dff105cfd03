//! The sign-in service: who may try, and the guarantee that an attempt is carried through.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::accounts::{AccountError, AccountStore};
use crate::clock::SharedClock;
use crate::registry::Registry;
use crate::secret::Password;
use crate::session::UserType;
use crate::settings::SharedSnapshot;
use crate::sign_in::attempt::{Attempt, Core, Sessions};
use crate::sign_in::password::{GuardFactory, HasherPool, InstallationKey, PoolOptions};
use crate::sign_in::report::{Counters, Label};
use crate::sign_in::throttle::{Denied, Throttle};
use crate::sign_in::turns::Turns;
use crate::sign_in::{
    AdministratorCredentials, Caller, CustomerCredentials, IssuedToken, Options, Refusal, SignInError, Statistics,
    administrator, customer,
};
use crate::store::Change;

/// How often the throttle forgets what no longer counts.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// When to try again after too many attempts on one name waited.
const CROWD_RETRY: Duration = Duration::from_secs(1);

/// What a sign-in is made of.
#[derive(Clone)]
pub struct Parts {
    /// Where accounts are kept.
    pub accounts: Arc<dyn AccountStore>,
    /// Where sessions begin.
    pub registry: Registry,
    /// The live settings.
    pub snapshot: SharedSnapshot,
    /// The clock by which locks end.
    pub clock: SharedClock,
    /// How it behaves.
    pub options: Options,
    /// The key of the Magento installation, if it is known: some very old password hashes need it.
    pub installation_key: Option<InstallationKey>,
    /// The guards of the hashers and of what else lives as long as the server.
    pub guards: GuardFactory,
}

/// The sign-in service. Cheap to clone.
#[derive(Clone)]
pub struct SignIn(Arc<Core>);

impl SignIn {
    /// Starts the hashers and puts the parts together. To be called inside a running actix system, once.
    pub fn new(parts: Parts) -> Self {
        let hashers = HasherPool::start(PoolOptions {
            concurrency: parts.options.concurrency,
            queue: parts.options.queue,
            installation_key: parts.installation_key,
            guards: Arc::clone(&parts.guards),
        });
        let throttle = Arc::new(Throttle::new(Arc::clone(&parts.snapshot), Arc::clone(&parts.clock)));
        sweep_regularly(Arc::downgrade(&throttle), (parts.guards)());
        Self::from_core(Core {
            accounts: parts.accounts,
            sessions: Arc::new(parts.registry) as Arc<dyn Sessions>,
            snapshot: parts.snapshot,
            clock: parts.clock,
            options: parts.options,
            hashers,
            throttle,
            account_turns: Turns::default(),
            name_turns: Turns::default(),
            counters: Counters::default(),
        })
    }

    pub(super) fn from_core(core: Core) -> Self {
        Self(Arc::new(core))
    }

    /// Takes the failures over that an earlier run has stored, and says for how many names they still count. To be
    /// called before the server answers.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`].
    pub async fn load_throttle(&self) -> Result<usize, AccountError> {
        Ok(self.0.throttle.load(self.0.accounts.throttle_rows().await?))
    }

    /// Signs a customer in.
    ///
    /// # Errors
    /// Any [`SignInError`].
    pub async fn customer(&self, credentials: CustomerCredentials, caller: Caller) -> Result<IssuedToken, SignInError> {
        let label = Label::new(UserType::Customer, &credentials.email, caller);
        self.run(label, |attempt| customer::sign_in(credentials, attempt)).await
    }

    /// Signs an administrator in.
    ///
    /// # Errors
    /// Any [`SignInError`].
    pub async fn administrator(
        &self,
        credentials: AdministratorCredentials,
        caller: Caller,
    ) -> Result<IssuedToken, SignInError> {
        let label = Label::new(UserType::Admin, &credentials.username, caller);
        self.run(label, |attempt| administrator::sign_in(credentials, attempt))
            .await
    }

    /// Hashes a password for storing, on the hashers' threads.
    ///
    /// # Errors
    /// [`SignInError::Busy`] and [`SignInError::Unavailable`].
    pub async fn hash_password(&self, password: Password) -> Result<String, SignInError> {
        Ok(self.0.hashers.hash(password).await?)
    }

    /// Forgets the failures of a name, for whoever unlocks an account. What is returned remains to be stored.
    pub fn clear_throttle(&self, kind: UserType, name: &str) -> Change {
        self.0.throttle.clear(kind, name)
    }

    /// The sign-in in numbers.
    pub fn statistics(&self) -> Statistics {
        let core = &self.0;
        core.counters.statistics(core.hashers.load(), core.throttle.len())
    }

    /// Lets an attempt in and carries it through, also when the caller goes away meanwhile. Only as long as its password
    /// has not been compared does it end with its caller.
    async fn run<R>(&self, label: Label, sign_in: impl FnOnce(Attempt) -> R) -> Result<IssuedToken, SignInError>
    where
        R: Future<Output = Result<IssuedToken, SignInError>> + 'static,
    {
        let alive = Arc::new(());
        let attempt = match self.let_in(&label, Arc::downgrade(&alive)).await {
            Ok(attempt) => attempt,
            Err(error) => {
                let outcome = Err(error);
                self.0.counters.report(&label, &outcome);
                return outcome;
            }
        };
        let (sender, answer) = oneshot::channel();
        let (core, signing_in) = (Arc::clone(&self.0), sign_in(attempt));
        actix_rt::spawn(async move {
            let outcome = signing_in.await;
            // Nobody waited any more, and nothing was decided.
            if !(sender.is_closed() && matches!(outcome, Err(SignInError::Unavailable))) {
                core.counters.report(&label, &outcome);
            }
            // Whoever waited may have gone. The session then ends by itself: nobody knows its token.
            let _ = sender.send(outcome);
        });
        let outcome = answer.await.unwrap_or(Err(SignInError::Unavailable));
        drop(alive);
        outcome
    }

    async fn let_in(&self, label: &Label, caller: Weak<()>) -> Result<Attempt, SignInError> {
        let core = &self.0;
        let in_flight = core
            .throttle
            .begin(label.kind, &label.name)
            .await
            .map_err(|denied| match denied {
                Denied::Throttled => SignInError::Refused(Refusal::Throttled),
                Denied::Crowded => SignInError::Busy {
                    retry_after: CROWD_RETRY,
                },
            })?;
        let place = core.hashers.enter(label.caller.address)?;
        Ok(Attempt {
            core: Arc::clone(core),
            in_flight,
            place,
            caller,
        })
    }
}

impl fmt::Debug for SignIn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SignIn")
    }
}

/// One timer for all names, for as long as the throttle is there.
fn sweep_regularly(throttle: Weak<Throttle>, guard: Box<dyn Any + Send>) {
    actix_rt::spawn(async move {
        let _guard = guard;
        let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
        loop {
            ticks.tick().await;
            let Some(throttle) = throttle.upgrade() else { break };
            throttle.sweep();
        }
    });
}
