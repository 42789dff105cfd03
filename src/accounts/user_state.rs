//! What a check has to know of the user behind a token that has no session of its own.

use crate::accounts::{Administrator, Customer};
use crate::clock::UnixSeconds;
use crate::settings::{RoleId, WebsiteId};

/// What the accounts say of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserState {
    /// The website of a customer; everybody else's is [`WebsiteId::ADMIN`].
    pub website: WebsiteId,
    /// The role of an administrator or an integration.
    pub role: Option<RoleId>,
    /// Until when a customer is locked.
    pub locked_until: Option<UnixSeconds>,
    /// Whether an administrator's account is active. A customer's may be inactive and its tokens good, as in Magento (fact
    /// sheet 5.2).
    pub is_active: bool,
    /// When an administrator's account ends by itself.
    pub ends: Option<UnixSeconds>,
}

impl UserState {
    /// An integration. That it is there says its token.
    pub fn of_integration(role: Option<RoleId>) -> Self {
        Self { website: WebsiteId::ADMIN, role, locked_until: None, is_active: true, ends: None }
    }

    /// Whether tokens of this user count at `now`.
    pub fn counts_at(&self, now: UnixSeconds) -> bool {
        self.is_active && self.ends.is_none_or(|ends| ends > now)
    }
}

impl From<&Customer> for UserState {
    fn from(customer: &Customer) -> Self {
        let (website, locked_until) = (customer.website, customer.lock_expires);
        Self { website, role: None, locked_until, is_active: true, ends: None }
    }
}

impl From<&Administrator> for UserState {
    fn from(administrator: &Administrator) -> Self {
        let Administrator { role, is_active, expires_at: ends, .. } = *administrator;
        Self { website: WebsiteId::ADMIN, role, locked_until: None, is_active, ends }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_is_switched_off_or_has_ended_does_not_count() {
        let now = UnixSeconds(1_000);
        let good = UserState::of_integration(None);
        assert!(good.counts_at(now) && UserState { ends: Some(now.plus(1)), ..good }.counts_at(now));
        assert!(!UserState { ends: Some(now), ..good }.counts_at(now));
        assert!(!UserState { is_active: false, ..good }.counts_at(now));
    }
}
