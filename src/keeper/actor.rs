//! The actor.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use actix::{Actor, ActorFutureExt, AtomicResponse, Context, Handler, Message, WrapFuture};

use crate::accounts::{DirectorySource, SettingStore};
use crate::audit::{Event, Line, Origin};
use crate::clock::SharedClock;
use crate::keeper::KeeperError;
use crate::settings::{DEFINITIONS, Roles, Scope, Settings, SharedSnapshot, Snapshot, StoreDirectory, check};
use crate::store::SettingRow;

/// Change a setting; `None` goes back to the inherited value. Answered when it is stored and in effect.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<(), KeeperError>")]
pub struct ChangeSetting {
    /// Magento's path.
    pub path: String,
    /// Where.
    pub scope: Scope,
    /// The value.
    pub value: Option<String>,
    /// Who asks, for the audit trail.
    pub origin: Origin,
}

/// Read websites, store views and roles again, and the settings that are kept beside them.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<(), KeeperError>")]
pub struct ReloadDirectory;

/// The only writer of the shared snapshot.
pub struct SettingsKeeper {
    store: Arc<dyn SettingStore>,
    source: Arc<dyn DirectorySource>,
    snapshot: SharedSnapshot,
    clock: SharedClock,
    /// Called after each swap.
    listener: Box<dyn Fn() + Send>,
    /// Dropped with the actor: whoever supplied it notices when that happens in a panic.
    _guard: Option<Box<dyn Any + Send>>,
}

impl fmt::Debug for SettingsKeeper {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SettingsKeeper").finish_non_exhaustive()
    }
}

impl SettingsKeeper {
    /// A keeper of `snapshot`, which holds what is stored.
    pub fn new(
        store: Arc<dyn SettingStore>,
        source: Arc<dyn DirectorySource>,
        snapshot: SharedSnapshot,
        clock: SharedClock,
        listener: Box<dyn Fn() + Send>,
        guard: Option<Box<dyn Any + Send>>,
    ) -> Self {
        Self { store, source, snapshot, clock, listener, _guard: guard }
    }

    /// What else has to be done for a change to count everywhere.
    pub(super) fn advice(&self) -> Option<&'static str> {
        self.store.advice()
    }

    fn publish(&self, next: Snapshot) {
        self.snapshot.store(Arc::new(next));
        (self.listener)();
    }

    fn publish_setting(&self, row: SettingRow) {
        let current = self.snapshot.load_full();
        let mut settings = current.settings.clone();
        settings.set(&row.path, row.scope, row.value);
        self.publish(current.followed_by(settings, current.stores.clone(), current.roles.clone()));
    }

    /// Publishes what was read, when it is something new.
    fn publish_read(&self, settings: Option<Settings>, stores: StoreDirectory, roles: Roles) {
        let current = self.snapshot.load_full();
        let settings = settings.unwrap_or_else(|| current.settings.clone());
        if settings != current.settings || stores != current.stores || roles != current.roles {
            tell_of_changes(&current.settings, &settings);
            self.publish(current.followed_by(settings, stores, roles));
        }
    }
}

/// What the audit trail says of a change, when this is what was there before.
fn told(row: &SettingRow, before: &Snapshot) -> Event {
    Event::SettingChanged {
        path: row.path.clone(),
        scope: before.stores.scope_name(row.scope).unwrap_or_default(),
        from: before.settings.changed(&row.path, row.scope).map(str::to_owned),
        to: row.value.clone(),
    }
}

impl Actor for SettingsKeeper {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.set_mailbox_capacity(super::handle::MAILBOX);
    }
}

/// The actor takes no other message until the change is stored, so that snapshots follow one another in the order in
/// which the changes are on disk.
impl Handler<ChangeSetting> for SettingsKeeper {
    type Result = AtomicResponse<Self, Result<(), KeeperError>>;

    fn handle(&mut self, change: ChangeSetting, _: &mut Self::Context) -> Self::Result {
        let ChangeSetting { path, scope, value, origin } = change;
        let snapshot = self.snapshot.load_full();
        let checked = check(&path, scope, value.as_deref(), &snapshot.stores);
        let store = Arc::clone(&self.store);
        let row = SettingRow { path, scope, value };
        let line = Line::new(self.clock.now(), told(&row, &snapshot), origin);
        let change = async move {
            checked?;
            store.write(row.clone(), line, &snapshot.stores).await?;
            Ok(row)
        };
        let publish = |stored: Result<SettingRow, KeeperError>, keeper: &mut Self, _: &mut _| {
            stored.map(|row| keeper.publish_setting(row))
        };
        AtomicResponse::new(Box::pin(change.into_actor(self).map(publish)))
    }
}

impl Handler<ReloadDirectory> for SettingsKeeper {
    type Result = AtomicResponse<Self, Result<(), KeeperError>>;

    fn handle(&mut self, _: ReloadDirectory, _: &mut Self::Context) -> Self::Result {
        let source = Arc::clone(&self.source);
        let read = async move { source.everything().await };
        AtomicResponse::new(Box::pin(read.into_actor(self).map(|read, keeper, _| {
            let (settings, stores, roles) = read?;
            keeper.publish_read(settings, stores, roles);
            Ok(())
        })))
    }
}

/// One event for each setting that somebody else has changed for everybody, as for one that was changed here.
fn tell_of_changes(before: &Settings, after: &Settings) {
    for definition in DEFINITIONS {
        let (was, is) =
            (before.changed(definition.path, Scope::Default), after.changed(definition.path, Scope::Default));
        if was != is {
            tracing::info!(path = definition.path, was, is, "a setting was changed in the shop");
        }
    }
}

#[cfg(debug_assertions)]
crate::lifecycle::panics_when_told!(SettingsKeeper);
