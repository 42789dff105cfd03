//! Two clocks: what is issued and revoked on both sides, whichever clock is ahead, and when one is set.

use proptest::prelude::*;

use super::*;

/// A house that tells the shop, beside one whose clock is so many milliseconds ahead.
async fn beside(ahead: i64) -> House {
    let house = house_with(forms(TokenFormat::Opaque), 0, Options { outbox: true, ..options() });
    house.compare_clocks(ahead).await;
    house
}

#[actix::test]
async fn a_revocation_of_a_shop_that_is_behind_ends_what_began_since_one_made_here() {
    let house = beside(-5_000).await;
    house.revoke(Revocation::Subject(ANNE)).await.unwrap();
    house.advance(1);
    let session = house.issue(ANNE).await;
    house.advance(2);
    let theirs = revoked(ANNE, UnixSeconds(START.get() + 3 - 5));
    assert!(house.registry.reader().may_be_news(theirs, theirs.through));
    assert_eq!(house.registry.take_revocations(TakeRevocations(vec![theirs])).await, Ok(1));
    assert_eq!(house.validate(&session), Validation::Unknown);
}

#[actix::test]
async fn a_revocation_of_the_shop_ends_what_began_since_one_of_the_whole_kind_made_here() {
    let house = beside(-5_000).await;
    house.revoke(Revocation::Kind(UserType::Customer)).await.unwrap();
    house.advance(1);
    let session = house.issue(ANNE).await;
    let theirs = revoked(ANNE, UnixSeconds(START.get() + 1 - 5));
    assert!(house.registry.reader().may_be_news(theirs, theirs.through));
    assert_eq!(house.registry.take_revocations(TakeRevocations(vec![theirs])).await, Ok(1));
    assert_eq!(house.validate(&session), Validation::Unknown);
}

#[actix::test]
async fn a_wall_clock_that_was_set_back_locks_nobody_out_of_the_shop() {
    const BACK: u32 = 10_000;
    let house = house_with(forms(TokenFormat::Opaque), BACK, Options { outbox: true, ..options() });
    house.compare_clocks(-i64::from(BACK) * 1000).await;
    let wall = UnixSeconds(START.get() - BACK);
    house.revoke(Revocation::Subject(ANNE)).await.unwrap();
    assert_eq!(for_shop(&house), [revoked(ANNE, wall)]);
    house.advance(1);
    house.good(&house.magento(ANNE));
}

#[actix::test]
async fn a_row_that_revokes_for_ever_makes_no_token_and_holds_nobody_up() {
    let house = beside(0).await;
    for (user, through) in [(ANNE, u32::MAX), (Subject::customer(8), u32::MAX - 1)] {
        let row = revoked(user, UnixSeconds(through));
        house.registry.take_revocations(TakeRevocations(vec![row])).await.unwrap();
        house.issue(user).await;
    }
    let reader = house.registry.reader();
    let session =
        Session { id: SessionId(1), subject: ANNE, website: WebsiteId(1), issued: START, ends: None, last_used: START };
    assert_eq!(reader.exchange(&session, 60, &mut String::new()), None);
    let last = Session { subject: Subject::customer(8), ..session };
    assert!(reader.exchange(&last, 60, &mut String::new()).is_some());
    // It has taken the last second, which a revocation goes up to then.
    house.revoke(Revocation::Subject(Subject::customer(8))).await.unwrap();
    assert_eq!(reader.exchange(&last, 60, &mut String::new()), None);
}

#[derive(Clone, Debug)]
enum Step {
    /// Milliseconds.
    Wait(u64),
    SignIn,
    /// A JWT for Magento is signed here.
    Exchange,
    ShopIssues,
    RevokeHere,
    RevokeThere,
    /// The measured difference is off by so many milliseconds, as is known.
    Look(i64),
    /// The wall clock lies so many seconds behind session time from now on.
    SetOurs(u32),
    /// The shop's clock is so many milliseconds ahead from now on. A look follows.
    SetTheirs(i64),
}

