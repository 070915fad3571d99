//! What holds of arrays whatever happens, judged by the record alone.

use std::collections::BTreeMap;

use drover_model::{AttemptKey, AttemptRow, AttemptState, Group, GroupKind, Intent, JobId};

use super::History;

impl History {
    /// No more instances of an array than may are under way.
    pub(super) fn assert_parallel(&self) {
        let stored = &self.world.store;
        for (id, (row, _)) in &stored.jobs {
            if row.intent != Intent::Run {
                continue;
            }
            for group in &stored.specs[id].groups {
                let GroupKind::Array { parallel, .. } = group.kind else {
                    continue;
                };
                let under_way = self.count(*id, group, |row| {
                    let cancelled = row.state == AttemptState::Cancelled;
                    !row.has_succeeded() && !row.has_failed() && !cancelled
                });
                assert!(under_way <= parallel, "job {id}: {under_way} of {group:?}");
            }
        }
    }

    /// Every instance of the array has run, and no more failed than may.
    pub(super) fn is_array_done(&self, job: JobId, array: &Group, max_failed: u32) -> bool {
        let succeeded = self.count(job, array, AttemptRow::has_succeeded);
        let failed = self.count(job, array, AttemptRow::has_failed);
        succeeded + failed == array.count && failed <= max_failed
    }

    /// An instance that failed, in an array of which no more failed than may.
    pub(super) fn is_forgiven(&self, job: JobId, task: u32) -> bool {
        let groups = &self.world.store.specs[&job].groups;
        let Some(array) = groups.iter().find(|group| group.contains(task)) else {
            return false;
        };
        let GroupKind::Array { max_failed, .. } = array.kind else {
            return false;
        };
        let of_it = Group {
            first: task,
            count: 1,
            ..*array
        };
        self.count(job, &of_it, AttemptRow::has_failed) == 1
            && self.count(job, array, AttemptRow::has_failed) <= max_failed
    }

    /// How many instances have such an attempt as their last.
    fn count(&self, job: JobId, group: &Group, is: impl Fn(&AttemptRow) -> bool) -> u32 {
        let before = |task| AttemptKey {
            job,
            task,
            attempt: 0,
        };
        let attempts = &self.world.store.attempts;
        let last: BTreeMap<u32, &AttemptRow> = attempts
            .range(before(group.first)..before(group.whole()))
            .map(|(key, row)| (key.task, row))
            .collect();
        last.values().filter(|row| is(row)).count() as u32
    }

    /// A job that succeeded has all that it had to, and no more failures than its arrays forgive.
    pub(super) fn assert_forgiven(&self, job: JobId) {
        let spec = &self.world.store.specs[&job];
        for task in 0..spec.tasks.len() as u32 {
            let is_instance = spec.groups.iter().any(|group| group.contains(task));
            assert!(
                is_instance || self.has_succeeded(job, task),
                "job {job} succeeded without task {task}"
            );
        }
    }
}
