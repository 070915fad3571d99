//! Events on which the scheduler itself fails. Planted with a policy that does: policies are asked in the middle of steps.

use std::{panic::resume_unwind, path::Path, sync::Arc};

use drover_coordinator::{Coordinator, Handle, Options};
use drover_model::policy::{Facts, Order, Policy};
use drover_proto::v1;
use tempfile::tempdir;

use super::support::{
    DiligentAgent, get, jobs, options, policy_history as history, status, submit, submit_job, task,
};
use super::{ends, only_its_caller_hears, parked};

/// A task that asks for just so much cannot be ranked.
const UNRANKABLE_CPU_MILLIS: u64 = 13;

/// First in, first out, but for its panics. Where its keys are fixed it is asked for them when tasks are queued, else in
/// rounds of dispatch.
#[derive(Debug)]
struct Faulty(Order);

impl Policy for Faulty {
    fn name(&self) -> &str {
        "faulty"
    }

    fn description(&self) -> &str {
        "fails on some tasks"
    }

    fn order(&self) -> Order {
        self.0
    }

    fn key(&self, facts: &Facts) -> i64 {
        if facts.width_millis == UNRANKABLE_CPU_MILLIS {
            panic_in_silence();
        }
        facts.submitted_at.0
    }
}

/// Unwinds as every panic does, but without a backtrace, which takes long to print.
fn panic_in_silence() {
    resume_unwind(Box::new("planted"));
}

async fn start(dir: &Path, order: Order) -> Handle {
    let policy: Arc<dyn Policy> = Arc::new(Faulty(order));
    let options = Options {
        policy: Arc::clone(&policy),
        // There is no other to go on with.
        fallback: policy,
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

async fn are_parked(handle: &Handle, poison: [&String; 2]) {
    for id in poison {
        let letter = parked(handle, id).await;
        assert!(
            letter.reason.contains("the scheduler failed on it"),
            "{letter:?}"
        );
    }
}

/// The second task is queued by the report on the first, and that step panics.
#[tokio::test]
async fn a_report_on_which_the_scheduler_panics_costs_its_own_job_only() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path(), Order::Fixed).await;
    let tasks = vec![task("a", &[]), asking("b", &["a"], UNRANKABLE_CPU_MILLIS)];
    let ids = run_among_others(&handle, submit("poison", tasks)).await;
    are_parked(&handle, [&ids[1], &ids[3]]).await;
    for good in [&ids[0], &ids[2], &ids[4]] {
        let job = get(&mut jobs(&handle).await, good).await;
        for task in job.tasks {
            let last = task.attempts.last().map(v1::Attempt::state);
            assert_eq!(last, Some(v1::AttemptState::Succeeded), "{good}");
        }
    }
}

/// No event is at fault then: the round is about all that wait.
#[tokio::test]
async fn a_round_of_dispatch_that_panics_costs_the_job_that_it_was_about_only() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path(), Order::Changing).await;
    let tasks = vec![task("a", &[]), asking("b", &["a"], UNRANKABLE_CPU_MILLIS)];
    let ids = run_among_others(&handle, submit("poison", tasks)).await;
    are_parked(&handle, [&ids[1], &ids[3]]).await;
}

#[tokio::test]
async fn the_caller_on_whose_job_the_scheduler_panics_hears_internal_and_nobody_else() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path(), Order::Fixed).await;
    let poison = submit("poison", vec![asking("a", &[], UNRANKABLE_CPU_MILLIS)]);
    only_its_caller_hears(&handle, poison).await;
}

/// Where there is another policy, that one is at fault and not the job.
#[tokio::test]
async fn a_policy_that_panics_in_a_round_is_given_up() {
    let dir = tempdir().unwrap();
    let options = Options {
        policy: Arc::new(Faulty(Order::Changing)),
        ..options(dir.path())
    };
    let handle = Coordinator::start(options).await.expect("a coordinator");
    let tasks = vec![task("a", &[]), asking("b", &["a"], UNRANKABLE_CPU_MILLIS)];
    let id = submit_job(&mut jobs(&handle).await, submit("hard", tasks)).await;
    let _agent = DiligentAgent::start(&handle, "n1");
    assert_eq!(ends(&handle, &id).await, v1::JobState::Succeeded);
    let status = status(&handle).await;
    assert_eq!(status.policy, "edf");
    assert_eq!(status.counters["policy_fallbacks"], 1);
    assert_eq!(status.counters["parked_jobs"], 0);
    let history = history(&handle).await;
    let [event] = history.as_slice() else {
        panic!("one event: {history:?}");
    };
    assert_eq!(event.kind(), v1::PolicyEventKind::FallBack);
    assert_eq!(
        (&*event.from_version, &*event.to_version),
        ("faulty", "edf")
    );
    assert_eq!(
        (&*event.who, &*event.why),
        ("breaker", "it panicked in a round of dispatch")
    );
}
