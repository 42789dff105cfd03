//! What the shop has done to users who have sessions here.

use std::collections::HashSet;
use std::sync::Arc;

use tracing::{info, warn};

use crate::accounts::magento::{AdministratorState, CustomerState};
use crate::accounts::{AccountError, MagentoAccounts};
use crate::app::shop::parts::Looked;
use crate::app::shop::watch::{BATCH, missing};
use crate::audit::Origin;
use crate::clock::SharedClock;
use crate::registry::{ListUsers, Registry, Revocation, RevokeSessions};
use crate::session::{EndReason, Subject, SubjectChanged, UserType};

/// Asks about users who have sessions, and about nobody else.
pub(super) struct Users {
    accounts: Arc<MagentoAccounts>,
    registry: Registry,
    clock: SharedClock,
    /// Customers who were locked at the last look.
    locked: HashSet<u32>,
}

impl Users {
    /// Nobody was asked about yet.
    pub(super) fn new(accounts: Arc<MagentoAccounts>, registry: Registry, clock: SharedClock) -> Self {
        Self { accounts, registry, clock, locked: HashSet::new() }
    }

    /// Ends sessions, and announces locks and roles. Administrators come first: they are few, and do not wait for the
    /// others then.
    pub(super) async fn look_at_users(&mut self) -> Looked {
        let mut progress = Looked::default();
        let (customers, administrators) = self.with_sessions(&mut progress).await;
        for ids in administrators.chunks(BATCH) {
            progress.ask();
            progress.take(self.look_at_administrators(ids).await);
        }
        let mut locked = HashSet::new();
        for ids in customers.chunks(BATCH) {
            if progress.gives_up() {
                break;
            }
            progress.ask();
            progress.take(self.look_at_customers(ids, &mut locked).await);
        }
        if progress.is_whole() {
            self.locked = locked;
        }
        progress
    }

    /// The numbers of customers and of administrators.
    async fn with_sessions(&self, progress: &mut Looked) -> (Vec<u32>, Vec<u32>) {
        let (mut customers, mut administrators) = (Vec::new(), Vec::new());
        for part in 0..ListUsers::PARTS {
            for user in progress.take(self.registry.users(ListUsers { part }).await).unwrap_or_default() {
                match user.kind {
                    UserType::Customer => customers.push(user.id),
                    UserType::Admin => administrators.push(user.id),
                    UserType::Integration => {}
                }
            }
        }
        (customers, administrators)
    }

    async fn look_at_customers(&self, ids: &[u32], locked: &mut HashSet<u32>) -> Result<(), AccountError> {
        let found = self.accounts.customer_states(ids).await?;
        for id in missing(ids, found.iter().map(|state| state.id)) {
            self.end_sessions(Subject::customer(id), "deleted").await;
        }
        let now = self.clock.now();
        for CustomerState { id, is_active, locked_until } in found {
            if is_active {
                self.accounts.remember(id, true);
            } else if !self.accounts.signed_in_inactive(id) {
                self.end_sessions(Subject::customer(id), "deactivated").await;
            }
            let locked_until = locked_until.filter(|until| *until > now);
            if locked_until.is_some() {
                locked.insert(id);
            }
            // A token that was taken over may have told of a lock since the last look.
            let known = self.registry.reader().facts(Subject::customer(id)).locked_until;
            if locked_until.is_some() || known.is_some() || self.locked.contains(&id) {
                self.announce(SubjectChanged { subject: Subject::customer(id), locked_until, role: None });
            }
        }
        Ok(())
    }

    async fn look_at_administrators(&self, ids: &[u32]) -> Result<(), AccountError> {
        let found = self.accounts.administrator_states(ids).await?;
        for id in missing(ids, found.iter().map(|state| state.id)) {
            self.end_sessions(Subject::admin(id), "deleted").await;
        }
        let now = self.clock.now();
        for AdministratorState { id, is_active, role, expires_at } in found {
            if !is_active {
                self.end_sessions(Subject::admin(id), "deactivated").await;
            } else if expires_at.is_some_and(|ends| ends <= now) {
                self.end_sessions(Subject::admin(id), "expired").await;
            }
            self.announce(SubjectChanged { subject: Subject::admin(id), locked_until: None, role });
        }
        Ok(())
    }

    /// A registry that is gone ends the process by its guard.
    fn announce(&self, changed: SubjectChanged) {
        self.registry.actor().do_send(changed);
    }

    /// What fails now is done at the next look.
    async fn end_sessions(&self, subject: Subject, why: &'static str) {
        let change =
            RevokeSessions { which: Revocation::Subject(subject), reason: EndReason::Ended, origin: Origin::SERVER };
        match self.registry.revoke(change).await {
            Ok(sessions) => info!(user = %subject, why, sessions, "the shop has ended a user's sessions"),
            Err(error) => {
                warn!(%error, user = %subject, why, "a user's sessions go on although the shop has ended them");
            }
        }
    }
}
