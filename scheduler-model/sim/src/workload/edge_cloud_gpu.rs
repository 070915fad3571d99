//! `edge-cloud-gpu`: where something runs matters as much as when.

mod cluster;
mod kinds;

use std::sync::Arc;

use drover_model::Topology;

use self::kinds::{Draw, Kind, Kinds};
use super::{
    family::Parameters,
    intensity::poisson,
    streams::Streams,
    users::{Estimates, Manner, USUAL_PRIORITIES, Users},
};
use crate::trace::{Trace, TraceJob, TraceTask};

const MANNER: Manner = Manner {
    with_deadline_permille: 600,
    slack: (1.5, 8.0),
    priorities: USUAL_PRIORITIES,
    estimates: Estimates::USUAL,
};

/// Whole nodes of the larger gpus, in one region.
const MEMBERS: u32 = 2;

/// Trainings in a thousand that take so much.
const GANG_PERMILLE: u64 = 50;

/// 12 edge, 8 cloud and 4 gpu nodes; arrivals are a Poisson process. Gpus are scarcest: what has to run at the edge, or
/// needs cores only, loads those less.
pub(super) fn build(parameters: &Parameters, mut streams: Streams) -> Trace {
    let users = Users::new(MANNER);
    let kinds = Kinds::draw(&mut streams.work);
    let jobs = (0..parameters.jobs).map(|_| job(&kinds, &users, &mut streams));
    let jobs = jobs.collect();
    poisson(
        cluster::nodes(),
        jobs,
        parameters.load,
        &mut streams.arrivals,
    )
}

fn job(kinds: &Kinds, users: &Users, streams: &mut Streams) -> TraceJob {
    match streams.work.below(100) {
        0..45 => one(&kinds.sensing, users, streams),
        45..70 => one(&kinds.batch, users, streams),
        70..82 => one(&kinds.inference, users, streams),
        82..88 => training(&kinds.training, users, streams),
        _ => pipeline(kinds, users, streams),
    }
}

fn one(kind: &Kind, users: &Users, streams: &mut Streams) -> TraceJob {
    let Draw {
        name,
        task,
        alone_ms,
    } = kind.draw(users, streams);
    users.job(&name, vec![task], |_| alone_ms, streams)
}

/// On one to four gpus of one node; a few on all of two nodes.
fn training(kind: &Kind, users: &Users, streams: &mut Streams) -> TraceJob {
    let Draw {
        name,
        mut task,
        alone_ms,
    } = kind.draw(users, streams);
    if streams.work.chance(GANG_PERMILLE) {
        task.resources = cluster::large_gpu_node();
        task = task.with_members(MEMBERS, Topology::SameRegion);
    }
    users.job(&name, vec![task], |_| alone_ms, streams)
}

/// What sensors give is reduced at the edge, judged on a gpu, and stored in the cloud.
fn pipeline(kinds: &Kinds, users: &Users, streams: &mut Streams) -> TraceJob {
    let stages = [&kinds.reduction, &kinds.judgement, &kinds.storage];
    let stages = stages.map(|kind| kind.draw(users, streams));
    let name = Arc::clone(&stages[0].name);
    let alone_ms = stages.iter().map(|stage| stage.alone_ms).sum();
    let before: [&[u32]; 3] = [&[], &[0], &[1]];
    let tasks = stages.into_iter().zip(before);
    let tasks: Vec<TraceTask> = tasks
        .map(|(stage, needs)| stage.task.with_needs(needs))
        .collect();
    users.job(&name, tasks, |_| alone_ms, streams)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use drover_model::NodeClass;

    use super::*;
    use crate::workload::find;

    fn generate(seed: u64) -> Trace {
        let parameters = Parameters {
            load: 0.9,
            jobs: 4_000,
            seed,
        };
        find("edge-cloud-gpu")
            .unwrap()
            .generate(&parameters)
            .unwrap()
    }

    /// Time and speed that the nodes have which such a task may use.
    fn capacity(
        trace: &Trace,
        task: &TraceTask,
        amount: fn(&drover_model::Resources) -> f64,
    ) -> f64 {
        let nodes = trace.nodes.iter();
        let nodes = nodes.filter(|node| task.constraints.admits(&node.attributes));
        nodes.map(|node| amount(&node.capacity) * node.speed).sum()
    }

    #[test]
    fn nothing_that_is_bound_to_some_nodes_overloads_them() {
        for seed in [1, 2, 3] {
            let trace = generate(seed);
            let last_ms = trace.jobs.last().unwrap().submitted_ms as f64;
            let mut loads: BTreeMap<&drover_model::Constraints, [f64; 2]> = BTreeMap::new();
            for task in trace.jobs.iter().flat_map(|job| &job.tasks) {
                let work = f64::from(task.runs.count()) * task.runs.ms(0) as f64 / last_ms;
                let cpus = |resources: &drover_model::Resources| resources.cpu_millis as f64;
                let gpus = |resources: &drover_model::Resources| f64::from(resources.gpus);
                let load = loads.entry(&task.constraints).or_default();
                load[0] += work * cpus(&task.resources) / capacity(&trace, task, cpus);
                if task.resources.gpus > 0 {
                    load[1] += work * gpus(&task.resources) / capacity(&trace, task, gpus);
                }
            }
            for (constraints, load) in loads {
                assert!(
                    load.iter().all(|load| *load < 0.95),
                    "seed {seed}: {constraints:?} {load:?}"
                );
            }
        }
    }

    #[test]
    fn nodes_are_unlike_and_some_run_times_have_to_be_learned() {
        let trace = generate(1);
        let classes: BTreeSet<NodeClass> = trace
            .nodes
            .iter()
            .map(|node| node.attributes.class)
            .collect();
        assert_eq!(classes.len(), 3);
        assert!(trace.nodes.iter().all(|node| node.failure.is_some()));
        let mut stated: BTreeMap<u64, [u32; 2]> = BTreeMap::new();
        for task in trace.jobs.iter().flat_map(|job| &job.tasks) {
            stated.entry(task.signature).or_default()[usize::from(task.stated_ms.is_some())] += 1;
        }
        assert!(
            stated
                .values()
                .all(|[never, always]| *never == 0 || *always == 0)
        );
        let unstated = stated.values().filter(|[never, _]| *never > 0).count();
        let share = unstated as f64 / stated.len() as f64;
        assert!((0.3..0.5).contains(&share), "{share} of the signatures");
    }
}
