//! The program as a child.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::log::Log;

/// A running program. It is killed when this goes away.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    pub(crate) log: Log,
}

impl Process {
    /// Starts it.
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Self::listen_to(command)
    }

    /// Starts it with the standard input and output that the command says.
    pub(crate) fn listen_to(mut command: Command) -> Self {
        command.stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = Log::collect(child.stderr.take().unwrap());
        Self { child, log }
    }

    /// Its number.
    pub(crate) fn id(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until it has ended by itself.
    #[track_caller]
    pub(crate) fn wait(&mut self, patience: Duration) -> ExitStatus {
        assert!(self.log.wait_for_end(patience), "it still runs after {patience:?}:\n{}", self.log.text());
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
