//! `deadline-tight`: what matters is who comes first.

use drover_model::Priority;

use super::{
    application::{self, Spread},
    family::Parameters,
    intensity::poisson,
    nodes::equal_nodes,
    streams::Streams,
    users::{Estimates, Manner},
};
use crate::trace::Trace;

const SPREAD: Spread = Spread {
    name: "application",
    count: 32,
    median_ms: 120_000.0,
    between: 0.8,
    within: 0.4,
    limits_ms: (2_000, 3_600_000),
    cpus: &[1, 1, 2, 2, 4, 4, 6, 8],
};

const MANNER: Manner = Manner {
    with_deadline_permille: 950,
    slack: (1.2, 3.0),
    priorities: &[
        (Priority::LOW, 300),
        (Priority::NORMAL, 350),
        (Priority::HIGH, 250),
        (Priority::URGENT, 100),
    ],
    estimates: Estimates {
        median: 1.1,
        sigma: 0.3,
    },
};

/// 16 nodes of 16 cores; arrivals are a Poisson process.
pub(super) fn build(parameters: &Parameters, mut streams: Streams) -> Trace {
    let jobs = application::jobs(parameters.jobs, &SPREAD, MANNER, &mut streams);
    poisson(
        equal_nodes(16, 16),
        jobs,
        parameters.load,
        &mut streams.arrivals,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::find;

    #[test]
    fn deadlines_leave_little_time() {
        let parameters = Parameters {
            load: 0.9,
            jobs: 2_000,
            seed: 5,
        };
        let trace = find("deadline-tight")
            .unwrap()
            .generate(&parameters)
            .unwrap();
        let slacks: Vec<f64> = trace
            .jobs
            .iter()
            .filter_map(|job| Some(job.deadline_ms? as f64 / job.ideal_ms() as f64))
            .collect();
        // 95 % of 2,000, within five standard deviations of 10.
        assert!(
            (1_850..=1_950).contains(&slacks.len()),
            "{} deadlines",
            slacks.len()
        );
        assert!(slacks.iter().all(|slack| (1.19..=3.01).contains(slack)));
        assert!(slacks.iter().any(|slack| *slack < 1.3) && slacks.iter().any(|slack| *slack > 2.9));
        let urgent = trace
            .jobs
            .iter()
            .filter(|job| job.priority == Priority::URGENT);
        assert!((130..270).contains(&urgent.count()));
    }
}
