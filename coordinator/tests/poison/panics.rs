//! Events on which the scheduler itself fails. Planted with a policy that does: policies are asked in the middle of steps.

use std::{panic::resume_unwind, path::Path, sync::Arc};

use drover_coordinator::{Coordinator, Handle, Options};
use drover_model::policy::{Facts, Policy};
use drover_proto::v1;
use tempfile::tempdir;

use super::support::{DiligentAgent, get, jobs, options, status, submit, submit_job, task};
use super::{ends, only_its_caller_hears, parked};

/// A task that asks for just so much cannot be queued.
const UNQUEUEABLE_CPU_MILLIS: u64 = 13;

/// First in, first out, but for its panics.
#[derive(Debug)]
struct Faulty;

impl Policy for Faulty {
    fn name(&self) -> &str {
        "faulty"
    }

    fn description(&self) -> &str {
        "fails on some tasks"
    }

    fn key(&self, facts: &Facts) -> i64 {
        if facts.width_millis == UNQUEUEABLE_CPU_MILLIS {
            panic_in_silence();
        }
        facts.submitted_at.0
    }
}

/// Unwinds as every panic does, but without a backtrace, which takes long to print.
fn panic_in_silence() {
    resume_unwind(Box::new("planted"));
}

async fn start(dir: &Path) -> Handle {
    let options = Options {
        policy: Arc::new(Faulty),
        ..options(dir)
    };
    Coordinator::start(options).await.expect("a coordinator")
}

fn asking(name: &str, needs: &[&str], cpu_millis: u64) -> v1::TaskSpec {
    let resources = v1::Resources {
        cpu_millis,
        ..Default::default()
    };
    v1::TaskSpec {
        resources: Some(resources),
        ..task(name, needs)
    }
}

/// Runs two such jobs among others; the others do not notice. Gives the ids of all, in turns.
async fn run_among_others(handle: &Handle, poison: v1::SubmitRequest) -> Vec<String> {
    let mut client = jobs(handle).await;
    let mut ids = Vec::new();
    for place in 0..5 {
        let request = if place % 2 == 1 {
            poison.clone()
        } else {
            submit("good", vec![task("a", &[]), task("b", &["a"])])
        };
        ids.push(submit_job(&mut client, request).await);
    }
    let _agent = DiligentAgent::start(handle, "n1");
    for (place, id) in ids.iter().enumerate() {
        let expected = if place % 2 == 1 {
            v1::JobState::Failed
        } else {
            v1::JobState::Succeeded
        };
        assert_eq!(ends(handle, id).await, expected, "job {place}");
    }
    let counters = status(handle).await.counters;
    assert_eq!(counters["parked_jobs"], 2);
    assert!(counters["poison_events"] >= 2, "{counters:?}");
    assert_eq!(counters["reloads"], counters["poison_events"]);
    assert_eq!(counters["leaderships"], counters["reloads"] + 1);
    ids
}

/// The second task is queued by the report on the first, and that step panics.
#[tokio::test]
async fn a_report_on_which_the_scheduler_panics_costs_its_own_job_only() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let tasks = vec![task("a", &[]), asking("b", &["a"], UNQUEUEABLE_CPU_MILLIS)];
    let ids = run_among_others(&handle, submit("poison", tasks)).await;
    for poison in [&ids[1], &ids[3]] {
        let letter = parked(&handle, poison).await;
        assert!(
            letter.reason.contains("the scheduler failed on it"),
            "{letter:?}"
        );
    }
    for good in [&ids[0], &ids[2], &ids[4]] {
        let job = get(&mut jobs(&handle).await, good).await;
        for task in job.tasks {
            let last = task.attempts.last().map(v1::Attempt::state);
            assert_eq!(last, Some(v1::AttemptState::Succeeded), "{good}");
        }
    }
}

#[tokio::test]
async fn the_caller_on_whose_job_the_scheduler_panics_hears_internal_and_nobody_else() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let poison = submit("poison", vec![asking("a", &[], UNQUEUEABLE_CPU_MILLIS)]);
    only_its_caller_hears(&handle, poison).await;
}
