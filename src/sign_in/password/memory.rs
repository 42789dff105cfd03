//! The memory that argon2 fills: kept for the next hash, wiped before it is given back.

use std::fmt;
use std::sync::{Mutex, PoisonError, TryLockError};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::Zeroize;

use super::HashError;
use super::stored::Cost;

/// Where argon2 works. It grows to what a hash needs and is reused as it is: argon2 overwrites it from the start.
#[derive(Default)]
pub struct Memory {
    blocks: Vec<Block>,
    /// How many hashes were computed in it.
    runs: u64,
}

impl Memory {
    /// Computes Argon2id version 1.3 with one lane. `None` when argon2 refuses the parameters.
    pub(super) fn argon2(
        &mut self,
        cost: Cost,
        password: &[u8],
        salt: [u8; 16],
        output: &mut [u8],
    ) -> Result<Option<()>, HashError> {
        let Ok(parameters) = Params::new(cost.memory_kib, cost.iterations, 1, Some(output.len())) else {
            return Ok(None);
        };
        let blocks = self.reserve(parameters.block_count())?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
        let outcome = argon2.hash_password_into_with_memory(password, &salt, output, blocks);
        self.runs += 1;
        Ok(outcome.ok())
    }

    /// How many hashes were computed in it so far.
    pub(super) fn runs(&self) -> u64 {
        self.runs
    }

    /// Gives it back when it is larger than new hashes need: a rare stored value should not hold memory for long.
    pub(super) fn trim(&mut self) {
        if self.blocks.len() > Cost::STANDARD.memory_kib as usize {
            self.wipe();
            self.blocks = Vec::new();
        }
    }

    /// How many bytes it holds.
    pub(super) fn size(&self) -> usize {
        self.blocks.len() * Block::SIZE
    }

    fn reserve(&mut self, count: usize) -> Result<&mut [Block], HashError> {
        if self.blocks.len() < count {
            self.wipe();
            self.blocks = Vec::new();
            self.blocks.try_reserve_exact(count).map_err(|_| HashError::OutOfMemory)?;
            self.blocks.resize(count, Block::new());
        }
        Ok(&mut self.blocks[..count])
    }

    fn wipe(&mut self) {
        self.blocks.iter_mut().zeroize();
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.wipe();
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Memory({} bytes)", self.size())
    }
}

/// Where a hasher leaves its memory between two hashes, and where the keeper finds it. The lock is held while a hash is
/// computed; only the keeper could meet it, and the keeper does not wait.
#[derive(Debug, Default)]
pub(super) struct Slot(Mutex<Option<Memory>>);

impl Slot {
    /// Works in the memory, a new one when the last one was given back.
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut Memory) -> R) -> R {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = held.get_or_insert_default();
        let result = work(memory);
        memory.trim();
        result
    }

    /// Looks whether there is memory.
    #[cfg(test)]
    pub(super) fn with_held<R>(&self, look: impl FnOnce(&Option<Memory>) -> R) -> R {
        look(&self.0.lock().unwrap())
    }

    /// Takes the memory out. [`InUse`] when a hash is being computed in it.
    pub(super) fn take(&self) -> Result<Option<Memory>, InUse> {
        match self.0.try_lock() {
            Ok(mut held) => Ok(held.take()),
            Err(TryLockError::Poisoned(held)) => Ok(held.into_inner().take()),
            Err(TryLockError::WouldBlock) => Err(InUse),
        }
    }
}

/// A hash is being computed in this memory.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct InUse;

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Cost = Cost { memory_kib: 8, iterations: 1 };

    fn run(memory: &mut Memory, cost: Cost) -> [u8; 32] {
        let mut output = [0; 32];
        let done = memory.argon2(cost, b"password", *b"abcdefghijklmnop", &mut output);
        assert_eq!(done, Ok(Some(())));
        output
    }

    #[test]
    fn memory_that_was_used_before_gives_the_same_hash() {
        let large = Cost { memory_kib: 64, iterations: 2 };
        let mut memory = Memory::default();
        let (first, other) = (run(&mut memory, SMALL), run(&mut memory, large));
        assert_eq!((run(&mut memory, SMALL), run(&mut memory, large)), (first, other));
        assert_eq!(memory.runs(), 4);
        assert_eq!(memory.size(), 64 * 1024);
    }

    #[test]
    fn memory_beyond_what_new_hashes_need_is_not_kept() {
        let slot = Slot::default();
        let large = Cost { memory_kib: 2 * Cost::STANDARD.memory_kib, iterations: 1 };
        slot.with(|memory| run(memory, large));
        assert_eq!(slot.take().unwrap().unwrap().size(), 0);
    }

    #[test]
    fn memory_in_use_is_not_taken() {
        let slot = Slot::default();
        slot.with(|_| assert_eq!(slot.take().unwrap_err(), InUse));
        assert!(slot.take().unwrap().is_some());
        assert!(slot.take().unwrap().is_none());
    }
}
