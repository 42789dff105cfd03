//! Commands to a running server.
