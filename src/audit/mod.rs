//! The audit trail: what a line says, and how lines hang together.
//!
//! Pure: it knows no file, no actor and no clock. [`Line`] is what somebody tells; [`Entry`] is what is kept of it, with
//! names and addresses encrypted under a key of their person ([`PersonKey`]), so that destroying that key makes them
//! unreadable while everything else stays; [`ChainKey`] joins each entry to the one before. What always holds:
//!
//! - no token and no password is part of a line;
//! - the bytes of an entry say one thing only: two entries never have the same bytes;
//! - the hash of a line covers its number, its time, its bytes and the hash before it, so that a line that is changed,
//!   taken out or moved does not fit any more;
//! - [`Head`] says where the chain begins and ends, so that lines missing at either end are noticed, too.

mod chain;
mod entry;
mod event;
mod folding;
mod line;
mod person;
mod view;

pub use chain::{ChainKey, Head, LineHash};
pub use entry::{Entry, NotAnEntry, Sealed};
pub use event::{Event, Network, Which};
pub use folding::{Folded, Folding, MOST_A_SECOND};
pub use line::{Actor, Channel, Line, Origin};
pub use person::{KeyName, Person, PersonKey, Personal};
pub use view::view;
