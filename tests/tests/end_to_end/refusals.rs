//! What is wrong is refused with words that name the place, and stores nothing.

use std::collections::BTreeMap;

use drover_proto::v1::{
    Command, JobSpec, Resources, SubmitBatchRequest, SubmitRequest, TaskSpec, task_spec::Run,
};
use drover_tests::{Address, Cluster, Process, Settings, clean_command, drover, within_limit};
use pbjson_types::Duration;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// Files, and the words that a person is told.
const FILES: [(&str, &[&str]); 13] = [
    (
        "name: x\ntasks:\n  a: {needs: [c], command: [\"true\"]}\n  b: {needs: [a], command: [\"true\"]}\n  \
         c: {needs: [b], command: [\"true\"]}\n",
        &["wrong.yaml:3:", "a -> c -> b -> a"],
    ),
    (
        "name: x\ntasks:\n  load: {command: [\"true\"]}\n  b: {needs: [laod], command: [\"true\"]}\n",
        &["wrong.yaml:4:15", "\"laod\"", "did you mean `load`?"],
    ),
    (
        "name: x\ntasks:\n  a: {command: [\"true\"]}\n  a: {command: [\"true\"]}\n",
        &["wrong.yaml:4:3", "`a` stands here twice"],
    ),
    (
        "name: x\ntasks: {}\n",
        &["wrong.yaml:2:1", "at least one task"],
    ),
    (
        "name: x\ntasks:\n  a: {command: [\"true\"], timeout: 5 parsecs}\n",
        &["wrong.yaml:3:35", "5 parsecs"],
    ),
    (
        "name: x\ntasks:\n  a: {command: [\"true\"], resources: {cpu: -1}}\n",
        &["wrong.yaml:3:43", "cpu must not be negative"],
    ),
    (
        "name: x\ntasks:\n  a: {comand: [\"true\"]}\n",
        &[
            "wrong.yaml:3:7",
            "unknown field `comand`",
            "did you mean `command`?",
        ],
    ),
    ("- a\n- b\n", &["wrong.yaml:1:1", "expected a mapping"]),
    (
        "name: x\ntasks: [a]\n",
        &["wrong.yaml:2:8", "expected a mapping"],
    ),
    ("{\"name\": \"x\", \"tasks\": ", &["wrong.yaml:1:"]),
    (
        "name: \"x\\0\"\ntasks:\n  a: {command: [\"true\"]}\n",
        &["wrong.yaml:1:7", "NUL byte"],
    ),
    (
        "name: x\ntasks:\n  a: {command: [\"a\\0b\"]}\n",
        &["wrong.yaml:3:17", "NUL byte"],
    ),
    (
        "name: x\ntasks:\n  a: {command: [\"true\"], env: {X: \"a\\0b\"}}\n",
        &["wrong.yaml:3:35", "NUL byte"],
    ),
];

async fn nothing_is_stored(cluster: &Cluster) {
    let list = cluster.run(["job", "list", "-o", "json"]).await.succeeded();
    let list: drover_proto::v1::ListJobsResponse = serde_json::from_str(&list).expect("a list");
    assert_eq!(list.jobs, [], "nothing is stored");
}

#[tokio::test]
async fn files_that_are_wrong() {
    let cluster = Settings::agents(0).on_sqlite().await;
    for (text, expected) in FILES {
        cluster.write("wrong.yaml", text);
        // A right job beside it is not stored either.
        cluster.write(
            "right.yaml",
            "name: r\ntasks:\n  a: {command: [\"true\"]}\n",
        );
        let answer = cluster.run(["submit", "right.yaml", "wrong.yaml"]).await;
        let told = answer.failed_with(1);
        for words in expected {
            assert!(told.contains(words), "{words:?} is missing in:\n{told}");
        }
        let told_again = cluster.run(["validate", "wrong.yaml"]).await.failed_with(1);
        for words in expected {
            assert!(
                told_again.contains(words),
                "{words:?} is missing in:\n{told_again}"
            );
        }
    }
    nothing_is_stored(&cluster).await;
}

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

fn coordinator(flags: &[&str], directory: &std::path::Path) -> Process {
    let mut command = clean_command(drover());
    command
        .arg("coordinator")
        .args(flags)
        .current_dir(directory);
    Process::start("coordinator", directory, command)
}

#[tokio::test]
async fn nobody_serves_the_world_by_accident() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut exposed = coordinator(&["--listen", "0.0.0.0:0"], directory.path());
    assert_eq!(exposed.end().await.code(), Some(1));
    assert!(
        exposed.log().contains("--insecure-no-auth"),
        "{}",
        exposed.log()
    );
    let record = directory.path().join(".drover");
    assert!(!record.exists(), "it has not even opened the store");
    let unreachable = ["--listen", "0.0.0.0:0", "--insecure-no-auth"];
    let mut nowhere = coordinator(&unreachable, directory.path());
    assert_eq!(nowhere.end().await.code(), Some(1));
    assert!(
        nowhere.log().contains("--advertise http://HOST:PORT"),
        "{}",
        nowhere.log()
    );
    let flags = [
        "--listen",
        "0.0.0.0:0",
        "--insecure-no-auth",
        "--advertise",
        "http://127.0.0.1:7700",
    ];
    let mut insecure = coordinator(&flags, directory.path());
    insecure.said("serving").await;
    insecure.said("nobody is authenticated").await;
    insecure.terminate().await;
}

#[tokio::test]
async fn no_coordinator_is_an_error_of_its_own() {
    let url = Address::unique().url();
    let mut command = tokio::process::Command::from(clean_command(drover()));
    command
        .args(["job", "list", "--address", &url])
        .kill_on_drop(true);
    let output = within_limit("the client", command.output())
        .await
        .expect("it starts");
    assert_eq!(output.status.code(), Some(3));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains(&url) && told.contains("drover dev"), "{told}");
}
