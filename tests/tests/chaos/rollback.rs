//! What had finished is undone, in reverse order, through restarts of everything.

use std::collections::BTreeSet;

use drover_proto::v1::{Attempt, AttemptState, Job, JobState, TaskState};
use drover_tests::{Cluster, Fifo, Process, Settings};

/// Undoing `b` waits before the gate.
const ROLLS_BACK: &str = r#"
name: rolls-back
on_failure: rollback
tasks:
  a:
    command: ["true"]
    undo: {shell: true, command: 'echo $DROVER_TASK $DROVER_UNDO >> undone'}
  b:
    needs: [a]
    command: ["true"]
    undo: {shell: true, command: 'echo > begun; read line < gate; echo $DROVER_TASK $DROVER_UNDO >> undone'}
  plain: {needs: [b], command: ["true"]}
  c: {needs: [plain], command: ["false"]}
  never: {needs: [c], command: ["true"], undo: {command: ["true"]}}
  clean: {finally: true, shell: true, command: 'echo clean >> undone'}
"#;

fn state_of(job: &Job, task: &str) -> TaskState {
    let found = job.tasks.iter().find(|one| one.name == task);
    found.unwrap_or_else(|| panic!("no task {task}")).state()
}

fn states(attempts: &[Attempt]) -> Vec<AttemptState> {
    attempts.iter().map(|attempt| attempt.state()).collect()
}

#[tokio::test]
async fn undoing_goes_on_after_restarts_on_sqlite() {
    goes_on_after_restarts(Settings::agents(1).fast().on_sqlite().await).await;
}

#[tokio::test]
async fn undoing_goes_on_after_restarts_on_postgres() {
    if let Some(cluster) = Settings::agents(1).fast().on_postgres().await {
        goes_on_after_restarts(cluster).await;
    }
}

async fn goes_on_after_restarts(mut cluster: Cluster) {
    let mut begun = Fifo::create(cluster.directory(), "begun");
    let gate = Fifo::gate(cluster.directory(), "gate");
    cluster.write("job.yaml", ROLLS_BACK);
    let wait = cluster.client(["submit", "job.yaml", "--wait"]);
    let mut wait = Process::start("wait", cluster.directory(), wait);
    begun.written().await;
    let [job] = cluster.all_jobs().await.try_into().expect("one job");
    let rolling = cluster
        .job_when(&job.id, |job| job.state() == JobState::RollingBack)
        .await;
    assert_eq!(state_of(&rolling, "b"), TaskState::Undoing);
    assert_eq!(state_of(&rolling, "a"), TaskState::Undoing);

    cluster.crash_coordinator().await;
    let loaded = cluster.job(&job.id).await;
    assert_eq!(loaded.state(), JobState::RollingBack);
    cluster.agent("n1").kill().await;
    cluster.start_agent("n1");
    begun.written().await;
    cluster.crash_coordinator().await;
    Fifo::release(&gate).await;

    let done = cluster
        .job_when(&job.id, |job| job.state() == JobState::RolledBack)
        .await;
    assert_eq!(cluster.read("undone"), "b 1\na 1\nclean\n");
    for (task, state) in [
        ("a", TaskState::Undone),
        ("b", TaskState::Undone),
        // It has nothing to be undone.
        ("plain", TaskState::Undone),
        ("c", TaskState::Failed),
        ("never", TaskState::UpstreamFailed),
        ("clean", TaskState::Succeeded),
    ] {
        assert_eq!(state_of(&done, task), state, "{task} of {done:?}");
    }
    let undo_of_b = states(&done.tasks[1].undo_attempts);
    assert_eq!(undo_of_b, [AttemptState::Lost, AttemptState::Succeeded]);
    assert_eq!(wait.end().await.code(), Some(1), "{}", wait.log());
    let listed = cluster.run(["dead-letter", "list"]).await.succeeded();
    assert!(
        listed.contains(&job.id) && listed.contains("rolled back"),
        "{listed}"
    );
    cluster.audit(&BTreeSet::from([job.id])).await;
}

