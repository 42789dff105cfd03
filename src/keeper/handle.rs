//! The way to the keeper: a limit on how many changes may wait, and on how long.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr, Handler, Message};
use tokio::sync::Semaphore;

use crate::accounts::SettingStore;
use crate::audit::Origin;
use crate::keeper::{ChangeSetting, KeeperError, ReloadDirectory, SettingsKeeper};
use crate::settings::{Scope, SharedSnapshot, Snapshot, check};

/// How many changes may wait at once: each is a person or a script at work.
const WAITING_CHANGES: usize = 64;

/// The keeper's mailbox: larger than what the gate lets through, so that sending never waits for a place.
pub(super) const MAILBOX: usize = 2 * WAITING_CHANGES;

/// How long a caller waits.
const PATIENCE: Duration = Duration::from_secs(5);

/// The keeper, as everybody but itself sees it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Keeper {
    actor: Addr<SettingsKeeper>,
    gate: Arc<Semaphore>,
    snapshot: SharedSnapshot,
    store: Arc<dyn SettingStore>,
}

impl Keeper {
    /// Starts the keeper on the current thread; `snapshot` is the one that it keeps.
    pub fn start(keeper: SettingsKeeper, snapshot: SharedSnapshot) -> Self {
        let store = keeper.store();
        Self { actor: keeper.start(), gate: Arc::new(Semaphore::new(WAITING_CHANGES)), snapshot, store }
    }

    /// Makes the actor panic, to show that the process then ends.
    #[cfg(debug_assertions)]
    pub fn provoke_panic(&self) {
        self.actor.do_send(crate::lifecycle::ProvokePanic);
    }

    /// What holds now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Changes a setting for `origin`; `None` goes back to the inherited value. It is stored and in effect when this
    /// returns.
    ///
    /// # Errors
    /// Any [`KeeperError`]. When the caller's five seconds ran out the change may still take effect later.
    pub async fn change(
        &self,
        path: &str,
        scope: Scope,
        value: Option<String>,
        origin: Origin,
    ) -> Result<(), KeeperError> {
        let path = path.to_owned();
        self.ask(ChangeSetting { path, scope, value, origin }).await
    }

