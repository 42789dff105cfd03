//! The sign-in service: who may try, and the guarantee that an attempt is carried through.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::accounts::{AccountError, AccountStore};
use crate::clock::SharedClock;
use crate::magento::SharedInstallationKey;
use crate::registry::Registry;
use crate::secret::Password;
use crate::session::{Subject, UserType};
use crate::settings::SharedSnapshot;
use crate::sign_in::attempt::{Attempt, Core, Sessions};
use crate::sign_in::outage::Outage;
use crate::sign_in::password::{GuardFactory, HasherPool, PoolOptions};
use crate::sign_in::report::{Counters, Label};
use crate::sign_in::second_factor::UsedCodes;
use crate::sign_in::throttle::{Denied, Throttle};
use crate::sign_in::trail::Refusals;
use crate::sign_in::turns::{AccountTurn, Turns};
use crate::sign_in::{
    AdministratorCredentials, Caller, CustomerCredentials, IssuedToken, Options, Refusal, SignInError, Statistics,
    administrator, customer, second_factor,
};
use crate::store::{ThrottleRow, UsedCode};

/// How often the throttle forgets what no longer counts, and refusals that were counted have their lines written.
const SWEEP_INTERVAL: Duration = Duration::from_mins(1);

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
    pub installation_key: SharedInstallationKey,
    /// The guards of the hashers and of what else lives as long as the server.
    pub guards: GuardFactory,
}

