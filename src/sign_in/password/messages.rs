//! The messages that the hashers and the keeper of their memory understand.

use std::sync::Weak;

use actix::Message;

use super::HashError;
use super::memory::Slot;
use crate::secret::Password;

/// Is this the right password? Whatever is stored, the answer takes one full argon2.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Verdict, HashError>")]
pub struct VerifyPassword {
    /// The stored hash; `None` when there is none, or when it does not matter because the answer is no anyway.
    pub stored: Option<String>,
    /// What was typed.
    pub password: Password,
    /// Lives as long as somebody waits for the sign-in.
    pub caller: Weak<()>,
}

/// Whether it is the right password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Match,
    /// It is not.
    Mismatch,
    /// Nobody waited any more when its turn came: nothing was computed.
    Abandoned,
}

/// Hash this password for storing.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<String, HashError>")]
pub struct HashPassword {
    /// The new password.
    pub password: Password,
}

/// The memory in this slot was just used.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub(super) struct MemoryUsed(pub(super) Weak<Slot>);
