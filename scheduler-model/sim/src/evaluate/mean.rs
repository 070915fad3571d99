//! One set of figures for many runs.

use super::{Deadlines, Distribution, Figures, Starvation};

impl Figures {
    /// Means over runs, with every run counting the same, as published tables have them; but counts are added up, and the
    /// worst is the worst of all. `None` without runs.
    pub fn mean_of<'a>(runs: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let runs: Vec<&Self> = runs.into_iter().collect();
        if runs.is_empty() {
            return None;
        }
        let mean = |of: fn(&Self) -> f64| mean(&runs, of);
        Some(Self {
            jobs: runs.iter().map(|run| run.jobs).sum(),
            unsuccessful: runs.iter().map(|run| run.unsuccessful).sum(),
            objective: mean(|run| run.objective),
            flow_time_s: distribution(&runs, |run| run.flow_time_s),
            wait_s: distribution(&runs, |run| run.wait_s),
            bounded_slowdown: distribution(&runs, |run| run.bounded_slowdown),
            deadlines: deadlines(&runs),
            starvation: Starvation {
                share: mean(|run| run.starvation.share),
                longest_wait_s: largest(&runs, |run| run.starvation.longest_wait_s),
            },
            fairness: mean(|run| run.fairness),
            utilisation: mean(|run| run.utilisation),
            utilisation_published: mean(|run| run.utilisation_published),
            makespan_s: mean(|run| run.makespan_s),
            throughput_per_hour: mean(|run| run.throughput_per_hour),
            cost: mean(|run| run.cost),
            energy_kwh: mean(|run| run.energy_kwh),
        })
    }
}

fn mean(runs: &[&Figures], of: impl Fn(&Figures) -> f64) -> f64 {
    runs.iter().map(|run| of(run)).sum::<f64>() / runs.len() as f64
}

fn largest(runs: &[&Figures], of: impl Fn(&Figures) -> f64) -> f64 {
    runs.iter().map(|run| of(run)).fold(0.0, f64::max)
}

fn distribution(runs: &[&Figures], of: fn(&Figures) -> Distribution) -> Distribution {
    Distribution {
        mean: mean(runs, |run| of(run).mean),
        median: mean(runs, |run| of(run).median),
        p95: mean(runs, |run| of(run).p95),
        p99: mean(runs, |run| of(run).p99),
        max: largest(runs, |run| of(run).max),
    }
}

/// Counts of all runs together: a rate over all jobs that had a deadline.
fn deadlines(runs: &[&Figures]) -> Deadlines {
    let mut all = Deadlines {
        mean_tardiness_s: mean(runs, |run| run.deadlines.mean_tardiness_s),
        weighted_tardiness_s: mean(runs, |run| run.deadlines.weighted_tardiness_s),
        ..Deadlines::default()
    };
    let levels = runs.iter().flat_map(|run| &run.deadlines.by_priority);
    for row in levels {
        all.add(row.level, row.jobs, row.missed);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::synthetic;

    #[test]
    fn of_two_runs() {
        let first = Figures::of(&synthetic::outcome());
        let second = Figures::of(&synthetic::slower(3.0));
        let mean = Figures::mean_of([&first, &second]).expect("there are two");
        assert_eq!(mean.jobs, 40);
        assert_eq!(mean.objective, (first.objective + second.objective) / 2.0);
        assert_eq!(
            mean.flow_time_s.max,
            first.flow_time_s.max.max(second.flow_time_s.max)
        );
        assert_eq!(
            mean.deadlines.missed,
            first.deadlines.missed + second.deadlines.missed
        );
        assert_eq!(Figures::mean_of([&first]), Some(first));
        assert_eq!(Figures::mean_of([]), None);
    }
}
