//! What people type: exit codes, output, and what processes are told.

use std::io::Write as _;

use drover_proto::v1::{JobState, SubmitRequest, TaskState};
use drover_tests::{Fifo, Process, Settings};
use tonic::{Request, metadata::MetadataValue};

#[tokio::test]
async fn run_shows_the_output_and_ends_like_the_command() {
    let cluster = Settings::agents(1).on_sqlite().await;
    let script = "echo out; echo err >&2; exit 7";
    let answer = cluster.run(["run", "--shell", "--", script]).await;
    assert_eq!((answer.code(), answer.stdout.as_str()), (Some(7), "out\n"));
    assert!(answer.stderr.contains("err\n"), "{answer:?}");
    let answer = cluster
        .run(["run", "--", "printf", "%s-%s", "a b", "c"])
        .await;
    assert_eq!(answer.succeeded(), "a b-c");
    let told = cluster
        .run(["run", "--", "no-such-program"])
        .await
        .failed_with(1);
    assert!(
        told.contains("`no-such-program`: no such program"),
        "{told}"
    );
}

#[tokio::test]
async fn wait_ends_with_the_outcome() {
    let cluster = Settings::agents(1).on_sqlite().await;
    let job = |task: &str| {
        format!("name: j\ntasks:\n  a: {task}\n  b: {{needs: [a], command: [\"true\"]}}\n")
    };
    cluster.write("ok.yaml", &job("{command: [\"true\"]}"));
    cluster.write("bad.yaml", &job("{command: [\"false\"]}"));
    cluster.write(
        "slow.yaml",
        &job("{command: [sleep, \"1000\"], timeout: 100ms}"),
    );
    cluster
        .run(["submit", "ok.yaml", "--wait"])
        .await
        .succeeded();
    let told = cluster
        .run(["submit", "bad.yaml", "--wait"])
        .await
        .failed_with(1);
    assert!(
        told.contains("exit code 1") || told.contains("exited with code 1"),
        "{told}"
    );
    cluster
        .run(["submit", "slow.yaml", "--wait"])
        .await
        .failed_with(5);
    cluster
        .run(["submit", "ok.yaml", "bad.yaml", "--wait"])
        .await
        .failed_with(1);
    let states = cluster.all_jobs().await;
    let states: Vec<JobState> = states.iter().map(|job| job.state()).collect();
    // Newest first; those of one commit in either order.
    assert_eq!(
        states[2..],
        [JobState::TimedOut, JobState::Failed, JobState::Succeeded]
    );
}

#[tokio::test]
async fn cancelling_ends_the_processes_and_the_wait() {
    let cluster = Settings::agents(1).on_sqlite().await;
    let mut life = Fifo::create(cluster.directory(), "life");
    cluster.write(
        "long.yaml",
        "name: long\ntasks:\n  a: {shell: true, command: 'exec 3> life; echo >&3; sleep 1000 & sleep 1000'}\n  \
         b: {needs: [a], command: [\"true\"]}\n",
    );
    let client = cluster.client(["submit", "long.yaml", "--wait"]);
    let mut client = Process::start("client", cluster.directory(), client);
    life.written().await;
    let [job] = cluster.all_jobs().await.try_into().expect("one job");
    cluster
        .run(["job", "cancel", &job.id, "--reason", "lunch"])
        .await
        .succeeded();
    life.closed().await;
    assert_eq!(client.end().await.code(), Some(4), "{}", client.log());
    let job = cluster.job(&job.id).await;
    assert_eq!(job.state(), JobState::Cancelled);
    assert!(job.message.contains("lunch"), "{job:?}");
    assert!(
        job.tasks
            .iter()
            .all(|task| task.state() == TaskState::Cancelled),
        "{job:?}"
    );
    let again = cluster.run(["job", "cancel", &job.id]).await.failed_with(1);
    assert!(again.contains("has ended already"), "{again}");
}

