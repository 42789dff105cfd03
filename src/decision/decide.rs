//! The decision.

use crate::clock::UnixSeconds;
use crate::decision::{Credential, Holder, OtherSchemes, Policy, Requirement};
use crate::session::{Session, UserType};
use crate::settings::Snapshot;

/// What a decision depends on besides the policy and the credential.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// The moment of the decision.
    pub now: UnixSeconds,
    /// Websites and roles.
    pub snapshot: &'a Snapshot,
    /// Whether the token of a locked customer is refused.
    pub refuse_locked: bool,
    /// Whether the request asks for staged content, which only administrators see (fact sheet 10).
    pub asks_for_preview: bool,
}

/// Whether a request may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Yes: somebody known, or somebody whom the policy lets pass unseen.
    Allow,
    /// Yes, as nobody in particular.
    Guest,
    /// No.
    Deny,
}

/// Why a decision is as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The token is good and its holder may.
    GoodToken,
    /// The policy lets other schemes pass, for somebody else to check.
    OtherSchemePasses,
    /// There is no token, and the policy does not need one.
    GuestWelcome,
    /// There is no token, and the policy needs one.
    NoToken,
    /// There is more than one `Authorization` header.
    Ambiguous,
    /// The token is not known.
    Unknown,
    /// The token's time is over.
    Expired,
    /// The user's tokens were revoked.
    Revoked,
    /// The token belongs to another kind of user.
    WrongKind,
    /// The customer's session belongs to another website.
    WrongWebsite,
    /// The role does not allow the resource, or the holder has no role.
    NotPermitted,
    /// Staged content is for administrators.
    PreviewForAdministrators,
    /// The customer's account is locked.
    Locked,
    /// It cannot be told at the moment.
    Undecided,
}

/// The answer to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may pass.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// Whose request it is. `None` for a refusal, a guest and another scheme.
    pub identity: Option<Session>,
    /// The policy only observes: the request passes, whatever the verdict.
    pub observed: bool,
}

impl Decision {
    /// Whether the request passes: because of the verdict, or because the policy only observes.
    pub fn passes(&self) -> bool {
        self.observed || self.verdict != Verdict::Deny
    }
}

/// Decides about one request.
pub fn decide(policy: &Policy, credential: Credential, circumstances: &Circumstances<'_>) -> Decision {
    let (verdict, reason) = match weigh(policy, credential, circumstances) {
        Ok(yes) => yes,
        Err(reason) => (Verdict::Deny, reason),
    };
    let identity = match credential {
        Credential::Good(holder) if verdict == Verdict::Allow => Some(holder.session),
        _ => None,
    };
    Decision { verdict, reason, identity, observed: policy.observe }
}

fn weigh(
    policy: &Policy,
    credential: Credential,
    circumstances: &Circumstances<'_>,
) -> Result<(Verdict, Reason), Reason> {
    match credential {
        Credential::Good(holder) => weigh_holder(policy, &holder, circumstances),
        Credential::OtherScheme if policy.other_schemes == OtherSchemes::Pass => {
            without_preview(circumstances, (Verdict::Allow, Reason::OtherSchemePasses))
        }
        Credential::Nothing | Credential::OtherScheme if policy.require == Requirement::GuestOk => {
            without_preview(circumstances, (Verdict::Guest, Reason::GuestWelcome))
        }
        Credential::Nothing | Credential::OtherScheme => Err(Reason::NoToken),
        Credential::Ambiguous => Err(Reason::Ambiguous),
        Credential::Expired => Err(Reason::Expired),
        Credential::Unknown => Err(Reason::Unknown),
        Credential::Revoked => Err(Reason::Revoked),
        Credential::Undecided => Err(Reason::Undecided),
    }
}

fn without_preview(circumstances: &Circumstances<'_>, yes: (Verdict, Reason)) -> Result<(Verdict, Reason), Reason> {
    if circumstances.asks_for_preview {
        return Err(Reason::PreviewForAdministrators);
    }
    Ok(yes)
}

fn weigh_holder(
    policy: &Policy,
    holder: &Holder,
    circumstances: &Circumstances<'_>,
) -> Result<(Verdict, Reason), Reason> {
    let kind = holder.session.subject.kind;
    if !policy.admits(kind) {
        return Err(Reason::WrongKind);
    }
    if kind == UserType::Customer && !is_in_website(policy, holder, circumstances.snapshot) {
        return Err(Reason::WrongWebsite);
    }
    if !is_permitted(policy, holder, circumstances.snapshot) {
        return Err(Reason::NotPermitted);
    }
    if circumstances.asks_for_preview && kind != UserType::Admin {
        return Err(Reason::PreviewForAdministrators);
    }
    if circumstances.refuse_locked && kind == UserType::Customer && is_locked(holder, circumstances.now) {
        return Err(Reason::Locked);
    }
    Ok((Verdict::Allow, Reason::GoodToken))
}

