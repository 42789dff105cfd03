//! JWTs: read whatever is issued, revoked alone and with their user, issued as sessions, exchanged.

mod adopted;
mod clocks;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use actix::{Actor, Addr, Context, Handler};
use arc_swap::ArcSwapOption;

use crate::audit::Origin;
use crate::clock::{Clock, MockClock, UnixSeconds};
use crate::magento::InstallationKey;
use crate::registry::tests::{START, customer_hours, options};
use crate::registry::{
    Candidate, ClocksCompared, IssueToken, LoadJwts, NewToken, Options, Parts, Registry, RegistryError, Revocation,
    RevokeSessions, TakeRevocations, TokenForms, TokenRegistry, Validation,
};
use crate::session::{EndReason, Session, SessionEvent, SessionId, Subject, UserType};
use crate::settings::{Scope, SharedSnapshot, Snapshot, WebsiteId};
use crate::store::{Change, Committed, Durability, Record, RecordOutcome, StoredJwts, UserRevocation};
use crate::token::jwt::{Claims, Issuer, JwtAlgorithm, JwtKey};
use crate::token::{DigestKey, Token, TokenFormat};

const KEY: &str = "g9mY9KLrcuAVJfsmVUSRkKFLDdUPVkaZ";
const ANNE: Subject = Subject { kind: UserType::Customer, id: 7 };
const BEN: Subject = Subject { kind: UserType::Customer, id: 8 };

/// Answers at once, and keeps what it was given.
struct PromptStore {
    registry: Arc<OnceLock<Addr<TokenRegistry>>>,
    outcome: Arc<Mutex<RecordOutcome>>,
    stored: Arc<Mutex<Vec<Change>>>,
}

impl Actor for PromptStore {
    type Context = Context<Self>;
}

impl Handler<Record> for PromptStore {
    type Result = ();

    fn handle(&mut self, record: Record, _: &mut Self::Context) {
        let outcome = *self.outcome.lock().unwrap();
        if outcome == RecordOutcome::Stored {
            self.stored.lock().unwrap().extend(record.changes);
        }
        self.registry.get().unwrap().do_send(Committed { through: record.ticket, outcome });
    }
}

struct House {
    registry: Registry,
    snapshot: SharedSnapshot,
    clock: Arc<MockClock>,
    /// By how many seconds the wall clock was set back.
    back: Arc<AtomicU32>,
    forms: TokenForms,
    outcome: Arc<Mutex<RecordOutcome>>,
    stored: Arc<Mutex<Vec<Change>>>,
}

fn jwt_key(text: &str) -> JwtKey {
    JwtKey::new(&InstallationKey::parse(text).unwrap())
}

/// A machine whose wall clock was set back by so many seconds.
#[derive(Debug)]
struct SetBack(Arc<MockClock>, Arc<AtomicU32>);

impl Clock for SetBack {
    fn now_millis(&self) -> u64 {
        self.0.now_millis()
    }

    fn wall(&self) -> UnixSeconds {
        UnixSeconds(self.0.now().get() - self.1.load(Ordering::Relaxed))
    }
}

fn house(issued: TokenFormat) -> House {
    house_set_back(issued, 0)
}

fn house_set_back(issued: TokenFormat, seconds: u32) -> House {
    house_with(forms(issued), seconds, options())
}

fn forms(issued: TokenFormat) -> TokenForms {
    let jwt_key = Arc::new(ArcSwapOption::from_pointee(jwt_key(KEY)));
    TokenForms { issued, jwt_key, adopts_opaque: false }
}

fn house_with(forms: TokenForms, seconds: u32, options: Options) -> House {
    let (snapshot, clock) = (customer_hours("1").shared(), MockClock::at(START));
    let (address, outcome) = (Arc::new(OnceLock::new()), Arc::new(Mutex::new(RecordOutcome::Stored)));
    let (stored, back) = (Arc::default(), Arc::new(AtomicU32::new(seconds)));
    let store =
        PromptStore { registry: Arc::clone(&address), outcome: Arc::clone(&outcome), stored: Arc::clone(&stored) };
    let registry = TokenRegistry::start_here(Parts {
        snapshot: snapshot.clone(),
        clock: Arc::new(SetBack(Arc::clone(&clock), Arc::clone(&back))),
        options,
        key: DigestKey::generate(),
        forms: forms.clone(),
        first_id: SessionId(1),
        recorder: store.start().recipient(),
        guard: Box::new(()),
    });
    address.set(registry.actor().clone()).unwrap();
    House { registry, snapshot, clock, back, forms, outcome, stored }
}

