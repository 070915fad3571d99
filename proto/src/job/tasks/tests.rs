use drover_model::{AttemptKey, JobId, Rate};

use super::*;

pub(super) fn attempt(task: u32, number: u32, state: AttemptState) -> AttemptRow {
    AttemptRow {
        key: AttemptKey {
            job: JobId::from_u128(1),
            task,
            attempt: number,
        },
        from: None,
        state,
        node: "n".into(),
        assigned_at: Timestamp(0),
        started_at: None,
        ended_at: None,
        exit_code: None,
        message: None,
        retry_at: None,
        decision: None,
        rate: Rate::default(),
    }
}

fn retried(mut row: AttemptRow) -> AttemptRow {
    row.retry_at = Some(Timestamp(9));
    row
}

fn states(needs: &[&[u32]], attempts: &[AttemptRow], intent: Intent) -> Vec<TaskState> {
    let plan: Vec<PlannedTask> = needs.iter().map(|needs| main(needs)).collect();
    planned_states(&plan, attempts, intent)
}

pub(super) fn planned_states(
    plan: &[PlannedTask],
    attempts: &[AttemptRow],
    intent: Intent,
) -> Vec<TaskState> {
    task_states(plan, attempts, intent, Timestamp(5))
        .iter()
        .map(|standing| standing.state)
        .collect()
}

pub(super) fn main(needs: &[u32]) -> PlannedTask {
    PlannedTask {
        needs: needs.into(),
        ..PlannedTask::default()
    }
}

fn undoable(needs: &[u32]) -> PlannedTask {
    PlannedTask {
        undo: true,
        ..main(needs)
    }
}

fn finally(needs: &[u32]) -> PlannedTask {
    PlannedTask {
        finally: true,
        ..main(needs)
    }
}

#[test]
fn a_chain_waits_for_its_head() {
    // In an order in which needs come after those who need them.
    let chain: &[&[u32]] = &[&[1], &[2], &[]];
    use TaskState::{Pending, Queued, Running, Succeeded, UpstreamFailed};
    assert_eq!(states(chain, &[], Intent::Run), [Pending, Pending, Queued]);
    let running = [attempt(2, 1, AttemptState::Running)];
    assert_eq!(
        states(chain, &running, Intent::Run),
        [Pending, Pending, Running]
    );
    let done = [attempt(2, 1, AttemptState::Succeeded)];
    assert_eq!(
        states(chain, &done, Intent::Run),
        [Pending, Queued, Succeeded]
    );
    let failed = [attempt(2, 1, AttemptState::Failed)];
    assert_eq!(
        states(chain, &failed, Intent::Run),
        [UpstreamFailed, UpstreamFailed, TaskState::Failed]
    );
}

#[test]
fn the_last_attempt_decides() {
    let rows = [
        retried(attempt(0, 1, AttemptState::Failed)),
        attempt(0, 2, AttemptState::Succeeded),
    ];
    assert_eq!(states(&[&[]], &rows, Intent::Run), [TaskState::Succeeded]);
    let rows = [retried(attempt(0, 1, AttemptState::Lost))];
    let standing = task_states(&[main(&[])], &rows, Intent::Run, Timestamp(5))[0];
    assert_eq!(standing.state, TaskState::Retrying);
    assert_eq!(standing.retry_at, Some(Timestamp(9)));
    let over = task_states(&[main(&[])], &rows, Intent::Run, Timestamp(9))[0];
    assert_eq!(over, plain(TaskState::Queued));
    assert_eq!(
        states(&[&[]], &rows, Intent::Cancel),
        [TaskState::Cancelled]
    );
}

#[test]
fn what_never_started_is_cancelled_when_the_job_no_longer_runs() {
    let rows = [attempt(0, 1, AttemptState::Stopping)];
    assert_eq!(
        states(&[&[], &[0]], &rows, Intent::Cancel),
        [TaskState::Stopping, TaskState::Cancelled]
    );
    let rows = [attempt(0, 1, AttemptState::TimedOut)];
    assert_eq!(
        states(&[&[], &[0], &[]], &rows, Intent::Fail),
        [
            TaskState::TimedOut,
            TaskState::UpstreamFailed,
            TaskState::Cancelled
        ]
    );
}

#[test]
fn a_chain_as_long_as_a_job_needs_no_deep_stack() {
    let plan: Vec<PlannedTask> = (1..100_000)
        .map(|next| main(&[next]))
        .chain([main(&[])])
        .collect();
    let standings = task_states(&plan, &[], Intent::Run, Timestamp(5));
    assert_eq!(standings[0].state, TaskState::Pending);
    assert_eq!(standings[99_999].state, TaskState::Queued);
}

#[test]
fn what_found_no_node_has_timed_out() {
    let rows = [attempt(0, 1, AttemptState::Expired)];
    assert_eq!(
        states(&[&[], &[0]], &rows, Intent::Run),
        [TaskState::TimedOut, TaskState::UpstreamFailed]
    );
}

