//! Signals, the order in which things stop, and what happens when an actor panics.
//!
//! The first signal drains ([`run`], and [`stop`] when it comes before the server is ready): unready, then no new connections, then nothing that was accepted is cut (within
//! `lifecycle.drain_timeout`). A second signal cuts. A long-lived actor that panics ends the process, by its
//! [`ActorGuard`]. Whoever started the process is told ([`ServiceManager`]). It knows nothing of what is served: the
//! listeners tell it of their connections by [`Connections`].

mod connections;
mod drain;
mod guard;
mod service_manager;
mod signals;

pub use connections::{Connection, Connections};
pub use drain::{Doors, Options, run, stop};
#[cfg(debug_assertions)]
pub use guard::ProvokePanic;
#[cfg(debug_assertions)]
pub(crate) use guard::panics_when_told;
pub use guard::{ActorGuard, Panics, Watch};
pub use service_manager::ServiceManager;
pub use signals::{Signals, outlive_file_limits};

/// The exit code after a panic: an internal software error, as `sysexits.h` has it.
pub const EXIT_PANIC: u8 = 70;

/// The exit code for a wrong command line or configuration, as `sysexits.h` has it.
pub const EXIT_USAGE: u8 = 64;

/// The exit code when a second signal cut the drain.
pub const EXIT_CUT: u8 = 1;
