//! What a policy decided, checked and carried out.

use std::{collections::BTreeMap, sync::Arc};

use smallvec::SmallVec;

use super::{
    Cluster,
    jobs::{JobSlot, TaskRef},
    line::Line,
    node::NodeSlot,
    phase::{Held, Phase},
};
use crate::{
    Action, Assignment, AttemptRow, AttemptState, Decision, DecisionSummary, DecisionView, Effects,
    Peers, Placement, Rate, Resources, SessionId, Timestamp,
};

/// A task, where it may start, and whom to tell.
type Place = (TaskRef, NodeSlot, SessionId);

impl Cluster {
    pub(super) fn dispatch(&mut self, now: Timestamp, decision: Decision, effects: &mut Effects) {
        // A full round may have left something startable behind.
        self.wants_dispatch = decision.placements.len() >= self.config.placements_per_round();
        self.reservation = decision.reserved;
        let mut proposed = std::mem::take(&mut self.proposed);
        let mut placements = decision.placements;
        let started_some = !placements.is_empty();
        let (mut rest, mut found) = (&placements[..], &proposed[..]);
        while let Some(first) = rest.first() {
            self.at_work = Some(first.job);
            let together = (first.together as usize).clamp(1, rest.len());
            let (of_one_start, others) = rest.split_at(together);
            let (places, other_places) = found.split_at(together.min(found.len()));
            self.dispatch_together(now, of_one_start, places, effects);
            (rest, found) = (others, other_places);
        }
        placements.clear();
        proposed.clear();
        (self.proposed, self.placements) = (proposed, placements);
        for preemption in &decision.preemptions {
            self.at_work = Some(preemption.job);
            self.preempt(preemption, effects);
        }
        // What has just started may be stopped for them.
        self.wants_dispatch |= started_some && self.ready.may_preempt();
    }

    /// All of them, or none.
    fn dispatch_together(
        &mut self,
        now: Timestamp,
        placements: &[Placement],
        proposed: &[(JobSlot, NodeSlot)],
        effects: &mut Effects,
    ) {
        let Some(places) = self.check_placements(placements, proposed) else {
            self.counters.rejected_placements += 1;
            // The round has judged the others as if this had its place.
            self.ready.reopen();
            self.wants_dispatch = true;
            return;
        };
        self.dequeue(places[0].0);
        for ((at, node, _), placement) in places.iter().zip(placements) {
            self.assign(now, *at, *node, placement, effects);
        }
        // Each is told where the others are.
        let peers = self.peers(places[0].0);
        for (at, _, session) in &places {
            let action = self.assign_action(*at, *session, peers.as_ref());
            effects.actions.push(action);
        }
        for (at, ..) in &places {
            self.tell(*at, effects);
        }
        self.write_job(places[0].0.job, now, effects);
    }

    fn check_placements(
        &self,
        placements: &[Placement],
        proposed: &[(JobSlot, NodeSlot)],
    ) -> Option<SmallVec<[Place; 1]>> {
        let mut places: SmallVec<[Place; 1]> = SmallVec::new();
        for (rank, placement) in placements.iter().enumerate() {
            places.push(self.check_placement(placement, proposed.get(rank).copied())?);
        }
        let first = places[0].0;
        let job = first.job;
        let may_start = match self.members(first) {
            None => {
                let task = &self.jobs.get(job).tasks[first.task as usize];
                places.len() == 1 && matches!(task.phase, Phase::Queued { .. })
            }
            Some(members) => {
                let all = members.clone().map(|task| TaskRef { job, task });
                all.eq(places.iter().map(|(at, ..)| *at))
                    && self.is_complete(job, members)
                    && self.fit_together(&places)
            }
        };
        may_start.then_some(places)
    }

