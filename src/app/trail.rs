//! The audit trail: its beginning and end with each run, and what becomes too old.

use std::path::Path;
use std::time::Duration;

use tracing::{info, warn};

use crate::app::House;
use crate::audit::{Event, Line, Origin};
use crate::clock::{SharedClock, UnixSeconds};
use crate::store::{Change, FolderError, Readers, Store, StoreError, TrailReader};

/// How often the store is asked again to store that the server started.
const RETRY: Duration = Duration::from_secs(1);

/// How often lines that are too old are looked for.
const PRUNING: Duration = Duration::from_hours(1);

/// Opens the audit trail of a data folder, whether a server runs on it or not.
///
/// # Errors
/// [`FolderError`].
pub fn open_trail(folder: &Path) -> Result<TrailReader, FolderError> {
    TrailReader::open(folder)
}

impl House {
    /// Writes down that the server starts. When it cannot be stored now, it is stored later, with this time.
    pub(super) async fn tell_start(&self) {
        let event = Event::Started { version: env!("CARGO_PKG_VERSION").into() };
        let line = vec![Change::Audit(Line::new(self.services.clock.now(), event, Origin::SERVER))];
        // Without a limit of time: a line whose writer gave up waiting may be written later, and then stand there twice.
        let Err(error) = self.store.write_untimed(line.clone()).await else { return };
        warn!(%error, "the start has no line in the audit trail yet");
        let store = self.store.clone();
        actix_rt::spawn(async move {
            while store.write_untimed(line.clone()).await.is_err() {
                tokio::time::sleep(RETRY).await;
            }
        });
    }

    /// Deletes lines that are older than `audit.retention`, at once and every hour from then on.
    pub(super) fn prune_regularly(&self) {
        let Some(retention) = self.config.audit.retention else { return };
        let (store, readers, clock) = (self.store.clone(), self.readers.clone(), self.services.clock.clone());
        let guard = self.watch.guard("audit-pruner");
        actix_rt::spawn(async move {
            let _guard = guard;
            let mut ticks = tokio::time::interval(PRUNING);
            loop {
                ticks.tick().await;
                if let Err(error) = prune(&store, &readers, &clock, retention).await {
                    warn!(%error, "lines of the audit trail that are too old cannot be deleted at the moment");
                }
            }
        });
    }
}

/// Deletes in slices, so that nobody waits long for the store in between.
async fn prune(store: &Store, readers: &Readers, clock: &SharedClock, retention: Duration) -> Result<(), StoreError> {
    let retention = u32::try_from(retention.as_secs()).unwrap_or(u32::MAX);
    let before = UnixSeconds(clock.now().get().saturating_sub(retention));
    let mut last = None;
    while let Some((number, _)) = readers.oldest_line().await?.filter(|&(_, at)| at < before) {
        if last == Some(number) {
            warn!(
                line = number,
                "nothing says how old the oldest lines of the audit trail are: see `tokenward audit verify`"
            );
            return Ok(());
        }
        store.write(vec![Change::AuditOutdated { before }]).await?;
        last = Some(number);
    }
    if last.is_some() {
        info!(before = %before, "lines of the audit trail that were too old are deleted");
    }
    Ok(())
}

/// Writes down what is still to be written, and that the server stops.
pub(super) async fn tell_stop(store: &Store, clock: &SharedClock) {
    let line = Change::Audit(Line::new(clock.now(), Event::Stopped, Origin::SERVER));
    if let Err(error) = store.write(vec![line]).await {
        warn!(%error, "the stop has no line in the audit trail");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::MockClock;
    use crate::store::DataFolder;

    #[actix::test]
    async fn lines_go_when_they_are_older_than_the_retention() {
        let home = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(home.path()).unwrap();
        let (store, readers) = (Store::start_here(&folder).unwrap(), Readers::new(&folder));
        let line = |at| Change::Audit(Line::new(UnixSeconds(at), Event::Stopped, Origin::SERVER));
        store.write((1..=5000).map(line).collect()).await.unwrap();
        let day = Duration::from_hours(24);
        let mock = MockClock::at(UnixSeconds(86_401));
        let clock: SharedClock = mock.clone();
        let oldest = async || readers.oldest_line().await.unwrap().map(|(_, at)| at.get());
        prune(&store, &readers, &clock, day).await.unwrap();
        assert_eq!(oldest().await, Some(1), "a line of just one day is kept");
        mock.advance(Duration::from_mins(75));
        prune(&store, &readers, &clock, day).await.unwrap();
        assert_eq!(oldest().await, Some(4501), "in as many slices as it takes");
        prune(&store, &readers, &clock, Duration::ZERO).await.unwrap();
        assert_eq!(oldest().await, None);
    }

    #[actix::test]
    async fn lines_whose_age_nobody_knows_do_not_keep_the_store_busy() {
        let home = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(home.path()).unwrap();
        let (store, readers) = (Store::start_here(&folder).unwrap(), Readers::new(&folder));
        let line = |at| Change::Audit(Line::new(UnixSeconds(at), Event::Stopped, Origin::SERVER));
        store.write((1..=3).map(line).collect()).await.unwrap();
        let file = rusqlite::Connection::open(folder.database()).unwrap();
        file.execute("DELETE FROM audit_lines WHERE number < 3", ()).unwrap();
        let clock: SharedClock = MockClock::at(UnixSeconds(100));
        prune(&store, &readers, &clock, Duration::ZERO).await.unwrap();
        assert_eq!(readers.oldest_line().await.unwrap(), Some((3, UnixSeconds(3))));
    }
}
