//! What holds for every family.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use proptest::prelude::*;

use super::*;
use crate::trace::{Trace, TraceJob, TraceTask, Wide};

fn generate(family: &Family, load: f64, jobs: u32, seed: u64) -> Trace {
    let parameters = Parameters { load, jobs, seed };
    family
        .generate(&parameters)
        .expect("parameters in their limits")
}

fn all() -> impl Iterator<Item = Family> {
    FAMILIES.into_iter().chain([LUBLIN]).chain(SPECIAL)
}

#[test]
fn the_offered_load_is_what_was_asked_for() {
    for family in all() {
        for (load, seed) in [(0.5, 1), (0.7, 2), (0.9, 3), (1.1, 4)] {
            let trace = generate(&family, load, 2_000, seed);
            let offered = trace.offered_load();
            assert!(
                (offered / load - 1.0).abs() < 0.01,
                "{}, seed {seed}: {offered}",
                family.name
            );
        }
    }
}

#[test]
fn equal_seeds_give_equal_bytes_and_others_do_not() {
    for family in all() {
        let bytes = |seed| format!("{:?}", generate(&family, 0.9, 300, seed));
        assert_eq!(bytes(7), bytes(7), "{}", family.name);
        assert_ne!(bytes(7), bytes(8), "{}", family.name);
    }
}

#[test]
fn other_loads_change_nothing_but_arrivals() {
    for family in all() {
        let [mut calm, busy] = [0.7, 1.1].map(|load| generate(&family, load, 300, 1));
        assert!(
            calm.jobs[299].submitted_ms > busy.jobs[299].submitted_ms,
            "{}",
            family.name
        );
        for (calm, busy) in calm.jobs.iter_mut().zip(&busy.jobs) {
            calm.submitted_ms = busy.submitted_ms;
        }
        assert_eq!(calm.jobs, busy.jobs, "{}", family.name);
    }
}

#[test]
fn owners_priorities_and_deadlines_are_shared_out() {
    for family in FAMILIES {
        let trace = generate(&family, 0.9, 2_000, 11);
        let mut owners: BTreeMap<&str, u32> = BTreeMap::new();
        let mut priorities: BTreeMap<u8, u32> = BTreeMap::new();
        for job in &trace.jobs {
            *owners.entry(&job.owner).or_default() += 1;
            *priorities.entry(job.priority.get()).or_default() += 1;
        }
        // The first of 40 users has a share of 1 / sum of n^-1.2 = 0.29; 0.04 is four standard errors.
        let first = f64::from(owners["user-01"]) / 2_000.0;
        assert!((first - 0.29).abs() < 0.04, "{}: {first}", family.name);
        assert!(owners.len() > 35, "{}: {owners:?}", family.name);
        assert_eq!(priorities.len(), 4, "{}: {priorities:?}", family.name);
        let due = trace.jobs.iter().filter_map(|job| job.deadline_ms).count();
        assert!((700..1_960).contains(&due), "{}: {due}", family.name);
    }
}

#[test]
fn users_guess_badly_and_mostly_too_much() {
    for family in FAMILIES {
        let trace = generate(&family, 0.9, 2_000, 12);
        let tasks = trace.jobs.iter().flat_map(|job| &job.tasks);
        let errors: Vec<f64> = tasks
            .filter_map(|task| Some((task.stated_ms? as f64 / task.runs.ms(0) as f64).ln()))
            .collect();
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        let squares = errors.iter().map(|error| (error - mean).powi(2));
        let sigma = (squares.sum::<f64>() / errors.len() as f64).sqrt();
        assert!((0.05..0.4).contains(&mean), "{}: mean {mean}", family.name);
        assert!(
            (0.25..0.75).contains(&sigma),
            "{}: spread {sigma}",
            family.name
        );
    }
}