#[tokio::test]
async fn an_undo_that_fails_says_so_on_sqlite() {
    undo_fails(Settings::agents(1).on_sqlite().await).await;
}

#[tokio::test]
async fn an_undo_that_fails_says_so_on_postgres() {
    if let Some(cluster) = Settings::agents(1).on_postgres().await {
        undo_fails(cluster).await;
    }
}

async fn undo_fails(mut cluster: Cluster) {
    let id = cluster
        .submit(
            "name: stuck\non_failure: rollback\ntasks:\n  \
             a: {command: [\"true\"], undo: {command: [touch, undone]}}\n  \
             b: {needs: [a], command: [\"true\"], undo: {command: [\"false\"], retries: {max: 2, backoff: 10ms}}}\n  \
             c: {needs: [b], command: [\"false\"]}\n  \
             clean: {finally: true, command: [touch, cleaned]}\n",
        )
        .await;
    let done = cluster
        .job_when(&id, |job| job.state() == JobState::RollbackFailed)
        .await;
    assert_eq!(
        states(&done.tasks[1].undo_attempts),
        [AttemptState::Failed; 3]
    );
    assert_eq!(state_of(&done, "b"), TaskState::UndoFailed);
    assert_eq!(state_of(&done, "a"), TaskState::UndoFailed);
    assert!(
        done.tasks[0].undo_attempts.is_empty(),
        "what came before stays: {done:?}"
    );
    assert!(!cluster.directory().join("undone").exists());
    assert!(cluster.directory().join("cleaned").exists());
    cluster.crash_coordinator().await;
    assert_eq!(cluster.job(&id).await, done, "the record says the same");
    cluster.audit(&BTreeSet::from([id])).await;
}

#[tokio::test]
async fn a_cancelled_job_is_rolled_back_on_demand() {
    let cluster = Settings::agents(1).on_sqlite().await;
    let mut begun = Fifo::create(cluster.directory(), "begun");
    let gate = Fifo::gate(cluster.directory(), "gate");
    cluster.write(
        "job.yaml",
        "name: taken-back\ntasks:\n  \
         a: {shell: true, command: 'echo > begun; read line < gate', undo: {shell: true, command: 'echo a >> undone'}}\n  \
         b: {needs: [a], shell: true, command: 'echo > begun; sleep 1000', undo: {shell: true, command: 'echo b >> undone'}}\n  \
         clean: {finally: true, shell: true, command: 'echo clean >> undone'}\n",
    );
    let wait = cluster.client(["submit", "job.yaml", "--wait"]);
    let mut wait = Process::start("wait", cluster.directory(), wait);
    begun.written().await;
    let [job] = cluster.all_jobs().await.try_into().expect("one job");
    let runs = |job: &Job| states(&job.tasks[0].attempts) == [AttemptState::Running];
    let before = cluster.job_when(&job.id, runs).await;

    // There is nothing yet to be undone.
    let refused = cluster.run(["job", "cancel", &job.id, "--rollback"]).await;
    let told = refused.failed_with(1);
    assert!(
        told.contains("NOTHING_TO_UNDO") && told.contains("undo"),
        "{told}"
    );
    assert_eq!(cluster.job(&job.id).await, before, "nothing has changed");

    Fifo::release(&gate).await;
    begun.written().await;
    cluster
        .run([
            "job",
            "cancel",
            &job.id,
            "--rollback",
            "--reason",
            "wrong day",
        ])
        .await
        .succeeded();
    let done = cluster
        .job_when(&job.id, |job| job.state() == JobState::RolledBack)
        .await;
    assert!(done.message.contains("wrong day"), "{done:?}");
    assert_eq!(cluster.read("undone"), "a\nclean\n");
    assert_eq!(state_of(&done, "b"), TaskState::Cancelled);
    assert_eq!(wait.end().await.code(), Some(1), "{}", wait.log());
    let again = cluster.run(["job", "cancel", &job.id, "--rollback"]).await;
    let told = again.failed_with(1);
    assert!(told.contains("has ended already"), "{told}");
    cluster.audit(&BTreeSet::from([job.id])).await;
}
