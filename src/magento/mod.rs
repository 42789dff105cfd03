//! What the files and the keys of a Magento installation say.
//!
//! Pure: texts come in, values go out; nothing here opens a file, asks a database or knows a session. What always holds:
//! no text makes a parser panic, and a key or a decrypted value never prints itself.

mod encrypted;
mod key;

pub use encrypted::{DecryptError, EncryptError};
pub use key::{InstallationKey, KeyError};