fn step(theirs_is_set: bool) -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0_u64..4_000).prop_map(Step::Wait),
        4 => Just(Step::SignIn),
        4 => Just(Step::Exchange),
        4 => Just(Step::ShopIssues),
        2 => Just(Step::RevokeHere),
        2 => Just(Step::RevokeThere),
        3 => (-400_i64..400).prop_map(Step::Look),
        1 => (0_u32..100).prop_map(Step::SetOurs),
        u32::from(theirs_is_set) => (-30_000_i64..30_000).prop_map(Step::SetTheirs),
    ]
}

/// Who has issued a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Session,
    Exchanged,
    OfShop,
}

/// A token of the model: when it was issued in truth, in milliseconds of a clock that nobody sets, and what it carries.
#[derive(Debug)]
struct Given {
    kind: Kind,
    at: u64,
    carries: UnixSeconds,
    candidate: Option<Candidate>,
    /// A revocation made in the shop before it was not yet heard of.
    unheard: bool,
}

/// A revocation of the model.
#[derive(Debug)]
struct Made {
    here: bool,
    at: u64,
    /// How many tokens had been given.
    after: usize,
    /// What the shop's clock showed.
    shown: UnixSeconds,
    heard: bool,
    /// The shop's row looked as if it had not been made: it shows the second of one made here, or what it showed before.
    hidden: bool,
}

struct Play {
    house: House,
    ahead: i64,
    row: UnixSeconds,
    /// What the row showed at the last look.
    left: UnixSeconds,
    delivered: usize,
    seen: UnixSeconds,
    given: Vec<Given>,
    made: Vec<Made>,
}

impl Play {
    async fn begin(ahead: i64) -> Self {
        let (given, made, row, left) = Default::default();
        let house = beside(ahead).await;
        Self { house, ahead, row, left, delivered: 0, seen: START, given, made }
    }

    fn shows(&self) -> UnixSeconds {
        let millis = self.house.clock.now_millis().cast_signed() + self.ahead;
        UnixSeconds(u32::try_from(millis / 1000).unwrap())
    }

    fn give(&mut self, kind: Kind, token: &Token) {
        let candidate = self.house.candidate(token);
        let carries = match candidate {
            Some(Candidate::Jwt(_, claims)) => claims.issued,
            _ => UnixSeconds(0),
        };
        let unheard = self.made.iter().any(|made| !made.here && !made.heard);
        self.given.push(Given { kind, at: self.house.clock.now_millis(), carries, candidate, unheard });
    }

