//! The signals that the process listens to.

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};

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
    let mut signals = Signals::listen()?;
    Ok(async move { signals.next().await })
}

/// The signals that ask the process to end.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The name of the next one.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
