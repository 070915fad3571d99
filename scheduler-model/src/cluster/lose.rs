//! A node is given up, or an attempt with its agent.

use super::{
    Cluster,
    end::{End, Ending},
    jobs::TaskRef,
    node::{Link, NodeSlot},
    timers::Timer,
};
use crate::{Action, AttemptKey, AttemptState, CloseReason, Effects, Timestamp};

/// So many attempts of one node are given up at a time. It may hold more than one commit can write in time.
const LOST_AT_ONCE: usize = 500;

/// Attempts that are given up, and have not been yet.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Leftover {
    /// In reverse order.
    keys: Vec<AttemptKey>,
    why: &'static str,
}

impl Cluster {
    /// The node was silent for too long.
    pub(super) fn lose_node(&mut self, now: Timestamp, slot: NodeSlot, effects: &mut Effects) {
        if let Some(session) = self.nodes.get(slot).session() {
            effects.actions.push(Action::Close {
                session,
                reason: CloseReason::TimedOut,
            });
        }
        self.finish_leftover(now, slot, effects);
        let node = self.nodes.get(slot);
        // What was gone before this leadership, and had nothing, is not lost again by each.
        if node.was_here || !node.held.is_empty() {
            self.counters.lost_nodes += 1;
            self.note_loss(now, slot);
        }
        self.nodes.update(slot, |node| node.link = Link::Lost);
        let held = self.nodes.get(slot).held_tasks();
        self.give_up(
            now,
            slot,
            &held,
            "its node was silent for too long",
            effects,
        );
    }

    /// Loses these attempts of a node: some at once, the others in the ticks that follow.
    pub(super) fn give_up(
        &mut self,
        now: Timestamp,
        slot: NodeSlot,
        attempts: &[TaskRef],
        why: &'static str,
        effects: &mut Effects,
    ) {
        let keys = attempts.iter().rev().map(|at| self.attempt_key(*at));
        let leftover = Leftover {
            keys: keys.collect(),
            why,
        };
        self.nodes.update(slot, |node| node.leftover = leftover);
        self.lose_leftover(now, slot, effects);
    }

    /// What has ended meanwhile is left as it is.
    pub(super) fn lose_leftover(&mut self, now: Timestamp, slot: NodeSlot, effects: &mut Effects) {
        let (keys, why) = self.nodes.update(slot, |node| {
            let keys = &mut node.leftover.keys;
            let rest = keys.len().saturating_sub(LOST_AT_ONCE);
            (keys.split_off(rest), node.leftover.why)
        });
        for key in keys.into_iter().rev() {
            if let Some(at) = self.current(key, slot) {
                self.lose_attempt(now, at, why, effects);
            }
        }
        if !self.nodes.get(slot).leftover.keys.is_empty() {
            self.timers.set(now, Timer::Leftover(slot));
        }
    }

    /// Without waiting for ticks. For the rare case that more happens to a node meanwhile.
    pub(super) fn finish_leftover(
        &mut self,
        now: Timestamp,
        slot: NodeSlot,
        effects: &mut Effects,
    ) {
        while !self.nodes.get(slot).leftover.keys.is_empty() {
            self.lose_leftover(now, slot, effects);
        }
    }

    /// The node is back before all that it held was given up: the rest goes on.
    pub(super) fn forget_leftover(&mut self, slot: NodeSlot) {
        self.nodes
            .update(slot, |node| node.leftover = Leftover::default());
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
        let losses = self.failures_and_losses(at).1 + 1;
        // One that was being stopped ends as what it was stopped for.
        let counts = self.ended_state(at, Ending::Lost) == AttemptState::Lost
            && task.kind.goes_on(job.intent);
        let message = match counts {
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
