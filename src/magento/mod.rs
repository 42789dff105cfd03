//! What the files and the keys of a Magento installation say.
//!
//! Pure: texts come in, values go out; nothing here opens a file, asks a database, starts PHP or knows a session. What
//! always holds: no text makes a parser panic or run for long, no message repeats a value, since passwords and keys are
//! among them, and a key or a decrypted value never prints itself.

mod encrypted;
pub mod env_php;
mod key;

pub use encrypted::{DecryptError, EncryptError};
pub use key::{InstallationKey, KeyError, SharedInstallationKey};