impl Policy {
    /// Whether it is for users of this kind.
    pub fn admits(&self, kind: UserType) -> bool {
        match self.require {
            Requirement::Any | Requirement::GuestOk => true,
            Requirement::Customer => kind == UserType::Customer,
            Requirement::Admin => kind == UserType::Admin,
            Requirement::Integration => kind == UserType::Integration,
        }
    }

    /// Whether the answer about a user of this kind depends on what only the accounts say: the website of a customer, the
    /// role of anybody else.
    pub fn depends_on_account(&self, kind: UserType) -> bool {
        match kind {
            UserType::Customer => self.website.is_some(),
            UserType::Admin | UserType::Integration => self.acl.is_some(),
        }
    }
}

/// A code that names no website is nobody's website.
fn is_in_website(policy: &Policy, holder: &Holder, snapshot: &Snapshot) -> bool {
    policy.website.as_deref().is_none_or(|code| {
        snapshot.stores.website_by_code(code).is_some_and(|website| website.id == holder.session.website)
    })
}

/// Customers have no resources to be allowed.
fn is_permitted(policy: &Policy, holder: &Holder, snapshot: &Snapshot) -> bool {
    policy.acl.as_deref().is_none_or(|resource| {
        holder.session.subject.kind != UserType::Customer
            && holder.role.is_some_and(|role| snapshot.roles.allows(role, resource))
    })
}

