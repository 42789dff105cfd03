//! Accounts that are asked, counted, and slow or away.

use async_trait::async_trait;
use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use super::*;
use crate::accounts::{AccountError, Administrator, Customer, SecondFactor};
use crate::clock::MockClock;
use crate::settings::{RoleId, WebsiteId};
use crate::store::{Change, CustomerLock, ThrottleRow};

const NOW: UnixSeconds = UnixSeconds(1_000);
/// Long enough for a question to be gathered and answered.
const A_WHILE: Duration = Duration::from_millis(20);

const CHIEF: Subject = Subject { kind: UserType::Admin, id: 3 };

/// How long the accounts take.
#[derive(Clone, Copy, Debug, Default)]
enum Manner {
    #[default]
    Prompt,
    Slow(Duration),
    /// Fails after so long.
    Away(Duration),
}

/// Accounts with the administrators whose numbers are odd, and every customer.
#[derive(Debug, Default)]
struct Accounts {
    manner: Mutex<Manner>,
    /// How many users each question was about.
    asked: Mutex<Vec<usize>>,
}

impl Accounts {
    fn are(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    fn asked(&self) -> Vec<usize> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

fn state(id: u32) -> UserState {
    UserState::of_integration(Some(RoleId(id)))
}

#[async_trait]
impl AccountStore for Accounts {
    async fn states(&self, kind: UserType, ids: &[u32]) -> Result<Vec<(u32, UserState)>, AccountError> {
        self.asked.lock().unwrap().push(ids.len());
        let manner = *self.manner.lock().unwrap();
        match manner {
            Manner::Prompt => {}
            Manner::Slow(time) => sleep(time).await,
            Manner::Away(time) => {
                sleep(time).await;
                return Err(AccountError::Unavailable("away".to_owned()));
            }
        }
        let is_there = |id: &u32| kind == UserType::Customer || !id.is_multiple_of(2);
        Ok(ids.iter().copied().filter(is_there).map(|id| (id, state(id))).collect())
    }

    async fn customer_by_email(&self, _: &str, _: Option<WebsiteId>) -> Result<Option<Customer>, AccountError> {
        unreachable!()
    }

    async fn customer(&self, _: u32) -> Result<Option<Customer>, AccountError> {
        unreachable!()
    }

    async fn administrator_by_username(&self, _: &str) -> Result<Option<Administrator>, AccountError> {
        unreachable!()
    }

    async fn administrator(&self, _: u32) -> Result<Option<Administrator>, AccountError> {
        unreachable!()
    }

    async fn second_factor(&self, _: u32) -> Result<Option<SecondFactor>, AccountError> {
        unreachable!()
    }

    async fn success(
        &self,
        _: Subject,
        _: UnixSeconds,
        _: Option<CustomerLock>,
        _: Option<String>,
    ) -> Result<Vec<Change>, AccountError> {
        unreachable!()
    }

    async fn failure(
        &self,
        _: Option<CustomerLock>,
        _: Option<ThrottleRow>,
        _: Vec<Change>,
    ) -> Result<(), AccountError> {
        unreachable!()
    }

    async fn deactivate_administrator(&self, _: u32) -> Result<(), AccountError> {
        unreachable!()
    }

    async fn change_password(&self, _: u32, _: String, _: Vec<Change>) -> Result<(), AccountError> {
        unreachable!()
    }

    async fn throttle_rows(&self) -> Result<Vec<ThrottleRow>, AccountError> {
        unreachable!()
    }
}

/// Holders, and the accounts and the clock behind them. The clock stands still unless it is moved.
fn holders() -> (Arc<Holders>, Arc<Accounts>, Arc<MockClock>) {
    tokio::time::pause();
    let (accounts, clock) = (Arc::<Accounts>::default(), MockClock::at(NOW));
    (Holders::start(accounts.clone(), clock.clone(), true, Box::new(())), accounts, clock)
}

#[actix_rt::test]
async fn a_user_is_asked_about_once_by_however_many_and_many_users_are_one_question() {
    let (holders, accounts, _) = holders();
    let told = join_all((0..100).map(|_| holders.told(CHIEF))).await;
    assert!(told.iter().all(|told| *told == Ok(Some(state(3)))));
    assert_eq!(accounts.asked(), [1]);
    let told = join_all((1..=2_500).map(|id| holders.told(Subject::customer(id)))).await;
    assert!(told.iter().zip(1..).all(|(told, id)| *told == Ok(Some(state(id)))));
    assert_eq!(accounts.asked(), [1_000, 1_000, 500]);
    join_all((0..100).map(|_| holders.told(CHIEF))).await;
    assert_eq!(holders.told(Subject::admin(4)).await, Ok(None));
    assert_eq!(holders.told(Subject::admin(4)).await, Ok(None));
    assert_eq!(accounts.asked(), [1], "who is known, and that somebody is not there, is remembered");
}

#[actix_rt::test]
async fn who_waits_waits_a_second_and_what_comes_later_is_remembered_all_the_same() {
    let (holders, accounts, clock) = holders();
    accounts.are(Manner::Slow(Duration::from_secs(5)));
    let begun = Instant::now();
    assert_eq!(holders.told(CHIEF).await, Err(CannotTell));
    let waited = begun.elapsed();
    assert!(waited >= PATIENCE && waited < PATIENCE + A_WHILE, "{waited:?}");
    assert_eq!(holders.told(Subject::admin(5)).await, Err(CannotTell), "at once, and without asking");
    assert_eq!((begun.elapsed(), accounts.asked()), (waited, vec![1]));
    sleep(Duration::from_secs(5)).await;
    assert_eq!(holders.told(CHIEF).await, Ok(Some(state(3))));
    accounts.are(Manner::Prompt);
    clock.advance(Duration::from_secs(PAUSE.into()));
    assert_eq!(holders.told(Subject::admin(5)).await, Ok(Some(state(5))));
}

#[actix_rt::test]
async fn after_a_failure_that_took_long_nobody_asks_for_a_while() {
    let (holders, accounts, clock) = holders();
    let took = Duration::from_secs(9);
    accounts.are(Manner::Away(took));
    assert_eq!(holders.remembered_or_asked(Subject::customer(1)), None);
    sleep(A_WHILE).await;
    clock.advance(took);
    sleep(took).await;
    assert_eq!(accounts.asked(), [1]);
    let begun = Instant::now();
    let other = Subject::customer(2);
    assert_eq!(holders.told(other).await, Err(CannotTell));
    assert_eq!((begun.elapsed(), accounts.asked()), (Duration::ZERO, vec![]), "the failure is young, not the question");
    accounts.are(Manner::Prompt);
    assert_eq!(holders.told(CHIEF).await, Ok(Some(state(3))), "it says nothing of another kind");
    clock.advance(Duration::from_secs(PAUSE.into()));
    assert_eq!(holders.told(other).await, Ok(Some(state(2))));
}

#[actix_rt::test]
async fn who_need_not_be_told_is_looked_up_behind_the_answer() {
    let (holders, accounts, clock) = holders();
    let customer = Subject::customer(7);
    assert_eq!(holders.remembered(customer), None);
    assert_eq!([holders.remembered_or_asked(customer), holders.remembered_or_asked(customer)], [None, None]);
    sleep(A_WHILE).await;
    let known = Remembered { state: Some(state(7)), is_fresh: true };
    assert_eq!((holders.remembered(customer), accounts.asked()), (Some(known), vec![1]));
    let nobody = Subject::admin(4);
    assert_eq!(holders.remembered_or_asked(nobody), None);
    sleep(A_WHILE).await;
    clock.advance(Duration::from_hours(1));
    let stale = Remembered { state: None, is_fresh: false };
    assert_eq!(holders.remembered_or_asked(nobody), Some(stale), "nobody is nobody until somebody is found");
    sleep(A_WHILE).await;
    assert_eq!(accounts.asked(), [1, 1]);
}