/// Task 2 needs 1, which needs 0; 1 has nothing to undo. Task 3 fails beside them.
fn rolling_back() -> ([PlannedTask; 4], Vec<AttemptRow>) {
    let plan = [undoable(&[]), main(&[0]), undoable(&[1]), undoable(&[])];
    let rows = [0, 1, 2]
        .map(|task| attempt(task, 1, AttemptState::Succeeded))
        .into_iter()
        .chain([attempt(3, 1, AttemptState::Failed)]);
    (plan, rows.collect())
}

#[test]
fn a_rollback_waits_for_the_last_task() {
    let (plan, mut rows) = rolling_back();
    rows[3].state = AttemptState::Stopping;
    use TaskState::Succeeded;
    assert_eq!(
        planned_states(&plan, &rows, Intent::RollBack),
        [Succeeded, Succeeded, Succeeded, TaskState::Stopping]
    );
}

#[test]
fn undo_goes_backwards() {
    use TaskState::{Failed, Undoing, Undone};
    let (plan, mut rows) = rolling_back();
    let states = |rows: &[AttemptRow]| planned_states(&plan, rows, Intent::RollBack);
    assert_eq!(states(&rows), [Undoing, Undoing, Undoing, Failed]);
    rows.push(retried(attempt(6, 1, AttemptState::Failed)));
    assert_eq!(states(&rows), [Undoing, Undoing, Undoing, Failed]);
    rows.push(attempt(6, 2, AttemptState::Succeeded));
    // Task 1 has nothing to undo, and nothing comes after it any more.
    assert_eq!(states(&rows), [Undoing, Undone, Undone, Failed]);
    rows.insert(4, attempt(4, 1, AttemptState::Succeeded));
    assert_eq!(states(&rows), [Undone, Undone, Undone, Failed]);
}

#[test]
fn what_comes_before_a_failed_undo_is_never_undone() {
    use TaskState::{Failed, UndoFailed};
    let (plan, mut rows) = rolling_back();
    rows.push(attempt(6, 4, AttemptState::Failed));
    assert_eq!(
        planned_states(&plan, &rows, Intent::RollBack),
        [UndoFailed, UndoFailed, UndoFailed, Failed]
    );
}

#[test]
fn an_abandoned_rollback_is_one_only_if_it_had_begun() {
    use TaskState::{Failed, Succeeded, UndoFailed, Undoing};
    let (plan, mut rows) = rolling_back();
    let states = |rows: &[AttemptRow]| planned_states(&plan, rows, Intent::Abandon);
    assert_eq!(states(&rows), [Succeeded, Succeeded, Succeeded, Failed]);
    rows.push(attempt(6, 1, AttemptState::Stopping));
    assert_eq!(states(&rows), [UndoFailed, UndoFailed, Undoing, Failed]);
    rows[4].state = AttemptState::Cancelled;
    assert_eq!(states(&rows), [UndoFailed, UndoFailed, UndoFailed, Failed]);
}

#[test]
fn finally_comes_last_and_whatever_happened() {
    use TaskState::{Cancelled, Failed, Pending, Queued, Succeeded, Undoing, UpstreamFailed};
    let plan = [undoable(&[]), main(&[0]), finally(&[]), finally(&[2])];
    let states = |rows: &[AttemptRow], intent| planned_states(&plan, rows, intent);
    let mut rows = vec![
        attempt(0, 1, AttemptState::Succeeded),
        attempt(1, 1, AttemptState::Running),
    ];
    for intent in [Intent::Run, Intent::Fail, Intent::RollBack, Intent::Abandon] {
        assert_eq!(states(&rows, intent)[2..], [Pending, Pending], "{intent}");
    }
    rows[1].state = AttemptState::Failed;
    for intent in [Intent::Run, Intent::Fail, Intent::Cancel, Intent::Expire] {
        assert_eq!(states(&rows, intent), [Succeeded, Failed, Queued, Pending]);
    }
    assert_eq!(
        states(&rows, Intent::Abandon),
        [Succeeded, Failed, Cancelled, Cancelled]
    );
    assert_eq!(
        states(&rows, Intent::RollBack),
        [Undoing, Failed, Pending, Pending]
    );
    rows.push(attempt(2, 1, AttemptState::Failed));
    assert_eq!(
        states(&rows, Intent::Fail),
        [Succeeded, Failed, Failed, UpstreamFailed]
    );
    rows.pop();
    rows.push(attempt(4, 1, AttemptState::Failed));
    assert_eq!(states(&rows, Intent::RollBack)[2..], [Queued, Pending]);
}

#[test]
fn a_finally_task_is_tried_again_when_the_job_is_stopped() {
    let plan = [main(&[]), finally(&[])];
    let rows = [
        attempt(0, 1, AttemptState::Cancelled),
        retried(attempt(1, 1, AttemptState::Failed)),
    ];
    let standing = |intent| task_states(&plan, &rows, intent, Timestamp(5))[1];
    assert_eq!(standing(Intent::Cancel).state, TaskState::Retrying);
    assert_eq!(standing(Intent::Cancel).retry_at, Some(Timestamp(9)));
    assert_eq!(standing(Intent::Abandon).state, TaskState::Cancelled);
}
