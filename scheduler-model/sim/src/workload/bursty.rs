//! `bursty`: waves of overload, with time to recover between them.

use super::{
    application::{self, Spread},
    family::Parameters,
    intensity::{Intensity, Piece, submit, unnamed},
    nodes::equal_nodes,
    streams::Streams,
    users::{Estimates, Manner, USUAL_PRIORITIES},
};
use crate::{random::Random, trace::Trace};

/// Mean length of a calm.
const CALM_MS: f64 = 25.0 * 60_000.0;

/// Mean length of a burst.
const BURST_MS: f64 = 5.0 * 60_000.0;

/// How many times more arrives in a burst than in a calm. That is four times the mean rate: at a load of 0.9, for minutes
/// 3.6 times what the nodes can do.
const BURST_RATE: f64 = 10.0;

/// More than a year of calms and bursts. Longer traces repeat them.
const MOST_WAVES: u64 = 20_000;

const SPREAD: Spread = Spread {
    name: "application",
    count: 24,
    median_ms: 90_000.0,
    between: 0.6,
    within: 0.5,
    limits_ms: (1_000, 1_200_000),
    cpus: &[1, 1, 2, 2, 4, 4, 8, 8],
};

const MANNER: Manner = Manner {
    with_deadline_permille: 600,
    slack: (2.0, 12.0),
    priorities: USUAL_PRIORITIES,
    estimates: Estimates::USUAL,
};

/// 8 nodes of 16 cores; arrivals are a Poisson process that is modulated by two states.
pub(super) fn build(parameters: &Parameters, mut streams: Streams) -> Trace {
    let jobs = application::jobs(parameters.jobs, &SPREAD, MANNER, &mut streams);
    let mut trace = unnamed(equal_nodes(8, 16), jobs);
    let span_ms = trace.busy_ms() / parameters.load;
    let waves = waves(span_ms, &mut streams.arrivals);
    submit(&mut trace, span_ms, &waves, &mut streams.arrivals);
    trace
}

/// Calms and bursts in turn, of half to one and a half times their mean length.
fn waves(span_ms: f64, random: &mut Random) -> Intensity {
    // Twice as many as fill it on average: lengths differ.
    let count = (2.0 * span_ms / (CALM_MS + BURST_MS)).ceil() as u64;
    let wave = |_| {
        let mut piece = |mean_ms: f64, rate| Piece {
            length_ms: mean_ms * random.real(0.5, 1.5),
            rate,
        };
        [piece(CALM_MS, 1.0), piece(BURST_MS, BURST_RATE)]
    };
    Intensity::new((0..count.clamp(1, MOST_WAVES)).flat_map(wave).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::find;

    /// Work that arrives in each minute, in what the nodes do in a minute.
    fn load_by_minute(trace: &Trace) -> Vec<f64> {
        let capacity: f64 = trace
            .nodes
            .iter()
            .map(|node| node.capacity.cpu_millis as f64)
            .sum();
        let last_ms = trace.jobs.last().map_or(0, |job| job.submitted_ms);
        let mut minutes = vec![0.0; (last_ms / 60_000 + 1) as usize];
        for job in &trace.jobs {
            let work = job.ideal_ms() as f64 * job.tasks[0].resources.cpu_millis as f64;
            minutes[(job.submitted_ms / 60_000) as usize] += work / (capacity * 60_000.0);
        }
        minutes
    }

    #[test]
    fn bursts_exceed_capacity_several_times_for_minutes() {
        let parameters = Parameters {
            load: 0.9,
            jobs: 8_000,
            seed: 3,
        };
        let trace = find("bursty").unwrap().generate(&parameters).unwrap();
        let minutes = load_by_minute(&trace);
        let in_burst: Vec<f64> = minutes
            .windows(3)
            .map(|three| three.iter().sum::<f64>() / 3.0)
            .collect();
        let heavy = in_burst.iter().filter(|load| **load > 2.0).count();
        let share = heavy as f64 / in_burst.len() as f64;
        // A burst fills a sixth of the time; its edges and its noise leave some of it below twice the capacity.
        assert!(
            (0.08..0.2).contains(&share),
            "seed 3: {share} of the time is in bursts"
        );
        let calm = in_burst.iter().filter(|load| **load < 0.9).count();
        assert!(
            calm as f64 > 0.6 * in_burst.len() as f64,
            "seed 3: too little calm"
        );
    }

    #[test]
    fn waves_cover_the_span_as_far_as_memory_is_sensible() {
        let mut random = Random::new(1, crate::random::Purpose::Checks);
        assert!(waves(0.0, &mut random).reading(CALM_MS * 0.5) > 0.0);
        assert!(waves(f64::MAX, &mut random).reading(1.0) > 0.0);
    }
}
