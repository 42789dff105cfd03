//! A long-lived actor that panics would die silently and leave a server that can no longer do its work, so each owns an
//! [`ActorGuard`] that ends the process.

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Hands out guards, and hears from them.
#[derive(Clone, Debug)]
pub struct Watch(UnboundedSender<&'static str>);

/// Where the names of actors that panicked arrive.
pub type Panics = UnboundedReceiver<&'static str>;

impl Watch {
    /// A watch, and where it is heard.
    pub fn new() -> (Self, Panics) {
        let (sender, receiver) = unbounded_channel();
        (Self(sender), receiver)
    }

    /// A guard for the actor of this name.
    pub fn guard(&self, actor: &'static str) -> ActorGuard {
        ActorGuard { actor, panics: self.0.clone() }
    }
}

/// Owned by an actor: dropped while its thread panics, it ends the process.
#[derive(Debug)]
pub struct ActorGuard {
    actor: &'static str,
    panics: UnboundedSender<&'static str>,
}

impl Drop for ActorGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // When nobody hears it, the process is ending already.
            let _nobody_listens = self.panics.send(self.actor);
        }
    }
}

/// Makes an actor panic, to show that its guard works. Only in builds with debug assertions.
#[cfg(debug_assertions)]
#[derive(Clone, Copy, Debug, actix::Message)]
#[rtype(result = "()")]
pub struct ProvokePanic;

/// Lets an actor be told to panic.
#[cfg(debug_assertions)]
macro_rules! panics_when_told {
    ($actor:ty) => {
        impl actix::Handler<$crate::lifecycle::ProvokePanic> for $actor {
            type Result = ();

            fn handle(&mut self, _: $crate::lifecycle::ProvokePanic, _: &mut Self::Context) {
                panic!("told to panic");
            }
        }
    };
}

#[cfg(debug_assertions)]
pub(crate) use panics_when_told;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_speaks_only_when_its_thread_panics() {
        let (watch, mut panics) = Watch::new();
        drop(watch.guard("calm"));
        let guard = watch.guard("panicking");
        let thread = std::thread::spawn(move || {
            let _guard = guard;
            panic!("on purpose");
        });
        assert!(thread.join().is_err());
        assert_eq!(panics.try_recv(), Ok("panicking"));
        assert!(panics.try_recv().is_err());
    }
}
