//! What was done to a disk, and what a power cut may leave of it.
//!
//! The rules are those that POSIX gives, which are harsher than most file systems: only a sync of the file makes its
//! content last, and only a sync of the folder a name. Of what was not synced any sector may be there or not. Names are
//! made and removed in their order. What a failed sync was to make last is like what was never synced, and no later sync
//! makes it last.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What a disk writes as a whole, in bytes.
const SECTOR: usize = 512;

/// Everything that was done below a folder.
pub(super) struct Trace {
    folder: PathBuf,
    records: Vec<Record>,
}

struct Record {
    what: u8,
    number: u64,
    at: u64,
    bytes: Vec<u8>,
    /// How long the trace is with this record.
    time: u64,
}

/// A file, or a folder.
#[derive(Default)]
struct Object {
    is_folder: bool,
    changes: Vec<Content>,
}

struct Content {
    change: ContentChange,
    lasts: Lasts,
}

enum ContentChange {
    Write { at: u64, bytes: Vec<u8> },
    Length(u64),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lasts {
    Yes,
    NotYet,
    /// Its sync has failed.
    Never,
}

enum Name {
    Made(PathBuf, usize),
    Removed(PathBuf),
    Renamed(PathBuf, PathBuf),
}

impl Name {
    fn folder(&self) -> &Path {
        let (Self::Made(path, _) | Self::Removed(path) | Self::Renamed(_, path)) = self;
        path.parent().unwrap()
    }
}

/// What a program would see, and what lasts.
#[derive(Default)]
struct State {
    objects: Vec<Object>,
    by_number: HashMap<u64, usize>,
    names: Vec<(Name, bool)>,
}

impl Trace {
    /// What was done below `folder`.
    pub(super) fn read(file: &Path, folder: &Path) -> Self {
        let bytes = fs::read(file).unwrap();
        let (mut records, mut rest) = (Vec::new(), &bytes[..]);
        while !rest.is_empty() {
            let number = |at: usize| u64::from_ne_bytes(rest[at..at + 8].try_into().unwrap());
            let length = u32::from_ne_bytes(rest[17..21].try_into().unwrap()) as usize;
            let (what, number, at) = (rest[0], number(1), number(9));
            let content = rest[21..21 + length].to_vec();
            rest = &rest[21 + length..];
            records.push(Record { what, number, at, bytes: content, time: (bytes.len() - rest.len()) as u64 });
        }
        Self { folder: folder.to_owned(), records }
    }

    /// How many operations there are.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// How many operations were done when the trace had this length.
    pub(super) fn position_of(&self, time: u64) -> usize {
        self.records.partition_point(|record| record.time <= time)
    }

    /// How long the trace was after so many operations.
    pub(super) fn time_of(&self, operations: usize) -> u64 {
        operations.checked_sub(1).map_or(0, |last| self.records[last].time)
    }

    /// Writes below `to` what may be there after a power cut behind the first `operations` ones. `survival` is the share of
    /// what was not synced that is there all the same.
    pub(super) fn cut(&self, operations: usize, survival: f64, to: &Path) {
        let mut state = State::default();
        for record in &self.records[..operations] {
            state.follow(record);
        }
        for (path, object) in state.names_after_a_cut() {
            let there = to.join(path.strip_prefix(&self.folder).unwrap());
            let object = &state.objects[object];
            // The shared memory of SQLite means nothing to whoever opens the file first.
            if path.to_str().unwrap().ends_with("-shm") {
                continue;
            }
            if object.is_folder {
                fs::create_dir_all(there).unwrap();
            } else if there.parent().unwrap().exists() {
                fs::write(there, object.after_a_cut(survival)).unwrap();
            }
        }
    }
}

impl State {
    fn follow(&mut self, record: &Record) {
        let text = || String::from_utf8(record.bytes.clone()).unwrap();
        match record.what {
            b'C' | b'M' => {
                self.by_number.insert(record.number, self.objects.len());
                self.names.push((Name::Made(text().into(), self.objects.len()), false));
                self.objects.push(Object { is_folder: record.what == b'M', changes: Vec::new() });
            }
            b'U' => self.names.push((Name::Removed(text().into()), false)),
            b'R' => {
                let text = text();
                let (from, to) = text.split_once('\n').unwrap();
                self.names.push((Name::Renamed(from.into(), to.into()), false));
            }
            b'D' => {
                let folder = text();
                let of_the_folder = self.names.iter_mut().filter(|(name, _)| name.folder() == Path::new(&folder));
                of_the_folder.for_each(|(_, lasts)| *lasts = true);
            }
            b'W' => self.change(record.number, ContentChange::Write { at: record.at, bytes: record.bytes.clone() }),
            b'T' => self.change(record.number, ContentChange::Length(record.at)),
            b'S' => self.synced(record.number, Lasts::Yes),
            b'F' => self.synced(record.number, Lasts::Never),
            other => panic!("an operation {other}"),
        }
    }

    fn change(&mut self, number: u64, change: ContentChange) {
        let object = self.by_number[&number];
        self.objects[object].changes.push(Content { change, lasts: Lasts::NotYet });
    }

    fn synced(&mut self, number: u64, outcome: Lasts) {
        let Some(&object) = self.by_number.get(&number) else { return };
        let waiting = self.objects[object].changes.iter_mut().filter(|change| change.lasts == Lasts::NotYet);
        waiting.for_each(|change| change.lasts = outcome);
    }

    /// The names that last, and some of the others, in their order.
    fn names_after_a_cut(&self) -> Vec<(PathBuf, usize)> {
        let unsynced = self.names.iter().filter(|(_, lasts)| !lasts).count();
        let mut left = rand::random_range(0..=unsynced);
        let mut there: Vec<(PathBuf, usize)> = Vec::new();
        for (name, lasts) in &self.names {
            if !lasts {
                if left == 0 {
                    continue;
                }
                left -= 1;
            }
            match name {
                Name::Made(path, object) => {
                    there.retain(|(other, _)| other != path);
                    there.push((path.clone(), *object));
                }
                Name::Removed(path) => there.retain(|(other, _)| other != path),
                Name::Renamed(from, to) => {
                    there.retain(|(other, _)| other != to);
                    there.iter_mut().filter(|(other, _)| other == from).for_each(|(path, _)| path.clone_from(to));
                }
            }
        }
        there
    }
}

impl Object {
    fn after_a_cut(&self, survival: f64) -> Vec<u8> {
        let mut content = Vec::new();
        for Content { change, lasts } in &self.changes {
            let survives = || *lasts == Lasts::Yes || rand::random_bool(survival);
            match change {
                ContentChange::Length(length) => {
                    if survives() {
                        content.resize(usize::try_from(*length).unwrap(), 0);
                    }
                }
                ContentChange::Write { at, bytes } => {
                    let at = usize::try_from(*at).unwrap();
                    for (from, sector) in sectors(at, bytes) {
                        if survives() {
                            let end = from + sector.len();
                            content.resize(content.len().max(end), 0);
                            content[from..end].copy_from_slice(sector);
                        }
                    }
                }
            }
        }
        content
    }
}

/// The parts of a write that a disk writes as a whole.
fn sectors(mut at: usize, mut bytes: &[u8]) -> Vec<(usize, &[u8])> {
    let mut parts = Vec::new();
    while !bytes.is_empty() {
        let length = (SECTOR - at % SECTOR).min(bytes.len());
        let (part, rest) = bytes.split_at(length);
        parts.push((at, part));
        at += length;
        bytes = rest;
    }
    parts
}
