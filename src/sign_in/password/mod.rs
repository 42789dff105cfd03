//! Password hashes in Magento's formats, and the pool that computes them.
//!
//! [`StoredHash`] knows the formats (fact sheet 7), [`PasswordHasher`] is the pool's actor, one a thread, and
//! [`HasherPool`] the way to it. It knows no account and no name. What always holds:
//!
//! - at most `sign_in.concurrency` passwords are hashed at once, and at most `sign_in.queue` more wait; who comes later
//!   hears so at once;
//! - every verification costs one full argon2, whatever is stored and whether anything is stored;
//! - what a stored value asks for is bounded: a hostile row costs neither much memory nor much time;
//! - the memory of a hash is wiped before it is given back, and given back after 60 s without use.

mod gate;
mod hasher;
mod keeper;
mod memory;
mod messages;
mod meter;
mod pool;
mod stored;

pub use hasher::PasswordHasher;
pub use memory::Memory;
pub use messages::{HashPassword, Verdict, VerifyPassword};
pub use pool::{GuardFactory, HasherPool, Load, PoolOptions};
pub use stored::{StoredHash, is_current};

pub(super) use gate::Place;
pub(super) use pool::PoolError;

use stored::Cost;
use thiserror::Error;

use crate::secret::Password;

/// Why a password could not be hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HashError {
    /// The system gave no memory for it.
    #[error("there is not enough memory to hash a password")]
    OutOfMemory,
}

/// Hashes a password for storing, on this thread: for commands that run without a server.
///
/// # Errors
/// [`HashError::OutOfMemory`].
pub fn hash(password: &Password) -> Result<String, HashError> {
    stored::new_hash(password, Cost::STANDARD, &mut Memory::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_made_without_a_server_matches_its_password_and_no_other() {
        let password = Password::new("Password1".to_owned());
        let text = hash(&password).unwrap();
        let mut memory = Memory::default();
        let stored = StoredHash::parse(&text);
        assert_eq!(stored.matches(&password, None, &mut memory), Ok(true));
        let other = Password::new("password1".to_owned());
        assert_eq!(stored.matches(&other, None, &mut memory), Ok(false));
    }
}
