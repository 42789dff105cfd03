//! The stop of a server, step by step.
//!
//! 1. Unready. From now on every answer says `Connection: close`, so that clients with kept connections go elsewhere by
//!    themselves. For `drain_delay` everything is answered as before.
//! 2. No new connections. Sockets of our own refuse them at once. Inherited ones stay open in the hands of whoever
//!    started the process, so there they wait for the next server.
//! 3. For [`SETTLING`], whoever was accepted sends the request that the connection was opened for.
//! 4. Connections without a request are closed; the others, when their request has been answered.
//! 5. When none is left, or after `drain_timeout`, the workers end.
//! 6. What is still to be stored is stored.
//!
//! A second signal, or the panic of an actor, ends each of these steps.

use std::net::{Shutdown, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use actix_server::ServerHandle;
use socket2::SockRef;
use tokio::time::{sleep, timeout};
use tracing::{debug, error, info, warn};

use crate::lifecycle::{Connections, EXIT_CUT, EXIT_PANIC, Panics, ServiceManager, Signals};
use crate::telemetry::Readiness;

/// How long the thread that accepts connections may take to notice that it should not. It answers nothing that could be
/// waited for; it waits for this message and nothing else, so this is ample.
const PAUSING: Duration = Duration::from_millis(10);

/// How long an accepted connection may take to send its request before it counts as idle. It is also how long a kept
/// connection may rest between two requests without being closed under the second one.
const SETTLING: Duration = Duration::from_millis(100);

/// How the server stops.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long requests are still accepted after the signal: `lifecycle.drain_delay`.
    pub drain_delay: Duration,
    /// How long requests that are in progress may take then: `lifecycle.drain_timeout`.
    pub drain_timeout: Duration,
}

/// What has to be closed, and who is told.
pub struct Doors {
    /// The server.
    pub server: ServerHandle,
    /// Second handles on the listening sockets that this process has opened itself.
    pub own_sockets: Vec<TcpListener>,
    /// The connections of all listeners.
    pub connections: Connections,
    /// What load balancers and clients are told.
    pub readiness: Arc<Readiness>,
    /// What whoever started the process is told.
    pub manager: ServiceManager,
}

/// Waits for the end of the server: a signal, or the panic of an actor. `flush` stores what is still to be stored, when
/// nobody is answered any more.
pub async fn run(
    doors: Doors,
    mut signals: Signals,
    mut panics: Panics,
    options: Options,
    flush: impl Future<Output = ()>,
) -> ExitCode {
    let name = tokio::select! {
        name = signals.next() => name,
        Some(actor) = panics.recv() => return panicked(actor),
    };
    stop(name, doors, signals, panics, options, flush).await
}

/// The same when the signal, of this name, has come already.
pub async fn stop(
    name: &'static str,
    doors: Doors,
    mut signals: Signals,
    mut panics: Panics,
    options: Options,
    flush: impl Future<Output = ()>,
) -> ExitCode {
    info!(signal = name, "stopping: no longer ready, finishing what is in progress");
    doors.readiness.set_stopping();
    doors.manager.stopping();
    let all = async {
        doors.close(options).await;
        info!("nobody is answered any more: storing what is left");
        flush.await;
    };
    tokio::select! {
        // A panic that ends the flush early must not look like its end.
        biased;
        Some(actor) = panics.recv() => panicked(actor),
        _ = signals.next() => cut(),
        () = all => {
            info!("stopped");
            ExitCode::SUCCESS
        }
    }
}

impl Doors {
    async fn close(&self, options: Options) {
        sleep(options.drain_delay).await;
        self.server.pause().await;
        sleep(PAUSING).await;
        self.own_sockets.iter().for_each(refuse);
        sleep(SETTLING).await;
        self.connections.close_idle();
        let all_ended = timeout(options.drain_timeout, self.connections.none()).await.is_ok();
        if !all_ended {
            let cut = self.connections.count();
            warn!(cut, "lifecycle.drain_timeout is over: connections whose requests are still in progress are cut");
        }
        self.server.stop(all_ended).await;
    }
}

/// Connections to this socket are refused from now on, also while others hold a handle on it.
fn refuse(socket: &TcpListener) {
    if let Err(problem) = SockRef::from(socket).shutdown(Shutdown::Both) {
        debug!(%problem, "a listening socket cannot be shut down; it is closed with the server");
    }
}

fn cut() -> ExitCode {
    warn!("a second signal: what was in progress is cut");
    ExitCode::from(EXIT_CUT)
}

fn panicked(actor: &'static str) -> ExitCode {
    error!(actor, "an actor panicked; the process ends so that it can be started anew");
    ExitCode::from(EXIT_PANIC)
}