    /// What else has to be done for a change to count everywhere, in words for whoever makes it.
    pub fn advice(&self) -> Option<&'static str> {
        self.store.advice()
    }

    /// Whether [`Keeper::change`] would be refused, whatever else stands in its way: for whoever only wants to know.
    ///
    /// # Errors
    /// [`KeeperError::Refused`] and [`KeeperError::Conflict`].
    pub fn would_change(&self, path: &str, scope: Scope, value: Option<&str>) -> Result<(), KeeperError> {
        let stores = &self.snapshot.load().stores;
        check(path, scope, value, stores)?;
        Ok(self.store.may_change(path, scope, stores)?)
    }

    /// Reads websites, store views and roles again, and the settings that are kept beside them.
    ///
    /// # Errors
    /// [`KeeperError::Busy`] and [`KeeperError::Unavailable`].
    pub async fn reload_directory(&self) -> Result<(), KeeperError> {
        self.ask(ReloadDirectory).await
    }

    async fn ask<M>(&self, message: M) -> Result<(), KeeperError>
    where
        M: Message<Result = Result<(), KeeperError>> + Send + 'static,
        SettingsKeeper: Handler<M>,
    {
        let _place = self.gate.try_acquire().map_err(|_| KeeperError::Busy)?;
        match tokio::time::timeout(PATIENCE, self.actor.send(message)).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(KeeperError::Unavailable("the keeper is gone".to_owned())),
            Err(_) => Err(KeeperError::Unavailable("it takes too long".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::accounts::EmbeddedAccounts;
    use crate::clock::{MockClock, UnixSeconds};
    use crate::keeper::load;
    use crate::settings::{RoleId, SettingError, StoreDirectory, WebsiteId};
    use crate::store::{Change, DataFolder, Readers, RoleRow, Store};

    const LIFETIME: &str = "oauth/access_token_lifetime/customer";

    struct House {
        folder: DataFolder,
        store: Store,
        keeper: Keeper,
        told: Arc<AtomicUsize>,
    }

    async fn house(home: &tempfile::TempDir) -> House {
        let folder = DataFolder::open(home.path()).unwrap();
        let (store, readers) = (Store::start_here(&folder).unwrap(), Readers::new(&folder));
        let clock = MockClock::at(UnixSeconds(1));
        let accounts = Arc::new(EmbeddedAccounts::new(store.clone(), readers.clone(), clock.clone()));
        let (settings, stores, roles) = load(&readers, &*accounts).await.unwrap();
        let snapshot = Snapshot::new(settings, stores, roles, crate::token::EmptyLifetime::default()).shared();
        let told = Arc::new(AtomicUsize::new(0));
        let tell = Arc::clone(&told);
        let listener = Box::new(move || {
            tell.fetch_add(1, Ordering::Relaxed);
        });
        let actor =
            SettingsKeeper::new(Arc::new(store.clone()), accounts, Arc::clone(&snapshot), clock, listener, None);
        House { folder, store, keeper: Keeper::start(actor, snapshot), told }
    }

    fn home() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    /// How long a customer's token lives, in seconds.
    fn lifetime(house: &House) -> Option<u32> {
        let lifetime = house.keeper.snapshot().lifetime(crate::session::UserType::Customer);
        lifetime.end_of(UnixSeconds(0)).map(UnixSeconds::get)
    }

    async fn change(house: &House, path: &str, scope: Scope, value: &str) -> Result<(), KeeperError> {
        house.keeper.change(path, scope, Some(value.to_owned()), Origin::SERVER).await
    }

    #[actix::test]
    async fn a_changed_lifetime_is_in_effect_at_once_and_survives_a_restart() {
        let home = home();
        let first = house(&home).await;
        change(&first, LIFETIME, Scope::Default, "2.5").await.unwrap();
        assert_eq!(lifetime(&first), Some(9000));
        assert_eq!(first.told.load(Ordering::Relaxed), 1);
        drop(first);
        let second = house(&home).await;
        assert_eq!(lifetime(&second), Some(9000));
        second.keeper.change(LIFETIME, Scope::Default, None, Origin::SERVER).await.unwrap();
        assert_eq!(lifetime(&second), Some(3600));
    }

    #[actix::test]
    async fn a_refused_change_changes_nothing_and_tells_nobody() {
        let home = home();
        let house = house(&home).await;
        let refused = change(&house, LIFETIME, Scope::Default, "soon").await;
        assert!(matches!(refused, Err(KeeperError::Refused(SettingError::Invalid(_)))), "{refused:?}");
        let nowhere = Scope::Website(WebsiteId(7));
        let refused = change(&house, "general/locale/code", nowhere, "de_DE").await;
        assert_eq!(refused, Err(KeeperError::Refused(SettingError::NoSuchScope)));
        assert_eq!(house.told.load(Ordering::Relaxed), 0);
        assert_eq!(house.store.commits(), 0);
    }

    #[actix::test]
    async fn a_change_that_cannot_be_stored_is_not_in_effect() {
        let home = home();
        let house = house(&home).await;
        let other = rusqlite::Connection::open(house.folder.database()).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let failed = change(&house, LIFETIME, Scope::Default, "2").await;
        assert!(matches!(failed, Err(KeeperError::Unavailable(_))), "{failed:?}");
        assert_eq!(lifetime(&house), Some(3600));
    }

    #[actix::test]
    async fn changes_at_once_all_end_up_in_the_snapshot() {
        let home = home();
        let house = house(&home).await;
        let paths = [LIFETIME, "oauth/access_token_lifetime/admin", "customer/password/lockout_failures"];
        let changes = paths.map(|path| change(&house, path, Scope::Default, "3"));
        for outcome in futures_util::future::join_all(changes).await {
            outcome.unwrap();
        }
        for path in paths {
            assert_eq!(house.keeper.snapshot().settings.text(path, Scope::Default), "3", "{path}");
        }
    }

    #[actix::test]
    async fn a_new_role_counts_after_the_directory_was_read_again() {
        let home = home();
        let house = house(&home).await;
        let role = RoleRow {
            id: RoleId(2),
            name: "Support".to_owned(),
            rules: vec![("Magento_Backend::store".to_owned(), true), ("Magento_User::acl_users".to_owned(), false)],
        };
        house.store.write(vec![Change::CreateRole(role)]).await.unwrap();
        change(&house, LIFETIME, Scope::Default, "2").await.unwrap();
        let allows = |resource| house.keeper.snapshot().roles.allows(RoleId(2), resource);
        assert!(!allows("Magento_Backend::store"));
        house.keeper.reload_directory().await.unwrap();
        assert!(allows("Magento_Backend::store") && !allows("Magento_User::acl_users"));
        let snapshot = house.keeper.snapshot();
        assert_eq!(snapshot.settings.text(LIFETIME, Scope::Default), "2");
        assert_eq!(snapshot.stores, StoreDirectory::fresh());
    }
}
