//! A node is given up, or an attempt with its agent.

use super::{
    Cluster,
    end::{End, Ending},
    jobs::TaskRef,
    node::{Link, NodeSlot},
};
use crate::{Action, CloseReason, Effects, Timestamp};

impl Cluster {
    /// The node was silent for too long.
    pub(super) fn lose_node(&mut self, now: Timestamp, slot: NodeSlot, effects: &mut Effects) {
        if let Some(session) = self.nodes.get(slot).session() {
            effects.actions.push(Action::Close {
                session,
                reason: CloseReason::TimedOut,
            });
        }
        self.counters.lost_nodes += 1;
        self.nodes.update(slot, |node| node.link = Link::Lost);
        self.note_loss(now, slot);
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
        let job = self.jobs.get(at.job);
        self.at_work = Some(job.id);
        let task = &job.tasks[at.task as usize];
        let rule = &self.rules.get(task.run().rules).retry;
        let losses = task.losses + 1;
        let message = match task.kind.goes_on(job.intent) {
            true if !rule.rerun_lost => format!("{why}; lost, and its retries are none"),
            true if losses >= rule.max_lost => format!("{why}; lost its node {losses} times"),
            _ => why.to_owned(),
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