#[tokio::test]
async fn logs_are_followed_live_and_survive_the_coordinator() {
    let mut cluster = Settings::agents(1).on_sqlite().await;
    let gate = Fifo::gate(cluster.directory(), "gate");
    let id = cluster
        .submit("name: talk\ntasks:\n  a: {shell: true, command: 'echo first; read line < gate; echo last; echo late >&2'}\n")
        .await;
    let follow = cluster.client(["job", "logs", &id, "--follow"]);
    let mut follow = Process::start("follow", cluster.directory(), follow);
    follow.said("first\n").await;
    assert!(!follow.log().contains("last"), "it is held");
    Fifo::release(&gate).await;
    assert_eq!(follow.end().await.code(), Some(0));
    let followed = follow.log();
    assert!(
        followed.starts_with("first\n") && followed.contains("last\n"),
        "{followed}"
    );
    cluster
        .job_when(&id, |job| job.state() == JobState::Succeeded)
        .await;

    cluster.crash_coordinator().await;
    // What was not yet stored is sent again by the agent: following waits for the end of the output.
    let answer = cluster.run(["job", "logs", &id, "--follow"]).await;
    assert_eq!(
        (answer.stdout.as_str(), answer.stderr.as_str()),
        ("first\nlast\n", "late\n")
    );
    cluster.crash_coordinator().await;
    let stored = cluster.run(["job", "logs", &id, "a"]).await;
    assert_eq!(stored.succeeded(), "first\nlast\n");
}

#[tokio::test]
async fn output_while_the_coordinator_is_away_is_kept() {
    let mut cluster = Settings::agents(1).on_sqlite().await;
    let mut written = Fifo::create(cluster.directory(), "written");
    let gate = Fifo::gate(cluster.directory(), "gate");
    let id = cluster
        .submit("name: talk\ntasks:\n  a: {shell: true, command: 'echo > written; read line < gate; seq 5000; echo > written'}\n")
        .await;
    written.written().await;
    cluster.coordinator().kill().await;
    Fifo::release(&gate).await;
    written.written().await;
    cluster.start_coordinator().await;
    let output = cluster
        .run(["job", "logs", &id, "--follow"])
        .await
        .succeeded();
    let expected: String = (1..=5_000).map(|n| format!("{n}\n")).collect();
    assert_eq!(output, expected);
    let job = cluster
        .job_when(&id, |job| job.state() == JobState::Succeeded)
        .await;
    assert_eq!(job.tasks[0].attempts.len(), 1, "it ran once: {job:?}");
}

#[tokio::test]
async fn the_callers_trace_reaches_the_process() {
    const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let cluster = Settings::agents(1).on_sqlite().await;
    let untraced = cluster
        .submit("name: t\ntasks:\n  a: {command: [env]}\n")
        .await;
    let job = cluster
        .job_when(&untraced, |job| job.state() == JobState::Succeeded)
        .await;
    let mut request = Request::new(SubmitRequest {
        spec: job.spec,
        request_id: String::new(),
    });
    request
        .metadata_mut()
        .insert("traceparent", MetadataValue::from_static(TRACEPARENT));
    let traced = cluster
        .jobs()
        .await
        .submit(request)
        .await
        .expect("accepted");
    let traced = traced.into_inner().job_id;
    let env = cluster
        .run(["job", "logs", &traced, "--follow"])
        .await
        .succeeded();
    assert!(
        env.lines()
            .any(|line| line == format!("TRACEPARENT={TRACEPARENT}")),
        "{env}"
    );
    assert!(
        env.lines()
            .any(|line| line == format!("DROVER_JOB_ID={traced}")),
        "{env}"
    );
    assert_eq!(cluster.job(&traced).await.traceparent, TRACEPARENT);
    let env = cluster
        .run(["job", "logs", &untraced, "--follow"])
        .await
        .succeeded();
    assert!(!env.contains("TRACEPARENT"), "{env}");
}

#[tokio::test]
async fn jobs_come_from_the_standard_input_too() {
    let cluster = Settings::agents(1).on_sqlite().await;
    let mut client = cluster.client(["submit", "-", "--wait"]);
    client.stdin(std::process::Stdio::piped());
    client
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped());
    let ended = tokio::task::spawn_blocking(move || {
        let mut child = client.spawn().expect("it starts");
        let mut input = child.stdin.take().expect("a pipe");
        input
            .write_all(b"{\"name\": \"j\", \"tasks\": {\"a\": {\"command\": [\"true\"]}}}")
            .expect("it reads");
        drop(input);
        child.wait_with_output().expect("it ends")
    });
    let output = drover_tests::within_limit("the client", ended)
        .await
        .expect("no panic");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(cluster.all_jobs().await.len(), 1);
}
