//! How long an attempt takes.

use super::nodes::SimulatedNode;
use crate::{
    random::{Purpose, Random},
    trace::{Runs, StageDurations, TraceJob},
};

/// What of a run time does not depend on policies: drawn for the attempt, whenever and wherever it runs.
pub(super) fn noise(random: &mut Random, spread: f64) -> f64 {
    if spread == 0.0 {
        1.0
    } else {
        (spread * random.normal()).exp()
    }
}

/// The stream of one instance.
pub(super) fn stream(seed: u64, job: u32, stage: u32, instance: u32) -> Random {
    let names = [u64::from(job), u64::from(stage), u64::from(instance)];
    Random::of(seed, Purpose::Noise, names)
}

/// At speed 1, without noise. `executors` is how many nodes work for the job, this one included.
pub(super) fn run_ms(
    job: &TraceJob,
    (stage, instance): (u32, u32),
    place: u32,
    node: &SimulatedNode,
    executors: u32,
    moving_ms: u64,
    random: &mut Random,
) -> u64 {
    let durations = match &job.tasks[stage as usize].runs {
        Runs::Executors { durations, .. } => durations,
        runs => return runs.ms(instance),
    };
    match node.last {
        Some(last) if last == (place, stage) => durations.rest(executors, random),
        Some((job, _)) if job == place => durations.first(executors, random),
        _ => moving_ms + durations.fresh(executors, random),
    }
}

/// Where there is no sample of the first task on a fresh executor, it takes so much longer than later ones.
const WARM_UP_MS: u64 = 1_000;

impl StageDurations {
    fn rest(&self, executors: u32, random: &mut Random) -> u64 {
        sample(&self.rest_wave, executors, random).unwrap_or_else(|| self.first(executors, random))
    }

    fn first(&self, executors: u32, random: &mut Random) -> u64 {
        sample(&self.first_wave, executors, random)
            .or_else(|| sample(&self.fresh, executors, random))
            .unwrap_or(self.rough_ms)
    }

    fn fresh(&self, executors: u32, random: &mut Random) -> u64 {
        sample(&self.fresh, executors, random)
            .unwrap_or_else(|| self.first(executors, random) + WARM_UP_MS)
    }
}

/// From the samples of the nearest numbers of executors below and above, the nearer one more often.
fn sample(by_executors: &[(u32, Vec<u64>)], executors: u32, random: &mut Random) -> Option<u64> {
    let known = || {
        by_executors
            .iter()
            .filter(|(_, samples)| !samples.is_empty())
    };
    let below = known().rfind(|(count, _)| *count <= executors);
    let above = known().find(|(count, _)| *count >= executors);
    let (_, samples) = match (below, above) {
        (Some(below), Some(above)) if above.0 > below.0 => {
            let share = f64::from(executors - below.0) / f64::from(above.0 - below.0);
            if random.unit() < share { above } else { below }
        }
        (below, above) => below.or(above)?,
    };
    Some(*random.pick(samples))
}