#[test]
fn names_that_nobody_has_are_refused_with_what_was_perhaps_meant() {
    assert_eq!(find("dag").unwrap().name, "dag");
    assert_eq!(find("lublin").unwrap().name, "lublin");
    let meant = |name: &str| find(name).unwrap_err().nearest;
    assert_eq!(meant("stedy"), Some("steady"));
    assert_eq!(meant("heavy_tail"), Some("heavy-tail"));
    assert_eq!(meant("edge-cloud"), None);
    assert_eq!(meant(&"x".repeat(1_000_000)), None);
    let message = find("Bursty").unwrap_err().to_string();
    assert!(message.contains("did you mean `bursty`?"), "{message}");
    assert!(
        message.contains("deadline-tight, dag, edge-cloud-gpu, lublin"),
        "{message}"
    );
}

#[test]
fn parameters_out_of_their_limits_are_refused() {
    for load in [0.0, -0.9, f64::NAN, f64::INFINITY, 1e300] {
        let parameters = Parameters {
            load,
            jobs: 1,
            seed: 1,
        };
        assert!(matches!(
            LUBLIN.generate(&parameters),
            Err(ParametersError::Load(_))
        ));
    }
    for jobs in [0, u32::MAX] {
        let parameters = Parameters {
            load: 0.9,
            jobs,
            seed: 1,
        };
        assert_eq!(
            FAMILIES[0].generate(&parameters),
            Err(ParametersError::Jobs(jobs))
        );
    }
}

/// So that a million jobs of one task take some 350 MB: 600 MB is the limit.
#[test]
fn jobs_share_what_they_have_in_common() {
    let trace = generate(&FAMILIES[0], 0.9, 10_000, 1);
    let address = |text: &Arc<str>| text.as_ptr();
    let jobs = trace.jobs.iter();
    let texts = jobs.flat_map(|job| [&job.name, &job.owner, &job.queue].map(address));
    assert!(texts.collect::<BTreeSet<_>>().len() <= 24 + 40 + 1);
    assert!(size_of::<TraceJob>() + size_of::<TraceTask>() <= 400);
    assert!(trace.jobs.iter().all(|job| job.tasks.capacity() == 1));
}

/// Whether all instances that have to run together find room on empty nodes that are allowed.
fn fits(trace: &Trace, task: &TraceTask) -> bool {
    let together = match task.wide {
        Wide::Single | Wide::Array => 1,
        Wide::Gang(_) => task.runs.count(),
    };
    let nodes = trace.nodes.iter();
    let nodes = nodes.filter(|node| task.constraints.admits(&node.attributes));
    let rooms = nodes.map(|node| task.resources.times_in(&node.capacity, together));
    rooms.sum::<u32>() >= together
}

fn check(trace: &Trace) {
    assert!(trace.jobs.is_sorted_by_key(|job| job.submitted_ms));
    for job in &trace.jobs {
        assert!(!job.tasks.is_empty() && job.deadline_ms != Some(0));
        for (place, task) in job.tasks.iter().enumerate() {
            assert!(task.needs.iter().all(|need| (*need as usize) < place));
            assert!(task.needs.is_sorted_by(|left, right| left < right));
            assert!(fits(trace, task), "{task:?} fits nowhere");
            assert!(task.runs.count() > 0 && task.stated_ms != Some(0));
            assert!((0..task.runs.count()).all(|instance| task.runs.ms(instance) > 0));
            assert_eq!(
                task.wide == Wide::Single,
                matches!(task.runs, crate::trace::Runs::One(_))
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_generated_can_be_run(
        place in 0..FAMILIES.len() + 1,
        load in Parameters::LEAST_LOAD..=Parameters::MOST_LOAD,
        jobs in 1_u32..400,
        seed: u64,
    ) {
        let family = all().nth(place).expect("a place among all");
        let trace = generate(&family, load, jobs, seed);
        prop_assert_eq!(trace.jobs.len(), jobs as usize);
        check(&trace);
    }
}
