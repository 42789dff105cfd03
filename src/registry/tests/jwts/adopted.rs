//! Opaque tokens that a shop issued: taken over, let go of, and revoked for good.

use super::*;
use crate::registry::{AdoptSession, ReleaseSessions};
use crate::session::SubjectChanged;
use crate::settings::RoleId;
use crate::token::TokenDigest;

/// A house without a key, so that nothing but these tokens is remembered as revoked.
fn shop() -> House {
    house_with(TokenForms { adopts_opaque: true, ..TokenForms::default() }, 0, options())
}

fn found(house: &House, subject: Subject, issued: UnixSeconds) -> AdoptSession {
    let digest = house.registry.reader().digest(Token::generate().expose()).unwrap();
    AdoptSession { subject, website: WebsiteId(1), digest, issued, role: None, locked_until: None }
}

fn earlier(seconds: u32) -> UnixSeconds {
    UnixSeconds(START.get() - seconds)
}

fn validate(house: &House, digest: TokenDigest) -> Validation {
    house.registry.reader().validate(Some(Candidate::Opaque(digest)))
}

#[actix_rt::test]
async fn a_token_of_the_shop_lives_from_its_issue_and_is_never_stored() {
    let house = shop();
    let token = found(&house, ANNE, earlier(100));
    let Validation::Valid(session) = house.registry.adopt(token).await else { panic!("it is good") };
    assert_eq!((session.subject, session.issued, session.ends), (ANNE, earlier(100), Some(earlier(100).plus(3600))));
    assert_eq!(validate(&house, token.digest), Validation::Valid(session));
    assert_eq!(house.registry.adopt(token).await, Validation::Valid(session), "once");
    house.clock.advance(Duration::from_secs(3500));
    assert_eq!(validate(&house, token.digest), Validation::Expired);
    assert_eq!(house.registry.adopt(found(&house, ANNE, earlier(100))).await, Validation::Expired);
    let stored = house.stored.lock().unwrap();
    assert!(!stored.iter().any(|change| matches!(change, Change::Session(SessionEvent::Issued { .. }))), "{stored:?}");
}

#[actix_rt::test]
async fn what_was_revoked_here_is_not_taken_over_again() {
    let house = shop();
    let [alone, with_user, of_ben] =
        [(ANNE, 100), (ANNE, 50), (BEN, 50)].map(|(who, ago)| found(&house, who, earlier(ago)));
    for token in [alone, with_user, of_ben] {
        assert!(matches!(house.registry.adopt(token).await, Validation::Valid(_)));
    }
    assert_eq!(house.revoke(Revocation::Token(alone.digest)).await, Ok(1));
    assert_eq!(house.registry.adopt(alone).await, Validation::Revoked);
    assert!(matches!(validate(&house, with_user.digest), Validation::Valid(_)));
    assert_eq!(house.revoke(Revocation::Subject(ANNE)).await, Ok(1));
    assert_eq!(house.registry.adopt(with_user).await, Validation::Revoked);
    assert_eq!(house.registry.adopt(found(&house, ANNE, earlier(10))).await, Validation::Revoked, "never seen before");
    assert!(matches!(validate(&house, of_ben.digest), Validation::Valid(_)));
    assert_eq!(house.revoke(Revocation::Kind(UserType::Customer)).await, Ok(1));
    assert_eq!(house.registry.adopt(of_ben).await, Validation::Revoked);
    house.clock.advance(Duration::from_secs(2));
    let later = found(&house, ANNE, START.plus(2));
    assert!(matches!(house.registry.adopt(later).await, Validation::Valid(_)), "issued since");
}

#[actix_rt::test]
async fn a_token_is_measured_by_the_clock_that_stamped_it() {
    let house = shop();
    house.compare_clocks(0).await;
    house.revoke(Revocation::Subject(ANNE)).await.unwrap();
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(house.registry.adopt(found(&house, ANNE, START)).await, Validation::Revoked);
    assert!(matches!(house.registry.adopt(found(&house, ANNE, START.plus(1))).await, Validation::Valid(_)), "since");
    house.compare_clocks(5_000).await;
    house.revoke(Revocation::Subject(ANNE)).await.unwrap();
    assert_eq!(house.registry.adopt(found(&house, ANNE, START.plus(6))).await, Validation::Revoked);
    let later = house.registry.adopt(found(&house, ANNE, START.plus(7))).await;
    assert!(matches!(later, Validation::Valid(session) if session.issued == START.plus(2)), "{later:?}");
}

