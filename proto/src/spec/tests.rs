use std::collections::BTreeMap;

use bytes::Bytes;
use drover_model::{
    Deadline, DeadlineAction, FailureRule, JobId, OnDisconnect, Priority, StepSpec,
};
use pbjson_types::Duration;

use super::*;

mod failure;
mod graph;
mod groups;
mod placement;
mod queue;
mod run;
mod undo;

fn seconds(seconds: i64) -> Option<Duration> {
    Some(Duration { seconds, nanos: 0 })
}

fn simulate() -> Option<v1::task_spec::Run> {
    Some(v1::task_spec::Run::Simulate(v1::Simulate {
        duration: seconds(2),
        failure_chance: 0.0,
    }))
}

fn task(name: &str, needs: &[&str]) -> v1::TaskSpec {
    v1::TaskSpec {
        name: name.to_owned(),
        needs: needs.iter().map(|&need| need.to_owned()).collect(),
        run: simulate(),
        ..Default::default()
    }
}

fn job(tasks: Vec<v1::TaskSpec>) -> v1::JobSpec {
    v1::JobSpec {
        name: "nightly".to_owned(),
        tasks,
        ..Default::default()
    }
}

fn with(task: v1::TaskSpec) -> v1::JobSpec {
    job(vec![task])
}

fn running(run: v1::task_spec::Run) -> v1::JobSpec {
    job(vec![v1::TaskSpec {
        run: Some(run),
        ..task("a", &[])
    }])
}

