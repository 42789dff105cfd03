//! What systemd, or whoever else started the process and set `NOTIFY_SOCKET`, is told: `sd_notify(3)`.

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use tracing::debug;

/// The one who started the process; nobody, unless it asked to be told.
///
/// A message that cannot be delivered is dropped: it concerns nobody's request.
#[derive(Clone, Debug, Default)]
pub struct ServiceManager(Option<SocketAddr>);

impl ServiceManager {
    /// The one who set `NOTIFY_SOCKET` to this: a path, or the name of an abstract socket behind an `@`.
    pub fn at(socket: Option<&OsStr>) -> Self {
        let address = |socket: &OsStr| match socket.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
            _ => SocketAddr::from_pathname(socket),
        };
        Self(socket.and_then(|socket| address(socket).ok()))
    }

    /// The start goes on with this `step`, and it will not take longer than `at_most` until this is said again.
    pub fn starting(&self, step: &str, at_most: Duration) {
        let microseconds = at_most.as_micros();
        self.tell(&format!("EXTEND_TIMEOUT_USEC={microseconds}\nSTATUS=Starting: {step}\n"));
    }

    /// Requests are welcome.
    pub fn ready(&self) {
        self.tell("READY=1\nSTATUS=Ready\n");
    }

    /// The server stops.
    pub fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=Finishing what is in progress\n");
    }

    fn tell(&self, message: &str) {
        let Some(address) = &self.0 else { return };
        let sent = UnixDatagram::unbound().and_then(|socket| {
            // Nobody may be kept waiting by a manager that does not read.
            socket.set_nonblocking(true)?;
            socket.send_to_addr(message.as_bytes(), address)
        });
        if let Err(problem) = sent {
            debug!(%problem, "the service manager cannot be told");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_set_the_socket_hears_of_start_and_stop() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let listening = UnixDatagram::bind(&path).unwrap();
        let mut buffer = [0; 256];
        let mut heard = || {
            let length = listening.recv(&mut buffer).unwrap();
            String::from_utf8_lossy(&buffer[..length]).into_owned()
        };
        let manager = ServiceManager::at(Some(path.as_os_str()));
        manager.starting("loading sessions 1 of 2", Duration::from_secs(30));
        assert_eq!(heard(), "EXTEND_TIMEOUT_USEC=30000000\nSTATUS=Starting: loading sessions 1 of 2\n");
        manager.ready();
        assert!(heard().starts_with("READY=1\n"));
        manager.stopping();
        assert!(heard().starts_with("STOPPING=1\n"));
    }

    #[test]
    fn without_a_socket_nobody_is_told() {
        ServiceManager::at(None).ready();
        ServiceManager::at(Some(OsStr::new("/nowhere/at/all"))).ready();
    }
}
