//! A node is given up, or an attempt with its agent.

use super::{
    Cluster,
    end::{End, Ending},
    jobs::TaskRef,
    node::{Link, NodeSlot},
};
use crate::{Action, CloseReason, Effects, Intent, Timestamp};

impl Cluster {
    /// The node was silent for too long.
    pub(super) fn lose_node(&mut self, now: Timestamp, slot: NodeSlot, effects: &mut Effects) {
        if let Some(session) = self.nodes.get(slot).session() {
            effects.actions.push(Action::Close {
                session,
                reason: CloseReason::TimedOut,
            });
        }
        self.nodes.update(slot, |node| node.link = Link::Lost);
        for at in self.nodes.get(slot).held_tasks() {
            self.lose_attempt(now, at, "its node was silent for too long", effects);
        }
    }

    pub(super) fn lose_attempt(
        &mut self,
        now: Timestamp,
        at: TaskRef,
        why: &str,
        effects: &mut Effects,
    ) {
        self.counters.lost_attempts += 1;
        let job = self.jobs.get(at.job);
        let losses = job.tasks[at.task as usize].losses + 1;
        let message = if job.intent == Intent::Run && losses >= self.config.max_lost {
            format!("{why}; lost its node {losses} times")
        } else {
            why.to_owned()
        };
        let end = End {
            how: Ending::Lost,
            started_at: None,
            ended_at: now,
            exit_code: None,
            message: Some(message.into()),
        };
        self.end_attempt(now, at, end, effects);
    }
}
