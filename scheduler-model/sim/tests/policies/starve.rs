//! With an age cap nothing waits for ever, however much arrives.

use std::sync::Arc;

use drover_model::{
    dispatch::Mode,
    policy::{self, Policy},
};
use drover_sim::simulate::{Options, Outcome, simulate};
use proptest::prelude::*;

use super::load::{Job, MODES, trace};

const AGE_CAP_MS: u64 = 60_000;
const LONGEST_MS: u64 = 20_000;
const NODE_CPUS: u64 = 4;

/// Several times what the node can do, and far longer than the cap: a job of 1 to 4 cpus every 2 s, or so.
fn overload() -> impl Strategy<Value = Vec<Job>> {
    let job = (
        500u64..3_500,
        1..=NODE_CPUS,
        1_000..=LONGEST_MS,
        0u32..=100,
        prop::option::of(1_000u64..200_000),
    );
    prop::collection::vec(job, 100).prop_map(|drawn| {
        let mut submitted_ms = 0;
        let job = |(gap_ms, cpus, run_ms, priority, deadline_ms)| {
            submitted_ms += gap_ms;
            Job {
                deadline_ms,
                priority,
                ..Job::new(submitted_ms, cpus, run_ms)
            }
        };
        drawn.into_iter().map(job).collect()
    })
}

/// The first job that waits longer than it may.
///
/// What has aged starts in the order of arrival, before all that has not. While its first waits nothing starts that would
/// make it wait longer (capacity is reserved for it, or in strict order nothing starts at all, and run times are as stated),
/// so it starts when all that runs then has ended, after the longest run time at the latest. So a job starts so many of
/// these after it has aged as there are jobs before it that still wait, and one more for itself.
fn starved(outcome: &Outcome) -> Option<(usize, u64, u64)> {
    let start = |place: usize| outcome.jobs[place].first_start_ms.unwrap_or(u64::MAX);
    (0..outcome.jobs.len()).find_map(|place| {
        let aged_ms = outcome.jobs[place].submitted_ms + AGE_CAP_MS;
        let ahead = (0..place).filter(|earlier| start(*earlier) > aged_ms);
        let latest = aged_ms + (ahead.count() as u64 + 1) * LONGEST_MS;
        (start(place) > latest).then_some((place, start(place), latest))
    })
}

fn run(jobs: &[Job], policy: &Arc<dyn Policy>, mode: Mode, age_cap_ms: Option<u64>) -> Outcome {
    let options = Options {
        age_cap_ms,
        ..Options::new(policy.clone(), mode)
    };
    simulate(&trace(jobs, 1, NODE_CPUS), &options).expect("the load is sound")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_starves_where_it_grows_old(jobs in overload()) {
        for policy in policy::all() {
            for mode in MODES {
                let outcome = run(&jobs, &policy, mode, Some(AGE_CAP_MS));
                prop_assert_eq!(starved(&outcome), None, "{} {}", policy.name(), mode);
            }
        }
    }
}

/// A wide job, and for ten minutes narrow ones that are shorter, nearer to their deadlines and more important, and that
/// together leave no moment in which the wide one fits.
fn trickle() -> Vec<Job> {
    let wide = Job {
        priority: 0,
        ..Job::new(100, NODE_CPUS, LONGEST_MS)
    };
    let narrow = (0..300).map(|number| Job {
        deadline_ms: Some(60_000),
        priority: 100,
        ..Job::new(number * 2_000, 2, 5_000)
    });
    let mut jobs: Vec<Job> = narrow.collect();
    jobs.insert(1, wide);
    jobs
}

#[test]
fn without_the_cap_it_does() {
    for mode in MODES {
        for name in ["sjf", "edf", "priority"] {
            let policy = policy::find(name).expect("a built-in policy");
            let kept = starved(&run(&trickle(), &policy, mode, Some(AGE_CAP_MS)));
            assert_eq!(kept, None, "{name} {mode}");
            let left = starved(&run(&trickle(), &policy, mode, None));
            assert!(left.is_some(), "{name} {mode}");
        }
    }
}
