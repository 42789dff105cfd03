//! The rest protocol.