    /// Whether members of a gang that share nodes fit there together.
    fn fit_together(&self, places: &[Place]) -> bool {
        let mut free: BTreeMap<NodeSlot, Resources> = BTreeMap::new();
        places.iter().all(|(at, node, _)| {
            let fit = &self
                .ready
                .shape(self.jobs.get(at.job).tasks[at.task as usize].run().shape)
                .fit;
            let is_new = !free.contains_key(node);
            let left = free
                .entry(*node)
                .or_insert_with(|| self.nodes.get(*node).free().clone());
            let fits = fit.demand.fits(left) && (is_new || fit.apart.is_none());
            *left = left.saturating_sub(&fit.demand);
            fits
        })
    }

    /// A proposal may be wrong or come too late; nothing of it is trusted. `proposed` is where the round found it, which
    /// saves looking for it again.
    fn check_placement(
        &self,
        placement: &Placement,
        proposed: Option<(JobSlot, NodeSlot)>,
    ) -> Option<Place> {
        let (job, node) = match proposed.filter(|found| self.is_at(placement, *found)) {
            Some(found) => found,
            None => (
                self.jobs.find(placement.job)?,
                self.nodes.find(&placement.node)?,
            ),
        };
        let task = self.jobs.get(job).tasks.get(placement.task as usize)?;
        let session = self.nodes.get(node).eligible()?;
        let fit = &self.ready.shape(task.run?.shape).fit;
        let on = self.nodes.get(node);
        let fits = fit.admits(on) && fit.demand.fits(on.free());
        let is_apart = fit
            .apart
            .is_none_or(|(_, group)| !self.jobs.get(job).is_apart_from(group, node));
        (fits && is_apart).then_some((
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
        placement: &Placement,
        effects: &mut Effects,
    ) {
        let task = &mut self.jobs.get_mut(at.job).tasks[at.task as usize];
        let first = task.attempt == 0;
        let held = Held {
            node,
            assigned_at: now,
        };
        task.become_assigned(held);
        self.hold(at, held);
        let job = self.jobs.get_mut(at.job);
        if first {
            job.counts.begin(job.tasks[at.task as usize].kind);
        }
        if self.config.records {
            self.record_start(now, at, placement, effects);
        }
    }

    /// The row of an attempt that begins, and why it does.
    fn record_start(
        &mut self,
        now: Timestamp,
        at: TaskRef,
        placement: &Placement,
        effects: &mut Effects,
    ) {
        let key = self.attempt_key(at);
        let task = &self.jobs.get(at.job).tasks[at.task as usize];
        let held = task.phase.held().expect("it has just got its node");
        let demand = self.ready.shape(task.run().shape).demand();
        let node = self.nodes.get(held.node);
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
            rate: Rate::of(&node.attributes, &node.capacity, demand),
        });
        self.decisions.note(DecisionView {
            attempt: key.attempt,
            at: now,
            policy: Arc::clone(&self.policy_name),
            mode: self.config.mode,
            weights: self.config.weights,
            placement: placement.clone(),
        });
    }

    /// What its agent is told of an attempt.
    pub(super) fn assign_action(
        &self,
        at: TaskRef,
        session: SessionId,
        peers: Option<&Peers>,
    ) -> Action {
        let job = self.jobs.get(at.job);
        let run = job.tasks[at.task as usize].run();
        let rules = self.rules.get(run.rules);
        Action::Assign {
            session,
            assignment: Assignment {
                key: self.attempt_key(at),
                payload: self.payloads.get(run.payload).clone(),
                traceparent: job.traceparent(),
                on_disconnect: rules.on_disconnect,
                grace_ms: rules.grace_ms,
                instance: self.instance(at, peers),
            },
        }
    }
}

impl super::Config {
    /// Why an attempt was chosen, in at most 64 bytes.
    fn record(&self, placement: &Placement) -> Box<str> {
        let runner_up = placement.runner_up.as_ref();
        Line::of(&DecisionSummary {
            policy: self.policy.name(),
            mode: self.mode,
            backfilled: placement.backfilled,
            rank: placement.rank,
            score: placement.score.total,
            runner_up: runner_up.map(|second| second.score.total),
        })
        .as_str()
        .into()
    }
}
