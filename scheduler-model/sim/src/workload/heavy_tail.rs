//! `heavy-tail`: a few jobs are most of the work.

use std::sync::Arc;

use drover_model::{Resources, Topology};
use rand_distr::{LogNormal, Pareto};

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

const NODE_CPUS: u64 = 16;

/// Four orders of magnitude: a second to nearly three hours.
const LIMITS_MS: (f64, f64) = (1_000.0, 10_000_000.0);

/// Jobs in a thousand whose run time is of the tail.
const TAIL_PERMILLE: u64 = 200;

/// Shape of the tail's Pareto distribution: near 1, as process and job lifetimes are (M. Harchol-Balter, A. Downey,
/// "Exploiting process lifetime distributions for dynamic load balancing", ACM TOCS 15(3), 1997, section 2).
const TAIL_SHAPE: f64 = 1.1;

const TAIL_FROM_MS: f64 = 60_000.0;

/// Median and spread of the others, log-normal.
const BODY: (f64, f64) = (20_000.0, 1.5);

/// Cores, all equally likely. More than a node has make a gang of whole nodes.
const CPUS: &[u64] = &[1, 1, 1, 1, 2, 2, 2, 4, 4, 4, 8, 8, 8, 16, 16, 32, 64];

/// Applications of the body and of the tail: the signature says which of both, and no more.
const APPLICATIONS: (u64, u64) = (20, 5);

const MANNER: Manner = Manner {
    with_deadline_permille: 400,
    slack: (2.0, 20.0),
    priorities: USUAL_PRIORITIES,
    estimates: Estimates {
        median: 1.4,
        sigma: 0.7,
    },
};

struct Work {
    body: LogNormal<f64>,
    tail: Pareto<f64>,
    names: Vec<Arc<str>>,
}

/// 16 nodes of 16 cores; arrivals are a Poisson process.
pub(super) fn build(parameters: &Parameters, mut streams: Streams) -> Trace {
    let work = Work::new();
    let users = Users::new(MANNER);
    let jobs = (0..parameters.jobs).map(|_| work.job(&users, &mut streams));
    let jobs = jobs.collect();
    poisson(
        equal_nodes(16, NODE_CPUS as u32),
        jobs,
        parameters.load,
        &mut streams.arrivals,
    )
}

impl Work {
    fn new() -> Self {
        let (body, tail) = APPLICATIONS;
        let name = |number| format!("application-{number:02}").into();
        Self {
            body: log_normal(BODY.0, BODY.1),
            tail: Pareto::new(TAIL_FROM_MS, TAIL_SHAPE).expect("a scale and a shape above 0"),
            names: (0..body + tail).map(name).collect(),
        }
    }

    fn job(&self, users: &Users, streams: &mut Streams) -> TraceJob {
        let random = &mut streams.work;
        let (application, run_ms) = self.run(random);
        let cpus = *random.pick(CPUS);
        let stated_ms = users.state(run_ms, &mut streams.estimates);
        let task = wide(application, cpus, run_ms, stated_ms);
        users.job(
            &self.names[application as usize],
            vec![task],
            TraceJob::ideal_ms,
            streams,
        )
    }

    /// An application, and how long it runs. What would be outside of the limits is drawn again.
    fn run(&self, random: &mut Random) -> (u64, u64) {
        let (body, tail) = APPLICATIONS;
        let is_tail = random.chance(TAIL_PERMILLE);
        let application = if is_tail {
            body + random.below(tail)
        } else {
            random.below(body)
        };
        loop {
            let run_ms = if is_tail {
                random.sample(&self.tail)
            } else {
                random.sample(&self.body)
            };
            if (LIMITS_MS.0..=LIMITS_MS.1).contains(&run_ms) {
                return (application, run_ms.round() as u64);
            }
        }
    }
}

fn wide(application: u64, cpus: u64, run_ms: u64, stated_ms: u64) -> TraceTask {
    let member: Resources = task::cpus(cpus.min(NODE_CPUS));
    let task = task::single(application + 1, member, run_ms, Some(stated_ms));
    match cpus.div_ceil(NODE_CPUS) {
        1 => task,
        members => task.with_members(members as u32, Topology::Any),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{trace::Wide, workload::find};

    #[test]
    fn a_few_jobs_are_most_of_the_work() {
        let parameters = Parameters {
            load: 0.9,
            jobs: 2_000,
            seed: 2,
        };
        let trace = find("heavy-tail").unwrap().generate(&parameters).unwrap();
        let mut runs: Vec<u64> = trace.jobs.iter().map(TraceJob::ideal_ms).collect();
        runs.sort_unstable();
        assert!(
            runs[0] < 2_000 && *runs.last().unwrap() > 5_000_000,
            "{runs:?}"
        );
        let all: u64 = runs.iter().sum();
        let longest: u64 = runs.iter().rev().take(runs.len() / 10).sum();
        assert!(
            longest * 2 > all,
            "a tenth of the jobs is {longest} of {all} ms"
        );
        let gangs = trace.jobs.iter().flat_map(|job| &job.tasks);
        let gangs = gangs.filter(|task| matches!(task.wide, Wide::Gang(_)));
        assert!(gangs.clone().all(|task| task.runs.count() > 1));
        assert!(gangs.clone().any(|task| task.runs.count() == 4));
        // Two of the seventeen widths; the standard deviation is 14.
        assert!((160..310).contains(&gangs.count()));
    }
}
