//! The data folder: `tokenward.db`, one writer, a lock.
//!
//! [`StoreWriter`] is one actor on one thread and owns the writing connection. It takes whatever changes wait, writes
//! them in one transaction, and answers them all. Reads go through a few read-only connections ([`Readers`]).
//!
//! It knows rows, not rules: what a change means was decided by whoever sent it.

mod change;

pub use change::{
    Change, Committed, CustomerLock, Record, RecordOutcome, SettingRow, StoreError, ThrottleRow, Write, Written,
};
