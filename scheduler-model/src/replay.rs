//! What the replay of a dead job keeps of it.

use std::collections::BTreeMap;

use crate::{AttemptRow, AttemptState, Carried, Group, GroupKind, JobSpec};

/// The successes of its tasks, but for `finally` tasks: they run whenever a job has come to its end. Also the failures of
/// instances that an array forgives, once all of its instances have ended: what was built on the array stays.
///
/// `attempts` are all of the dead job, by task and number.
pub fn carried(spec: &JobSpec, attempts: &[AttemptRow]) -> Vec<Carried> {
    let rows = attempts.iter().filter(|row| is_kept(spec, row.key.task));
    let last: BTreeMap<u32, &AttemptRow> = rows.map(|row| (row.key.task, row)).collect();
    let done: Vec<&Group> = spec
        .groups
        .iter()
        .filter(|group| is_done(group, &last))
        .collect();
    let is_forgiven = |row: &AttemptRow| done.iter().any(|array| array.contains(row.key.task));
    last.into_values()
        .filter(|row| row.has_succeeded() || is_forgiven(row))
        .map(|row| Carried {
            task: row.key.task,
            state: row.state,
            node: row.node.clone(),
            assigned_at: row.assigned_at,
            started_at: row.started_at.unwrap_or(row.assigned_at),
            ended_at: row.ended_at.unwrap_or(row.assigned_at),
        })
        .collect()
}

fn is_kept(spec: &JobSpec, task: u32) -> bool {
    let task = spec.tasks.get(task as usize);
    task.is_some_and(|task| !task.finally)
}

/// Every instance of the array has ended, and no more failed than may.
fn is_done(group: &Group, last: &BTreeMap<u32, &AttemptRow>) -> bool {
    let GroupKind::Array { max_failed, .. } = group.kind else {
        return false;
    };
    let (mut ended, mut failed) = (0, 0);
    for (_, row) in last.range(group.first..group.whole()) {
        ended += u32::from(row.has_succeeded() || row.has_failed());
        failed += u32::from(row.has_failed());
    }
    ended == group.count && failed <= max_failed
}

impl AttemptRow {
    pub fn has_succeeded(&self) -> bool {
        self.state == AttemptState::Succeeded
    }

    /// It ended without success, and nobody had asked for that; no other follows.
    pub fn has_failed(&self) -> bool {
        let is_failure = matches!(
            self.state,
            AttemptState::Failed
                | AttemptState::TimedOut
                | AttemptState::Lost
                | AttemptState::Requeued
                | AttemptState::Expired
        );
        is_failure && self.retry_at.is_none()
    }
}
