//! `queries`: graphs of many short tasks on executors of one slot each, where it counts what an executor did before.
//!
//! The shapes are those of `dag`'s queries; run times follow the rules of Decima's simulator (Mao et al., "Learning Scheduling
//! Algorithms for Data Processing Clusters", SIGCOMM 2019, section 6.2): the first task of a stage on an executor takes much longer
//! than those after it, longer still if the executor comes from another job, and all of it grows with the executors of the job.

use std::sync::Arc;

use drover_model::{Priority, Resources};

use super::{dag::query_plan, family::Parameters, intensity::poisson, streams::Streams, task};
use crate::{
    random::Random,
    trace::{Runs, StageDurations, Trace, TraceJob, TraceNode, TraceTask, Wide},
};

const EXECUTORS: u32 = 50;

/// Executors of a job for which run times are drawn; between them they are mixed.
const SAMPLED: [u32; 3] = [5, 20, 50];

/// Instances of a stage, in the published queries as here: few, or about a hundred.
const FEW: (u64, u64) = (1, 12);
const MANY: (u64, u64) = (30, 120);

/// Limits of the logarithm of milliseconds: of later tasks of a stage, and what the first takes more.
const REST_MS: (f64, f64) = (20.0, 6_000.0);
const FIRST_MS: (f64, f64) = (150.0, 2_000.0);

/// Samples of each kind.
const SAMPLES: u32 = 8;

/// Arrivals are a Poisson process. At a load of a hundred or more it is a batch.
pub(super) fn build(parameters: &Parameters, mut streams: Streams) -> Trace {
    let nodes = (1..=EXECUTORS)
        .map(|number| TraceNode::plain(format!("executor-{number}"), slot()))
        .collect();
    let jobs = (0..parameters.jobs).map(|place| job(place, &mut streams.work));
    let jobs = jobs.collect();
    poisson(nodes, jobs, parameters.load, &mut streams.arrivals)
}

fn job(place: u32, random: &mut Random) -> TraceJob {
    // How much data there is.
    let data = log_uniform((0.15, 2.5), random);
    let stages = query_plan(random);
    let tasks = stages.into_iter().enumerate();
    let tasks = tasks.map(|(stage, needs)| {
        let signature = u64::from(place) << 16 | stage as u64;
        stage_task(signature, data, random).with_needs(&needs)
    });
    TraceJob {
        submitted_ms: 0,
        name: "query".into(),
        owner: "user".into(),
        queue: "default".into(),
        priority: Priority::NORMAL,
        deadline_ms: None,
        tasks: tasks.collect(),
        recorded: None,
    }
}

fn stage_task(signature: u64, data: f64, random: &mut Random) -> TraceTask {
    let (fewest, most) = if random.chance(550) { FEW } else { MANY };
    let instances = random.between(fewest, most) as f64 * data.sqrt();
    let count = (instances.round() as u32).max(1);
    let durations = Arc::new(durations(count, data.sqrt(), random));
    let rough_ms = durations.rough_ms;
    let task = task::single(signature, slot(), rough_ms, Some(rough_ms));
    TraceTask {
        wide: if count > 1 { Wide::Array } else { Wide::Single },
        runs: Runs::Executors { count, durations },
        ..task
    }
}

/// `rough_ms` is the mean with as many executors as the stage can use, up to the middle of [`SAMPLED`].
fn durations(count: u32, growth: f64, random: &mut Random) -> StageDurations {
    let rest_ms = log_uniform(REST_MS, random) * growth;
    let more_ms = log_uniform(FIRST_MS, random);
    let moved_ms = random.real(0.0, 1.5) * more_ms;
    // So many times as long with all executors.
    let slower = random.real(1.0, 3.0);
    let mut wave = |least_ms: f64| -> Vec<(u32, Vec<u64>)> {
        let by = |executors: u32| {
            let share = f64::from(executors) / f64::from(EXECUTORS);
            let mean_ms = least_ms * (1.0 + (slower - 1.0) * share);
            let sample = |_| (mean_ms * random.real(0.8, 1.2)).round().max(1.0) as u64;
            (executors, (0..SAMPLES).map(sample).collect())
        };
        SAMPLED.into_iter().map(by).collect()
    };
    let first = f64::from(count.min(SAMPLED[1])) / f64::from(count);
    let rough_ms = (rest_ms + more_ms * first) * f64::midpoint(1.0, slower);
    StageDurations {
        rough_ms: rough_ms.round().max(1.0) as u64,
        fresh: wave(rest_ms + more_ms + moved_ms),
        first_wave: wave(rest_ms + more_ms),
        rest_wave: wave(rest_ms),
    }
}

fn log_uniform((least, most): (f64, f64), random: &mut Random) -> f64 {
    random.real(least.ln(), most.ln()).exp()
}

fn slot() -> Resources {
    Resources {
        cpu_millis: 1_000,
        ..Resources::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::find;

    #[test]
    fn the_first_task_of_a_stage_takes_longest_on_a_moved_executor() {
        let parameters = Parameters {
            load: 0.8,
            jobs: 30,
            seed: 7,
        };
        let trace = find("queries").unwrap().generate(&parameters).unwrap();
        assert_eq!(trace.nodes.len(), EXECUTORS as usize);
        let mean = |wave: &[(u32, Vec<u64>)]| {
            let all = wave.iter().flat_map(|(_, samples)| samples);
            all.clone().sum::<u64>() as f64 / all.count() as f64
        };
        for task in trace.jobs.iter().flat_map(|job| &job.tasks) {
            let Runs::Executors { durations, .. } = &task.runs else {
                panic!("{task:?}")
            };
            assert!(mean(&durations.rest_wave) < mean(&durations.first_wave));
            assert!(mean(&durations.first_wave) < 1.3 * mean(&durations.fresh));
            assert_eq!(durations.fresh.len(), SAMPLED.len());
        }
        let tasks = trace.instances() / 30;
        assert!((100..900).contains(&tasks), "{tasks} tasks a job");
    }
}
