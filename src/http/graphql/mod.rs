//! The graphql protocol.
