//! The sessions of the data folder come into the registry.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::info;

use crate::clock::UnixSeconds;
use crate::http::Services;
use crate::registry::{BeginLoading, KEEP_ENDED, LoadJwts, LoadSessions, RegistryError, SettingsChanged};
use crate::settings::Snapshot;
use crate::store::{LoadError, Loaded, Loader, StoredSession};
use crate::telemetry::Readiness;

/// How many slices may wait between the thread that reads and the registry.
const WAITING_SLICES: usize = 4;

/// How often the log says how far it has come.
const REPORT: Duration = Duration::from_secs(1);

/// Why the sessions could not be taken over.
#[derive(Debug, Error)]
pub enum LoadingError {
    /// The file.
    #[error(transparent)]
    Store(#[from] LoadError),
    /// There are more than may be held.
    #[error("{stored} sessions are stored, more than tokens.capacity allows: raise it")]
    TooMany {
        /// How many there are.
        stored: u64,
    },
    /// The registry, or the thread that reads, is gone.
    #[error("loading the sessions was broken off")]
    Gone,
}

/// Loads `expected` sessions: a thread reads and checks them while the registry takes over those before.
pub(super) async fn load(loader: Loader, expected: u64, services: &Services) -> Result<(), LoadingError> {
    let begun = Instant::now();
    let (sender, slices) = mpsc::channel(WAITING_SLICES);
    let (snapshot, now) = (services.snapshot.load_full(), services.clock.now());
    let reading = tokio::task::spawn_blocking(move || {
        loader.run(|session| is_over(session, &snapshot, now), |loaded| sender.blocking_send(loaded).is_ok())
    });
    let (live, over) = take_over(slices, expected, services).await?;
    reading.await.map_err(|_| LoadingError::Gone)??;
    // What has ended while the server was away is noticed now.
    services.registry.actor().send(SettingsChanged).await.map_err(|_| LoadingError::Gone)?;
    let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    info!(sessions = live, over, milliseconds, "the sessions are loaded");
    Ok(())
}

/// Gives the registry all that comes, and says how many sessions of it are live and how many are over.
async fn take_over(
    mut slices: mpsc::Receiver<Loaded>,
    expected: u64,
    services: &Services,
) -> Result<(u64, u64), LoadingError> {
    let readiness = Arc::clone(&services.readiness);
    let mut progress = Progress { readiness, read: 0, expected, reported: Instant::now() };
    let mut live = 0;
    while let Some(loaded) = slices.recv().await {
        live += hand_over(loaded, expected, services, &mut progress).await?;
    }
    Ok((live, progress.read - live))
}

/// Gives the registry what was read, and says how many sessions of it are live.
async fn hand_over(
    loaded: Loaded,
    expected: u64,
    services: &Services,
    progress: &mut Progress,
) -> Result<u64, LoadingError> {
    let registry = services.registry.actor();
    match loaded {
        Loaded::Kinds(kinds_ended) => {
            let expected = usize::try_from(expected).unwrap_or(usize::MAX);
            registry.send(BeginLoading { expected, kinds_ended }).await.map_err(|_| LoadingError::Gone)?;
            Ok(0)
        }
        Loaded::Jwts(stored) => {
            registry.send(LoadJwts(stored)).await.map_err(|_| LoadingError::Gone)?;
            Ok(0)
        }
        Loaded::Sessions { sessions, over } => {
            let (live, all) = (sessions.len() as u64, (sessions.len() + over.len()) as u64);
            match registry.send(LoadSessions { sessions, over }).await {
                Ok(Ok(())) => {}
                Ok(Err(RegistryError::Full)) => return Err(LoadingError::TooMany { stored: expected }),
                Ok(Err(_)) | Err(_) => return Err(LoadingError::Gone),
            }
            progress.add(all);
            Ok(live)
        }
    }
}

/// Whether nobody needs to hear any more that this session has expired.
fn is_over(session: &StoredSession, snapshot: &Snapshot, now: UnixSeconds) -> bool {
    let end = session.fixed_end.or_else(|| snapshot.lifetime(session.subject.kind).end_of(session.issued));
    end.is_some_and(|end| end.plus(KEEP_ENDED) <= now)
}

struct Progress {
    readiness: Arc<Readiness>,
    read: u64,
    expected: u64,
    reported: Instant,
}

impl Progress {
    fn add(&mut self, read: u64) {
        self.read += read;
        self.readiness.set_progress(self.read, self.expected);
        if self.reported.elapsed() >= REPORT {
            self.reported = Instant::now();
            info!(loaded = self.read, of = self.expected, "loading sessions");
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::{TestRequest, call_service, init_service, read_body_json};
    use actix_web::{App, web};
    use serde_json::{Value, json};

    use super::*;
    use crate::app::House;
    use crate::config::Config;
    use crate::http;
    use crate::session::SessionId;

    #[actix_rt::test]
    async fn while_sessions_are_loaded_the_server_is_alive_and_says_how_far_it_has_come() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.data.dir = folder.path().join("data");
        let house = House::open(config, None).await.unwrap();
        let services = Arc::clone(&house.services);
        let app = init_service(App::new().app_data(web::Data::from(Arc::clone(&services))).configure(http::internal));
        let app = app.await;
        let ask = async |path: &str| {
            let answer = call_service(&app, TestRequest::get().uri(path).to_request()).await;
            (answer.status().as_u16(), read_body_json::<Value, _>(answer).await)
        };
        assert_eq!(ask("/health/live").await, (200, json!({ "status": "alive" })));
        assert_eq!(
            ask("/health/ready").await,
            (503, json!({ "status": "starting", "doing": "reading accounts and settings" }))
        );

        let (sender, slices) = mpsc::channel(WAITING_SLICES);
        let taking = actix_rt::spawn({
            let services = Arc::clone(&services);
            async move { take_over(slices, 10, &services).await }
        });
        sender.send(Loaded::Kinds(Vec::new())).await.unwrap();
        let over = [1, 2, 3].map(SessionId).to_vec();
        sender.send(Loaded::Sessions { sessions: Vec::new(), over }).await.unwrap();
        // The thread that reads is held here, for as long as this test likes.
        while services.readiness.progress() != (3, 10) {
            tokio::task::yield_now().await;
        }
        let so_far = json!({
            "status": "starting", "doing": "loading sessions 3 of 10", "sessions_loaded": 3, "sessions_stored": 10
        });
        assert_eq!(ask("/health/ready").await, (503, so_far));
        assert_eq!(ask("/health/live").await.0, 200);

        drop(sender);
        assert_eq!(taking.await.unwrap().unwrap(), (0, 3));
        services.readiness.set_ready();
        assert_eq!(ask("/health/ready").await, (200, json!({ "status": "ready" })));
    }
}