/// The sign-in service. Cheap to clone.
#[derive(Clone)]
pub struct SignIn(pub(super) Arc<Core>);

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
        sweep_regularly(Arc::downgrade(&throttle), (parts.guards)("throttle-sweeper"));
        let sign_in = Self::from_core(Core {
            accounts: parts.accounts,
            sessions: Arc::new(parts.registry) as Arc<dyn Sessions>,
            snapshot: parts.snapshot,
            clock: parts.clock,
            options: parts.options,
            hashers,
            throttle,
            account_turns: Turns::default(),
            name_turns: Turns::default(),
            used_codes: UsedCodes::default(),
            counters: Counters::default(),
            refusals: Refusals::default(),
            outage: Outage::default(),
        });
        tell_regularly(Arc::downgrade(&sign_in.0), (parts.guards)("audit-teller"));
        sign_in
    }

    /// Writes down in the audit trail what was counted of refusals. To be called before the store is closed; until then
    /// it happens every minute.
    pub async fn tell_counted(&self) {
        self.0.tell_counted().await;
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

    /// Takes the last code over that each administrator has signed in with in an earlier run. To be called before the
    /// server answers.
    pub fn load_used_codes(&self, codes: impl IntoIterator<Item = UsedCode>) {
        codes.into_iter().for_each(|code| self.0.used_codes.note(code));
    }

    /// Signs a customer in.
    ///
    /// # Errors
    /// Any [`SignInError`].
    pub async fn customer(&self, credentials: CustomerCredentials, caller: Caller) -> Result<IssuedToken, SignInError> {
        let label = Label::new(UserType::Customer, &credentials.email, caller);
        self.run(label, |attempt| customer::sign_in(credentials, attempt)).await
    }

    /// Signs an administrator in: with a code, or, where that suffices, without one.
    ///
    /// # Errors
    /// Any [`SignInError`].
    pub async fn administrator(
        &self,
        credentials: AdministratorCredentials,
        caller: Caller,
    ) -> Result<IssuedToken, SignInError> {
        let label = Label::new(UserType::Admin, &credentials.username, caller);
        self.run(label, |attempt| administrator::sign_in(credentials, attempt)).await
    }

    /// The codes of the providers of second factors that every administrator has to activate (fact sheet 9.1).
    pub fn required_providers(&self) -> Vec<&'static str> {
        second_factor::required_providers(&self.0.snapshot.load().settings)
    }

    /// Waits until no sign-in has decided on this account and has yet to begin its session. To be held by whoever
    /// stores a change after which fewer sign-ins may succeed (a new password, an account that is switched off), so that
    /// whoever ends the sessions after that leaves none behind.
    pub async fn turn_of(&self, subject: Subject) -> AccountTurn<'_> {
        self.0.account_turns.take(subject).await
    }

    /// To be called before a session of this customer begins without a sign-in: an account that was switched off in the
    /// shop since anybody looked loses its older sessions then, as in a sign-in, and not this one.
    ///
    /// # Errors
    /// [`SignInError::Unavailable`] when the account cannot be reached, or the sessions cannot be ended.
    pub async fn prepare_session(&self, customer: u32) -> Result<(), SignInError> {
        let subject = Subject::customer(customer);
        let _turn = self.turn_of(subject).await;
        self.0.end_what_was_switched_off(subject).await
    }

    /// Hashes a password for storing, on the hashers' threads.
    ///
    /// # Errors
    /// [`SignInError::Busy`] and [`SignInError::Unavailable`].
    pub async fn hash_password(&self, password: Password) -> Result<String, SignInError> {
        Ok(self.0.hashers.hash(password).await?)
    }

    /// Forgets the failures of a name, for whoever unlocks an account, and says whether there were some that counted.
    /// This is memory only: the stored row is theirs to clear.
    pub fn clear_throttle(&self, kind: UserType, name: &str) -> bool {
        self.0.throttle.clear(kind, name)
    }

    /// The names whose failures count that follow `after` in the order of kinds and names, at most so many: those that are
    /// `stored`, in that order, and those in memory, which are more where nothing may be written. Where both count, whoever
    /// knows of more failures is right.
    pub fn throttled_names(
        &self,
        stored: Vec<ThrottleRow>,
        after: &(UserType, String),
        limit: usize,
    ) -> Vec<ThrottleRow> {
        let mut rows = BTreeMap::<_, ThrottleRow>::new();
        for row in stored.into_iter().chain(self.0.throttle.names(after, limit)) {
            let known = rows.entry((row.kind, row.name.clone())).or_insert_with(|| row.clone());
            if row.failures > known.failures {
                *known = row;
            }
        }
        rows.into_values().take(limit).collect()
    }

    /// Makes a hasher panic, to show that the process then ends.
    #[cfg(debug_assertions)]
    pub fn provoke_panic(&self) {
        self.0.hashers.provoke_panic();
    }

    /// Makes the keeper of the hashers' memory panic, to show that the process then ends.
    #[cfg(debug_assertions)]
    pub fn provoke_keeper_panic(&self) {
        self.0.hashers.provoke_keeper_panic();
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
                if let SignInError::Refused(refusal) = error {
                    self.0.tell_apart(&label, refusal);
                }
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
        loop {
            let in_flight = core.throttle.begin(label.kind, &label.name).await.map_err(|denied| match denied {
                Denied::Throttled => SignInError::Refused(Refusal::Throttled),
                Denied::Crowded => SignInError::Busy { retry_after: CROWD_RETRY },
            })?;
            let place = core.hashers.enter(label.caller.address)?;
            let counted = core.accounts.throttle_row(label.kind, &in_flight.key().name()).await;
            let admitted = match counted.map_err(|error| self.0.unreadable(&error))? {
                Some(row) => in_flight.heed(&row),
                None => Some(in_flight),
            };
            if let Some(in_flight) = admitted {
                return Ok(Attempt { core: Arc::clone(core), in_flight, place, label: label.clone(), caller });
            }
        }
    }
}

impl fmt::Debug for SignIn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SignIn")
    }
}

