use std::time::Duration;

use drover_proto::v1::{job_spec::Deadline, task_spec::Run};

use super::*;

mod full;
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