fn command(argv: &[&'static [u8]]) -> v1::Command {
    v1::Command {
        argv: argv.iter().map(|&word| Bytes::from_static(word)).collect(),
        ..Default::default()
    }
}

fn accepted(spec: &v1::JobSpec) -> Compiled {
    compile(spec, &Limits::default()).expect("a good job")
}

/// Of the first task.
fn step(compiled: &Compiled) -> StepSpec {
    compiled.spec.tasks[0].step.clone().expect("a step")
}

/// While nothing was learned.
fn expected_ms(step: &StepSpec) -> u64 {
    step.expected.stated_ms.unwrap_or(step.expected.default_ms)
}

/// Each violation as `field: problem`.
fn refused(spec: &v1::JobSpec) -> Vec<String> {
    compile(spec, &Limits::default())
        .expect_err("a bad job")
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[track_caller]
fn assert_only(spec: &v1::JobSpec, field: &str, words: &str) {
    let problems = refused(spec);
    assert_eq!(problems.len(), 1, "{problems:?}");
    let (found, problem) = problems[0].split_once(": ").expect("field and problem");
    assert_eq!(found, field, "{problem}");
    assert!(problem.contains(words), "{problem}");
}

#[test]
fn a_small_job_gets_the_defaults() {
    let compiled = accepted(&job(vec![task("a", &[])]));
    assert_eq!(&*compiled.name, "nightly");
    assert_eq!(&*compiled.spec.namespace, "default");
    assert_eq!(&*compiled.spec.queue, "default");
    assert_eq!(compiled.spec.priority, Priority::NORMAL);
    assert_eq!(compiled.spec.deadline, None);
    assert_eq!(compiled.spec.failure_rule, FailureRule::FailFast);
    let step = step(&compiled);
    assert_eq!(step.resources.cpu_millis, 1_000);
    assert_eq!(step.expected.stated_ms, Some(2_000));
    assert_eq!(step.rules.timeout_ms, None);
    assert_eq!(step.rules.retry, drover_model::RetryRule::default());
}

#[test]
fn payload_and_stored_spec_read_back() {
    let mut spec = running(v1::task_spec::Run::Command(v1::Command {
        env: BTreeMap::from([("A".to_owned(), Bytes::from_static(b"\xff="))]),
        ..command(&[b"printf", b"\xfe"])
    }));
    spec.deadline = Some(v1::job_spec::Deadline::DeadlineAfter(Duration {
        seconds: 600,
        nanos: 0,
    }));
    let compiled = accepted(&spec);
    let payload = v1::TaskPayload::decode(step(&compiled).payload).unwrap();
    assert_eq!((&*payload.job_name, &*payload.task_name), ("nightly", "a"));
    let Some(v1::task_payload::Run::Command(command)) = payload.run else {
        panic!("a command");
    };
    assert_eq!(&*command.argv[1], b"\xfe");
    let again = compile_stored(&compiled.stored_spec).unwrap();
    assert_eq!(again.spec, compiled.spec);
    assert_eq!(again.stored_spec, compiled.stored_spec);
    assert_eq!(again.spec.deadline, Some(Deadline::After(600_000)));
}

#[test]
fn numbers_stay_in_range() {
    let mut spec = job(vec![task("a", &[])]);
    spec.priority = Some(101);
    assert_only(&spec, "priority", "0 to 100");
    spec.priority = Some(100);
    spec.on_failure = 9;
    assert_only(&spec, "on_failure", "not 9");
    spec.on_failure = v1::FailureRule::Continue.into();
    assert_eq!(accepted(&spec).spec.failure_rule, FailureRule::Continue);
    spec.tasks[0].resources = Some(v1::Resources {
        memory_bytes: u64::MAX,
        ..Default::default()
    });
    assert_only(
        &spec,
        "tasks[0].resources.memory_bytes",
        "at most 9223372036854775807",
    );
}

#[test]
fn durations_stay_in_range() {
    let mut spec = job(vec![task("a", &[])]);
    spec.tasks[0].timeout = seconds(-1);
    assert_only(&spec, "tasks[0].timeout", "negative");
    spec.tasks[0].timeout = seconds(0);
    assert_only(&spec, "tasks[0].timeout", "leave it out");
    spec.tasks[0].timeout = None;
    spec.tasks[0].estimate = seconds(i64::MAX);
    assert_only(&spec, "tasks[0].estimate", "10 years");
    spec.tasks[0].estimate = None;
    spec.deadline = Some(v1::job_spec::Deadline::DeadlineAfter(Duration {
        seconds: -5,
        nanos: 0,
    }));
    assert_only(&spec, "deadline_after", "negative");
    spec.deadline = Some(v1::job_spec::Deadline::DeadlineAt(
        pbjson_types::Timestamp {
            seconds: i64::MAX,
            nanos: 0,
        },
    ));
    assert_only(&spec, "deadline_at", "year 9999");
}

#[test]
fn retries_are_bounded_and_keep_their_defaults() {
    let mut spec = job(vec![task("a", &[])]);
    let rule = v1::RetryRule {
        retries: 3,
        backoff: seconds(600),
        ..Default::default()
    };
    spec.tasks[0].retry = Some(rule);
    let retry = step(&accepted(&spec)).rules.retry;
    assert_eq!((retry.retries, retry.backoff_ms), (3, 600_000));
    assert_eq!(
        (retry.factor_permille, retry.max_backoff_ms),
        (2_000, 600_000)
    );
    spec.tasks[0].retry.as_mut().unwrap().retries = 1_001;
    assert_only(&spec, "tasks[0].retry.retries", "at most 1000");
    let retry = spec.tasks[0].retry.as_mut().unwrap();
    retry.retries = 1;
    retry.factor_permille = 999;
    assert_only(&spec, "tasks[0].retry.factor_permille", "1000 (constant)");
}

#[test]
fn labels_are_bounded() {
    let mut spec = job(vec![task("a", &[])]);
    spec.labels = (0..65).map(|n| (n.to_string(), String::new())).collect();
    assert_only(&spec, "labels", "65 entries; the limit is 64");
    spec.labels = BTreeMap::from([("k".to_owned(), "v\0".to_owned())]);
    assert_only(&spec, "labels[\"k\"]", "NUL");
    spec.labels = BTreeMap::from([(String::new(), "v".to_owned())]);
    assert_only(&spec, "labels[\"\"]", "name");
}

#[test]
fn request_ids_are_bounded() {
    assert_eq!(check_request_id(""), Ok(None));
    assert_eq!(check_request_id("r1"), Ok(Some("r1".into())));
    assert!(check_request_id(&"x".repeat(65)).is_err());
    assert!(check_request_id("a\0").is_err());
    let own = replay_request_id(JobId::from_u128(7));
    assert!(own.len() <= MAX_REQUEST_ID_CHARS);
    let problem = check_request_id(&own).unwrap_err().problem;
    assert!(
        problem.contains("must not begin with `drover:`"),
        "{problem}"
    );
}
