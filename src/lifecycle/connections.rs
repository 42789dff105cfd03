//! How many connections are open, and when the idle ones among them should go.
//!
//! The server counts them, too, but looks once a second only whether the last one has ended, which would be most of the
//! time that a restart takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, watch};

/// The open connections of all listeners.
#[derive(Clone, Debug)]
pub struct Connections(Arc<State>);

#[derive(Debug)]
struct State {
    open: AtomicUsize,
    /// Told whenever there are none any more.
    none: Notify,
    /// Whether those that wait for a request are to be closed.
    closing: watch::Sender<bool>,
}

/// One open connection, until it is dropped.
#[derive(Debug)]
pub struct Connection(Arc<State>);

impl Connections {
    /// Counts one more.
    pub fn open(&self) -> Connection {
        self.0.open.fetch_add(1, Ordering::AcqRel);
        Connection(Arc::clone(&self.0))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.open.load(Ordering::Acquire)
    }

    /// From now on connections end as soon as no request is in progress on them.
    pub fn close_idle(&self) {
        self.0.closing.send_replace(true);
    }

    /// Resolves when [`Self::close_idle`] has been called, also when that was before.
    pub fn closing(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut closing = self.0.closing.subscribe();
        async move {
            // An error would mean that nobody can call it any more: then there is no server either.
            drop(closing.wait_for(|&closing| closing).await);
        }
    }

    /// Resolves when there are none.
    pub async fn none(&self) {
        loop {
            let none = self.0.none.notified();
            tokio::pin!(none);
            // Before the count is read, so that the last one cannot go unnoticed between the two.
            none.as_mut().enable();
            if self.count() == 0 {
                return;
            }
            none.await;
        }
    }
}

impl Default for Connections {
    fn default() -> Self {
        Self(Arc::new(State { open: AtomicUsize::new(0), none: Notify::new(), closing: watch::Sender::new(false) }))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.0.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.none.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[actix_rt::test]
    async fn none_are_left_when_the_last_one_is_dropped() {
        let connections = Connections::default();
        let (first, second) = (connections.open(), connections.open());
        let none = connections.none();
        tokio::pin!(none);
        assert_eq!(none.as_mut().now_or_never(), None);
        drop(first);
        assert_eq!(none.as_mut().now_or_never(), None);
        drop(second);
        assert_eq!(none.as_mut().now_or_never(), Some(()));
    }

    #[actix_rt::test]
    async fn who_asks_late_whether_to_close_hears_it_too() {
        let connections = Connections::default();
        let early = connections.closing();
        tokio::pin!(early);
        assert_eq!(early.as_mut().now_or_never(), None);
        connections.close_idle();
        assert_eq!(early.as_mut().now_or_never(), Some(()));
        assert_eq!(connections.closing().now_or_never(), Some(()));
    }
}