#[actix_rt::test]
async fn role_and_lock_are_those_of_the_last_token_and_go_with_the_last_session() {
    let house = shop();
    let chief = Subject::admin(1);
    let [first, second, other] = [1, 2, 3].map(|ago| found(&house, chief, earlier(ago)));
    house.registry.adopt(AdoptSession { role: Some(RoleId(1)), ..first }).await;
    house.registry.adopt(second).await;
    assert_eq!(house.registry.reader().facts(chief).role, None, "they have none any more");
    house.registry.adopt(AdoptSession { role: Some(RoleId(2)), ..other }).await;
    for token in [first, second] {
        house.revoke(Revocation::Token(token.digest)).await.unwrap();
        assert_eq!(house.registry.reader().facts(chief).role, Some(RoleId(2)));
    }
    house.revoke(Revocation::Token(other.digest)).await.unwrap();
    assert_eq!(house.registry.reader().facts(chief).role, None);
    let late = SubjectChanged { subject: chief, locked_until: None, role: Some(RoleId(2)) };
    house.registry.actor().send(late).await.unwrap();
    assert_eq!(house.registry.reader().facts(chief).role, None, "nobody would keep it up to date");
}

#[actix_rt::test]
async fn a_token_that_has_no_session_is_denied_and_one_that_has_ends() {
    let house = shop();
    let (unseen, seen) = (found(&house, ANNE, earlier(100)), found(&house, ANNE, earlier(100)));
    house.registry.adopt(seen).await;
    for (token, ended) in [(unseen, 0), (seen, 1)] {
        assert_eq!(house.revoke(Revocation::Unheld(token.digest)).await, Ok(ended));
        assert_eq!(house.registry.adopt(token).await, Validation::Revoked);
    }
    let denied = |change: &&Change| matches!(change, Change::Session(SessionEvent::JwtDenied { .. }));
    assert_eq!(house.stored.lock().unwrap().iter().filter(denied).count(), 2);
    assert!(matches!(house.registry.adopt(found(&house, ANNE, earlier(100))).await, Validation::Valid(_)));
}

#[actix_rt::test]
async fn a_revocation_that_cannot_be_stored_holds_all_the_same() {
    let house = shop();
    let token = found(&house, ANNE, earlier(100));
    house.registry.adopt(token).await;
    *house.outcome.lock().unwrap() = RecordOutcome::Failed;
    assert!(house.revoke(Revocation::Token(token.digest)).await.is_err());
    assert!(!matches!(house.registry.adopt(token).await, Validation::Valid(_)));
}

#[actix_rt::test]
async fn what_the_shop_has_ended_ends_and_nothing_else() {
    let house = shop();
    let (token, own) = (found(&house, ANNE, earlier(100)), house.issue(ANNE).await);
    house.registry.adopt(token).await;
    let own_digest = house.candidate(&own).unwrap().digest();
    house.registry.release(ReleaseSessions(vec![token.digest, own_digest])).await.unwrap();
    assert_eq!(validate(&house, token.digest), Validation::Unknown);
    house.good(&own);
    assert!(matches!(house.registry.adopt(token).await, Validation::Valid(_)), "the shop has the last word");
}

#[actix_rt::test]
async fn an_integrations_revocation_is_not_folded_away_and_folds_nobody() {
    let house = shop();
    let stock = Subject { kind: UserType::Integration, id: 1 };
    let (ended, live) = (found(&house, stock, earlier(900_000)), found(&house, stock, earlier(900_000)));
    for token in [ended, live] {
        assert!(matches!(house.registry.adopt(token).await, Validation::Valid(session) if session.ends.is_none()));
    }
    house.revoke(Revocation::Token(ended.digest)).await.unwrap();
    house.clock.advance(Duration::from_hours(400 * 24));
    for id in 1..=3 {
        house.revoke(Revocation::Subject(Subject::customer(id))).await.unwrap();
    }
    assert_eq!(house.registry.adopt(ended).await, Validation::Revoked);
    assert!(matches!(validate(&house, live.digest), Validation::Valid(_)));
}
