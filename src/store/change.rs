//! What can be asked of the store.

use actix::Message;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::audit::Line;
use crate::clock::UnixSeconds;
use crate::secret::Secret;
use crate::session::{SessionEvent, SessionId};
use crate::settings::{Scope, StoreDirectory};
use crate::store::{AdministratorRow, CustomerRow, Erasure, MirroredToken, RoleRow, UserRevocation};

/// One change of what is stored. Several make one transaction.
#[derive(Clone, Debug)]
pub enum Change {
    /// Something happened to a session.
    Session(SessionEvent),
    /// These sessions have ended by themselves, or with their whole kind, and need no longer be kept. What
    /// [`SessionEvent::Expired`] says, for many.
    SessionsForgotten(Vec<SessionId>),
    /// The failure counters and the lock of a customer.
    CustomerLock(CustomerLock),
    /// A row of the throttle was written.
    ThrottleSet(ThrottleRow),
    /// A row of the throttle was removed.
    ThrottleCleared {
        /// The kind of user that the name was meant for.
        kind: crate::session::UserType,
        /// The name, as the throttle folds it.
        name: String,
    },
    /// Rows of the throttle whose lock has ended are removed (fact sheet 4.5).
    ThrottleOutdated {
        /// Those that end then or earlier.
        at: UnixSeconds,
    },
    /// A customer signed in.
    CustomerSignedIn {
        /// Which one.
        customer: u32,
        /// When.
        at: UnixSeconds,
    },
    /// An administrator signed in.
    AdministratorSignedIn {
        /// Which one.
        administrator: u32,
        /// When.
        at: UnixSeconds,
    },
    /// A setting was changed.
    Setting(SettingRow),
    /// The shop's settings are these, all of them.
    SettingsSeen(Vec<SettingRow>),
    /// These customers are new. Their numbers are in [`Written::ids`], in the same order.
    CreateCustomers(Vec<CustomerRow>),
    /// A customer's password was set. Counters and lock stay as they are.
    CustomerPassword {
        /// Which customer.
        customer: u32,
        /// The hash in Magento's format.
        hash: String,
        /// When.
        at: UnixSeconds,
    },
    /// This administrator is new. The number is in [`Written::ids`].
    CreateAdministrator(AdministratorRow),
    /// An administrator's password was set.
    AdministratorPassword {
        /// Which administrator.
        administrator: u32,
        /// The hash in Magento's format.
        hash: String,
    },
    /// An administrator was switched on or off.
    AdministratorActive {
        /// Which administrator.
        administrator: u32,
        /// Whether the account is active.
        active: bool,
    },
    /// The secret of an administrator's authenticator app was set, or removed.
    SecondFactor {
        /// Which administrator.
        administrator: u32,
        /// The secret in base32.
        secret: Option<Secret>,
    },
    /// An administrator signed in with a code: none of this period or of an earlier one is good again.
    CodeUsed(UsedCode),
    /// This role is new.
    CreateRole(RoleRow),
    /// These websites and store views take the place of all that there were.
    Directory(StoreDirectory),
    /// The folder has got what a fresh one starts with: see [`crate::store::DataFolder::is_fresh`].
    FolderInitialised,
    /// A user's tokens were revoked, and the shop is still to be told.
    OutboxAdded(UserRevocation),
    /// The shop has these.
    OutboxDelivered(Vec<UserRevocation>),
    /// A token that is issued here stands in the shop's table, too. Stored with its session.
    MirrorAdded(MirroredToken),
    /// These no longer stand there.
    MirrorRemoved(Vec<MirroredToken>),
    /// A line of the audit trail. It stands behind the changes of the same message that it tells of.
    Audit(Line),
    /// The oldest lines of the audit trail from before this moment go, a slice of them.
    AuditOutdated {
        /// What is older than this.
        before: UnixSeconds,
    },
    /// A person becomes unreadable.
    Erase(Erasure),
}

/// The failure counters and the lock of a customer (fact sheet 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CustomerLock {
    /// Which customer.
    pub customer: u32,
    /// How many wrong passwords since the last success or lock.
    pub failures: u32,
    /// When the first of them was.
    pub first_failure: Option<UnixSeconds>,
    /// Until when the account is locked.
    pub lock_expires: Option<UnixSeconds>,
}

/// The last code that an administrator signed in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsedCode {
    /// Which administrator.
    pub administrator: u32,
    /// The period whose code it was, counted from the Unix epoch (fact sheet 9.3).
    pub period: u32,
}

/// A row of the throttle (fact sheet 5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThrottleRow {
    /// The kind of user that the name was meant for.
    pub kind: crate::session::UserType,
    /// The name, folded so that all spellings that reach one account are one name.
    pub name: String,
    /// How many failures.
    pub failures: u32,
    /// Until when the failures count.
    pub lock_expires: UnixSeconds,
}

/// The value of a setting at one scope; `None` goes back to the inherited value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingRow {
    /// Magento's path.
    pub path: String,
    /// Where.
    pub scope: Scope,
    /// The value.
    pub value: Option<String>,
}

/// Write these changes in one transaction. The reply comes when they are on disk.
#[derive(Debug, Message)]
#[rtype(result = "Result<Written, StoreError>")]
pub struct Write(pub Vec<Change>);

/// The changes are stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The numbers that new customers and administrators were given, in the order of the changes.
    pub ids: Vec<u32>,
    /// Whether what was erased is still in the log of the file, because somebody reads it at the moment. It goes as soon as
    /// nobody does.
    pub lingers: bool,
}

/// Write these changes in one transaction, and tell the recipient of [`Committed`]. From the registry, which does not
/// wait inside its own turn.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Record {
    /// The number of this record; the registry counts them up.
    pub ticket: u64,
    /// What to write.
    pub changes: Vec<Change>,
}

/// Every record up to `through`, and not answered before, has the same outcome. One message for a whole batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct Committed {
    /// The last record of the batch.
    pub through: u64,
    /// What became of the batch.
    pub outcome: RecordOutcome,
}

/// What became of a batch of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordOutcome {
    /// It is on disk.
    Stored,
    /// It is not acknowledged. After a fault of the file it may be found there all the same when the process dies before
    /// the file could be settled.
    Failed,
}

/// Why the store could not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StoreError {
    /// The file cannot be used at the moment: it is locked, the disk is full or read-only, the writer is gone.
    #[error("the data folder cannot be used: {0}")]
    Unavailable(String),
    /// The change contradicts what is stored: a name that is taken, say.
    #[error("{0}")]
    Conflict(String),
}
