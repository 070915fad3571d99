//! `dag`: jobs whose stages need each other, and have many instances.

mod shapes;

use std::sync::Arc;

use rand_distr::LogNormal;

use self::shapes::{SHAPES, Stage};
use super::{
    family::Parameters,
    intensity::poisson,
    nodes::equal_nodes,
    streams::Streams,
    task,
    users::{Estimates, Manner, USUAL_PRIORITIES, Users, log_normal},
};
use crate::{
    random::Random,
    trace::{Trace, TraceJob, TraceTask},
};

const NODES: u32 = 10;
const NODE_CPUS: u32 = 16;

/// Of each shape.
const PLANS_PER_SHAPE: u64 = 10;

/// More than any plan has.
const MOST_STAGES: u64 = 64;

/// Of one stage.
const MOST_INSTANCES: f64 = 128.0;

/// Of the logarithm of how much data there is. As much as the middle job has makes the plan as it was drawn.
const DATA_SIGMA: f64 = 0.5;

/// Among instances of a stage, of the logarithm of the run time: some are stragglers.
const WITHIN_STAGE_SIGMA: f64 = 0.35;

/// Of an instance.
const LIMITS_MS: (f64, f64) = (500.0, 300_000.0);

const MANNER: Manner = Manner {
    with_deadline_permille: 500,
    slack: (1.5, 5.0),
    priorities: USUAL_PRIORITIES,
    estimates: Estimates {
        median: 1.1,
        sigma: 0.35,
    },
};

/// A graph that is run again and again, on more or less data. Stages of equal plans have equal signatures.
struct Plan {
    name: Arc<str>,
    signature: u64,
    stages: Vec<Stage>,
}

struct Work {
    plans: Vec<Plan>,
    data: LogNormal<f64>,
    within_stage: LogNormal<f64>,
}

/// 10 nodes of 16 cores; arrivals are a Poisson process.
pub(super) fn build(parameters: &Parameters, mut streams: Streams) -> Trace {
    let users = Users::new(MANNER);
    let work = Work::draw(&mut streams.work);
    let jobs = (0..parameters.jobs).map(|_| work.job(&users, &mut streams));
    let jobs = jobs.collect();
    poisson(
        equal_nodes(NODES, NODE_CPUS),
        jobs,
        parameters.load,
        &mut streams.arrivals,
    )
}

impl Work {
    fn draw(random: &mut Random) -> Self {
        let mut plans = Vec::new();
        for number in 1..=PLANS_PER_SHAPE {
            for (name, shape) in SHAPES {
                plans.push(Plan {
                    name: format!("{name}-{number:02}").into(),
                    signature: plans.len() as u64 * MOST_STAGES,
                    stages: shape(random),
                });
            }
        }
        Self {
            plans,
            data: log_normal(1.0, DATA_SIGMA),
            within_stage: log_normal(1.0, WITHIN_STAGE_SIGMA),
        }
    }

    fn job(&self, users: &Users, streams: &mut Streams) -> TraceJob {
        let plan = streams.work.pick(&self.plans);
        let data = streams.work.sample(&self.data);
        let signatures = plan.signature..;
        let stages = plan.stages.iter().zip(signatures);
        let tasks = stages
            .map(|(stage, signature)| self.task(stage, signature, data, users, streams))
            .collect();
        users.job(&plan.name, tasks, alone_ms, streams)
    }

    fn task(
        &self,
        stage: &Stage,
        signature: u64,
        data: f64,
        users: &Users,
        streams: &mut Streams,
    ) -> TraceTask {
        // Twice the data is the square root of two times as many instances, each of which takes so much longer.
        let growth = data.sqrt();
        let instances = (f64::from(stage.instances) * growth).round();
        let usual_ms = stage.median_ms * growth;
        let mut run = || {
            let run_ms = usual_ms * streams.work.sample(&self.within_stage);
            run_ms.clamp(LIMITS_MS.0, LIMITS_MS.1).round() as u64
        };
        let first_ms = run();
        let stated_ms = users.state(usual_ms.round() as u64, &mut streams.estimates);
        let task = task::single(signature, task::cpus(stage.cpus), first_ms, Some(stated_ms));
        let task = task.with_needs(&stage.needs);
        if stage.instances == 1 {
            return task;
        }
        let instances = instances.clamp(1.0, MOST_INSTANCES) as u32;
        let others = (1..instances).map(|_| run());
        task.with_instances(std::iter::once(first_ms).chain(others).collect())
    }
}

/// What each stage of a drawn query needs.
pub(super) fn query_plan(random: &mut Random) -> Vec<Vec<u32>> {
    let stages = shapes::query(random).into_iter();
    stages.map(|stage| stage.needs).collect()
}

/// The longest path, or what all nodes together need for the job where that is more.
fn alone_ms(job: &TraceJob) -> u64 {
    let millis = u64::from(NODES * NODE_CPUS) * 1_000;
    let work = job.tasks.iter().map(|task| {
        let runs = (0..task.runs.count()).map(|instance| task.runs.ms(instance));
        runs.sum::<u64>() * task.resources.cpu_millis
    });
    job.ideal_ms().max(work.sum::<u64>() / millis)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::workload::find;

    #[test]
    fn plans_come_back_with_other_amounts_of_data() {
        let parameters = Parameters {
            load: 0.9,
            jobs: 2_000,
            seed: 4,
        };
        let trace = find("dag").unwrap().generate(&parameters).unwrap();
        let names: BTreeSet<&str> = trace.jobs.iter().map(|job| &*job.name).collect();
        assert_eq!(names.len(), 40, "{names:?}");
        let same: Vec<&TraceJob> = trace
            .jobs
            .iter()
            .filter(|job| &*job.name == "query-03")
            .collect();
        let signatures =
            |job: &TraceJob| -> Vec<u64> { job.tasks.iter().map(|task| task.signature).collect() };
        assert!(
            same.iter()
                .all(|job| signatures(job) == signatures(same[0]))
        );
        let sizes: BTreeSet<u64> = same.iter().map(|job| job.instances()).collect();
        assert!(sizes.len() > 5, "{sizes:?}");
        let all: BTreeSet<u64> = trace.jobs.iter().flat_map(signatures).collect();
        let stages = trace.jobs.iter().map(|job| (&job.name, job.tasks.len()));
        let stages: BTreeSet<(&Arc<str>, usize)> = stages.collect();
        let stages: usize = stages.iter().map(|(_, count)| count).sum();
        assert_eq!(all.len(), stages, "plans share signatures");
    }

    #[test]
    fn a_job_that_is_wider_than_the_cluster_is_given_time() {
        let wide = task::single(1, task::cpus(1), 1_000, None).with_instances(vec![1_000; 480]);
        let trace = find("dag").unwrap();
        let parameters = Parameters {
            load: 1.0,
            jobs: 1,
            seed: 1,
        };
        let mut job = trace.generate(&parameters).unwrap().jobs.remove(0);
        job.tasks = vec![wide];
        assert_eq!((job.ideal_ms(), alone_ms(&job)), (1_000, 3_000));
    }
}
