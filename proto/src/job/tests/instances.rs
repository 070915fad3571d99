//! Arrays and gangs, as people see them.

use super::*;

/// An array of three, and a task that needs it.
fn with_array() -> (JobRow, NewJobRow) {
    let (row, mut fixed) = stored(JobState::Running, None);
    let mut spec = v1::JobSpec::decode(fixed.stored_spec.clone()).unwrap();
    spec.tasks[1].instances = Some(v1::task_spec::Instances::Array(v1::Array {
        count: 3,
        parallel: 0,
        max_failed: 1,
    }));
    fixed.stored_spec = spec.encode_to_vec().into();
    (row, fixed)
}

#[test]
fn instances_are_shown_before_what_they_are_instances_of() {
    let rows = [
        attempt_row(1, 1, AttemptState::Succeeded),
        attempt_row(2, 1, AttemptState::Failed),
        attempt_row(3, 1, AttemptState::Running),
    ];
    let rows = rows.map(|row| AttemptRow {
        retry_at: None,
        ..row
    });
    let job = shown(&with_array(), &rows, None, 10_000);
    let told: Vec<_> = job
        .tasks
        .iter()
        .map(|task| (&*task.name, &*task.instance_of, task.attempts.len()))
        .collect();
    assert_eq!(
        told,
        [
            ("b", "", 0),
            ("a[0]", "a", 1),
            ("a[1]", "a", 1),
            ("a[2]", "a", 1),
            ("a", "", 0)
        ]
    );
    let counts = |total, active, succeeded, unsuccessful| v1::TaskCounts {
        total,
        active,
        succeeded,
        unsuccessful,
    };
    assert_eq!(job.tasks[4].instances, Some(counts(3, 1, 1, 1)));
    assert_eq!(job.counts, Some(counts(4, 1, 1, 1)));
    assert_eq!(job.tasks[4].state(), v1::TaskState::Pending);
}
