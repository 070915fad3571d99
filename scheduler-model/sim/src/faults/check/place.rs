//! Where attempts may start, judged when it is decided.

use drover_model::{Admission, AttemptRow, StepSpec};

use super::{
    Checker,
    tally::Tally,
    view::{Host, View},
};
use crate::faults::{check::step_of, occasion::Occasion, workload::PlannedJob};

impl Checker {
    /// An attempt is assigned, after those that `view` knows.
    pub(super) fn may_be_there(&mut self, view: &View, row: &AttemptRow) {
        let Some(host) = view.hosts.get(&row.node) else {
            return self.fail("attempts run on nodes", format!("{row:?}: it never joined"));
        };
        let Some(job) = self.planned(row.key.job) else {
            return self.fail("attempts belong to jobs", format!("{row:?}"));
        };
        let Some(step) = step_of(&job.spec, row.key.task) else {
            return self.fail("attempts belong to steps", format!("{row:?}"));
        };
        let admission = host.admission;
        self.require(
            admission == Admission::Open,
            "closed nodes get nothing new",
            || format!("{row:?}, but the node is {admission:?}"),
        );
        let obstacle = constraint_unmet(&job, step, row.key.task, host, &row.node);
        self.require(obstacle.is_none(), "constraints are met", || {
            format!("{row:?} on {:?}, against {obstacle:?}", host.attributes)
        });
        self.is_apart(&job, step, row, host);
        self.fits(&job, step, row, host);
        self.count_wishes(step);
    }

    fn is_apart(&mut self, job: &PlannedJob, step: &StepSpec, row: &AttemptRow, host: &Host) {
        if step.apart.is_none() {
            return;
        }
        let group = |task| step_of(&job.spec, task).and_then(|step| step.apart);
        let of_job = |key: &drover_model::AttemptKey| key.job == row.key.job;
        let mut others = host.active.keys().filter(|key| of_job(key));
        let near = others.find(|key| group(key.task) == step.apart);
        self.require(near.is_none(), "what must be apart is apart", || {
            format!("{row:?} beside {near:?}")
        });
    }

    fn fits(&mut self, job: &PlannedJob, step: &StepSpec, row: &AttemptRow, host: &Host) {
        let mut used = self.used(host);
        used.add(&Tally::of(&step.resources));
        self.require(
            used.fits(&host.capacity),
            "capacity is not exceeded",
            || {
                let (capacity, queue) = (host.capacity, &job.spec.queue);
                format!("{row:?} of {queue}: {used:?} of {capacity:?}")
            },
        );
    }

    /// What active attempts hold of a node.
    pub(super) fn used(&self, host: &Host) -> Tally {
        let mut used = Tally::default();
        for key in host.active.keys() {
            let job = self.planned(key.job);
            if let Some(step) = job.as_ref().and_then(|job| step_of(&job.spec, key.task)) {
                used.add(&Tally::of(&step.resources));
            }
        }
        used
    }

    fn count_wishes(&mut self, step: &StepSpec) {
        let constraints = &step.constraints;
        let met = [
            (constraints.required.is_some(), Occasion::Required),
            (constraints.max_latency_ms.is_some(), Occasion::Near),
            (!constraints.avoid.is_empty(), Occasion::Avoiding),
            (constraints.gpu_model.is_some(), Occasion::GpuModel),
            (step.apart.is_some(), Occasion::Apart),
            (!step.resources.named.is_empty(), Occasion::Named),
        ];
        let met = met.into_iter().filter(|(is_met, _)| *is_met);
        self.occasions.extend(met.map(|(_, occasion)| occasion));
    }
}

/// What of the wishes of a step the node does not meet, in words.
pub(super) fn constraint_unmet(
    job: &PlannedJob,
    step: &StepSpec,
    place: u32,
    host: &Host,
    name: &str,
) -> Option<String> {
    let (wishes, node) = (&step.constraints, &host.attributes);
    let required = job.steps[place as usize].required();
    if let Some(required) = required.filter(|required| !required.holds(node)) {
        return Some(required.text());
    }
    if let Some(limit) = wishes
        .max_latency_ms
        .filter(|limit| node.latency_ms > *limit)
    {
        return Some(format!("{limit} ms"));
    }
    let model = wishes.gpu_model.as_deref();
    if model.is_some() && node.gpu_model.as_deref() != model {
        return model.map(str::to_owned);
    }
    let avoided = wishes.avoid.iter().any(|avoided| **avoided == *name);
    avoided.then(|| format!("avoid {name}"))
}
