//! What a policy decided, checked and carried out.

use std::sync::Arc;

use super::{
    Cluster,
    jobs::{JobSlot, TaskRef},
    node::NodeSlot,
    phase::{Held, Phase},
};
use crate::{
    Action, Assignment, AttemptKey, AttemptRow, AttemptState, Decision, Effects, Placement,
    SessionId, Timestamp,
};

impl Cluster {
    pub(super) fn dispatch(&mut self, now: Timestamp, decision: Decision, effects: &mut Effects) {
        // A full round may have left something startable behind.
        self.wants_dispatch = decision.placements.len() >= self.config.placements_per_round();
        self.reservation = decision.reserved;
        let proposed = std::mem::take(&mut self.proposed);
        let mut proposed = proposed.into_iter();
        for placement in &decision.placements {
            self.at_work = Some(placement.job);
            match self.check_placement(placement, proposed.next()) {
                Some((at, node, session)) => {
                    self.assign(now, at, node, session, placement, effects);
                }
                None => {
                    self.counters.rejected_placements += 1;
                    // The round has judged the others as if this one had its place.
                    self.ready.reopen();
                    self.wants_dispatch = true;
                }
            }
        }
    }

    /// A proposal may be wrong or come too late; nothing of it is trusted. `proposed` is where the round found it, which
    /// saves looking for it again.
    fn check_placement(
        &self,
        placement: &Placement,
        proposed: Option<(JobSlot, NodeSlot)>,
    ) -> Option<(TaskRef, NodeSlot, SessionId)> {
        let (job, node) = match proposed.filter(|found| self.is_at(placement, *found)) {
            Some(found) => found,
            None => (
                self.jobs.find(placement.job)?,
                self.nodes.find(&placement.node)?,
            ),
        };
        let task = self.jobs.get(job).tasks.get(placement.task as usize)?;
        let session = self.nodes.get(node).eligible()?;
        let fits = self
            .ready
            .shape(task.run?.shape)
            .demand
            .fits(&self.nodes.get(node).free());
        let queued = matches!(task.phase, Phase::Queued { .. });
        (queued && fits).then_some((
            TaskRef {
                job,
                task: placement.task,
            },
            node,
            session,
        ))
    }

    fn is_at(&self, placement: &Placement, (job, node): (JobSlot, NodeSlot)) -> bool {
        self.jobs.id_at(job) == Some(placement.job)
            && Arc::ptr_eq(&self.nodes.get(node).name, &placement.node)
    }

    fn assign(
        &mut self,
        now: Timestamp,
        at: TaskRef,
        node: NodeSlot,
        session: SessionId,
        placement: &Placement,
        effects: &mut Effects,
    ) {
        self.dequeue(at);
        let task = &mut self.jobs.get_mut(at.job).tasks[at.task as usize];
        let expected_end = task.expected_end(now);
        let first = task.attempt == 0;
        task.become_assigned(Held {
            node,
            assigned_at: now,
        });
        let run = task.run();
        let demand = self.ready.shape(run.shape).demand;
        self.nodes.update(node, |node| {
            node.used.add(&demand);
            node.held.insert((expected_end, at));
        });
        let job = self.jobs.get_mut(at.job);
        let task = &job.tasks[at.task as usize];
        if first {
            job.counts.begin(task.kind);
        }
        let key = AttemptKey {
            job: job.id,
            task: at.task,
            attempt: task.attempt,
        };
        effects.attempts.push(AttemptRow {
            key,
            from: None,
            state: AttemptState::Assigned,
            node: placement.node.clone(),
            assigned_at: now,
            started_at: None,
            ended_at: None,
            exit_code: None,
            message: None,
            retry_at: None,
            decision: Some(self.config.record(placement)),
        });
        let rules = self.rules.get(run.rules);
        effects.actions.push(Action::Assign {
            session,
            assignment: Assignment {
                key,
                payload: self.payloads.get(run.payload).clone(),
                traceparent: job.traceparent(),
                on_disconnect: rules.on_disconnect,
                grace_ms: rules.grace_ms,
            },
        });
        self.tell(at, effects);
        self.write_job(at.job, now, effects);
    }
}

impl super::Config {
    /// Why an attempt was chosen, in at most 64 bytes.
    fn record(&self, placement: &Placement) -> Box<str> {
        let how = if placement.backfilled {
            " backfill"
        } else {
            ""
        };
        format!(
            "{} {}{how} rank {}",
            self.policy.name(),
            self.mode,
            placement.rank
        )
        .into()
    }
}
