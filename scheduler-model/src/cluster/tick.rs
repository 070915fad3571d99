//! Time has passed.

use super::{Cluster, jobs::TaskRef, node::NodeSlot, phase::StopCause, timers::Timer};
use crate::{Effects, Timestamp};

/// A tick ends after so many timers, or after the one that writes so many rows of attempts, so that the turn can be
/// committed in time.
const PER_TICK: usize = 2_000;

impl Cluster {
    /// What is due beyond [`PER_TICK`] stays due.
    pub(super) fn tick(&mut self, now: Timestamp, effects: &mut Effects) {
        let full = effects.attempts.len() + PER_TICK;
        for _ in 0..PER_TICK {
            let Some(timer) = self.timers.pop_due(now) else {
                return;
            };
            self.at_work = timer.job().map(|slot| self.jobs.get(slot).id);
            match timer {
                Timer::Retry(at) => self.enqueue_and_tell(now, at, effects),
                Timer::Limit(at) => self.exceed_limit(at, effects),
                Timer::StartBy(at) => self.expire(now, at, effects),
                Timer::Deadline(job) => self.pass_deadline(now, job, effects),
                Timer::Quarantine(node) => self.release_from_quarantine(now, node),
                Timer::Silence(node) => self.judge_silence(now, node, effects),
                Timer::Age => self.look_at_ages(now),
                Timer::Drain(node) => self.drain(now, node, effects),
                Timer::Leftover(node) => self.lose_leftover(now, node, effects),
                Timer::Estimates => self.write_estimates(now, effects),
            }
            if self.config.careful || effects.attempts.len() >= full {
                return;
            }
        }
    }

    fn exceed_limit(&mut self, at: TaskRef, effects: &mut Effects) {
        let phase = &self.jobs.get(at.job).tasks[at.task as usize].phase;
        // One that is being stopped for a cancel is left to that.
        if matches!(phase, super::phase::Phase::Running { .. }) {
            self.stop(at, StopCause::Timeout, effects);
        }
    }

    fn judge_silence(&mut self, now: Timestamp, slot: NodeSlot, effects: &mut Effects) {
        let heard = self.nodes.get(slot).last_heard;
        let limit = heard.plus_ms(self.config.node_timeout_ms);
        if limit > now {
            self.timers.set(limit, Timer::Silence(slot));
            return;
        }
        self.nodes.update(slot, |node| node.watched = false);
        // Who said goodbye and left nothing behind is missed by nobody.
        if !self.nodes.get(slot).has_left_for_good() {
            self.lose_node(now, slot, effects);
        }
    }
}
