//! Keeps the live settings: stores a change, then publishes a new snapshot.
//!
//! [`SettingsKeeper`] is one actor and the only writer of the shared snapshot. It knows the rules of a value
//! ([`crate::settings`]) and the store, not who asks.