fn is_locked(holder: &Holder, now: UnixSeconds) -> bool {
    holder.locked_until.is_some_and(|until| until > now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{SessionId, Subject};
    use crate::settings::{Role, RoleId, Roles, Settings, StoreDirectory, WebsiteId};
    use crate::token::EmptyLifetime;

    const NOW: UnixSeconds = UnixSeconds(1_000_000);
    const RESOURCE: &str = "Magento_Backend::store";

    fn snapshot() -> Snapshot {
        let roles: Roles =
            [Role { id: RoleId(1), name: String::new(), allowed: [RESOURCE.to_owned()].into() }].into_iter().collect();
        Snapshot::new(Settings::default(), StoreDirectory::fresh(), roles, EmptyLifetime::AtOnce)
    }

    fn holder(kind: UserType, website: u16, role: Option<u32>, locked_until: Option<UnixSeconds>) -> Holder {
        Holder {
            session: Session {
                id: SessionId(7),
                subject: Subject { kind, id: 3 },
                website: WebsiteId(website),
                issued: NOW,
                ends: None,
                last_used: NOW,
            },
            role: role.map(RoleId),
            locked_until,
        }
    }

    fn credentials() -> Vec<Credential> {
        let mut all = vec![
            Credential::Nothing,
            Credential::OtherScheme,
            Credential::Ambiguous,
            Credential::Expired,
            Credential::Unknown,
            Credential::Revoked,
            Credential::Undecided,
        ];
        for kind in UserType::ALL {
            for website in [0, 1, 2] {
                for role in [None, Some(1), Some(2)] {
                    for locked_until in [None, Some(NOW), Some(NOW.plus(1))] {
                        all.push(Credential::Good(holder(kind, website, role, locked_until)));
                    }
                }
            }
        }
        all
    }

    fn policies() -> Vec<Policy> {
        let mut all = Vec::new();
        let requirements = [
            Requirement::Any,
            Requirement::Customer,
            Requirement::Admin,
            Requirement::Integration,
            Requirement::GuestOk,
        ];
        for require in requirements {
            for website in [None, Some("base"), Some("nowhere")] {
                for acl in [None, Some(RESOURCE), Some("Magento_User::acl_users")] {
                    for observe in [false, true] {
                        for other_schemes in [OtherSchemes::Ignore, OtherSchemes::Pass] {
                            all.push(Policy {
                                require,
                                website: website.map(str::to_owned),
                                acl: acl.map(str::to_owned),
                                observe,
                                other_schemes,
                                exchange: None,
                            });
                        }
                    }
                }
            }
        }
        all
    }

    fn every_case(mut check: impl FnMut(&Policy, Credential, &Circumstances<'_>, Decision)) {
        let snapshot = snapshot();
        for policy in policies() {
            for credential in credentials() {
                for (refuse_locked, asks_for_preview) in [(false, false), (false, true), (true, false), (true, true)] {
                    let circumstances =
                        Circumstances { now: NOW, snapshot: &snapshot, refuse_locked, asks_for_preview };
                    let decision = decide(&policy, credential, &circumstances);
                    check(&policy, credential, &circumstances, decision);
                }
            }
        }
    }

    #[test]
    fn nothing_but_a_good_token_is_allowed_unless_the_policy_lets_other_schemes_pass() {
        let mut allowed = 0;
        every_case(|policy, credential, _, decision| {
            if decision.verdict == Verdict::Allow {
                allowed += 1;
                let passes_unseen = credential == Credential::OtherScheme && policy.other_schemes == OtherSchemes::Pass;
                assert!(matches!(credential, Credential::Good(_)) || passes_unseen, "{policy:?} {credential:?}");
            }
        });
        assert!(allowed > 100);
    }

    #[test]
    fn a_guest_is_welcome_only_without_a_token_and_where_the_policy_says_so() {
        every_case(|policy, credential, circumstances, decision| {
            let other_is_nothing = policy.other_schemes == OtherSchemes::Ignore;
            let nothing =
                credential == Credential::Nothing || (credential == Credential::OtherScheme && other_is_nothing);
            let welcome = nothing && policy.require == Requirement::GuestOk && !circumstances.asks_for_preview;
            assert_eq!(decision.verdict == Verdict::Guest, welcome, "{policy:?} {credential:?}");
        });
    }

    #[test]
    fn a_request_passes_exactly_when_it_is_not_denied_or_only_observed() {
        every_case(|policy, _, _, decision| {
            assert_eq!(decision.passes(), decision.verdict != Verdict::Deny || policy.observe);
        });
    }

    #[test]
    fn somebody_is_named_exactly_when_a_good_token_is_allowed() {
        every_case(|_, credential, _, decision| {
            let expected = match credential {
                Credential::Good(holder) if decision.verdict == Verdict::Allow => Some(holder.session),
                _ => None,
            };
            assert_eq!(decision.identity, expected);
        });
    }

    #[test]
    fn an_allowed_holder_meets_every_demand_and_a_refused_one_misses_one() {
        every_case(|policy, credential, circumstances, decision| {
            let Credential::Good(holder) = credential else { return };
            let kind = holder.session.subject.kind;
            let kind_fits = match policy.require {
                Requirement::Any | Requirement::GuestOk => true,
                Requirement::Customer => kind == UserType::Customer,
                Requirement::Admin => kind == UserType::Admin,
                Requirement::Integration => kind == UserType::Integration,
            };
            let website_fits = kind != UserType::Customer
                || policy.website.is_none()
                || (policy.website.as_deref() == Some("base") && holder.session.website == WebsiteId(1));
            let role_fits = policy.acl.is_none()
                || (kind != UserType::Customer
                    && holder.role == Some(RoleId(1))
                    && policy.acl.as_deref() == Some(RESOURCE));
            let preview_fits = !circumstances.asks_for_preview || kind == UserType::Admin;
            let unlocked =
                !circumstances.refuse_locked || kind != UserType::Customer || holder.locked_until != Some(NOW.plus(1));
            let expected = kind_fits && website_fits && role_fits && preview_fits && unlocked;
            assert_eq!(decision.verdict == Verdict::Allow, expected, "{policy:?} {holder:?}");
        });
    }

    #[test]
    fn where_the_answer_does_not_depend_on_the_account_it_is_the_same_for_every_website_and_role() {
        every_case(|policy, credential, circumstances, decision| {
            let Credential::Good(holder) = credential else { return };
            if policy.depends_on_account(holder.session.subject.kind) {
                return;
            }
            let session = Session { website: WebsiteId(9), ..holder.session };
            let other = Credential::Good(Holder { session, role: None, ..holder });
            assert_eq!(decide(policy, other, circumstances).reason, decision.reason, "{policy:?} {holder:?}");
        });
    }

    #[test]
    fn what_cannot_be_told_is_undecided_under_every_policy() {
        every_case(|_, credential, _, decision| {
            if credential == Credential::Undecided {
                assert_eq!((decision.verdict, decision.reason), (Verdict::Deny, Reason::Undecided));
            }
        });
    }
}
