//! Arrays and gangs, each in one row: their instances may be thousands.

use drover_proto::v1::{Task, TaskCounts, TaskState};

/// A task as it is shown, with those of its instances that are.
pub(super) struct Row<'a> {
    pub(super) task: &'a Task,
    pub(super) instances: Vec<&'a Task>,
    /// The first of its instances that waits.
    pub(super) waiting: Option<&'a Task>,
}

/// In the order of the record. Instances that failed are always shown; the others if `all` are to be.
pub(super) fn rows(tasks: &[Task], all: bool) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    let mut before: Vec<&Task> = Vec::new();
    for task in tasks {
        if !task.instance_of.is_empty() {
            before.push(task);
            continue;
        }
        let mut instances = std::mem::take(&mut before);
        let waiting = instances.iter().find(|one| !one.pending_reason.is_empty());
        let waiting = waiting.copied().filter(|_| !all);
        instances.retain(|one| all || has_failed(one.state()));
        rows.push(Row {
            task,
            instances,
            waiting,
        });
    }
    rows
}

/// `10 instances: 3 succeeded, 2 active, 1 unsuccessful, 4 waiting`
pub(super) fn counts(counts: &TaskCounts) -> String {
    let TaskCounts {
        total,
        active,
        succeeded,
        unsuccessful,
    } = *counts;
    let ended = succeeded.saturating_add(unsuccessful);
    let waiting = total.saturating_sub(ended.saturating_add(active));
    let parts = [
        (succeeded, "succeeded"),
        (active, "active"),
        (unsuccessful, "unsuccessful"),
        (waiting, "waiting"),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    let noun = if total == 1 { "instance" } else { "instances" };
    format!("{total} {noun}: {}", parts.join(", "))
}

fn has_failed(state: TaskState) -> bool {
    matches!(
        state,
        TaskState::Failed | TaskState::TimedOut | TaskState::UndoFailed
    )
}
