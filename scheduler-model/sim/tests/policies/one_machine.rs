//! Where a rule is known to be best: one machine, and all there from the beginning.

use drover_model::{dispatch::Mode, policy};
use drover_sim::simulate::{Options, Outcome, Rounds, simulate};
use proptest::prelude::*;

use super::load::{Job, MODES, trace};

/// There are 5,040 orders of so many.
const MOST_JOBS: usize = 7;

fn run(jobs: &[Job], name: &str, mode: Mode) -> Outcome {
    let options = Options {
        // When all are there.
        rounds: Rounds::EachMoment,
        ..Options::new(policy::find(name).expect("a built-in policy"), mode)
    };
    simulate(&trace(jobs, 1, 1), &options).expect("the load is sound")
}

/// Calls with every order.
fn each_order(jobs: &mut Vec<Job>, from: usize, see: &mut impl FnMut(&[Job])) {
    if from == jobs.len() {
        return see(jobs);
    }
    for place in from..jobs.len() {
        jobs.swap(from, place);
        each_order(jobs, from + 1, see);
        jobs.swap(from, place);
    }
}

/// When each ends that runs in this order without a gap.
fn ends(jobs: &[Job]) -> impl Iterator<Item = (&Job, u64)> {
    jobs.iter().scan(0, |now, job| {
        *now += job.run_ms;
        Some((job, *now))
    })
}

fn least_flow_ms(jobs: &[Job]) -> u64 {
    let mut least = u64::MAX;
    each_order(&mut jobs.to_vec(), 0, &mut |order| {
        least = least.min(ends(order).map(|(_, end)| end).sum());
    });
    least
}

fn flow_ms(outcome: &Outcome) -> u64 {
    let flows = outcome.jobs.iter().map(|job| job.flow_ms());
    flows.map(|flow| flow.expect("every job ends")).sum()
}

fn can_be_met(jobs: &[Job]) -> bool {
    let is_met = |(job, end): (&Job, u64)| job.deadline_ms.is_none_or(|deadline| end <= deadline);
    let mut can = false;
    each_order(&mut jobs.to_vec(), 0, &mut |order| {
        can |= ends(order).all(is_met);
    });
    can
}

fn are_met(outcome: &Outcome) -> bool {
    let mut jobs = outcome.jobs.iter();
    jobs.all(|job| job.due_ms.is_none_or(|due| job.ended_ms <= Some(due)))
}

fn jobs() -> impl Strategy<Value = Vec<Job>> {
    let job = (1u64..60_000).prop_map(|run_ms| Job::new(0, 1, run_ms));
    prop::collection::vec(job, 1..=MOST_JOBS)
}

/// Deadlines that some order meets, with so much to spare, or less by so much that perhaps none does.
fn jobs_with_deadlines() -> impl Strategy<Value = Vec<Job>> {
    let spare = prop::collection::vec(-2_000i64..20_000, MOST_JOBS);
    (jobs(), spare, prop::bool::weighted(0.7)).prop_flat_map(|(jobs, spare, is_met)| {
        let dues = ends(&jobs).zip(spare).map(|((job, end), spare)| {
            let spare = if is_met { spare.max(0) } else { spare };
            Job {
                deadline_ms: Some(end.saturating_add_signed(spare).max(1)),
                ..*job
            }
        });
        Just(dues.collect::<Vec<Job>>()).prop_shuffle()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn shortest_first_has_the_least_mean_flow_time(jobs in jobs()) {
        for mode in MODES {
            prop_assert_eq!(flow_ms(&run(&jobs, "sjf", mode)), least_flow_ms(&jobs), "{}", mode);
        }
    }

    #[test]
    fn earliest_deadline_first_meets_all_where_any_order_does(jobs in jobs_with_deadlines()) {
        for mode in MODES {
            prop_assert_eq!(are_met(&run(&jobs, "edf", mode)), can_be_met(&jobs), "{}", mode);
        }
    }
}

#[test]
fn first_in_first_out_is_best_in_neither() {
    let job = |run_ms, deadline_ms| Job {
        deadline_ms: Some(deadline_ms),
        ..Job::new(0, 1, run_ms)
    };
    let jobs = [job(9_000, 10_000), job(1_000, 1_000)];
    assert!(can_be_met(&jobs));
    for mode in MODES {
        assert!(flow_ms(&run(&jobs, "fifo", mode)) > least_flow_ms(&jobs));
        assert!(!are_met(&run(&jobs, "fifo", mode)));
    }
}
