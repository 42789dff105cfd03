//! How lines hang together.

use std::fmt;

use crate::clock::UnixSeconds;
use crate::token::DigestKey;

/// The hash of a line: 128 bits of a keyed hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineHash(pub [u8; 16]);

impl fmt::Display for LineHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

/// Joins lines. Whoever does not have the key cannot make a line that fits, nor a [`Head`].
#[derive(Clone)]
pub struct ChainKey {
    lines: [u8; 32],
    head: [u8; 32],
    names: [u8; 32],
}

impl ChainKey {
    /// The chain of a data folder with this key.
    pub fn new(key: &DigestKey) -> Self {
        Self {
            lines: key.derive("tokenward 2026 chain of the audit trail"),
            head: key.derive("tokenward 2026 head of the audit trail"),
            names: key.derive("tokenward 2026 names in the audit trail"),
        }
    }

    /// The hash of a line after the one with the hash `before`.
    pub fn link(&self, before: LineHash, number: u64, at: UnixSeconds, bytes: &[u8]) -> LineHash {
        let mut hasher = blake3::Hasher::new_keyed(&self.lines);
        hasher.update(&before.0).update(&number.to_le_bytes()).update(&at.get().to_le_bytes()).update(bytes);
        LineHash(first_half(&hasher.finalize()))
    }

    /// What a folded name is found by, so that it does not stand in clear beside its key.
    pub fn holder(&self, kind: u8, folded: &str) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_keyed(&self.names);
        first_half(&hasher.update(&[kind]).update(folded.as_bytes()).finalize())
    }
}

impl fmt::Debug for ChainKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ChainKey(…)")
    }
}

fn first_half(hash: &blake3::Hash) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&hash.as_bytes()[..16]);
    half
}

/// Where the chain begins and ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The number of the last line that was deleted because of its age; 0 before any was.
    pub pruned: u64,
    /// That line's hash: what the first line that is kept follows.
    pub anchor: LineHash,
    /// The number of the last line; 0 before there was any.
    pub last: u64,
    /// Its hash.
    pub hash: LineHash,
}

impl Head {
    const BYTES: usize = 64;

    /// The head after another line with these bytes.
    #[must_use]
    pub fn followed_by(&self, key: &ChainKey, at: UnixSeconds, bytes: &[u8]) -> Self {
        let last = self.last + 1;
        Self { last, hash: key.link(self.hash, last, at, bytes), ..*self }
    }

    /// As it is kept, with a keyed checksum.
    pub fn to_bytes(self, key: &ChainKey) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&self.pruned.to_le_bytes());
        bytes[8..24].copy_from_slice(&self.anchor.0);
        bytes[24..32].copy_from_slice(&self.last.to_le_bytes());
        bytes[32..48].copy_from_slice(&self.hash.0);
        let checksum = first_half(&blake3::keyed_hash(&key.head, &bytes[..48]));
        bytes[48..].copy_from_slice(&checksum);
        bytes
    }

    /// The head with these bytes; `None` when they do not match their checksum.
    pub fn from_bytes(bytes: &[u8], key: &ChainKey) -> Option<Self> {
        let bytes: &[u8; Self::BYTES] = bytes.try_into().ok()?;
        let head = Self {
            pruned: u64::from_le_bytes(bytes[..8].try_into().ok()?),
            anchor: LineHash(bytes[8..24].try_into().ok()?),
            last: u64::from_le_bytes(bytes[24..32].try_into().ok()?),
            hash: LineHash(bytes[32..48].try_into().ok()?),
        };
        (head.to_bytes(key) == *bytes).then_some(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_covers_the_one_before_the_number_the_time_and_the_bytes() {
        let key = ChainKey::new(&DigestKey::from_bytes([1; 32]));
        let (before, at) = (LineHash([7; 16]), UnixSeconds(9));
        let hash = key.link(before, 3, at, b"line");
        assert_eq!(key.link(before, 3, at, b"line"), hash);
        for other in [
            key.link(LineHash([8; 16]), 3, at, b"line"),
            key.link(before, 4, at, b"line"),
            key.link(before, 3, UnixSeconds(10), b"line"),
            key.link(before, 3, at, b"lime"),
            ChainKey::new(&DigestKey::from_bytes([2; 32])).link(before, 3, at, b"line"),
        ] {
            assert_ne!(other, hash);
        }
    }

    #[test]
    fn a_head_with_one_flipped_bit_is_not_believed() {
        let key = ChainKey::new(&DigestKey::generate());
        let head = Head { pruned: 2, anchor: LineHash([1; 16]), last: 5, hash: LineHash([2; 16]) };
        let bytes = head.to_bytes(&key);
        assert_eq!(Head::from_bytes(&bytes, &key), Some(head));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Head::from_bytes(&flipped, &key), None, "bit {bit}");
        }
    }
}
