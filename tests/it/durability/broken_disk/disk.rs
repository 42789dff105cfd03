//! The library, and how it is told what to do.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::io::Errno;

use crate::support::{repository, skip};

/// A disk that can be made to fail while a program runs on it.
#[derive(Debug)]
pub(crate) struct Disk {
    own: tempfile::TempDir,
    control: File,
    traces: bool,
}

/// Which operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kinds(i32);

impl Kinds {
    pub(crate) const SYNCS: Self = Self(2);
    /// Writes, syncs, changes of a file's length, and files that are made, renamed or removed.
    pub(crate) const ALL: Self = Self(15);
}

/// What is to fail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    /// How many operations of these kinds succeed before.
    pub(crate) after: i32,
    pub(crate) kinds: Kinds,
    pub(crate) error: Errno,
    /// How many fail; without a number all from then on.
    pub(crate) times: Option<i32>,
}

impl Disk {
    /// A sound disk; nothing when no C compiler is there.
    pub(crate) fn new() -> Option<Self> {
        let own = tempfile::tempdir().unwrap();
        let source = repository().join("tests/it/durability/broken_disk/library.c");
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]);
        let compiled = cc.arg(own.path().join("disk.so")).arg(source).args(["-ldl", "-lpthread"]).output();
        let Ok(compiled) = compiled else {
            skip("a disk that fails: no C compiler (cc)");
            return None;
        };
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
        let control = File::options().create_new(true).read(true).write(true).open(own.path().join("control")).unwrap();
        control.set_len(4096).unwrap();
        let disk = Self { own, control, traces: false };
        disk.heal();
        Some(disk)
    }

    /// The same, which remembers what was done.
    pub(crate) fn with_trace(self) -> Self {
        Self { traces: true, ..self }
    }

    /// Where it remembers it.
    pub(crate) fn trace(&self) -> PathBuf {
        self.own.path().join("trace")
    }

    /// What a program needs so that everything below `folder` is on this disk.
    pub(crate) fn environment(&self, folder: &Path) -> Vec<(&'static str, String)> {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let mut environment = vec![
            ("LD_PRELOAD", text(&self.own.path().join("disk.so"))),
            ("FAULTS_FOLDER", text(folder)),
            ("FAULTS_CONTROL", text(&self.own.path().join("control"))),
        ];
        if self.traces {
            environment.push(("FAULTS_TRACE", text(&self.trace())));
        }
        environment
    }

    /// Lets operations fail from now on; the counters begin anew.
    pub(crate) fn break_with(&self, fault: Fault) {
        self.heal();
        self.set(4, 0);
        self.set(5, 0);
        self.set(1, fault.error.raw_os_error());
        self.set(2, fault.kinds.0);
        self.set(3, fault.times.unwrap_or(-1));
        self.set(0, fault.after);
    }

    /// Everything succeeds from now on.
    pub(crate) fn heal(&self) {
        self.set(0, -1);
    }

    /// How many operations failed since it was last broken.
    pub(crate) fn failed(&self) -> i32 {
        self.value(5)
    }

    fn set(&self, place: u64, value: i32) {
        self.control.write_all_at(&value.to_ne_bytes(), place * 4).unwrap();
    }

    fn value(&self, place: u64) -> i32 {
        let mut bytes = [0; 4];
        self.control.read_exact_at(&mut bytes, place * 4).unwrap();
        i32::from_ne_bytes(bytes)
    }
}
