//! Who comes first among equal tasks changes nothing but which of them is which.

use std::{collections::BTreeMap, sync::Arc};

use drover_model::{
    dispatch::Mode,
    policy::{self, Facts, Policy},
};
use drover_sim::simulate::{Options, simulate};
use proptest::{prelude::*, sample::subsequence};

use super::load::{Job, MODES, trace};

/// Until when a job that was there before holds all nodes, so that rules by waiting time have something to tell apart.
const HELD_MS: u64 = 50_000;
const NODES: u64 = 2;
const NODE_CPUS: u64 = 4;

/// Some kinds of jobs, no two of which a rule holds for equal, each so often.
fn kinds() -> impl Strategy<Value = Vec<(Job, usize)>> {
    let kinds = subsequence(vec![1, 2, 3, 4], 2..=4).prop_shuffle();
    let kind = |cpus: u64| {
        let urgency = (1_000u64..60_000, 1_000u64..600_000, 0u32..25);
        (urgency, 1usize..=3).prop_map(move |((run_ms, slack_ms, priority), count)| {
            let job = Job {
                deadline_ms: Some(HELD_MS + run_ms + slack_ms),
                // Of each width its own.
                priority: priority * 4 + cpus as u32 - 1,
                ..Job::new(1_000, cpus, run_ms)
            };
            (job, count)
        })
    };
    kinds.prop_flat_map(move |widths| widths.into_iter().map(kind).collect::<Vec<_>>())
}

/// The same jobs in two orders.
fn orders() -> impl Strategy<Value = (Vec<Job>, Vec<Job>)> {
    let jobs = kinds().prop_map(|kinds| {
        let copies = kinds.into_iter();
        let copies = copies.flat_map(|(job, count)| vec![job; count]);
        copies.collect::<Vec<Job>>()
    });
    jobs.prop_flat_map(|jobs| (Just(jobs.clone()).prop_shuffle(), Just(jobs).prop_shuffle()))
}

/// When jobs start and end, of each kind, in ascending order.
fn times(jobs: &[Job], policy: &Arc<dyn Policy>, mode: Mode) -> BTreeMap<u64, Vec<(u64, u64)>> {
    let held = vec![Job::new(0, NODE_CPUS, HELD_MS); NODES as usize];
    let all = [held, jobs.to_vec()].concat();
    let options = Options::new(policy.clone(), mode);
    let outcome = simulate(&trace(&all, NODES, NODE_CPUS), &options).expect("the load is sound");
    let mut times: BTreeMap<u64, Vec<(u64, u64)>> = BTreeMap::new();
    for (job, became) in all.iter().zip(&outcome.jobs) {
        let ends = became.first_start_ms.zip(became.ended_ms);
        let of_kind = times.entry(job.cpus * 1_000_000 + job.run_ms).or_default();
        of_kind.push(ends.expect("every job ends"));
    }
    times.values_mut().for_each(|times| times.sort_unstable());
    times
}

fn is_blind_to_order(one: &[Job], other: &[Job], policy: &Arc<dyn Policy>, mode: Mode) -> bool {
    times(one, policy, mode) == times(other, policy, mode)
}

/// Fifo sees nothing but when they were submitted, and scores of nodes are often equal for unlike jobs (0 for all that fit
/// nowhere), so that to these rules all are equal: they need to be of one size, and to scores of one priority.
fn as_seen_by(policy: &Arc<dyn Policy>, jobs: &[Job]) -> Vec<Job> {
    let mut jobs = jobs.to_vec();
    for job in &mut jobs {
        match policy.name() {
            "fifo" => (job.cpus, job.run_ms) = (3, 7_000),
            "score" => (job.cpus, job.run_ms, job.priority) = (3, 7_000, 50),
            _ => {}
        }
    }
    jobs
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn permuting_equal_tasks_changes_nothing((one, other) in orders()) {
        for policy in policy::all() {
            for mode in MODES {
                let [one, other] = [&one, &other].map(|jobs| as_seen_by(&policy, jobs));
                prop_assert!(
                    is_blind_to_order(&one, &other, &policy, mode),
                    "{} {mode}: {:?} but {:?}",
                    policy.name(),
                    times(&one, &policy, mode),
                    times(&other, &policy, mode)
                );
            }
        }
    }
}

/// Leaves everything to ids.
#[derive(Debug)]
struct Indifferent;

impl Policy for Indifferent {
    fn name(&self) -> &str {
        "indifferent"
    }

    fn description(&self) -> &str {
        "all are equal"
    }

    fn key(&self, _: &Facts) -> i64 {
        0
    }
}

#[test]
fn a_rule_that_goes_by_ids_is_caught() {
    let indifferent: Arc<dyn Policy> = Arc::new(Indifferent);
    let [short, long] = [1_000, 9_000].map(|run_ms| Job::new(1_000, 4, run_ms));
    let one = [short, short, long];
    let other = [short, long, short];
    for mode in MODES {
        let sjf = policy::find("sjf").expect("a built-in policy");
        assert!(is_blind_to_order(&one, &other, &sjf, mode));
        assert!(!is_blind_to_order(&one, &other, &indifferent, mode));
    }
}
