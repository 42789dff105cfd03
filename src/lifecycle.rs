//! Signals, drain, and what happens when an actor panics.
