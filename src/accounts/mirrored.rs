//! A token that was written where the accounts are, before its session has begun.

use std::any::Any;
use std::fmt;

use crate::store::{Change, MirroredToken};

/// A token that may stand in a shop's table, too. To be kept until its session has begun or failed to: from then on a
/// token without a session is taken out of the shop again.
#[derive(Default)]
pub struct Mirrored {
    token: Option<MirroredToken>,
    _on_its_way: Option<Box<dyn Any + Send + Sync>>,
}

impl Mirrored {
    /// A token that stands there; `on_its_way` is dropped when this is.
    pub fn new(token: MirroredToken, on_its_way: Box<dyn Any + Send + Sync>) -> Self {
        Self { token: Some(token), _on_its_way: Some(on_its_way) }
    }

    /// What has to be stored with the session, in the same transaction.
    pub fn along(&self) -> Option<Change> {
        self.token.map(Change::MirrorAdded)
    }
}

impl fmt::Debug for Mirrored {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Mirrored").field("token", &self.token).finish_non_exhaustive()
    }
}
