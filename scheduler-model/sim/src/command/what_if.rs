//! What would have been, against what really happened.

use serde::Serialize;

use crate::{
    evaluate::quantile,
    simulate::{JobOutcome, Outcome},
    trace::{Recorded, Trace},
};

/// Over the jobs that had succeeded when the history was exported. Why others failed is not recorded, and most fail by
/// themselves: in a simulation, where every program succeeds, the policy would be credited with them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WhatIf {
    pub jobs: u64,
    /// Recorded jobs that had failed, were cancelled, or had not ended.
    pub left_out: u64,
    /// In the order in which they are shown. None of no jobs.
    pub differences: Vec<Difference>,
}

/// One figure as it was and as it would have been.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    pub name: &'static str,
    pub unit: &'static str,
    pub recorded: f64,
    pub simulated: f64,
    /// Simulated less recorded.
    pub change: f64,
}

/// A job in both worlds.
struct Pair<'a> {
    submitted_ms: u64,
    recorded: Recorded,
    recorded_end_ms: u64,
    simulated: &'a JobOutcome,
    simulated_end_ms: u64,
}

impl WhatIf {
    /// `None` when nothing was recorded.
    pub(super) fn of(trace: &Trace, outcome: &Outcome) -> Option<Self> {
        let jobs = trace.jobs.iter().zip(&outcome.jobs);
        let pairs: Vec<Pair<'_>> = jobs
            .filter_map(|(job, simulated)| {
                let recorded = job.recorded.filter(|recorded| recorded.succeeded)?;
                Some(Pair {
                    submitted_ms: job.submitted_ms,
                    recorded,
                    recorded_end_ms: recorded.ended_ms?,
                    simulated,
                    simulated_end_ms: simulated.ended_ms.unwrap_or(outcome.ended_ms),
                })
            })
            .collect();
        let recorded = trace.jobs.iter().filter(|job| job.recorded.is_some());
        let left_out = recorded.count() - pairs.len();
        (left_out + pairs.len() > 0).then(|| Self {
            jobs: pairs.len() as u64,
            left_out: left_out as u64,
            differences: differences(&pairs),
        })
    }
}

