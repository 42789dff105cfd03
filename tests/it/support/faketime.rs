//! A system clock that can be set, for one process: libfaketime.

use std::path::PathBuf;
use std::process::Command;

use super::skip;

/// What the wall clock shows to a process, as far from the real time as is said. The boot-time clock goes on as it does.
#[derive(Debug)]
pub(crate) struct FakeTime {
    folder: tempfile::TempDir,
    library: PathBuf,
}

impl FakeTime {
    /// A clock that is right. `None`, and a word about it, where the library is missing.
    pub(crate) fn new() -> Option<Self> {
        let Some(library) = library() else {
            skip("libfaketimeMT.so.1 is not there (Debian package faketime)");
            return None;
        };
        let time = Self { folder: tempfile::tempdir().unwrap(), library };
        time.set("+0");
        Some(time)
    }

    /// Sets it, such as to `-1d`, counted from the real time.
    pub(crate) fn set(&self, to: &str) {
        // Never half written: the process reads it whenever it asks for the time.
        let new = self.folder.path().join("new");
        std::fs::write(&new, to).unwrap();
        std::fs::rename(new, self.file()).unwrap();
    }

    /// Makes a program live by it.
    pub(crate) fn apply_to(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library).env("FAKETIME_TIMESTAMP_FILE", self.file());
        command.envs([("FAKETIME_NO_CACHE", "1"), ("FAKETIME_DONT_FAKE_MONOTONIC", "1")]);
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("clock")
    }
}

fn library() -> Option<PathBuf> {
    let architectures = std::fs::read_dir("/usr/lib").ok()?.filter_map(Result::ok).map(|entry| entry.path());
    architectures.map(|folder| folder.join("faketime/libfaketimeMT.so.1")).find(|library| library.exists())
}