    fn make(&mut self, here: bool) {
        let (at, after, shown) = (self.house.clock.now_millis(), self.given.len(), self.shows());
        self.made.push(Made { here, at, after, shown, heard: false, hidden: false });
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Wait(millis) => self.house.clock.advance(Duration::from_millis(millis)),
            Step::SignIn => {
                let token = self.house.issue(ANNE).await;
                self.give(Kind::Session, &token);
            }
            Step::Exchange => {
                let is_good = |given: &&Given| given.kind == Kind::Session;
                let sessions = self.given.iter().filter(is_good).map(|given| given.candidate);
                let found = sessions.rev().find_map(|session| match self.house.registry.reader().validate(session) {
                    Validation::Valid(session) => Some(session),
                    _ => None,
                });
                if let Some(session) = found {
                    let mut text = String::new();
                    self.house.registry.reader().exchange(&session, 3_000, &mut text).unwrap();
                    self.give(Kind::Exchanged, &Token::from(text));
                }
            }
            Step::ShopIssues => {
                let (issued, expires) = (self.shows(), START.plus(100_000));
                let claims = Claims { subject: ANNE, issued, expires, issuer: Issuer::Magento };
                let token = jwt_key(KEY).sign(&claims, JwtAlgorithm::Hs256);
                self.give(Kind::OfShop, &token);
            }
            Step::RevokeHere => {
                self.house.revoke(Revocation::Subject(ANNE)).await.unwrap();
                self.make(true);
            }
            Step::RevokeThere => {
                self.make(false);
                // As Magento writes it, whatever stands there.
                self.row = self.shows();
            }
            Step::Look(off) => self.look(off).await,
            Step::SetOurs(seconds) => self.house.back.store(seconds, Ordering::Relaxed),
            Step::SetTheirs(ahead) => {
                self.ahead = ahead;
                self.look(0).await;
            }
        }
    }

    /// Compares the clocks, tells the shop of ours, and hears of the shop's.
    async fn look(&mut self, off: i64) {
        let now = self.house.clock.now();
        let compared = ClocksCompared { ahead: self.ahead + off, within: off.unsigned_abs() };
        self.house.registry.actor().send(compared).await.unwrap();
        let ours = for_shop(&self.house);
        self.row = ours[self.delivered..].iter().map(|told| told.through).fold(self.row, UnixSeconds::max);
        self.delivered = ours.len();
        if self.row == self.left || ours.iter().any(|told| told.through == self.row) {
            self.made.iter_mut().filter(|made| !made.heard).for_each(|made| made.hidden = true);
        }
        self.left = self.row;
        let (row, recent) =
            (revoked(ANNE, self.row), UnixSeconds(self.house.registry.reader().shop_showed(self.seen).get() - 60));
        if self.house.registry.reader().may_be_news(row, recent) {
            self.house.registry.take_revocations(TakeRevocations(vec![row])).await.unwrap();
        }
        self.made.iter_mut().for_each(|made| made.heard = true);
        self.seen = now;
    }

    /// What the plainest reading of the promise says of a token; `None` when it may be either.
    fn expected(&self, number: usize, given: &Given, steady: bool) -> Option<bool> {
        let later = |made: &&Made| made.after > number;
        let counts = |made: &Made| match given.kind {
            Kind::Session => made.here || made.heard && !made.hidden,
            // What was signed here ends with whatever is revoked here, however the clocks were set.
            Kind::Exchanged if made.here => true,
            // Magento itself goes by what its clock has shown.
            Kind::Exchanged | Kind::OfShop => (made.here || made.heard) && given.carries <= made.shown,
        };
        if self.made.iter().filter(later).any(counts) {
            return Some(false);
        }
        let before = || self.made.iter().take_while(|made| made.after <= number);
        // A JWT that is signed after a revocation carries a later second, and so does one after the next revocation.
        let pushed = before().filter(|made| made.here && given.at - made.at < 10_000).count() as u64;
        let is_clear = |made: &Made| given.at >= made.at + 3_000 + 1_000 * pushed;
        let is_clear_of_all = before().all(is_clear) && !self.made.iter().any(|made| made.after > number);
        (steady && is_clear_of_all && !(given.unheard && given.kind == Kind::Exchanged)).then_some(true)
    }

    fn check(&self, steady: bool) -> Result<(), TestCaseError> {
        for (number, given) in self.given.iter().enumerate() {
            let found = self.house.registry.reader().validate(given.candidate);
            let is_good = matches!(found, Validation::Valid(_));
            if let Some(expected) = self.expected(number, given, steady) {
                prop_assert_eq!(is_good, expected, "{}: {:?} {:?} {:?}", number, given, found, self.made);
            }
        }
        Ok(())
    }
}

fn play(ahead: i64, steps: Vec<Step>, steady: bool) -> Result<(), TestCaseError> {
    actix_rt::System::new().block_on(async {
        let mut play = Play::begin(ahead).await;
        for step in steps {
            // Not when the shop's clock is set: what is seen is noted, and what is not seen has to end, too.
            let is_telling = matches!(step, Step::RevokeHere | Step::Look(_));
            play.take(step).await;
            if is_telling {
                play.check(steady)?;
            }
        }
        play.look(0).await;
        play.check(steady)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn what_was_issued_before_a_revocation_is_refused_and_what_was_clearly_after_it_is_good(
        ahead in -20_000_i64..20_000,
        steps in prop::collection::vec(step(false), 1..60),
    ) {
        play(ahead, steps, true)?;
    }

    #[test]
    fn what_was_issued_before_a_revocation_is_refused_although_the_shops_clock_is_set(
        ahead in -20_000_i64..20_000,
        steps in prop::collection::vec(step(true), 1..60),
    ) {
        play(ahead, steps, false)?;
    }
}