fn differences(pairs: &[Pair<'_>]) -> Vec<Difference> {
    if pairs.is_empty() {
        return Vec::new();
    }
    let minutes = |ms: u64| ms as f64 / 60_000.0;
    let is_met = |pair: &Pair<'_>, end: u64, succeeded: bool| {
        succeeded && pair.simulated.due_ms.is_none_or(|due| end <= due)
    };
    let both = |recorded: &dyn Fn(&Pair<'_>) -> f64, simulated: &dyn Fn(&Pair<'_>) -> f64| {
        let values = |of: &dyn Fn(&Pair<'_>) -> f64| pairs.iter().map(of).collect::<Vec<f64>>();
        [values(recorded), values(simulated)]
    };
    let sum = |values: &[f64]| values.iter().sum::<f64>();
    let mean = |values: &[f64]| sum(values) / values.len() as f64;
    let high = |values: &[f64]| quantile(values, 0.95).unwrap_or(0.0);
    let succeeded = both(&|pair| f64::from(pair.recorded.succeeded), &|pair| {
        f64::from(pair.simulated.succeeded)
    });
    let late = both(
        &|pair| f64::from(!is_met(pair, pair.recorded_end_ms, pair.recorded.succeeded)),
        &|pair| {
            f64::from(!is_met(
                pair,
                pair.simulated_end_ms,
                pair.simulated.succeeded,
            ))
        },
    );
    let flow = both(
        &|pair| minutes(pair.recorded_end_ms.saturating_sub(pair.submitted_ms)),
        &|pair| minutes(pair.simulated_end_ms.saturating_sub(pair.submitted_ms)),
    );
    let wait = both(
        &|pair| {
            minutes(
                started(pair.recorded.first_start_ms, pair.recorded_end_ms)
                    .saturating_sub(pair.submitted_ms),
            )
        },
        &|pair| {
            minutes(
                started(pair.simulated.first_start_ms, pair.simulated_end_ms)
                    .saturating_sub(pair.submitted_ms),
            )
        },
    );
    let cost = both(&|pair| pair.recorded.cost_micros as f64 / 1e6, &|pair| {
        pair.simulated.cost_micros / 1e6
    });
    let end = both(&|pair| minutes(pair.recorded_end_ms), &|pair| {
        minutes(pair.simulated_end_ms)
    });
    let last = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    vec![
        difference("succeeded", "jobs", &succeeded, sum),
        difference("failed or too late", "jobs", &late, sum),
        difference("mean wait", "minutes", &wait, mean),
        difference("95th percentile of wait", "minutes", &wait, high),
        difference("mean flow time", "minutes", &flow, mean),
        difference("95th percentile of flow time", "minutes", &flow, high),
        difference("last end", "minutes", &end, last),
        difference("cost", "money", &cost, sum),
    ]
}

fn started(start_ms: Option<u64>, end_ms: u64) -> u64 {
    start_ms.unwrap_or(end_ms).min(end_ms)
}

fn difference(
    name: &'static str,
    unit: &'static str,
    [recorded, simulated]: &[Vec<f64>; 2],
    of: impl Fn(&[f64]) -> f64,
) -> Difference {
    let (recorded, simulated) = (of(recorded), of(simulated));
    Difference {
        name,
        unit,
        recorded,
        simulated,
        change: simulated - recorded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        simulate::{Options, simulate},
        workload::{self, Parameters},
    };

    /// Four jobs that wait for nothing; all but the last were recorded, each a minute later than simulated.
    fn recorded() -> (Trace, Outcome) {
        let steady = workload::find("steady").unwrap();
        let parameters = Parameters {
            load: 0.01,
            jobs: 4,
            seed: 1,
        };
        let mut trace = steady.generate(&parameters).unwrap();
        let outcome = simulate(&trace, &Options::default()).unwrap();
        for (job, became) in trace.jobs.iter_mut().zip(&outcome.jobs).take(3) {
            job.recorded = Some(Recorded {
                first_start_ms: became.first_start_ms.map(|start| start + 30_000),
                ended_ms: became.ended_ms.map(|end| end + 60_000),
                succeeded: true,
                cost_micros: 2_000_000,
            });
        }
        (trace, outcome)
    }

    fn change<'a>(what_if: &'a WhatIf, name: &str) -> &'a Difference {
        let mut differences = what_if.differences.iter();
        let found = differences.find(|difference| difference.name == name);
        found.expect("a figure of that name")
    }

    #[test]
    fn differences_are_simulated_less_recorded() {
        let (trace, outcome) = recorded();
        let what_if = WhatIf::of(&trace, &outcome).unwrap();
        assert_eq!(what_if.jobs, 3);
        let about = |name, expected: f64| {
            let difference = change(&what_if, name);
            assert!(
                (difference.change - expected).abs() < 1e-9,
                "{difference:?}"
            );
            let subtracted = difference.simulated - difference.recorded;
            assert_eq!(difference.change, subtracted);
        };
        about("mean wait", -0.5);
        about("mean flow time", -1.0);
        about("95th percentile of flow time", -1.0);
        about("last end", -1.0);
        about("succeeded", 0.0);
        let cost = change(&what_if, "cost");
        assert_eq!((cost.recorded, cost.unit), (6.0, "money"));
        let simulated: f64 = outcome.jobs[..3].iter().map(|job| job.cost_micros).sum();
        assert!((cost.simulated - simulated / 1e6).abs() < 1e-9);
    }

    #[test]
    fn what_was_not_recorded_or_had_not_succeeded_does_not_count() {
        let (mut trace, mut outcome) = recorded();
        let recorded = trace.jobs[1].recorded.as_mut().unwrap();
        recorded.ended_ms = None;
        // It was in time, and is late.
        let end = outcome.jobs[0].ended_ms;
        outcome.jobs[0].due_ms = end.map(|end| end + 60_000);
        outcome.jobs[0].ended_ms = end.map(|end| end + 60_001);
        let what_if = WhatIf::of(&trace, &outcome).unwrap();
        assert_eq!(what_if.jobs, 2);
        assert_eq!(change(&what_if, "failed or too late").change, 1.0);
        let recorded = trace.jobs[2].recorded.as_mut().unwrap();
        recorded.succeeded = false;
        let what_if = WhatIf::of(&trace, &outcome).unwrap();
        assert_eq!((what_if.jobs, what_if.left_out), (1, 2));
        assert_eq!(change(&what_if, "succeeded").change, 0.0);
        let recorded = trace.jobs[0].recorded.as_mut().unwrap();
        recorded.succeeded = false;
        let what_if = WhatIf::of(&trace, &outcome).unwrap();
        assert_eq!((what_if.jobs, what_if.left_out), (0, 3));
        assert_eq!(what_if.differences, []);
        for job in &mut trace.jobs {
            job.recorded = None;
        }
        assert_eq!(WhatIf::of(&trace, &outcome), None);
    }
}
