//! The shared index.

/// The shared index: digest to session, and what is known of subjects.
#[derive(Debug, Default)]
pub(super) struct Index {}
