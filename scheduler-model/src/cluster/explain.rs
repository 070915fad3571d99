//! Why a task waits, node by node, and why it runs where it does.

use super::{
    Cluster,
    fit::Fit,
    jobs::{JobSlot, TaskRef},
    node::{Node, NodeSlot},
    phase::Phase,
    why::Inquiry,
};
use crate::{
    Admission, JobId, NodeVerdict, Obstacle, Score, TaskExplanation, Timestamp,
    dispatch::{Search, Site},
};

impl Cluster {
    pub(super) fn explain(&self, now: Timestamp, id: JobId, task: u32) -> Option<TaskExplanation> {
        let slot = self.jobs.find(id)?;
        let job = self.jobs.get(slot);
        if task >= job.task_count() {
            return None;
        }
        let at = TaskRef { job: slot, task };
        let shown = job.shown_undo(task).unwrap_or(task);
        let queued = self.queued_for(TaskRef { task: shown, ..at });
        let mut nodes = queued.map_or(Vec::new(), |queued| self.verdicts(now, queued));
        let left_out = nodes.len().saturating_sub(TaskExplanation::NODES);
        nodes.truncate(TaskExplanation::NODES);
        Some(TaskExplanation {
            task: self.view_task(now, slot, task, &Inquiry::new(1)),
            weights: self.config.weights,
            nodes,
            nodes_left_out: left_out as u32,
        })
    }

    /// The task that is queued for this one: itself, or the first member of its gang if that is complete.
    fn queued_for(&self, at: TaskRef) -> Option<TaskRef> {
        match self.jobs.get(at.job).tasks[at.task as usize].phase {
            Phase::Queued { .. } => Some(at),
            Phase::Gathering => {
                let members = self.members(at)?;
                let task = members.start;
                self.is_complete(at.job, members)
                    .then_some(TaskRef { task, ..at })
            }
            _ => None,
        }
    }

    /// Of a gang: what speaks for and against a node for one of its members.
    fn verdicts(&self, now: Timestamp, at: TaskRef) -> Vec<NodeVerdict> {
        let job = self.jobs.get(at.job);
        let task = &job.tasks[at.task as usize];
        let shape = self.ready.shape(task.run().shape);
        let sites = shape.sites(&self.nodes, &self.config.weights);
        let search = Search {
            nodes: &self.nodes,
            weights: &self.config.weights,
            demand: shape.demand(),
            constraints: &shape.fit.constraints,
            priority: job.priority,
            shunned: task.avoid.as_slice(),
            near: job.near,
            speeds: self.speeds(at),
        };
        let fastest = fastest(&search, &sites);
        let end = task.expected_end(now);
        let nodes = self.nodes.iter();
        let mut verdicts: Vec<NodeVerdict> = nodes
            .map(|(slot, node)| NodeVerdict {
                node: node.name.clone(),
                score: score(&search, &sites, slot, fastest),
                obstacle: self.obstacle(&shape.fit, at.job, slot).or_else(|| {
                    self.is_reserved(at, node, end)
                        .then_some(Obstacle::Reserved)
                }),
            })
            .collect();
        verdicts.sort_by(|one, other| {
            (&one.obstacle, other.score.total, &one.node).cmp(&(
                &other.obstacle,
                one.score.total,
                &other.node,
            ))
        });
        verdicts
    }

    fn obstacle(&self, fit: &Fit, job: JobSlot, slot: NodeSlot) -> Option<Obstacle> {
        let node = self.nodes.get(slot);
        if node.session().is_none() || node.leaving {
            return Some(Obstacle::Away);
        }
        match node.admission {
            Admission::Open => {}
            Admission::Cordoned => return Some(Obstacle::Cordoned),
            Admission::Draining { .. } => return Some(Obstacle::Draining),
        }
        if let Some(unmet) = fit.unmet(node) {
            return Some(Obstacle::Constraint(unmet));
        }
        if let Some(resource) = fit.demand.exceeds(&node.capacity) {
            return Some(Obstacle::TooSmall {
                wanted: fit.demand.get(&resource),
                capacity: node.capacity.get(&resource),
                resource,
            });
        }
        if let Some(until) = node.quarantined_until {
            return Some(Obstacle::Quarantined { until });
        }
        let free = node.free();
        if let Some(resource) = fit.demand.exceeds(free) {
            return Some(Obstacle::Busy {
                wanted: fit.demand.get(&resource),
                free: free.get(&resource),
                resource,
            });
        }
        let (_, group) = fit.apart?;
        let job = self.jobs.get(job);
        job.is_apart_from(group, slot).then_some(Obstacle::Apart)
    }

    /// Another task waits for this node, and this one would run beyond that.
    fn is_reserved(&self, at: TaskRef, node: &Node, end: Timestamp) -> bool {
        let job = self.jobs.get(at.job).id;
        self.reservation.as_ref().is_some_and(|held| {
            (held.job, held.task) != (job, at.task)
                && held.nodes.contains(&node.name)
                && end > held.start
        })
    }
}

/// The highest speed of a node where the task may run.
fn fastest(search: &Search<'_>, sites: &[Site]) -> u32 {
    let nodes = search.nodes.iter();
    let possible = nodes.filter(|(_, node)| sites.iter().any(|site| site.kind == node.kind));
    let speeds = possible.map(|(slot, _)| search.speed(slot));
    speeds.max().unwrap_or(1000)
}

/// Nothing where the task may not run at all.
fn score(search: &Search<'_>, sites: &[Site], slot: NodeSlot, fastest: u32) -> Score {
    let kind = search.nodes.get(slot).kind;
    let site = sites.iter().find(|site| site.kind == kind);
    site.map_or(Score::default(), |site| {
        search.score(slot, site, search.speed(slot), fastest)
    })
}
