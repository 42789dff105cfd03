//! Gives the memory of idle hashers back.

use std::any::Any;
use std::fmt;
use std::sync::Weak;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler};
use tokio::time::Instant;

use super::memory::{InUse, Memory, Slot};
use super::messages::MemoryUsed;

/// How long memory is kept without use.
pub(super) const IDLE: Duration = Duration::from_mins(1);

/// Knows which hasher last used its memory when, and takes it away after [`IDLE`].
///
/// A hasher's thread cannot have a timer of its own: it either computes or waits for a message.
pub(super) struct MemoryKeeper {
    kept: Vec<Kept>,
    /// Whether the one timer is armed, for the earliest moment at which something may have become idle.
    armed: bool,
    _guard: Box<dyn Any + Send>,
}

struct Kept {
    slot: Weak<Slot>,
    used: Instant,
}

impl MemoryKeeper {
    pub(super) fn new(guard: Box<dyn Any + Send>) -> Self {
        Self { kept: Vec::new(), armed: false, _guard: guard }
    }

    fn note(&mut self, slot: Weak<Slot>, now: Instant) {
        match self.kept.iter_mut().find(|kept| kept.slot.ptr_eq(&slot)) {
            Some(kept) => kept.used = now,
            None => self.kept.push(Kept { slot, used: now }),
        }
    }

    fn arm(&mut self, context: &mut Context<Self>) {
        let Some(earliest) = self.kept.iter().map(|kept| kept.used + IDLE).min() else {
            return;
        };
        if !self.armed {
            self.armed = true;
            let delay = earliest.saturating_duration_since(Instant::now());
            context.run_later(delay, Self::release);
        }
    }

    fn release(&mut self, context: &mut Context<Self>) {
        self.armed = false;
        let idle = self.take_idle(Instant::now());
        if !idle.is_empty() {
            // Wiping 64 MiB takes milliseconds, which the other actors of this thread should not wait for.
            tokio::task::spawn_blocking(move || drop(idle));
        }
        self.arm(context);
    }

    fn take_idle(&mut self, now: Instant) -> Vec<Memory> {
        let mut idle = Vec::new();
        self.kept.retain_mut(|kept| {
            if now < kept.used + IDLE {
                return true;
            }
            match kept.slot.upgrade().map(|slot| slot.take()) {
                Some(Err(InUse)) => {
                    kept.used = now;
                    true
                }
                Some(Ok(memory)) => {
                    idle.extend(memory);
                    false
                }
                None => false,
            }
        });
        idle
    }
}

impl Actor for MemoryKeeper {
    type Context = Context<Self>;
}

#[cfg(debug_assertions)]
crate::lifecycle::panics_when_told!(MemoryKeeper);

impl Handler<MemoryUsed> for MemoryKeeper {
    type Result = ();

    fn handle(&mut self, message: MemoryUsed, context: &mut Self::Context) {
        self.note(message.0, Instant::now());
        self.arm(context);
    }
}

impl fmt::Debug for MemoryKeeper {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "MemoryKeeper({} slots)", self.kept.len())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn used_slot() -> Arc<Slot> {
        let slot = Arc::new(Slot::default());
        slot.with(|_| ());
        slot
    }

    #[actix::test]
    async fn memory_is_given_back_a_minute_after_its_last_use_and_not_before() {
        tokio::time::pause();
        let keeper = MemoryKeeper::new(Box::new(())).start();
        let (busy, idle) = (used_slot(), used_slot());
        for slot in [&busy, &idle] {
            keeper.send(MemoryUsed(Arc::downgrade(slot))).await.unwrap();
        }
        tokio::time::sleep(IDLE / 2).await;
        keeper.send(MemoryUsed(Arc::downgrade(&busy))).await.unwrap();
        tokio::time::sleep(Duration::from_secs(29)).await;
        let held = |slot: &Slot| slot.with_held(Option::is_some);
        assert!(held(&busy) && held(&idle), "one second before the minute is over");
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(held(&busy), "used half a minute ago");
        assert!(!held(&idle));
        tokio::time::sleep(IDLE / 2).await;
        assert!(!held(&busy));
        // It is noticed again after it was used again.
        idle.with(|_| ());
        keeper.send(MemoryUsed(Arc::downgrade(&idle))).await.unwrap();
        tokio::time::sleep(IDLE + Duration::from_secs(1)).await;
        assert!(!held(&idle));
    }

    #[actix::test]
    async fn memory_in_use_is_left_alone_and_a_slot_that_is_gone_forgotten() {
        let mut keeper = MemoryKeeper::new(Box::new(()));
        let now = Instant::now();
        let slot = used_slot();
        keeper.note(Arc::downgrade(&slot), now);
        keeper.note(Weak::new(), now);
        slot.with(|_| assert!(keeper.take_idle(now + IDLE).is_empty()));
        assert_eq!(keeper.kept.len(), 1);
        assert_eq!(keeper.take_idle(now + IDLE + IDLE).len(), 1);
        assert!(keeper.kept.is_empty());
    }
}
