//! What a run cost, as the objective counts it, laid on the moments at which it became due.

use drover_sim::{
    evaluate::{JudgedJob, STARVED, STARVED_FACTOR, objective, quantile},
    simulate::Outcome,
};

/// The reward of each decision: what all jobs cost between it and the next one, in units of `unit`, below zero. They add up
/// to what the objective says of all jobs, times their number, but for what was due before the first decision.
///
/// A job costs at each moment what it would cost if it went on without any more delay. So what a decision delays is charged
/// while it waits, and not when it ends, which would be too late for a discount; a deadline is missed when it can no longer be
/// met.
pub(super) fn rewards(outcome: &Outcome, decided_ms: &[u64], unit: f64) -> Vec<f64> {
    let mut rewards = vec![0.0; decided_ms.len()];
    let jobs: Vec<JudgedJob> = outcome
        .jobs
        .iter()
        .map(|job| JudgedJob::new(job, outcome.ended_ms))
        .collect();
    let weights: f64 = jobs.iter().map(JudgedJob::weight).sum();
    let waits: Vec<f64> = jobs.iter().map(|job| job.wait_ms as f64).collect();
    let median_ms = quantile(&waits, 0.5).unwrap_or(0.0);
    for (job, of) in jobs.iter().zip(&outcome.jobs) {
        let share = job.weight() * jobs.len() as f64 / weights / unit;
        charge(job, of.submitted_ms, decided_ms, |decision, cost| {
            rewards[decision] -= share * cost;
        });
        let patience_ms = STARVED_FACTOR * median_ms.max(job.ideal_ms as f64);
        if job.wait_ms as f64 > patience_ms {
            let starved_ms = of.submitted_ms + patience_ms as u64;
            let decision = decided_ms.partition_point(|decided| *decided <= starved_ms);
            if let Some(decision) = decision.checked_sub(1) {
                rewards[decision] -= STARVED / unit;
            }
        }
    }
    rewards
}

/// Tells how much of what a job costs becomes due between which decision and the next.
fn charge(job: &JudgedJob, submitted_ms: u64, decided_ms: &[u64], mut due: impl FnMut(usize, f64)) {
    let delay_ms = job.flow_ms.saturating_sub(job.ideal_ms);
    let cost_at = |moment_ms: u64| cost(job, moment_ms.saturating_sub(submitted_ms).min(delay_ms));
    let first = decided_ms.partition_point(|decided| *decided <= submitted_ms);
    let first = first.saturating_sub(1);
    let mut charged = decided_ms.get(first).map_or(0.0, |start| cost_at(*start));
    for decision in first..decided_ms.len() {
        let end_ms = decided_ms.get(decision + 1).copied().unwrap_or(u64::MAX);
        if end_ms == decided_ms[decision] {
            continue;
        }
        let by_then = cost_at(end_ms);
        due(decision, by_then - charged);
        charged = by_then;
        if end_ms.saturating_sub(submitted_ms) >= delay_ms {
            return;
        }
    }
}

/// What a job costs that is delayed by so much in all.
fn cost(job: &JudgedJob, delay_ms: u64) -> f64 {
    let delay_left_ms = job
        .flow_ms
        .saturating_sub(job.ideal_ms)
        .saturating_sub(delay_ms);
    let mut delayed = job.clone();
    delayed.flow_ms = job.flow_ms - delay_left_ms;
    delayed.wait_ms = 0;
    // How it ends is not known before it does.
    delayed.succeeded = job.succeeded || delay_left_ms > 0;
    if let Some(deadline) = &mut delayed.deadline {
        deadline.missed &= deadline.tardiness_ms > delay_left_ms || delay_left_ms == 0;
        deadline.tardiness_ms = deadline.tardiness_ms.saturating_sub(delay_left_ms);
    }
    objective(&[delayed])
}

#[cfg(test)]
mod tests {
    use drover_model::{dispatch::Mode, policy};
    use drover_sim::{
        evaluate::Figures,
        simulate::{Options, simulate},
    };

    use super::*;
    use crate::simulated::Curriculum;

    fn crowded() -> Outcome {
        let curriculum = Curriculum {
            families: vec![("deadline-tight", 1)],
            load: (2.0, 2.0),
            jobs: (300.0, 300.0),
            ..Curriculum::default()
        };
        let fifo = Options::new(policy::find("fifo").unwrap(), Mode::Easy);
        simulate(&curriculum.draw(3).trace, &fifo).unwrap()
    }

    #[test]
    fn they_add_up_to_the_objective() {
        let outcome = crowded();
        let end = outcome.ended_ms;
        let decided: Vec<u64> = (0..100).map(|place| place * end / 100).collect();
        let total: f64 = rewards(&outcome, &decided, 2.0).iter().sum();
        let least = |job: &JudgedJob| job.weight() * cost(job, 0);
        let jobs = outcome.jobs.iter();
        let jobs: Vec<JudgedJob> = jobs.map(|job| JudgedJob::new(job, end)).collect();
        let weights: f64 = jobs.iter().map(JudgedJob::weight).sum();
        let least = jobs.iter().map(least).sum::<f64>() / weights;
        let expected = (Figures::of(&outcome).objective - least) * jobs.len() as f64 / 2.0;
        assert!(expected > 10.0, "jobs are delayed: {expected}");
        assert!(
            (total + expected).abs() < 1e-6 * expected,
            "{total} {expected}"
        );
    }

    #[test]
    fn what_waits_is_charged_while_it_waits() {
        let outcome = crowded();
        let of = |decided: &[u64]| rewards(&outcome, decided, 1.0);
        let half = outcome.ended_ms / 2;
        let two = of(&[0, half]);
        let one = of(&[0]);
        assert!((two[0] + two[1] - one[0]).abs() < 1e-6 * one[0].abs());
        assert!(two[0] < 0.0 && two[1] < 0.0, "{two:?}");
        assert!(
            of(&[half])[0] > one[0],
            "what was due before is not charged"
        );
    }
}
