//! What people are told of the reasons for which their tasks wait.

use drover_model::{
    Admission, JobId, NodeVerdict, Obstacle, PendingReason, StepSpec, TaskExplanation, TaskState,
};

use super::{Checker, place::constraint_unmet, step_of, tally::Tally, view::View};
use crate::faults::workload::PlannedJob;

const PROMISE: &str = "explanations are true";

impl Checker {
    /// Judged when it is made.
    pub(super) fn explained(
        &mut self,
        view: &View,
        id: JobId,
        task: u32,
        explanation: &TaskExplanation,
    ) {
        let Some(job) = self.planned(id) else {
            return self.fail(PROMISE, format!("of {id}, which nobody submitted"));
        };
        // Its undo step stands in its place.
        let task = match explanation.task.state {
            TaskState::Undoing => task + job.spec.tasks.len() as u32,
            _ => task,
        };
        let Some(step) = step_of(&job.spec, task) else {
            return;
        };
        for verdict in &explanation.nodes {
            let holds = self.is_so(view, &job, step, task, verdict);
            self.require(holds, PROMISE, || {
                let host = view.hosts.get(&verdict.node);
                format!("task {task} of {id}: {verdict:?}, but {host:?}")
            });
        }
        let told = explanation.nodes.len() + explanation.nodes_left_out as usize;
        let kept_back = matches!(
            explanation.task.pending,
            Some(PendingReason::ArrayLimit { .. } | PendingReason::GangIncomplete { .. })
        );
        let is_queued = explanation.task.state == TaskState::Queued && !kept_back;
        let complete = !is_queued || told == view.hosts.len();
        self.require(complete, PROMISE, || {
            format!("task {task} of {id} is queued, and {told} nodes are told of")
        });
        if explanation.task.state != TaskState::Queued {
            return;
        }
        self.reason_holds(view, &job, step, task, explanation.task.pending.as_ref());
    }

    fn is_so(
        &self,
        view: &View,
        job: &PlannedJob,
        step: &StepSpec,
        task: u32,
        verdict: &NodeVerdict,
    ) -> bool {
        let Some(host) = view.hosts.get(&verdict.node) else {
            return false;
        };
        let drains = matches!(host.admission, Admission::Draining { .. });
        match &verdict.obstacle {
            Some(Obstacle::Away) => return true,
            Some(Obstacle::Cordoned) => return host.admission == Admission::Cordoned,
            Some(Obstacle::Draining) => return drains,
            _ if host.admission != Admission::Open => return false,
            _ => {}
        }
        let unmet = constraint_unmet(job, step, task, host, &verdict.node);
        if let Some(Obstacle::Constraint(_)) = verdict.obstacle {
            return unmet.is_some();
        }
        let demand = Tally::of(&step.resources);
        let mut needed = self.used(host);
        needed.add(&demand);
        let fits = match verdict.obstacle {
            Some(Obstacle::TooSmall { .. }) => !demand.fits(&host.capacity),
            Some(Obstacle::Busy { .. }) => !needed.fits(&host.capacity),
            Some(Obstacle::Quarantined { .. }) => true,
            _ => needed.fits(&host.capacity),
        };
        unmet.is_none() && fits
    }

    fn reason_holds(
        &mut self,
        view: &View,
        job: &PlannedJob,
        step: &StepSpec,
        task: u32,
        reason: Option<&PendingReason>,
    ) {
        let unmet = |name: &str| {
            let host = &view.hosts[name];
            constraint_unmet(job, step, task, host, name).is_some()
        };
        let holds = match reason {
            Some(PendingReason::ConstraintUnmet { nodes, .. }) => {
                let not_meeting = view.hosts.keys().filter(|name| unmet(name)).count();
                not_meeting >= *nodes as usize && *nodes > 0
            }
            Some(PendingReason::Draining { nodes }) => {
                let meeting = view.hosts.keys().filter(|name| !unmet(name)).count();
                meeting >= *nodes as usize && *nodes > 0
            }
            Some(PendingReason::Apart { group }) => step.apart == Some(*group),
            _ => true,
        };
        self.require(holds, PROMISE, || {
            format!("task {task} waits for {reason:?}: {:?}", view.hosts)
        });
    }
}
