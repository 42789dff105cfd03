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

/// The signals that ask the process to end. One that comes while nobody waits for the next is not lost.
#[derive(Debug)]
pub struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    /// From now on these signals do not end the process by themselves.
    ///
    /// # Errors
    /// When they cannot be listened to.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The name of the next one.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