impl House {
    /// A JWT as Magento issues it now, for an hour.
    fn magento(&self, subject: Subject) -> Token {
        let issued = self.clock.wall();
        let claims = Claims { subject, issued, expires: issued.plus(3600), issuer: Issuer::Magento };
        jwt_key(KEY).sign(&claims, JwtAlgorithm::Hs256)
    }

    fn candidate(&self, token: &Token) -> Option<Candidate> {
        self.registry.reader().examine(token.expose())
    }

    fn validate(&self, token: &Token) -> Validation {
        self.registry.reader().validate(self.candidate(token))
    }

    #[track_caller]
    fn good(&self, token: &Token) -> Session {
        match self.validate(token) {
            Validation::Valid(session) => session,
            other => panic!("{other:?}"),
        }
    }

    async fn revoke(&self, which: Revocation) -> Result<usize, RegistryError> {
        self.registry.revoke(RevokeSessions { which, reason: EndReason::SignedOut, origin: Origin::SERVER }).await
    }

    /// The shop's clock is so many milliseconds ahead.
    async fn compare_clocks(&self, ahead: i64) {
        self.registry.actor().send(ClocksCompared { ahead, within: 0 }).await.unwrap();
    }

    /// Signs somebody in.
    async fn issue(&self, subject: Subject) -> Token {
        let NewToken { token, digest, fixed_end, .. } = self.registry.reader().new_token(subject).unwrap();
        let website = WebsiteId(1);
        let change = IssueToken {
            subject,
            website,
            digest,
            fixed_end,
            role: None,
            along: Vec::new(),
            origin: Origin::SERVER,
            typed: None,
        };
        self.registry.issue(change).await.unwrap();
        token
    }

    fn exchanged(&self, session: &Session, seconds: u32) -> Claims {
        let mut text = String::new();
        self.registry.reader().exchange(session, seconds, &mut text).unwrap();
        jwt_key(KEY).read(&text, JwtAlgorithm::Hs256).unwrap()
    }

