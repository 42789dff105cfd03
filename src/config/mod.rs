//! Configuration at start.
