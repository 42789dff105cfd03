//! The live settings by Magento's path, and what they are looked up against: websites, store views, roles.
//!
//! Pure: reading them takes no lock and asks no file. Whoever changes them builds a new [`Snapshot`] and swaps it; a
//! reader holds one snapshot for as long as it decides one thing.

mod catalogue;
mod change;
mod definition;
mod roles;
mod snapshot;
mod stores;
mod values;

pub use catalogue::DEFINITIONS;
pub use change::{SettingError, check};
pub use definition::{Definition, InvalidValue, Kind, Reach};
pub use roles::{Role, RoleId, Roles};
pub use snapshot::{SharedSnapshot, Snapshot};
pub use stores::{StoreDirectory, StoreId, StoreView, Website, WebsiteId};
pub use values::{Difference, Scope, Settings};
