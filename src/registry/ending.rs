//! Sessions that end by themselves: the timer, and the turns that take them out.
//!
//! It knows no lifetimes: the table says what is due, by the settings of the moment. What always holds: one timer is
//! armed at most, and each turn is short, so that everybody else gets theirs in between.

use std::time::Duration;

use actix::{AsyncContext, Context, Handler, Message};

use crate::registry::actor::Waited;
use crate::registry::{SettingsChanged, TokenRegistry};
use crate::store::Change;

/// The timer is armed for at most this long, so that a step of the clock or a suspended machine delays it no longer.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

impl TokenRegistry {
    /// Arms the timer for the next deadline, unless it is armed for it already.
    pub(super) fn arm(&mut self, context: &mut Context<Self>) {
        let due = self.table.next_due(&self.snapshot.load());
        if self.timer.map(|(armed, _)| armed) == due {
            return;
        }
        if let Some((_, handle)) = self.timer.take() {
            context.cancel_future(handle);
        }
        self.timer = due.map(|due| {
            let until = u64::from(due.get()) * 1000;
            let wait = Duration::from_millis(until.saturating_sub(self.clock.now_millis())).min(LONGEST_WAIT);
            // Going through the mailbox, expiry takes turns with everybody else.
            (due, context.run_later(wait, |_, context| context.address().do_send(ExpireDue)))
        });
    }
}

impl Handler<SettingsChanged> for TokenRegistry {
    type Result = ();

    fn handle(&mut self, _: SettingsChanged, context: &mut Self::Context) {
        context.address().do_send(ExpireDue); // Its answer is empty.
    }
}

/// Take out what has expired: one bucket per kind a turn, then again.
#[derive(Debug, Message)]
#[rtype(result = "()")]
struct ExpireDue;

impl Handler<ExpireDue> for TokenRegistry {
    type Result = ();

    fn handle(&mut self, _: ExpireDue, context: &mut Self::Context) {
        let now = self.clock.now();
        let more = self.table.expire(&self.snapshot.load(), now);
        if let Some((count, line)) = self.expired.due(self.table.statistics().ended, now) {
            self.record(vec![Change::Audit(line)], Waited::Expired(count));
        }
        self.forget_rows();
        if more {
            context.address().do_send(ExpireDue); // Its answer is empty.
        } else {
            self.timer = self.timer.take().and_then(|(_, handle)| {
                context.cancel_future(handle);
                None
            });
            self.arm(context);
            context.address().do_send(GiveMemoryBack); // Its answer is empty.
        }
    }
}

/// Rebuild one shard of the index that has become nearly empty, then again.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(super) struct GiveMemoryBack;

impl Handler<GiveMemoryBack> for TokenRegistry {
    type Result = ();

    fn handle(&mut self, message: GiveMemoryBack, context: &mut Self::Context) {
        if self.table.give_memory_back() {
            context.address().do_send(message); // Its answer is empty.
        }
    }
}
