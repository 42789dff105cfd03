//! The data folder: `tokenward.db`, one writer, a lock.
//!
//! [`StoreWriter`] is one actor on one thread and owns the writing connection. It takes whatever changes wait, writes
//! them in one transaction, and answers them all. Reads go through a few read-only connections ([`Readers`]).
//!
//! Lines of the audit trail are numbered, encrypted and joined where they are written, in the transaction of what they
//! tell of; [`TrailReader`] checks and reads them, also while a server runs.
//!
//! What a shop is still to be told lies in the outbox, written in the transaction of what it tells of. Which tokens
//! stand in the shop's table, too, is kept as the numbers of their rows, never as their text.
//!
//! It knows rows, not rules: what a change means was decided by whoever sent it. What always holds: an answer to a
//! change means that it is on disk; a change is stored whole or not at all; a change that fails takes no other one
//! with it. A file that is locked, full or read-only is an error of each call and not of the process: the next call
//! tries again. Nothing is written behind what may not be on the disk. Rows carry checksums, so that damage is an error
//! and never an answer.

mod apply;
mod audit;
mod audit_reading;
#[cfg(test)]
mod audit_tests;
mod backup;
mod belonging;
mod change;
mod checksums;
mod connection;
mod database_file;
mod fault;
mod folder;
mod handle;
mod jwts;
mod ledger;
mod load;
mod log;
mod mirror;
mod outbox;
mod readers;
mod recover;
mod rows;
mod schema;
mod seen_settings;
#[cfg(test)]
mod session_tests;
mod sessions;
mod table_seals;
#[cfg(test)]
mod tests;
mod writer;

pub use audit::Erasure;
pub use audit_reading::{ExportError, Span, TrailFault, TrailReader, Verdict};
pub use backup::{Accepted, accept_restored, back_up};
pub use belonging::EMBEDDED_ACCOUNTS;
pub use change::{
    Change, Committed, CustomerLock, Record, RecordOutcome, SettingRow, StoreError, ThrottleRow, UsedCode, Write,
    Written,
};
pub use checksums::{RowChecksums, SealedTable};
pub use folder::{DataFolder, Durability, FolderError, holds_data};
pub use handle::Store;
pub use jwts::StoredJwts;
pub use load::{LoadError, Loaded, Loader};
pub use mirror::MirroredToken;
pub use outbox::{UserRevocation, WaitingForShop};
pub use readers::Readers;
pub use recover::{RecoverOptions, Recovery, Saved, recover};
pub use rows::{AdministratorRow, CustomerRow, RoleRow};
pub use sessions::StoredSession;
pub use writer::{AttachRegistry, StoreWriter};
