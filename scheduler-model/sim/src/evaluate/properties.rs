//! What holds of figures, whatever the outcome.

use std::sync::Arc;

use proptest::prelude::*;

use super::{Counted, Figures};
use crate::simulate::{JobOutcome, Outcome};

prop_compose! {
    fn any_job()(
        owner in 0usize..4,
        priority in 0u8..=100,
        submitted_ms in 0u64..1_000_000,
        wait_ms in prop::option::weighted(0.9, 0u64..5_000_000),
        run_ms in prop::option::weighted(0.9, 1u64..1_000_000),
        succeeded in prop::bool::weighted(0.9),
        due_in_ms in prop::option::of(0u64..2_000_000),
        cost_micros in 0.0..1e6,
    ) -> JobOutcome {
        let first_start_ms = wait_ms.map(|wait| submitted_ms + wait);
        JobOutcome {
            job: 0,
            owner: Arc::from(["ada", "bo", "cy", "di"][owner]),
            priority,
            submitted_ms,
            first_start_ms,
            ended_ms: first_start_ms.zip(run_ms).map(|(start, run)| start + run),
            succeeded,
            due_ms: due_in_ms.map(|due| submitted_ms + due),
            ideal_ms: run_ms.unwrap_or(1_000),
            held_work: 0.0,
            cost_micros,
            energy_joules: cost_micros / 3.0,
            attempts: 1,
        }
    }
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    prop::collection::vec(any_job(), 1..40).prop_map(|mut jobs| {
        for (place, job) in jobs.iter_mut().enumerate() {
            job.job = place as u32;
        }
        Outcome {
            ended_ms: 10_000_000,
            last_start_ms: 9_000_000,
            busy_ms: 1e6,
            completions: jobs.len() as u64,
            jobs,
            ..Outcome::default()
        }
    })
}

fn shuffled() -> impl Strategy<Value = (Outcome, Vec<JobOutcome>)> {
    any_outcome().prop_flat_map(|outcome| {
        let jobs = Just(outcome.jobs.clone()).prop_shuffle();
        (Just(outcome), jobs)
    })
}

proptest! {
    #[test]
    fn the_order_of_jobs_does_not_matter((outcome, jobs) in shuffled()) {
        let permuted = Outcome { jobs, ..outcome.clone() };
        prop_assert_eq!(Figures::of(&outcome), Figures::of(&permuted));
        let after_warm_up = |outcome| Figures::counting(outcome, &Counted::AfterWarmUp);
        prop_assert_eq!(after_warm_up(&outcome), after_warm_up(&permuted));
    }

    /// Only its end moves: its wait is one of those that say who starves, and stays.
    #[test]
    fn a_longer_flow_never_improves_the_objective(
        outcome in any_outcome(),
        place in any::<prop::sample::Index>(),
        later_ms in 1u64..1_000_000,
    ) {
        let before = Figures::of(&outcome).objective;
        let mut longer = outcome;
        let place = place.index(longer.jobs.len());
        if let Some(end) = &mut longer.jobs[place].ended_ms {
            *end += later_ms;
        }
        prop_assert!(Figures::of(&longer).objective >= before);
    }

    #[test]
    fn not_succeeding_never_improves_the_objective(
        outcome in any_outcome(),
        place in any::<prop::sample::Index>(),
    ) {
        let before = Figures::of(&outcome).objective;
        let mut failed = outcome;
        let place = place.index(failed.jobs.len());
        failed.jobs[place].succeeded = false;
        prop_assert!(Figures::of(&failed).objective >= before);
    }

    #[test]
    fn figures_stay_in_their_ranges(outcome in any_outcome()) {
        let figures = Figures::of(&outcome);
        prop_assert!(figures.fairness > 0.0 && figures.fairness <= 1.0);
        prop_assert!((0.0..=1.0).contains(&figures.starvation.share));
        prop_assert!(figures.objective >= 1.0 && figures.objective <= 130.0);
        let slowdown = figures.bounded_slowdown;
        prop_assert!(slowdown.median >= 1.0 && slowdown.median <= slowdown.p95);
        prop_assert!(slowdown.p95 <= slowdown.p99 && slowdown.p99 <= slowdown.max);
        prop_assert!(figures.deadlines.missed <= figures.deadlines.jobs);
    }
}
