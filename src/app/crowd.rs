//! How many connections there may be at once, from how many files the system lets the process have open.
//!
//! A connection is an open file, and so are the database and its log: whoever opens connections until there are no more
//! files would take the database away, too. So connections stop before files do. And they stop on the public listener
//! before they stop on the others, because all listeners share their workers: a worker that holds as many as it may
//! makes actix-server accept no more on any listener, and gateways would be left without an answer.

use std::cell::Cell;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::time::Instant;
use tracing::{info, warn};

/// So many files are left to everything that is no connection: the database, its log, pipes, sockets of the runtime.
const KEPT: u64 = 256;

/// At most so many connections for each worker, whatever the system allows, as actix-server has it.
const MOST: u64 = 25_600;

/// Of the connections of a worker, so many are kept for the internal and the admin listener at most; of few, a quarter.
const NOT_PUBLIC: usize = 1024;

/// It is not said more often that there are too many.
const SAID_EVERY: Duration = Duration::from_mins(1);

/// Raises the limit on open files as far as the process may, and says how many connections each of so many workers may
/// hold. It is at least 1, even where the system allows next to nothing.
pub(super) fn connections_per_worker(workers: usize) -> usize {
    let files = raise_limit();
    let connections = share(files, workers);
    info!(files, connections_per_worker = connections, "connections are limited");
    if files.is_some_and(|files| files < 4 * KEPT) {
        warn!(files, "few files may be open at once: raise the limit (LimitNOFILE, ulimit -n) to serve many clients");
    }
    connections
}

/// The limit on open files that holds from now on; `None` when there is none.
fn raise_limit() -> Option<u64> {
    let now = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: now.maximum, ..now };
    match setrlimit(Resource::Nofile, wanted) {
        Ok(()) => now.maximum,
        Err(problem) => {
            warn!(%problem, "the limit on open files cannot be raised");
            now.current
        }
    }
}

/// What each worker may have of so many files.
fn share(files: Option<u64>, workers: usize) -> usize {
    let workers = u64::try_from(workers.max(1)).unwrap_or(u64::MAX);
    let each = files.map_or(MOST, |files| files.saturating_sub(KEPT) / workers);
    usize::try_from(each.clamp(1, MOST)).unwrap_or(usize::MAX)
}

/// How many of a worker's connections may come from the public listener.
pub(super) fn public_share(connections: usize) -> usize {
    (connections - (connections / 4).min(NOT_PUBLIC)).max(1)
}

thread_local! {
    /// How many public connections this worker has.
    static PUBLIC: Cell<usize> = const { Cell::new(0) };
    /// When it was last said that there are too many.
    static SAID: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// A place among the public connections of this worker. It is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place(());

impl Place {
    /// A place among `limit`; `None`, and a warning now and then, when all are taken.
    pub(super) fn take(limit: usize) -> Option<Self> {
        let taken = PUBLIC.get();
        if taken < limit {
            PUBLIC.set(taken + 1);
            return Some(Self(()));
        }
        let now = Instant::now();
        if SAID.get().is_none_or(|said| now.duration_since(said) >= SAID_EVERY) {
            SAID.set(Some(now));
            warn!(limit, "a worker has as many public connections as it may: further ones are closed at once");
        }
        None
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        PUBLIC.set(PUBLIC.get() - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_everything_else() {
        assert_eq!(share(Some(1024), 2), 384);
        assert_eq!(share(Some(1024), 1), 768);
        assert_eq!(share(Some(1 << 20), 2), 25_600);
        assert_eq!(share(None, 4), 25_600);
        assert_eq!(share(Some(64), 4), 1);
        assert_eq!(share(Some(1024), 0), 768);
    }

    #[test]
    fn the_public_leaves_connections_to_gateways() {
        assert_eq!(public_share(384), 288);
        assert_eq!(public_share(25_600), 24_576);
        assert_eq!(public_share(1), 1);
    }

    #[test]
    fn a_place_that_was_left_can_be_taken_again() {
        let (first, second) = (Place::take(2), Place::take(2));
        assert!(first.is_some() && second.is_some() && Place::take(2).is_none());
        drop(first);
        assert!(Place::take(2).is_some());
    }
}
