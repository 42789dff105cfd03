//! `[sign_in]`: how passwords are checked.

use crate::config::cores;
use crate::config::reader::Reader;
use crate::config::value::{boolean, whole_number};

/// How many sign-ins may wait for each core.
const QUEUE_PER_CORE: usize = 64;

/// How passwords are checked.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// Whether customers whose `is_active` is 0 are refused: Magento does not look at it (fact sheet 5.2).
    pub refuse_inactive: bool,
    /// How many passwords are hashed at once; each takes 64 MiB.
    pub concurrency: usize,
    /// How many may wait for their turn; beyond that a sign-in is refused at once.
    pub queue: usize,
}

impl Default for SignIn {
    fn default() -> Self {
        Self { refuse_inactive: false, concurrency: cores(), queue: QUEUE_PER_CORE * cores() }
    }
}

impl SignIn {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let default = Self::default();
        Self {
            refuse_inactive: reader.read("sign_in.refuse_inactive", boolean).unwrap_or(default.refuse_inactive),
            concurrency: reader.read("sign_in.concurrency", whole_number(1..=1024)).unwrap_or(default.concurrency),
            queue: reader.read("sign_in.queue", whole_number(1..=1_000_000)).unwrap_or(default.queue),
        }
    }
}
