//! What the files and keys of a Magento installation say.
//!
//! Pure: it reads no file and no environment itself, asks no database, and starts no PHP. Whoever uses it brings the
//! text. What always holds: no input makes it panic or run for long, and no message of it repeats a value, since
//! passwords and keys are among them.

pub mod env_php;
