//! `[data]`: the data folder, and how safely it is written.

use std::path::PathBuf;

use serde::Deserialize;

use crate::config::choice::one_of;
use crate::config::reader::Reader;
use crate::config::value::path;

/// The data folder, and how safely it is written.
#[derive(Clone, Debug)]
pub struct Data {
    /// The folder that holds everything tokenward must not lose. A relative path starts at the working directory.
    pub dir: PathBuf,
    /// When a change counts as stored.
    pub durability: Durability,
}

/// When a change of a session counts as stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    /// It is answered after it is on the disk.
    #[default]
    Sync,
    /// A new session is answered first: at most 100 ms of them are lost in a power cut. Revocations always wait.
    Async,
    /// Sessions are in memory only.
    None,
}

impl Default for Data {
    fn default() -> Self {
        Self { dir: "./data".into(), durability: Durability::default() }
    }
}

impl Data {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let default = Self::default();
        Self {
            dir: reader.read("data.dir", path).unwrap_or(default.dir),
            durability: reader.read("data.durability", one_of).unwrap_or_default(),
        }
    }
}
