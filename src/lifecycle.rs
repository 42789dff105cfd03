//! Signals, the order in which things stop, and what happens when an actor panics.
//!
//! The first signal drains: unready, then no new connections, then nothing that was accepted is cut (within
//! `lifecycle.drain_timeout`). A second signal cuts. A long-lived actor that panics would die silently and leave a
//! server that can no longer do its work, so each owns an [`ActorGuard`] that ends the process.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use actix_server::ServerHandle;
use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tracing::{error, info, warn};

use crate::telemetry::Readiness;

/// The exit code after a panic: an internal software error, as `sysexits.h` has it.
pub const EXIT_PANIC: u8 = 70;

/// The exit code for a wrong command line or configuration, as `sysexits.h` has it.
pub const EXIT_USAGE: u8 = 64;

/// The exit code when a second signal cut the drain.
pub const EXIT_CUT: u8 = 1;

/// Hands out guards, and hears from them.
#[derive(Clone, Debug)]
pub struct Watch(UnboundedSender<&'static str>);

/// Where the names of actors that panicked arrive.
pub type Panics = UnboundedReceiver<&'static str>;

impl Watch {
    /// A watch, and where it is heard.
    pub fn new() -> (Self, Panics) {
        let (sender, receiver) = unbounded_channel();
        (Self(sender), receiver)
    }

    /// A guard for the actor of this name.
    pub fn guard(&self, actor: &'static str) -> ActorGuard {
        ActorGuard { actor, panics: self.0.clone() }
    }
}

/// Owned by an actor: dropped while its thread panics, it ends the process.
#[derive(Debug)]
pub struct ActorGuard {
    actor: &'static str,
    panics: UnboundedSender<&'static str>,
}

impl Drop for ActorGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // When nobody hears it, the process is ending already.
            let _nobody_listens = self.panics.send(self.actor);
        }
    }
}

/// Makes an actor panic, to show that its guard works. Only in builds with debug assertions.
#[cfg(debug_assertions)]
#[derive(Clone, Copy, Debug, actix::Message)]
#[rtype(result = "()")]
pub struct ProvokePanic;

/// Lets an actor be told to panic.
#[cfg(debug_assertions)]
macro_rules! panics_when_told {
    ($actor:ty) => {
        impl actix::Handler<$crate::lifecycle::ProvokePanic> for $actor {
            type Result = ();

            fn handle(&mut self, _: $crate::lifecycle::ProvokePanic, _: &mut Self::Context) {
                panic!("told to panic");
            }
        }
    };
}

#[cfg(debug_assertions)]
pub(crate) use panics_when_told;

/// From now on a write beyond a limit on the size of files is an error of that write, as on a full disk, and not the end
/// of the process.
///
/// # Errors
/// When signals cannot be listened to.
pub fn outlive_file_limits() -> std::io::Result<()> {
    // Whoever listens once has taken the place of the default action for good.
    signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map(drop)
}

/// The name of the first signal that asks the process to end: for what is interrupted before there is a server to stop.
///
/// # Errors
/// When the signals cannot be listened to.
pub fn first_signal() -> std::io::Result<impl Future<Output = &'static str>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    })
}

/// How the server stops.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long requests are still accepted after the signal: `lifecycle.drain_delay`.
    pub drain_delay: Duration,
}

/// Waits for the end of the server: a signal, or the panic of an actor.
///
/// # Errors
/// When the signals cannot be listened to.
pub async fn run(
    server: ServerHandle,
    mut panics: Panics,
    readiness: Arc<Readiness>,
    options: Options,
) -> std::io::Result<ExitCode> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let name = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
        Some(actor) = panics.recv() => return Ok(panicked(actor)),
    };
    info!(signal = name, "stopping: no longer ready, finishing what is in progress");
    readiness.set_stopping();
    let drain = async {
        tokio::time::sleep(options.drain_delay).await;
        server.stop(true).await;
    };
    tokio::select! {
        () = drain => {
            info!("stopped");
            Ok(ExitCode::SUCCESS)
        }
        _ = terminate.recv() => Ok(cut()),
        _ = interrupt.recv() => Ok(cut()),
        Some(actor) = panics.recv() => Ok(panicked(actor)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_speaks_only_when_its_thread_panics() {
        let (watch, mut panics) = Watch::new();
        drop(watch.guard("calm"));
        let guard = watch.guard("panicking");
        let thread = std::thread::spawn(move || {
            let _guard = guard;
            panic!("on purpose");
        });
        assert!(thread.join().is_err());
        assert_eq!(panics.try_recv(), Ok("panicking"));
        assert!(panics.try_recv().is_err());
    }
}
