//! The composition root: starts every part, and hands each what it needs. Used by the command line and by tests alike.
//!
//! The listeners come first ([`Entrance`]), so that health is answered from the first moment. A [`House`] is everything
//! else; once it stands it is admitted to the listeners, which go on to answer nothing but health until the sessions are
//! loaded ([`Running::load`]) and the doors are opened ([`Running::welcome`]). Each part has `Options` of its own,
//! and only this folder knows how they follow from the configuration.

mod arrival;
mod crowd;
mod demo;
mod folder;
mod house;
mod loading;
mod office;
mod options;
mod servers;
mod shop;
mod sockets;
mod trail;
mod validators;

pub use crate::store::Accepted;
pub use demo::{Demo, DemoError};
pub use folder::{accept_restored, is_there, operator, recover, try_folder};
pub use house::{House, OpenError};
pub use loading::LoadingError;
pub use servers::{Entrance, Listeners, Running, ServeError};
pub use shop::ShopError;
pub use sockets::{Inherited, InheritedError};
pub use trail::open_trail;
pub use validators::Validators;

pub use crate::store::{ExportError, RecoverOptions, Span, TrailReader, Verdict};