/// One timer for all refusals that were counted, for as long as the service is there.
fn tell_regularly(core: Weak<Core>, guard: Box<dyn Any + Send>) {
    actix_rt::spawn(async move {
        let _guard = guard;
        let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
        loop {
            ticks.tick().await;
            let Some(core) = core.upgrade() else { break };
            core.tell_counted().await;
        }
    });
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

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Mutex;
    use std::sync::atomic::Ordering;

    use futures_util::FutureExt;
    use futures_util::future::join_all;
    use serde_json::Value;

    use super::*;
    use crate::clock::Clock;
    use crate::registry::RegistryError;
    use crate::sign_in::support::{Fixture, PASSWORD, caller, credentials, customer, outcome, refused};

    const JANE: &str = "jane@example.com";

    async fn house() -> Fixture {
        let house = Fixture::new().await;
        house.add_customer(customer(JANE));
        house
    }

    #[actix::test]
    async fn a_throttled_name_costs_no_hash_and_no_look_up() {
        let house = house().await;
        for _ in 0..6 {
            assert_eq!(outcome(house.customer(JANE, "wrong").await), refused(Refusal::WrongPassword));
        }
        let (hashed, lookups) = (house.hashed(), house.accounts.lookups.load(Ordering::SeqCst));
        assert_eq!(outcome(house.customer("Jane@Example.com", PASSWORD).await), refused(Refusal::Throttled));
        assert_eq!(house.hashed(), hashed);
        assert_eq!(house.accounts.lookups.load(Ordering::SeqCst), lookups);
        assert_eq!(house.throttled(), Some(6), "a refused attempt is not counted");
        house.clock.advance(Duration::from_mins(30));
        assert_eq!(outcome(house.customer(JANE, PASSWORD).await), Ok(()));
        assert_eq!(house.sign_in.statistics().names, 0);
    }

    #[actix::test]
    async fn fifty_guesses_at_the_same_time_are_six_hashes() {
        let house = house().await;
        let before = house.hashed();
        let outcomes = join_all((0..50).map(|_| house.customer(JANE, "wrong"))).await;
        assert_eq!(house.hashed() - before, 6);
        let throttled =
            outcomes.into_iter().filter(|result| matches!(result, Err(SignInError::Refused(Refusal::Throttled))));
        assert_eq!(throttled.count(), 44);
    }

    #[actix::test]
    async fn failures_of_one_name_are_stored_in_the_order_in_which_they_were_counted() {
        let house = house().await;
        join_all((0..6).map(|_| house.customer("joan@example.com", "wrong"))).await;
        let stored = house.accounts.failures.lock().unwrap();
        let counts: Vec<_> = stored.iter().filter_map(|(_, row)| row.as_ref()).map(|row| row.failures).collect();
        assert_eq!(counts, [1, 2, 3, 4, 5, 6]);
    }

    #[actix::test]
    async fn a_right_password_among_many_at_the_same_time_is_let_through() {
        let house = house().await;
        let outcomes = join_all((0..50).map(|_| house.customer(JANE, PASSWORD))).await;
        assert!(outcomes.iter().all(Result::is_ok));
    }

    #[actix::test]
    async fn a_caller_that_goes_before_its_hash_began_is_not_hashed_for_and_counts_for_nothing() {
        let house = house().await;
        let before = house.sign_in.statistics();
        let mut gone = Box::pin(house.customer(JANE, "wrong"));
        assert!((&mut gone).now_or_never().is_none());
        drop(gone);
        while house.sign_in.statistics().names > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(house.sign_in.statistics(), before);
        assert!(house.accounts.failures.lock().unwrap().is_empty());
    }

    #[actix::test]
    async fn what_follows_the_password_check_is_carried_out_without_the_caller() {
        let house = house().await;
        house.sessions.hold.store(true, Ordering::SeqCst);
        let mut gone = Box::pin(house.customer(JANE, PASSWORD));
        tokio::select! {
            _ = &mut gone => panic!("the session is held back"),
            () = house.sessions.reached.notified() => {}
        }
        drop(gone);
        house.sessions.go_on.notify_one();
        while house.sign_in.statistics().succeeded == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(house.sessions.begun.lock().unwrap().len(), 1);
        assert_eq!(house.sign_in.statistics().names, 0);
    }

    #[actix::test]
    async fn a_session_that_cannot_begin_counts_as_no_failure() {
        let house = house().await;
        assert_eq!(outcome(house.customer(JANE, "wrong").await), refused(Refusal::WrongPassword));
        let retry_after = Duration::from_secs(1);
        for (fault, expected) in [
            (RegistryError::Full, SignInError::Full),
            (RegistryError::Busy, SignInError::Busy { retry_after }),
            (RegistryError::Unavailable, SignInError::Unavailable),
        ] {
            *house.sessions.fault.lock().unwrap() = Some(fault);
            assert_eq!(outcome(house.customer(JANE, PASSWORD).await), Err(expected));
        }
        let statistics = house.sign_in.statistics();
        assert_eq!((statistics.full, statistics.busy, statistics.unavailable), (1, 1, 1));
        assert_eq!(house.stored_customer().failures, 1, "neither counted nor forgotten");
        assert_eq!(outcome(house.customer(JANE, "wrong").await), refused(Refusal::WrongPassword));
        assert_eq!(house.throttled(), Some(2));
    }

    #[actix::test]
    async fn one_address_does_not_fill_the_queue_for_others() {
        let house = Fixture::with(Options { queue: 8, ..Fixture::options() }).await;
        let names: Vec<_> = (0..10).map(|number| format!("{number}@example.com")).collect();
        let attempt = |name: &str, address| house.sign_in.customer(credentials(name, "wrong"), caller(address));
        let mut flood: Vec<_> = names.iter().map(|name| Box::pin(attempt(name, "192.0.2.1"))).collect();
        let refused_at_once = flood.iter_mut().filter_map(FutureExt::now_or_never).filter(|outcome| {
            matches!(outcome, Err(SignInError::Busy { retry_after }) if *retry_after >= Duration::from_secs(1))
        });
        assert_eq!(refused_at_once.count(), 8, "a quarter of the queue is two");
        let other = attempt("other@example.com", "192.0.2.2").await;
        assert_eq!(outcome(other), refused(Refusal::UnknownUser));
        assert_eq!(house.sign_in.statistics().busy, 8);
    }

    #[actix::test]
    async fn stored_failures_count_after_a_restart_and_an_unlocking_forgets_them() {
        let house = house().await;
        let row = ThrottleRow {
            kind: UserType::Customer,
            name: JANE.to_owned(),
            failures: 6,
            lock_expires: house.clock.now().plus(1),
        };
        *house.accounts.stored_rows.lock().unwrap() = vec![row];
        assert_eq!(house.sign_in.load_throttle().await, Ok(1));
        assert_eq!(outcome(house.customer(JANE, PASSWORD).await), refused(Refusal::Throttled));
        house.sign_in.clear_throttle(UserType::Customer, "Jane@example.com");
        assert_eq!(outcome(house.customer(JANE, PASSWORD).await), Ok(()));
    }

    /// Everything that was logged on this thread, a JSON object a line.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Log {
        fn start() -> (Self, tracing::subscriber::DefaultGuard) {
            let log = Self::default();
            let writer = log.clone();
            let subscriber = tracing_subscriber::fmt()
                .json()
                .with_max_level(tracing::Level::TRACE)
                .with_writer(move || writer.clone())
                .finish();
            (log, tracing::subscriber::set_default(subscriber))
        }

        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }

        fn events(&self) -> Vec<Value> {
            let events = self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
            events.into_iter().filter(|event| event["target"] == "tokenward::sign_in").collect()
        }
    }

    #[actix::test]
    async fn a_refused_sign_in_is_one_event_with_a_reason_and_without_the_password() {
        let house = house().await;
        let (log, _guard) = Log::start();
        let name = format!("eve\n\u{1b}[31m{}", "x".repeat(300));
        assert_eq!(outcome(house.customer(&name, "hunter2secret").await), refused(Refusal::UnknownUser));
        let issued = house.customer(JANE, PASSWORD).await.unwrap();
        let events = log.events();
        assert_eq!(events.len(), 2, "{events:?}");
        let (refusal, success) = (&events[0], &events[1]);
        assert_eq!(refusal["level"], "INFO");
        for (field, value) in
            [("kind", "customer"), ("address", "192.0.2.1"), ("protocol", "graphql"), ("reason", "unknown user")]
        {
            assert_eq!(refusal["fields"][field], value, "{refusal}");
        }
        let logged = refusal["fields"]["name"].as_str().unwrap();
        assert!(logged.starts_with("eve\\n\\u{1b}[31mxxx"), "{logged}");
        assert!(logged.matches('x').count() == 255 - "eve\n\u{1b}[31m".len(), "{logged}");
        assert_eq!((&success["level"], &success["fields"]["session"]), (&"DEBUG".into(), &"42".into()));
        for secret in ["hunter2secret", PASSWORD, issued.token.expose()] {
            assert!(!log.text().contains(secret), "{}", log.text());
        }
    }

    #[actix::test]
    async fn each_refusal_is_one_event_whatever_the_reason() {
        let house = house().await;
        for _ in 0..6 {
            assert_eq!(outcome(house.customer(JANE, "wrong").await), refused(Refusal::WrongPassword));
        }
        let (log, _guard) = Log::start();
        for _ in 0..3 {
            assert_eq!(outcome(house.customer(JANE, "wrong").await), refused(Refusal::Throttled));
        }
        assert_eq!(log.events().len(), 3);
        assert!(log.events().iter().all(|event| event["fields"]["reason"] == "throttled"));
        let statistics = house.sign_in.statistics();
        assert_eq!(statistics.refused(Refusal::WrongPassword), 6);
        assert_eq!(statistics.refused(Refusal::Throttled), 3);
        assert_eq!(statistics.succeeded, 0);
    }
}
