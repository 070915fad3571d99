//! Time has passed.

use super::{Cluster, jobs::TaskRef, node::NodeSlot, task::StopCause, timers::Timer};
use crate::{Effects, Timestamp};

impl Cluster {
    pub(super) fn tick(&mut self, now: Timestamp, effects: &mut Effects) {
        while let Some(timer) = self.timers.pop_due(now) {
            match timer {
                Timer::Retry(at) => self.enqueue_and_tell(at, effects),
                Timer::Limit(at) => self.exceed_limit(at, effects),
                Timer::Silence(node) => self.judge_silence(now, node, effects),
            }
        }
    }

    fn exceed_limit(&mut self, at: TaskRef, effects: &mut Effects) {
        let phase = &self.jobs.get(at.job).tasks[at.task as usize].phase;
        // One that is being stopped for a cancel is left to that.
        if matches!(phase, super::task::Phase::Running { .. }) {
            self.stop(at, StopCause::Timeout, effects);
        }
    }

    fn judge_silence(&mut self, now: Timestamp, slot: NodeSlot, effects: &mut Effects) {
        let heard = self.nodes.get(slot).last_heard;
        let limit = heard.plus_ms(self.config.node_timeout_ms);
        if limit <= now {
            self.lose_node(now, slot, effects);
        } else {
            self.timers.set(limit, Timer::Silence(slot));
        }
    }
}
