use std::collections::BTreeMap;

use bytes::Bytes;
use drover_model::{Deadline, DeadlineAction, FailureRule, JobId, OnDisconnect, Priority};
use pbjson_types::Duration;

use super::*;

mod failure;
mod queue;

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
    let task = &compiled.spec.tasks[0];
    assert_eq!(task.step.resources.cpu_millis, 1_000);
    assert_eq!(task.step.estimate_ms, 2_000);
    assert_eq!(task.step.rules.timeout_ms, None);
    assert_eq!(task.step.rules.retry, drover_model::RetryRule::default());
}

#[test]
fn names_become_ascending_places_without_repeats() {
    let compiled = accepted(&job(vec![
        task("c", &["b", "a", "b"]),
        task("a", &[]),
        task("b", &["a"]),
    ]));
    let needs: Vec<_> = compiled.spec.tasks.iter().map(|t| &*t.needs).collect();
    assert_eq!(needs, [&[1, 2][..], &[], &[1]]);
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
    let payload = v1::TaskPayload::decode(compiled.spec.tasks[0].step.payload.clone()).unwrap();
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
fn the_estimate_is_given_or_follows_from_the_run_or_the_timeout() {
    let estimate = |run, timeout, estimate| {
        let spec = job(vec![v1::TaskSpec {
            run: Some(run),
            timeout,
            estimate,
            ..task("a", &[])
        }]);
        accepted(&spec).spec.tasks[0].step.estimate_ms
    };
    let command = || v1::task_spec::Run::Command(command(&[b"true"]));
    assert_eq!(estimate(command(), None, None), 60_000);
    assert_eq!(estimate(command(), seconds(5), None), 5_000);
    assert_eq!(estimate(command(), seconds(5), seconds(3)), 3_000);
    assert_eq!(estimate(simulate().unwrap(), seconds(5), None), 2_000);
}

#[test]
fn stress_asks_for_its_workers_unless_resources_are_given() {
    let stress = v1::task_spec::Run::Stress(v1::Stress {
        cpu: 3,
        memory_bytes: 0,
        duration: seconds(5),
    });
    let mut spec = running(stress);
    let compiled = accepted(&spec);
    assert_eq!(compiled.spec.tasks[0].step.resources.cpu_millis, 3_000);
    assert_eq!(compiled.spec.tasks[0].step.estimate_ms, 5_000);
    spec.tasks[0].resources = Some(v1::Resources::default());
    assert_eq!(
        accepted(&spec).spec.tasks[0].step.resources,
        drover_model::Resources::ZERO
    );
}

#[test]
fn a_job_needs_tasks_and_not_too_many() {
    assert_only(&job(vec![]), "tasks", "at least one task");
    let tasks = (0..3).map(|n| task(&format!("t{n}"), &[])).collect();
    let problems = compile(&job(tasks), &Limits { tasks_per_job: 2 }).unwrap_err();
    assert_eq!(problems[0].field, "tasks");
    assert_eq!(problems[0].problem, "the job has 3 tasks; the limit is 2");
}

#[test]
fn names_are_checked_everywhere() {
    let long = "ä".repeat(201);
    assert!(compile(&job(vec![task(&"ä".repeat(200), &[])]), &Limits::default()).is_ok());
    assert_only(
        &job(vec![task(&long, &[])]),
        "tasks[0].name",
        "201 characters",
    );
    assert_only(&job(vec![task("", &[])]), "tasks[0].name", "1 to 200");
    assert_only(
        &job(vec![task("a\0b", &[])]),
        "tasks[0].name",
        "a NUL byte at character 2",
    );
    let mut spec = job(vec![task("a", &[])]);
    spec.name = "\u{1b}[31m".to_owned();
    assert_only(&spec, "name", "U+001B");
    spec.name = "n".to_owned();
    spec.namespace = "x\n".to_owned();
    spec.queue = "\t".to_owned();
    let problems = refused(&spec);
    assert!(problems[0].starts_with("namespace: "), "{problems:?}");
    assert!(problems[1].starts_with("queue: "), "{problems:?}");
}

#[test]
fn duplicate_and_unknown_names_are_told_apart() {
    let problems = refused(&job(vec![
        task("fetch", &[]),
        task("fetch", &["fetsh"]),
        task("c", &["c", "zzzzzz"]),
    ]));
    assert_eq!(
        problems,
        [
            "tasks[1].name: `fetch` is the name of tasks[0] already; names must be unique within a job",
            "tasks[1].needs[0]: no task is named \"fetsh\"; did you mean `fetch`?",
            "tasks[2].needs[0]: task `c` needs itself",
            "tasks[2].needs[1]: no task is named \"zzzzzz\"",
        ]
    );
}

#[test]
fn a_cycle_is_shown_with_its_path() {
    let spec = job(vec![
        task("x", &["a"]),
        task("a", &["c"]),
        task("b", &["a"]),
        task("c", &["b"]),
    ]);
    let problems = refused(&spec);
    assert_eq!(problems.len(), 1);
    let path = problems[0].rsplit(": ").next().unwrap();
    // Where a cycle begins is the graph's choice; its order is not.
    assert!(
        ["a -> c -> b -> a", "c -> b -> a -> c", "b -> a -> c -> b"].contains(&path),
        "{path}"
    );
}

#[test]
fn something_must_run() {
    let mut spec = job(vec![task("a", &[])]);
    spec.tasks[0].run = None;
    assert_only(&spec, "tasks[0].run", "command, stress or simulate");
}

#[test]
fn commands_hold_what_a_process_can_be_given() {
    let with = |command| running(v1::task_spec::Run::Command(command));
    assert_only(&with(command(&[])), "tasks[0].command.argv", "is empty");
    assert_only(
        &with(command(&[b""])),
        "tasks[0].command.argv[0]",
        "is empty",
    );
    assert_only(
        &with(command(&[b"echo", b"a\0"])),
        "tasks[0].command.argv[1]",
        "NUL byte at byte 2",
    );
    let env = |name: &str, value: &'static [u8]| {
        let mut command = command(&[b"true"]);
        command
            .env
            .insert(name.to_owned(), Bytes::from_static(value));
        with(command)
    };
    assert_only(&env("A", b"\0"), "tasks[0].command.env[\"A\"]", "NUL");
    assert_only(&env("A=B", b""), "tasks[0].command.env[\"A=B\"]", "`=`");
    assert_only(&env("", b"x"), "tasks[0].command.env[\"\"]", "needs a name");
    let mut spec = command(&[b"true"]);
    spec.cwd = Bytes::from_static(b"/x\0");
    assert_only(&with(spec), "tasks[0].command.cwd", "NUL");
    let mut spec = command(&[b"echo"]);
    spec.argv.push(vec![b'x'; 128 * 1024].into());
    assert_only(&with(spec), "tasks[0].command", "the limit is 131072");
}

#[test]
fn stress_and_simulate_are_checked() {
    let stress = |cpu, duration| {
        running(v1::task_spec::Run::Stress(v1::Stress {
            cpu,
            memory_bytes: 0,
            duration,
        }))
    };
    assert_only(
        &stress(0, seconds(1)),
        "tasks[0].stress",
        "cpu, memory or both",
    );
    assert_only(&stress(1, None), "tasks[0].stress.duration", "missing");
    assert_only(
        &stress(1, seconds(0)),
        "tasks[0].stress.duration",
        "longer than 0",
    );
    assert_only(&stress(u32::MAX, seconds(1)), "tasks[0].stress.cpu", "8192");
    for chance in [f64::NAN, -0.1, 1.1, f64::INFINITY] {
        let spec = running(v1::task_spec::Run::Simulate(v1::Simulate {
            duration: None,
            failure_chance: chance,
        }));
        assert_only(&spec, "tasks[0].simulate.failure_chance", "0.0 to 1.0");
    }
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
    let retry = accepted(&spec).spec.tasks[0].step.rules.retry.clone();
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
