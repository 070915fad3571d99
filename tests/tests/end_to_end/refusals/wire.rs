//! Requests that no client of ours would make, and such as are too large.

use std::collections::BTreeMap;

use drover_proto::v1::{
    Command, JobSpec, Resources, SubmitBatchRequest, SubmitRequest, TaskSpec, task_spec::Run,
};
use drover_tests::{Cluster, Settings};
use pbjson_types::Duration;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::nothing_is_stored;

fn command(argv: &[&'static str]) -> Command {
    Command {
        argv: argv.iter().map(|word| word.as_bytes().into()).collect(),
        ..Command::default()
    }
}

fn task(name: &str, needs: &[&str]) -> TaskSpec {
    TaskSpec {
        name: name.to_owned(),
        needs: needs.iter().map(|need| (*need).to_owned()).collect(),
        run: Some(Run::Command(command(&["true"]))),
        ..TaskSpec::default()
    }
}

fn job(tasks: Vec<TaskSpec>) -> JobSpec {
    JobSpec {
        name: "wrong".to_owned(),
        tasks,
        ..JobSpec::default()
    }
}

fn job_of(run: Command) -> JobSpec {
    job(vec![TaskSpec {
        run: Some(Run::Command(run)),
        ..task("a", &[])
    }])
}

/// Jobs that the CLI would not let through, and the field that must be named.
fn wrong_jobs() -> Vec<(JobSpec, &'static str, &'static str)> {
    let negative = TaskSpec {
        timeout: Some(Duration {
            seconds: -5,
            nanos: 0,
        }),
        ..task("a", &[])
    };
    let boundless = TaskSpec {
        resources: Some(Resources {
            cpu_millis: u64::MAX,
            ..Resources::default()
        }),
        ..task("a", &[])
    };
    vec![
        (
            job(vec![task("a", &["b"]), task("b", &["a"])]),
            "tasks[0].needs",
            "a -> b -> a",
        ),
        (
            job(vec![task("a", &[]), task("b", &["c"])]),
            "tasks[1].needs[0]",
            "no task is named \"c\"",
        ),
        (
            job(vec![task("a", &[]), task("a", &[])]),
            "tasks[1].name",
            "tasks[0]",
        ),
        (job(vec![]), "tasks", "at least one task"),
        (
            job((0..6).map(|n| task(&n.to_string(), &[])).collect()),
            "tasks",
            "6 tasks; the limit is 5",
        ),
        (job(vec![negative]), "tasks[0].timeout", "negative"),
        (job(vec![boundless]), "tasks[0].resources.cpu_millis", ""),
        (job(vec![task("a\0", &[])]), "tasks[0].name", "NUL"),
        (
            JobSpec {
                name: "a\0".to_owned(),
                ..job(vec![task("a", &[])])
            },
            "name",
            "NUL",
        ),
        (
            JobSpec {
                queue: "a\0".to_owned(),
                ..job(vec![task("a", &[])])
            },
            "queue",
            "NUL",
        ),
        (
            JobSpec {
                labels: BTreeMap::from([("k".to_owned(), "a\0".to_owned())])
                    .into_iter()
                    .collect(),
                ..job(vec![task("a", &[])])
            },
            "labels[\"k\"]",
            "NUL",
        ),
        (
            job_of(command(&["true", "a\0b"])),
            "tasks[0].command.argv[1]",
            "NUL",
        ),
        (
            job_of(Command {
                env: BTreeMap::from([("X".to_owned(), b"a\0"[..].into())]),
                ..command(&["true"])
            }),
            "tasks[0].command.env[\"X\"]",
            "NUL",
        ),
        (
            job_of(Command {
                cwd: b"a\0"[..].into(),
                ..command(&["true"])
            }),
            "tasks[0].command.cwd",
            "NUL",
        ),
        (job_of(Command::default()), "tasks[0].command.argv", "empty"),
    ]
}

/// The fields that the status names, and its reason.
fn violations(status: &Status) -> (Vec<String>, String) {
    let details = status.get_error_details();
    let fields = details.bad_request().map_or(Vec::new(), |bad| {
        let fields = bad.field_violations.iter();
        fields.map(|violation| violation.field.clone()).collect()
    });
    let reason = details
        .error_info()
        .map_or(String::new(), |info| info.reason.clone());
    (fields, reason)
}

fn request(spec: JobSpec) -> SubmitRequest {
    SubmitRequest {
        spec: Some(spec),
        request_id: String::new(),
    }
}

async fn refuses_on_the_wire(cluster: Cluster) {
    let mut jobs = cluster.jobs().await;
    for (spec, field, words) in wrong_jobs() {
        let status = jobs.submit(request(spec.clone())).await.expect_err(field);
        assert_eq!(status.code(), Code::InvalidArgument, "{field}: {status}");
        assert!(status.message().contains(words), "{field}: {status}");
        let (fields, reason) = violations(&status);
        assert_eq!(reason, "INVALID_ARGUMENT");
        assert!(
            fields.contains(&field.to_owned()),
            "{field} is not in {fields:?}"
        );

        let requests = vec![request(job(vec![task("right", &[])])), request(spec)];
        let batch = jobs.submit_batch(SubmitBatchRequest { requests }).await;
        let status = batch.expect_err("a wrong job in a batch");
        let (fields, _) = violations(&status);
        let field = format!("requests[1].{field}");
        assert!(fields.contains(&field), "{field} is not in {fields:?}");
    }
    nothing_is_stored(&cluster).await;
}

#[tokio::test]
async fn requests_that_are_wrong_on_sqlite() {
    let settings = Settings::agents(0).coordinator(["--max-tasks-per-job", "5"]);
    refuses_on_the_wire(settings.on_sqlite().await).await;
}

#[tokio::test]
async fn requests_that_are_wrong_on_postgres() {
    let settings = Settings::agents(0).coordinator(["--max-tasks-per-job", "5"]);
    if let Some(cluster) = settings.on_postgres().await {
        refuses_on_the_wire(cluster).await;
    }
}

#[tokio::test]
async fn requests_over_the_limits() {
    let settings = Settings::agents(0).coordinator([
        "--max-tasks-per-job",
        "5",
        "--max-message-bytes",
        "100000",
    ]);
    let cluster = settings.on_sqlite().await;
    let tasks = |count: usize, filling: &str| -> String {
        let task = |n| format!("  t{n}: {{command: [\"true\", \"{filling}\"]}}\n");
        format!(
            "name: x\ntasks:\n{}",
            (0..count).map(task).collect::<String>()
        )
    };
    cluster.write("many.yaml", &tasks(6, ""));
    let told = cluster.run(["submit", "many.yaml"]).await.failed_with(1);
    assert!(told.contains("6 tasks; the limit is 5"), "{told}");
    cluster.write("large.yaml", &tasks(1, &"x".repeat(100_000)));
    let told = cluster.run(["submit", "large.yaml"]).await.failed_with(1);
    let expected = "; the limit is 100000 (--max-message-bytes of the coordinator)";
    assert!(told.contains(expected), "{told}");
    let large = task(&"x".repeat(100_000), &[]);
    let refused = cluster.jobs().await.submit(request(job(vec![large]))).await;
    let status = refused.expect_err("too large");
    assert_eq!(status.code(), Code::InvalidArgument);
    let (fields, reason) = violations(&status);
    assert_eq!(
        (fields, reason.as_str()),
        (vec!["request".to_owned()], "INVALID_ARGUMENT")
    );
    nothing_is_stored(&cluster).await;
    cluster.write("right.yaml", &tasks(5, &"x".repeat(19_000)));
    cluster.run(["submit", "right.yaml"]).await.succeeded();
    assert_eq!(cluster.all_jobs().await.len(), 1);
}
