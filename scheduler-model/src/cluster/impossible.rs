//! Jobs that could never start, refused where that is configured ([`super::Config::refuse_impossible`]).

use super::{Cluster, fit::Fit, node::Node};
use crate::{JobId, NewJob, Refusal};

impl Cluster {
    /// Judged by all nodes that ever joined, connected or not, whatever runs there. While none has, nothing is known of
    /// what the cluster will be, and all are accepted.
    pub(super) fn refuse_impossible(
        &self,
        jobs: &[NewJob],
        duplicates: &[Option<JobId>],
    ) -> Result<(), Refusal> {
        if !self.config.refuse_impossible {
            return Ok(());
        }
        let nodes: Vec<&Node> = self.nodes.iter().map(|(_, node)| node).collect();
        if nodes.is_empty() {
            return Ok(());
        }
        for (place, (job, duplicate)) in (0..).zip(jobs.iter().zip(duplicates)) {
            if duplicate.is_some() {
                continue;
            }
            if let Some((task, fit)) = impossible(job, &nodes) {
                return Err(Refusal::Impossible {
                    job: place,
                    task,
                    reason: Box::new(fit.why_not_on(&nodes)),
                });
            }
        }
        Ok(())
    }
}

/// The first task with a step, or undo step, that fits nowhere.
fn impossible(job: &NewJob, nodes: &[&Node]) -> Option<(u32, Fit)> {
    let mut last: Option<Fit> = None;
    for (place, task) in (0..).zip(&job.spec.tasks) {
        let is_carried = job
            .carried
            .binary_search_by_key(&place, |one| one.task)
            .is_ok();
        let step = task.step.as_ref().filter(|_| !is_carried);
        let steps = step.map(|step| (step, Some(place)));
        let undo = task.undo.as_ref().map(|undo| (undo, None));
        for (step, member) in steps.into_iter().chain(undo) {
            let fit = Fit::of(job.id, &job.spec, step, member);
            // Instances of an array are alike.
            if last.as_ref() == Some(&fit) {
                continue;
            }
            if !fit.is_possible_on(nodes.iter().copied()) {
                return Some((place, fit));
            }
            last = Some(fit);
        }
    }
    None
}
