//! Commands of the operator: what they are, and how they reach the data folder.
//!
//! A running server listens on a Unix socket in its data folder (mode 0600: who may read the folder may command it);
//! a command line that finds no server opens the folder itself. Either way [`execute()`] does the work, so that there is
//! one writer and one behaviour. One JSON object a line in each direction: a [`Command`] in, an [`Answer`] out.

mod client;
mod command;
mod execute;
mod server;

pub use client::{ControlError, send};
pub use command::{Answer, Command, ExposedPassword, UserName};
#[cfg(debug_assertions)]
pub use execute::PanicButton;
pub use execute::{Copier, Office, execute};
pub use server::{SOCKET, listen};

pub use crate::session::UserType as UserKind;
