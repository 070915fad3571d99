//! `gpu-pool`: training jobs on one pool of GPUs, most with a deadline, which together want more than there is for hours.
//!
//! Sizes, run times and deadlines are spread as in days 1 to 9 of the Philly log with the deadlines that Chronus gave it (Gao et
//! al., SoCC 2021): nine jobs of ten take one GPU and an hour or two, the others up to 16 and many hours, and those are three
//! quarters of the work. Times are whole minutes, and many jobs come in the same one.

use std::sync::Arc;

use drover_model::{Priority, Resources};
use rand_distr::{Exp1, LogNormal};

use super::{
    family::Parameters,
    intensity::{Intensity, Piece, submit_after, unnamed},
    streams::Streams,
    task,
    users::log_normal,
};
use crate::{
    random::Random,
    trace::{Trace, TraceJob, TraceNode},
};

const POOLS: [u32; 3] = [384, 768, 1_152];
const MINUTE_MS: u64 = 60_000;

/// Jobs in a thousand that take one GPU; and what the others take.
const NARROW_PERMILLE: u64 = 920;
const WIDE: [u32; 8] = [2, 4, 4, 4, 8, 8, 8, 16];

/// Median in minutes and spread of run times, narrow and wide.
const RUNS: [(f64, f64); 2] = [(72.0, 1.3), (700.0, 1.6)];
const LIMITS_MIN: (f64, f64) = (20.0, 4_320.0);

/// Deadlines in run times: median and spread, and the least.
const SLACK: (f64, f64) = (1.95, 0.3);
const LEAST_SLACK: f64 = 1.1;

/// The rate of arrivals changes so often, and by so much of its logarithm.
const SPELL_MIN: f64 = 360.0;
const SPELL_SIGMA: f64 = 0.7;
const SPELLS: usize = 64;

/// Jobs that come together, on average.
const GROUP: f64 = 6.0;
const WITHIN_GROUP: f64 = 0.02;

pub(super) fn build(parameters: &Parameters, mut streams: Streams) -> Trace {
    let gpus = *streams.work.pick(&POOLS);
    // Without best effort, or with a third of it.
    let best_permille = *streams.owners.pick(&[0, 300]);
    let runs = RUNS.map(|(median, sigma)| log_normal(median, sigma));
    let jobs = (0..parameters.jobs).map(|_| job(&runs, best_permille, &mut streams));
    let mut trace = unnamed(vec![TraceNode::plain("pool", amount(gpus))], jobs.collect());
    let span_ms = trace.busy_ms() / parameters.load;
    let spells = spells(&mut streams.arrivals);
    let random = &mut streams.arrivals;
    let gap = || {
        let gap: f64 = random.sample(&Exp1);
        match random.unit() * GROUP < 1.0 {
            true => gap,
            false => gap * WITHIN_GROUP,
        }
    };
    submit_after(&mut trace, Some(span_ms), &spells, gap);
    for job in &mut trace.jobs {
        job.submitted_ms -= job.submitted_ms % MINUTE_MS;
    }
    trace
}

fn job(runs: &[LogNormal<f64>; 2], best_permille: u64, streams: &mut Streams) -> TraceJob {
    let random = &mut streams.work;
    let is_narrow = random.chance(NARROW_PERMILLE);
    let gpus = if is_narrow { 1 } else { *random.pick(&WIDE) };
    let minutes = random.sample(&runs[usize::from(!is_narrow)]);
    let minutes = minutes.clamp(LIMITS_MIN.0, LIMITS_MIN.1).round();
    let run_ms = minutes as u64 * MINUTE_MS;
    let random = &mut streams.deadlines;
    let slack = random.sample(&log_normal(SLACK.0, SLACK.1));
    let due = (minutes * slack.max(LEAST_SLACK)).ceil() as u64;
    let is_best = streams.owners.chance(best_permille);
    let (queue, priority) = match is_best {
        true => ("best", Priority::LOW),
        false => ("strict", Priority::NORMAL),
    };
    let signature = u64::from(gpus);
    TraceJob {
        submitted_ms: 0,
        name: "job".into(),
        owner: Arc::from("user"),
        queue: queue.into(),
        priority,
        deadline_ms: (!is_best).then_some(due * MINUTE_MS),
        tasks: vec![task::single(signature, amount(gpus), run_ms, Some(run_ms))],
        recorded: None,
    }
}

fn spells(random: &mut Random) -> Intensity {
    let rates = log_normal(1.0, SPELL_SIGMA);
    let piece = |_| Piece {
        length_ms: SPELL_MIN * MINUTE_MS as f64,
        rate: random.sample(&rates),
    };
    Intensity::new((0..SPELLS).map(piece).collect())
}

fn amount(gpus: u32) -> Resources {
    Resources {
        gpus,
        ..Resources::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::find;

    #[test]
    fn times_are_minutes_and_deadlines_can_be_met_alone() {
        let parameters = Parameters {
            load: 1.2,
            jobs: 2_000,
            seed: 3,
        };
        let trace = find("gpu-pool").unwrap().generate(&parameters).unwrap();
        assert!((trace.offered_load() - 1.2).abs() < 0.01);
        let mut together = 0;
        for pair in trace.jobs.windows(2) {
            let run_ms = pair[0].ideal_ms();
            let times = [pair[0].submitted_ms, run_ms];
            assert!(times.iter().all(|ms| ms.is_multiple_of(MINUTE_MS)));
            assert!(pair[0].deadline_ms.is_none_or(|due_ms| due_ms > run_ms));
            together += u32::from(pair[0].submitted_ms == pair[1].submitted_ms);
        }
        assert!(together > 800, "{together} come with the next");
        let wide = trace.jobs.iter().map(|job| job.tasks[0].resources.gpus);
        let wide = wide.filter(|gpus| *gpus > 1).count();
        assert!((110..220).contains(&wide), "{wide}");
    }
}
