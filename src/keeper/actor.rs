//! The actor.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt, AtomicResponse, Context, Handler, Message, WrapFuture};

use crate::accounts::{DirectorySource, SettingStore};
use crate::audit::{Event, Line, Origin};
use crate::clock::{SharedClock, UnixSeconds};
use crate::keeper::KeeperError;
use crate::settings::{Difference, Roles, Scope, Settings, SharedSnapshot, Snapshot, StoreDirectory, check};
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
    /// What the settings were when they were last seen, where somebody else may have changed them since.
    seen: Option<Settings>,
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
        Self { store, source, snapshot, clock, seen: None, listener, _guard: guard }
    }

    /// A keeper that tells what somebody else has changed since the settings were these.
    #[must_use]
    pub fn since(self, seen: Settings) -> Self {
        Self { seen: Some(seen), ..self }
    }

    /// Where values are kept.
    pub(super) fn store(&self) -> Arc<dyn SettingStore> {
        Arc::clone(&self.store)
    }

    fn publish(&self, next: Snapshot) {
        self.snapshot.store(Arc::new(next));
        (self.listener)();
    }

    fn publish_setting(&self, row: SettingRow) {
        self.publish(self.snapshot.load().with(&row.path, row.scope, row.value));
    }

    /// Publishes what was read, when it is something new, and tells of the settings that somebody else has changed.
    fn publish_read(&self, settings: Option<Settings>, stores: StoreDirectory, roles: Roles) {
        let current = self.snapshot.load_full();
        let settings = settings.unwrap_or_else(|| current.settings.clone());
        if settings != current.settings || stores != current.stores || roles != current.roles {
            let next = current.followed_by(settings, stores, roles);
            let lines = told_of_others((&current.settings, &current.stores), &next, self.clock.now());
            self.publish(next);
            if !lines.is_empty() {
                self.write_down(lines);
            }
        }
    }

    /// Tells what was changed before this process has begun, at the moment of its start: nobody knows when it was.
    fn catch_up(&mut self) {
        let Some(seen) = self.seen.take() else { return };
        let now = self.snapshot.load_full();
        self.write_down(told_of_others((&seen, &now.stores), &now, self.clock.now()));
    }

    /// Changes count whether or not they can be written down now; what cannot is written down later, with its time.
    fn write_down(&self, lines: Vec<Line>) {
        let (store, snapshot) = (Arc::clone(&self.store), Arc::clone(&self.snapshot));
        actix_rt::spawn(async move {
            while let Err(error) = store.tell(lines.clone(), &snapshot.load_full().settings).await {
                tracing::warn!(%error, "a setting that was changed in the shop has no line in the audit trail yet");
                tokio::time::sleep(RETRY).await;
            }
        });
    }
}

/// How often the store is asked again to write down what somebody else has changed.
const RETRY: Duration = Duration::from_secs(1);

/// What the audit trail says of a change, when this is what was there before.
fn told(row: &SettingRow, before: &Snapshot) -> Event {
    Event::SettingChanged {
        path: row.path.clone(),
        scope: before.stores.scope_name(row.scope).unwrap_or_default(),
        from: before.settings.changed(&row.path, row.scope).map(str::to_owned),
        to: row.value.clone(),
    }
}

/// The log has from where to where a value went, and who wanted it, whichever way that was.
fn log_change(event: &Event, origin: Origin) {
    if let Event::SettingChanged { path, scope, from, to } = event {
        let (by, channel) = (origin.by, origin.channel.name());
        tracing::info!(path, scope, from, to, %by, channel, "a setting was changed");
    }
}

impl Actor for SettingsKeeper {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.set_mailbox_capacity(super::handle::MAILBOX);
        self.catch_up();
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
        let event = told(&row, &snapshot);
        let line = Line::new(self.clock.now(), event.clone(), origin);
        let change = async move {
            checked?;
            let mut after = snapshot.settings.clone();
            after.set(&row.path, row.scope, row.value.clone());
            store.write(row.clone(), line, &snapshot.stores, &after).await?;
            log_change(&event, origin);
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

/// The lines about what somebody else has changed since settings and scopes were these, as for changes that were made here;
/// the log has them, too.
fn told_of_others((before, scopes): (&Settings, &StoreDirectory), after: &Snapshot, at: UnixSeconds) -> Vec<Line> {
    let differences = before.differences(&after.settings).into_iter();
    let lines = differences.map(|Difference { path, scope, from, to }| {
        // A website that is gone has taken its values along.
        let name = after.stores.scope_name(scope).or_else(|| scopes.scope_name(scope)).unwrap_or_default();
        tracing::info!(path, scope = name, from, to, "a setting was changed in the shop");
        let (from, to) = (from.map(str::to_owned), to.map(str::to_owned));
        Line::new(at, Event::SettingChanged { path: path.to_owned(), scope: name, from, to }, Origin::SHOP)
    });
    lines.collect()
}

#[cfg(debug_assertions)]
crate::lifecycle::panics_when_told!(SettingsKeeper);
