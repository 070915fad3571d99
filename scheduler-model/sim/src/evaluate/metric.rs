//! The list of single numbers that figures consist of: what tables have as columns, and comparisons compare.

use super::{Figures, Level};

/// One number of a run.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// In files and flags.
    pub name: &'static str,
    /// Over a column of a table, with the unit.
    pub title: &'static str,
    pub unit: Unit,
    pub better: Better,
    /// `None` where the run has nothing of it: no deadlines, no nodes that cost.
    pub of: fn(&Figures) -> Option<f64>,
}

/// How a number is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Number,
    Seconds,
    /// From 0 to 1; shown in percent.
    Share,
    Count,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    Lower,
    Higher,
    /// Follows from the load more than from the policy.
    Neither,
}

const fn metric_of(
    name: &'static str,
    title: &'static str,
    unit: Unit,
    better: Better,
    of: fn(&Figures) -> Option<f64>,
) -> Metric {
    Metric {
        name,
        title,
        unit,
        better,
        of,
    }
}

use Better::{Higher, Lower, Neither};
use Unit::{Count, Number, Seconds, Share};

/// All of them.
#[rustfmt::skip]
pub const METRICS: &[Metric] = &[
    metric_of("jobs", "jobs", Count, Neither, |run| Some(run.jobs as f64)),
    metric_of("unsuccessful", "unsuccessful", Count, Lower, |run| Some(run.unsuccessful as f64)),
    metric_of("objective", "J", Number, Lower, |run| Some(run.objective)),
    metric_of("bounded_slowdown_mean", "mean", Number, Lower, |run| Some(run.bounded_slowdown.mean)),
    metric_of("bounded_slowdown_median", "median", Number, Lower, |run| Some(run.bounded_slowdown.median)),
    metric_of("bounded_slowdown_p95", "p95", Number, Lower, |run| Some(run.bounded_slowdown.p95)),
    metric_of("bounded_slowdown_p99", "p99", Number, Lower, |run| Some(run.bounded_slowdown.p99)),
    metric_of("bounded_slowdown_max", "max", Number, Lower, |run| Some(run.bounded_slowdown.max)),
    metric_of("flow_time_s_mean", "mean", Seconds, Lower, |run| Some(run.flow_time_s.mean)),
    metric_of("flow_time_s_median", "median", Seconds, Lower, |run| Some(run.flow_time_s.median)),
    metric_of("flow_time_s_p95", "p95", Seconds, Lower, |run| Some(run.flow_time_s.p95)),
    metric_of("flow_time_s_p99", "p99", Seconds, Lower, |run| Some(run.flow_time_s.p99)),
    metric_of("flow_time_s_max", "max", Seconds, Lower, |run| Some(run.flow_time_s.max)),
    metric_of("wait_s_mean", "mean", Seconds, Lower, |run| Some(run.wait_s.mean)),
    metric_of("wait_s_median", "median", Seconds, Lower, |run| Some(run.wait_s.median)),
    metric_of("wait_s_p95", "p95", Seconds, Lower, |run| Some(run.wait_s.p95)),
    metric_of("wait_s_p99", "p99", Seconds, Lower, |run| Some(run.wait_s.p99)),
    metric_of("wait_s_max", "max", Seconds, Lower, |run| Some(run.wait_s.max)),
    metric_of("deadline_jobs", "with deadline", Count, Neither, |run| Some(run.deadlines.jobs as f64)),
    metric_of("deadline_missed", "missed", Count, Lower, |run| with_deadlines(run, run.deadlines.missed as f64)),
    metric_of("deadline_miss_rate", "missed %", Share, Lower, |run| run.deadlines.miss_rate()),
    metric_of("deadline_miss_rate_low", "low %", Share, Lower, |run| run.deadlines.miss_rate_of(Level::Low)),
    metric_of("deadline_miss_rate_normal", "normal %", Share, Lower, |run| run.deadlines.miss_rate_of(Level::Normal)),
    metric_of("deadline_miss_rate_high", "high %", Share, Lower, |run| run.deadlines.miss_rate_of(Level::High)),
    metric_of("deadline_miss_rate_urgent", "urgent %", Share, Lower, |run| run.deadlines.miss_rate_of(Level::Urgent)),
    metric_of("tardiness_s_mean", "late s", Seconds, Lower, |run| with_deadlines(run, run.deadlines.mean_tardiness_s)),
    metric_of("tardiness_s_weighted", "weighted s", Seconds, Lower, |run| with_deadlines(run, run.deadlines.weighted_tardiness_s)),
    metric_of("starved_share", "starved %", Share, Lower, |run| Some(run.starvation.share)),
    metric_of("fairness", "fairness", Number, Higher, |run| Some(run.fairness)),
    metric_of("utilisation", "used %", Share, Higher, |run| Some(run.utilisation)),
    metric_of("utilisation_published", "published %", Share, Higher, |run| Some(run.utilisation_published)),
    metric_of("throughput_per_hour", "tasks/h", Number, Higher, |run| Some(run.throughput_per_hour)),
    metric_of("makespan_s", "makespan s", Seconds, Lower, |run| Some(run.makespan_s)),
    metric_of("cost", "cost", Number, Lower, |run| (run.cost > 0.0).then_some(run.cost)),
    metric_of("energy_kwh", "kWh", Number, Lower, |run| (run.energy_kwh > 0.0).then_some(run.energy_kwh)),
];

fn with_deadlines(run: &Figures, value: f64) -> Option<f64> {
    (run.deadlines.jobs > 0).then_some(value)
}

/// The one of that name.
pub fn metric(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::evaluate::synthetic;

    #[test]
    fn names_are_unique_and_found() {
        let names: BTreeSet<&str> = METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), METRICS.len());
        let run = Figures::of(&synthetic::outcome());
        let objective = metric("objective").expect("it is in the list");
        assert_eq!((objective.of)(&run), Some(run.objective));
        assert!(metric("J").is_none());
    }

    #[test]
    fn what_a_run_has_nothing_of_is_left_open() {
        let nothing = Figures::of(&crate::simulate::Outcome::default());
        for name in [
            "deadline_miss_rate",
            "tardiness_s_mean",
            "cost",
            "energy_kwh",
        ] {
            assert_eq!((metric(name).expect("listed").of)(&nothing), None, "{name}");
        }
    }
}
