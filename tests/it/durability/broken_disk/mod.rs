//! A disk that fails: whichever write, sync or other operation on the data folder it is, what was acknowledged holds.
//!
//! The means is a small library in C ([`Disk`]) that `LD_PRELOAD` puts between the real program and libc. A file system of
//! SQLite's own kind would have to be `unsafe` Rust inside the program, and would not see what the program does beside
//! SQLite; a file system in the kernel (`dm-flakey`, FUSE) needs root and a module. The library needs `cc`, which
//! building SQLite needs anyway.

mod disk;
mod running;
mod start;

pub(super) use disk::{Disk, Fault, Kinds};

use super::{Home, SOON};
use crate::support::Process;

/// What became of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Ready,
    Refused,
}

/// Waits until the server is ready or has ended with the exit code of a failure and a line that says why.
#[track_caller]
pub(super) fn outcome(process: &mut Process) -> Start {
    if process.log.wait_for(SOON, |line| line.contains("\"message\":\"ready\"").then_some(())).is_some() {
        return Start::Ready;
    }
    let code = process.wait(SOON).code();
    let log = process.log.text();
    assert_eq!(code, Some(1), "{log}");
    let names = ["tokenward.db", "tokenward.new", "data folder"];
    assert!(names.iter().any(|name| log.contains(name)), "it does not say what is wrong: {log}");
    assert!(!log.contains("panicked"), "{log}");
    Start::Refused
}

impl Home {
    /// A server whose files are on this disk.
    pub(super) fn builder_on(&self, disk: &Disk) -> crate::support::ServerBuilder {
        disk.environment(self.own.path())
            .into_iter()
            .fold(self.builder(), |builder, (name, value)| builder.variable(name, &value))
    }
}