    fn set(&self, path: &str, value: &str) {
        let before = self.snapshot.load_full();
        let mut settings = before.settings.clone();
        settings.set(path, Scope::Default, Some(value.to_owned()));
        let after: Snapshot = before.followed_by(settings, before.stores.clone(), before.roles.clone());
        self.snapshot.store(Arc::new(after));
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

#[actix::test]
async fn a_jwt_of_magento_is_good_until_its_end_and_not_at_it() {
    let house = house(TokenFormat::Opaque);
    let token = house.magento(ANNE);
    let session = house.good(&token);
    assert_eq!((session.id, session.subject, session.issued), (SessionId::NONE, ANNE, START));
    house.advance(3599);
    assert_eq!(house.good(&token).expires_in(house.clock.now()), Some(1));
    house.advance(1);
    assert_eq!(house.validate(&token), Validation::Expired);
}

#[actix::test]
async fn a_jwt_is_read_under_the_key_and_the_algorithm_that_are_in_force() {
    let house = house(TokenFormat::Opaque);
    let token = house.magento(ANNE);
    house.set("webapi/jwtauth/jwt_alg", "HS512");
    assert_eq!(house.validate(&token), Validation::Unknown);
    house.set("webapi/jwtauth/jwt_alg", "A128KW");
    assert_eq!(house.validate(&token), Validation::Unknown);
    house.set("webapi/jwtauth/jwt_alg", "HS256");
    house.good(&token);
    house.forms.jwt_key.store(Some(Arc::new(jwt_key("another"))));
    assert_eq!(house.validate(&token), Validation::Unknown);
    house.forms.jwt_key.store(None);
    assert_eq!(house.validate(&token), Validation::Unknown);
}

#[actix::test]
async fn a_new_key_ends_jwts_and_signs_nobody_with_an_opaque_token_out() {
    let opaque = house(TokenFormat::Opaque);
    let token = opaque.issue(ANNE).await;
    opaque.forms.jwt_key.store(Some(Arc::new(jwt_key("another"))));
    opaque.good(&token);
    let jwt = house(TokenFormat::Jwt);
    let token = jwt.issue(ANNE).await;
    jwt.good(&token);
    jwt.forms.jwt_key.store(Some(Arc::new(jwt_key("another"))));
    assert_eq!(jwt.validate(&token), Validation::Unknown);
}

#[actix::test]
async fn revoking_a_user_ends_the_jwts_of_that_second_and_before_and_of_nobody_else() {
    let house = house(TokenFormat::Opaque);
    let (anne, ben) = (house.magento(ANNE), house.magento(BEN));
    assert_eq!(house.revoke(Revocation::Subject(ANNE)).await, Ok(0), "there is no session");
    assert_eq!(house.validate(&anne), Validation::Revoked);
    house.good(&ben);
    assert_eq!(house.validate(&house.magento(ANNE)), Validation::Revoked, "of the same second");
    house.advance(1);
    house.good(&house.magento(ANNE));
    let event = SessionEvent::JwtsRevoked { subject: ANNE, through: START };
    let is_it = |change: &Change| matches!(change, Change::Session(stored) if *stored == event);
    assert!(house.stored.lock().unwrap().iter().any(is_it));
}

#[actix::test]
async fn revoking_a_kind_or_everything_ends_jwts_too() {
    let house = house(TokenFormat::Opaque);
    let admin = Subject::admin(7);
    house.revoke(Revocation::Kind(UserType::Customer)).await.unwrap();
    assert_eq!(house.validate(&house.magento(ANNE)), Validation::Revoked);
    house.good(&house.magento(admin));
    house.revoke(Revocation::Everything).await.unwrap();
    assert_eq!(house.validate(&house.magento(admin)), Validation::Revoked);
}

#[actix::test]
async fn one_jwt_of_magento_is_revoked_alone() {
    let house = house(TokenFormat::Opaque);
    let first = house.magento(ANNE);
    house.advance(1);
    let second = house.magento(ANNE);
    let revocation = house.candidate(&first).unwrap().revocation();
    assert_eq!(house.revoke(revocation).await, Ok(1));
    assert_eq!(house.validate(&first), Validation::Revoked);
    house.good(&second);
    assert_eq!(house.revoke(revocation).await, Ok(0));
}

#[actix::test]
async fn a_revocation_that_could_not_be_stored_says_no_all_the_same() {
    let house = house(TokenFormat::Opaque);
    let (anne, ben) = (house.magento(ANNE), house.magento(BEN));
    *house.outcome.lock().unwrap() = RecordOutcome::Failed;
    let refused = house.revoke(house.candidate(&anne).unwrap().revocation()).await;
    assert_eq!(refused, Err(RegistryError::Unavailable));
    assert_eq!(house.validate(&anne), Validation::Unavailable);
    assert_eq!(house.revoke(Revocation::Subject(BEN)).await, Err(RegistryError::Unavailable));
    assert_eq!(house.validate(&ben), Validation::Revoked);
}

#[actix::test]
async fn what_magento_revoked_ends_what_was_issued_until_then() {
    let house = house(TokenFormat::Opaque);
    let (old, old_jwt) = (house.issue(ANNE).await, house.magento(ANNE));
    house.advance(10);
    let (new, new_jwt) = (house.issue(ANNE).await, house.magento(ANNE));
    let which = Revocation::IssuedThrough(ANNE, START.plus(9));
    assert_eq!(house.revoke(which).await, Ok(1));
    assert_eq!([house.validate(&old), house.validate(&old_jwt)], [Validation::Unknown, Validation::Revoked]);
    house.good(&new);
    house.good(&new_jwt);
}

fn revoked(subject: Subject, through: UnixSeconds) -> UserRevocation {
    UserRevocation { subject, through }
}

/// What the shop is to be told.
fn for_shop(house: &House) -> Vec<UserRevocation> {
    let told = |change: &Change| match change {
        Change::OutboxAdded(revocation) => Some(*revocation),
        _ => None,
    };
    house.stored.lock().unwrap().iter().filter_map(told).collect()
}

#[actix::test]
async fn what_was_revoked_elsewhere_ends_sessions_and_jwts_of_before_and_is_not_told_back() {
    let house = house_with(forms(TokenFormat::Opaque), 0, Options { outbox: true, ..options() });
    let (old, old_jwt, ben) = (house.issue(ANNE).await, house.magento(ANNE), house.issue(BEN).await);
    house.advance(11);
    let new = house.issue(ANNE).await;
    let both = vec![revoked(ANNE, START.plus(9)), revoked(BEN, UnixSeconds(5))];
    let too_early = house.registry.take_revocations(TakeRevocations(both.clone())).await;
    assert_eq!(too_early, Err(RegistryError::Unavailable), "by whose clock is not known");
    house.compare_clocks(0).await;
    assert_eq!(house.registry.take_revocations(TakeRevocations(both.clone())).await, Ok(1));
    assert_eq!([house.validate(&old), house.validate(&old_jwt)], [Validation::Unknown, Validation::Revoked]);
    house.good(&new);
    house.good(&ben);
    let stored = house.stored.lock().unwrap().len();
    assert_eq!(house.registry.take_revocations(TakeRevocations(both)).await, Ok(0));
    assert_eq!(house.stored.lock().unwrap().len(), stored, "nothing new");
    assert_eq!(for_shop(&house), []);
}

#[actix::test]
async fn a_session_from_the_second_of_a_revocation_outlives_hearing_of_it_again() {
    for key in [true, false] {
        let house = house_with(forms(TokenFormat::Opaque), 0, Options { outbox: true, ..options() });
        if !key {
            house.forms.jwt_key.store(None);
        }
        house.compare_clocks(0).await;
        house.issue(ANNE).await;
        assert_eq!(house.revoke(Revocation::Subject(ANNE)).await, Ok(1));
        let again = house.issue(ANNE).await;
        let told = for_shop(&house);
        assert_eq!(told, [revoked(ANNE, START)]);
        assert_eq!(house.registry.take_revocations(TakeRevocations(told)).await, Ok(0));
        house.good(&again);
    }
}

#[actix::test]
async fn a_revocation_reaches_as_far_as_the_clock_of_the_shop_has_come() {
    let house = house_with(forms(TokenFormat::Opaque), 0, Options { outbox: true, ..options() });
    house.compare_clocks(5_000).await;
    house.advance(5);
    let theirs = house.magento(ANNE);
    house.clock.advance(Duration::from_secs(2));
    assert_eq!(house.good(&theirs).issued, START.plus(5));
    assert_eq!(house.revoke(Revocation::Subject(ANNE)).await, Ok(0));
    assert_eq!(for_shop(&house), [revoked(ANNE, START.plus(12))]);
    // Hearing of the revocation again ends nothing.
    let again = house.issue(ANNE).await;
    assert_eq!(house.registry.take_revocations(TakeRevocations(for_shop(&house))).await, Ok(0));
    assert_eq!(house.good(&again).issued, START.plus(7));
    assert_eq!(house.revoke(Revocation::Subject(ANNE)).await, Ok(1));
    assert_eq!(house.registry.reader().jwts_revoked(ANNE), START.plus(12), "a session needs no later moment");
}

#[actix::test]
async fn a_jwt_that_lies_ahead_of_every_clock_ends_with_the_revocation_of_who_presents_it() {
    let house = house(TokenFormat::Opaque);
    let issued = START.plus(40);
    let claims = Claims { subject: ANNE, issued, expires: issued.plus(3600), issuer: Issuer::Magento };
    let token = jwt_key(KEY).sign(&claims, JwtAlgorithm::Hs256);
    house.good(&token);
    house.revoke(Revocation::Subject(ANNE)).await.unwrap();
    assert_eq!(house.validate(&token), Validation::Revoked);
}

#[actix::test]
async fn a_revocation_of_the_shop_ends_sessions_by_our_clock_and_jwts_by_theirs() {
    let house = house_with(forms(TokenFormat::Opaque), 0, Options { outbox: true, ..options() });
    house.compare_clocks(-5_000).await;
    house.advance(3);
    let (before, theirs) = (house.issue(ANNE).await, house.magento(ANNE));
    house.advance(10);
    let after = house.issue(ANNE).await;
    // By the shop's clock: two seconds after the first one.
    let news = TakeRevocations(vec![revoked(ANNE, START)]);
    assert_eq!(house.registry.take_revocations(news.clone()).await, Ok(1));
    assert_eq!(house.validate(&before), Validation::Unknown);
    house.good(&after);
    house.good(&theirs);
    assert_eq!(house.registry.take_revocations(news).await, Ok(0));
    house.good(&after);
}

#[actix::test]
async fn the_shop_is_told_whatever_durability_sessions_have_and_only_when_there_is_one() {
    for (durability, outbox, count) in
        [(Durability::Sync, true, 1), (Durability::None, true, 1), (Durability::Sync, false, 0)]
    {
        let house = house_with(forms(TokenFormat::Opaque), 0, Options { durability, outbox, ..options() });
        house.revoke(Revocation::Subject(ANNE)).await.unwrap();
        assert_eq!(for_shop(&house).len(), count, "{durability:?} {outbox}");
    }
}

#[actix::test]
async fn what_an_earlier_run_has_stored_holds() {
    let house = house(TokenFormat::Opaque);
    let (anne, ben) = (house.magento(ANNE), house.magento(BEN));
    let digest = house.candidate(&ben).unwrap().digest();
    let stored =
        StoredJwts { kinds: Vec::new(), subjects: vec![(ANNE, START)], denied: vec![(digest, START.plus(3600))] };
    house.registry.actor().send(LoadJwts(stored)).await.unwrap();
    assert_eq!([house.validate(&anne), house.validate(&ben)], [Validation::Revoked; 2]);
}

#[actix::test]
async fn a_jwt_that_is_issued_here_is_a_session_with_a_fixed_end() {
    let house = house(TokenFormat::Jwt);
    house.set("webapi/jwtauth/customer_expiration", "2");
    let (one, other) = (house.issue(ANNE).await, house.issue(ANNE).await);
    assert_ne!(one.expose(), other.expose());
    let session = house.good(&one);
    assert_eq!((session.subject, session.website, session.ends), (ANNE, WebsiteId(1), Some(START.plus(120))));
    assert_ne!(session.id, SessionId::NONE);
    house.set("webapi/jwtauth/customer_expiration", "60");
    house.set("oauth/access_token_lifetime/customer", "0");
    assert_eq!(house.good(&one).ends, Some(START.plus(120)), "it was fixed at issue");
    assert_eq!(house.revoke(house.candidate(&one).unwrap().revocation()).await, Ok(1));
    assert_eq!(house.validate(&one), Validation::Revoked);
    house.good(&other);
    house.advance(120);
    assert_eq!(house.validate(&other), Validation::Expired);
    assert_eq!(house.validate(&one), Validation::Expired);
}

#[actix::test]
async fn a_jwt_that_is_issued_in_the_second_of_a_revocation_is_good_for_magento_too() {
    let house = house(TokenFormat::Jwt);
    let before = house.issue(ANNE).await;
    assert_eq!(house.revoke(Revocation::Subject(ANNE)).await, Ok(1));
    assert_eq!(house.validate(&before), Validation::Revoked);
    let after = house.issue(ANNE).await;
    house.good(&after);
    let Some(Candidate::Jwt(_, claims)) = house.candidate(&after) else { panic!("it is a JWT") };
    assert_eq!(claims.issued, START.plus(1), "Magento refuses what is not later than the revocation");
    house.revoke(Revocation::Subject(ANNE)).await.unwrap();
    assert_eq!(house.validate(&after), Validation::Revoked);
    let revoked = house.registry.reader().facts(ANNE).jwts_revoked;
    assert_eq!(revoked, Some(START.plus(1)), "so that Magento refuses the second one, too");
}

#[actix::test]
async fn a_session_of_a_jwt_is_not_known_in_a_house_that_did_not_issue_it() {
    let token = house(TokenFormat::Jwt).issue(ANNE).await;
    assert_eq!(house(TokenFormat::Jwt).validate(&token), Validation::Revoked);
}

#[actix::test]
async fn an_exchanged_jwt_ends_with_its_time_or_with_its_session() {
    let house = house(TokenFormat::Opaque);
    let token = house.issue(ANNE).await;
    let session = house.good(&token);
    let claims = house.exchanged(&session, 60);
    let expected = Claims { subject: ANNE, issued: START, expires: START.plus(60), issuer: Issuer::Magento };
    assert_eq!(claims, expected);
    house.advance(3590);
    assert_eq!(house.exchanged(&house.good(&token), 60).expires, START.plus(3600));
}

#[actix::test]
async fn an_exchanged_jwt_is_later_than_the_last_revocation() {
    let house = house(TokenFormat::Opaque);
    house.revoke(Revocation::Subject(ANNE)).await.unwrap();
    let token = house.issue(ANNE).await;
    let claims = house.exchanged(&house.good(&token), 60);
    assert_eq!((claims.issued, claims.expires), (START.plus(1), START.plus(60)));
    house.advance(1);
    assert_eq!(house.exchanged(&house.good(&token), 60).issued, START.plus(1));
}

#[actix::test]
async fn exchanging_an_exchanged_jwt_again_prolongs_nothing() {
    let house = house(TokenFormat::Opaque);
    let session = house.good(&house.issue(ANNE).await);
    let mut text = String::new();
    house.registry.reader().exchange(&session, 60, &mut text).unwrap();
    house.advance(59);
    let inner = house.good(&Token::from(text));
    assert_eq!(house.exchanged(&inner, 60).expires, START.plus(60));
}

#[actix::test]
async fn without_a_key_nothing_is_read_exchanged_or_kept_of_jwts() {
    let house = house(TokenFormat::Jwt);
    let token = house.magento(ANNE);
    house.forms.jwt_key.store(None);
    let reader = house.registry.reader();
    assert_eq!(house.candidate(&token), None);
    assert!(reader.new_token(ANNE).is_none());
    house.revoke(Revocation::Subject(ANNE)).await.unwrap();
    house.revoke(Revocation::Everything).await.unwrap();
    assert_eq!(reader.facts(ANNE).jwts_revoked, None);
    let of_jwts = |change: &Change| {
        matches!(change, Change::Session(SessionEvent::JwtsRevoked { .. } | SessionEvent::KindJwtsRevoked { .. }))
    };
    assert!(!house.stored.lock().unwrap().iter().any(of_jwts));
}

#[actix::test]
async fn what_is_known_of_an_account_leaves_its_revocation_alone() {
    let house = house(TokenFormat::Opaque);
    let token = house.magento(ANNE);
    house.revoke(Revocation::Subject(ANNE)).await.unwrap();
    let locked_until = Some(UnixSeconds(5_000_000));
    house
        .registry
        .actor()
        .send(crate::session::SubjectChanged { subject: ANNE, locked_until, role: None })
        .await
        .unwrap();
    assert_eq!(house.validate(&token), Validation::Revoked);
    house
        .registry
        .actor()
        .send(crate::session::SubjectChanged { subject: ANNE, locked_until: None, role: None })
        .await
        .unwrap();
    assert_eq!(house.validate(&token), Validation::Revoked);
}

#[actix::test]
async fn a_wall_clock_that_was_set_back_shortens_no_jwt_and_prolongs_none() {
    const BACK: u32 = 10_000;
    let house = house_set_back(TokenFormat::Jwt, BACK);
    let wall = UnixSeconds(START.get() - BACK);
    let (token, expires) = (house.issue(ANNE).await, wall.plus(3600));
    let Some(Candidate::Jwt(_, claims)) = house.candidate(&token) else { panic!("it is a JWT") };
    assert_eq!((claims.issued, claims.expires), (wall, expires), "as Magento sees the time");
    let magento = Claims { issuer: Issuer::Magento, ..claims };
    let of_magento = jwt_key(KEY).sign(&magento, JwtAlgorithm::Hs256);
    for token in [&token, &of_magento] {
        let session = house.good(token);
        assert_eq!(session.expires_in(house.clock.now()), Some(3600));
        assert_eq!(house.exchanged(&session, 60).expires, wall.plus(60));
    }
    house.advance(3600);
    assert_eq!([house.validate(&token), house.validate(&of_magento)], [Validation::Expired; 2]);
}
