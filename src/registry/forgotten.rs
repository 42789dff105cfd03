//! Sessions that memory has let go of and whose rows are still to be deleted.

use std::collections::VecDeque;

use crate::session::SessionId;

/// How many rows one transaction deletes at most, so that a mass expiry never holds up those who sign in.
const SLICE: usize = 4096;

/// A queue of numbers. One slice at a time is on its way to the store.
#[derive(Debug, Default)]
pub(super) struct Forgotten {
    waiting: VecDeque<Vec<SessionId>>,
    on_its_way: bool,
}

impl Forgotten {
    /// Adds numbers, oldest first.
    pub(super) fn push(&mut self, ids: Vec<SessionId>) {
        match self.waiting.back_mut() {
            Some(last) if last.len() + ids.len() <= SLICE => last.extend(ids),
            _ if ids.is_empty() => {}
            _ => self.waiting.push_back(ids),
        }
    }

    /// The next slice to delete, when none is on its way.
    pub(super) fn next(&mut self) -> Option<Vec<SessionId>> {
        if self.on_its_way {
            return None;
        }
        let mut slice = self.waiting.pop_front()?;
        if slice.len() > SLICE {
            self.waiting.push_front(slice.split_off(SLICE));
        }
        self.on_its_way = true;
        Some(slice)
    }

    /// The slice on its way has arrived.
    pub(super) fn stored(&mut self) {
        self.on_its_way = false;
    }

    /// The slice on its way could not be deleted: it is the next one again.
    pub(super) fn failed(&mut self, slice: Vec<SessionId>) {
        self.on_its_way = false;
        self.waiting.push_front(slice);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_bounded_keep_their_order_and_go_one_at_a_time() {
        let mut forgotten = Forgotten::default();
        let ids = |range: std::ops::Range<u64>| range.map(SessionId).collect::<Vec<_>>();
        forgotten.push(ids(0..5000));
        forgotten.push(ids(5000..5010));
        let first = forgotten.next().unwrap();
        assert_eq!(first, ids(0..4096));
        assert_eq!(forgotten.next(), None);
        forgotten.failed(first);
        assert_eq!(forgotten.next(), Some(ids(0..4096)));
        forgotten.stored();
        assert_eq!(forgotten.next(), Some(ids(4096..5000)));
        forgotten.stored();
        assert_eq!(forgotten.next(), Some(ids(5000..5010)));
        forgotten.stored();
        assert_eq!(forgotten.next(), None);
    }
}
