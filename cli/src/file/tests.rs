use std::time::Duration;

use drover_proto::v1::{
    DeadlineAction, FailureRule, OnDisconnect, job_spec::Deadline, task_spec::Run, undo_step,
};

use super::*;

mod wrong;

fn one(source: &str) -> v1::JobSpec {
    let jobs = parse("job.yaml", source).unwrap_or_else(|error| panic!("{error}"));
    let [job] = jobs.try_into().expect("one job");
    job
}

fn millis(duration: Option<pbjson_types::Duration>) -> Option<u128> {
    duration.map(|duration| {
        Duration::try_from(duration)
            .expect("not negative")
            .as_millis()
    })
}

#[test]
fn canonical_form() {
    let job = one(include_str!("tests/canonical.yaml"));
    assert_eq!(job.name, "nightly");
    assert_eq!(
        job.deadline,
        Some(Deadline::DeadlineAfter(Duration::from_secs(600).into()))
    );
    let [a, b, c] = job.tasks.try_into().expect("three tasks");
    assert_eq!(
        a.run,
        Some(Run::Command(v1::Command {
            argv: vec!["true".into()],
            ..v1::Command::default()
        }))
    );
    assert_eq!(
        a.retry.map(|rule| (rule.retries, rule.never)),
        Some((3, false))
    );
    assert_eq!(millis(a.timeout), Some(300_000));
    assert_eq!(
        a.resources.map(|r| (r.cpu_millis, r.memory_bytes)),
        Some((1_000, 256 << 20))
    );
    assert_eq!(b.needs, ["a"]);
    let Some(Run::Stress(stress)) = b.run else {
        panic!("b is a stress load");
    };
    assert_eq!((stress.cpu, millis(stress.duration)), (2, Some(5_000)));
    let Some(Run::Simulate(simulate)) = c.run else {
        panic!("c is simulated");
    };
    assert_eq!(millis(simulate.duration), Some(1_000));
}

#[test]
fn every_field_arrives() {
    let jobs = parse("full.yaml", include_str!("tests/full.yaml"))
        .unwrap_or_else(|error| panic!("{error}"));
    let [job, second] = jobs.try_into().expect("two documents");
    assert_eq!(
        (job.namespace.as_str(), job.queue.as_str()),
        ("team", "night")
    );
    assert_eq!(job.priority, Some(75));
    let deadline = pbjson_types::Timestamp {
        seconds: 1_896_112_800,
        nanos: 0,
    };
    assert_eq!(job.deadline, Some(Deadline::DeadlineAt(deadline)));
    assert_eq!(job.labels.get("build").map(String::as_str), Some("12"));
    assert_eq!(job.on_failure(), FailureRule::Rollback);
    assert_eq!(job.deadline_action(), DeadlineAction::Escalate);
    let names: Vec<&str> = job.tasks.iter().map(|task| task.name.as_str()).collect();
    assert_eq!(
        names,
        ["z", "y", "x", "v", "u", "w"],
        "the order of the file"
    );
    let [z, y, x, v, u, w] = job.tasks.try_into().expect("six tasks");
    assert_eq!(z.on_disconnect(), OnDisconnect::Stop);
    let Some(Run::Command(script)) = z.run else {
        panic!("z is a command");
    };
    assert!(script.shell);
    assert_eq!(script.argv, ["echo $GREETING > out"]);
    assert_eq!(script.env["LEVEL"], "1.10", "as written");
    assert_eq!(script.cwd, "work");
    assert_eq!(millis(z.estimate), Some(90_000));
    let rule = z.retry.expect("a rule");
    assert_eq!((rule.retries, rule.factor_permille), (2, 1_500));
    assert_eq!(
        (millis(rule.backoff), millis(rule.max_backoff)),
        (Some(500), Some(60_000))
    );
    assert_eq!(
        (&*rule.exit_codes, &*rule.fatal_exit_codes),
        (&[75, 130][..], &[64][..])
    );
    assert_eq!(rule.max_lost, 5);
    assert_eq!(
        [z.timeout, z.start_timeout, z.progress_timeout, z.grace].map(millis),
        [Some(3_600_000), Some(600_000), Some(30_000), Some(20_000)]
    );
    let undo = z.undo.expect("an undo step");
    let Some(undo_step::Run::Command(script)) = undo.run else {
        panic!("it is a command");
    };
    assert_eq!(
        (script.argv[0].as_ref(), script.shell),
        (&b"rm out"[..], true)
    );
    assert_eq!(
        (script.env["LEVEL"].as_ref(), script.cwd.as_ref()),
        (&b"2.0"[..], &b"work"[..])
    );
    assert_eq!(undo.retry.map(|rule| rule.retries), Some(7));
    assert_eq!(millis(undo.timeout), Some(300_000));
    assert_eq!(undo.resources.map(|r| r.cpu_millis), Some(100));
    assert_eq!((v.on_disconnect(), v.finally), (OnDisconnect::Keep, false));
    let undo = v.undo.expect("an undo step");
    assert!(matches!(undo.run, Some(undo_step::Run::Simulate(_))));
    assert_eq!((undo.retry, undo.resources), (None, None));
    assert!(u.finally);
    let needed = z.resources.expect("resources");
    assert_eq!(
        (needed.cpu_millis, needed.memory_bytes),
        (500, 1_000_000_000)
    );
    assert_eq!((needed.gpus, needed.disk_bytes), (1, 10 << 30));
    let Some(Run::Command(sleep)) = y.run else {
        panic!("y is a command");
    };
    assert_eq!(sleep.argv, ["sleep", "1.10", "true"], "as written");
    assert!(y.retry.is_some_and(|rule| rule.never));
    let Some(Run::Simulate(simulate)) = x.run else {
        panic!("x is simulated");
    };
    assert_eq!(
        (millis(simulate.duration), simulate.failure_chance),
        (Some(250), 0.25)
    );
    let Some(Run::Stress(stress)) = w.run else {
        panic!("w is a stress load");
    };
    assert_eq!(
        (stress.memory_bytes, millis(stress.duration)),
        (64 << 20, Some(2_000))
    );
    assert_eq!(second.name, "second");
}

#[test]
fn json_with_tabs_and_escapes() {
    let source = "{\n\t\"name\": \"x\",\n\t\"tasks\": {\"a\": {\"command\": [\"echo\", \"\\/\\ud83d\\ude00\\n\"]}}\n}\n";
    let Some(Run::Command(command)) = one(source).tasks.remove(0).run else {
        panic!("a command");
    };
    assert_eq!(command.argv, ["echo", "/\u{1f600}\n"]);
}

#[test]
fn anchors_can_be_used() {
    let source = "name: x\ntasks:\n  a: &a {command: [\"true\"]}\n  b: *a\n";
    assert_eq!(one(source).tasks.len(), 2);
}

#[test]
fn ten_thousand_tasks() {
    let mut source = "name: x\ntasks:\n".to_owned();
    for number in 0..10_000 {
        source += &format!(
            "  t{number}: {{command: [\"true\"], resources: {{cpu: 1, memory: 1Mi}}, retries: 1}}\n"
        );
    }
    assert_eq!(one(&source).tasks.len(), 10_000);
}

/// `drover validate --schema > cli/job.schema.json` writes it anew.
#[test]
fn committed_schema_is_that_of_the_types() {
    assert_eq!(include_str!("../../job.schema.json"), schema());
}
