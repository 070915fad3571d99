//! Arrays and gangs, as people see them.

use drover_model::{Position, Resource};

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
    assert_eq!(job.tasks[4].state(), v1::TaskState::Running);
    assert_eq!(job.tasks[4].pending_reason, "");
}

/// One failure is forgiven.
#[test]
fn an_array_stands_where_its_instances_do() {
    use AttemptState::{Failed, Succeeded};
    for (ended, state) in [
        (&[][..], v1::TaskState::Pending),
        (&[Failed], v1::TaskState::Running),
        (&[Failed, Succeeded, Succeeded], v1::TaskState::Succeeded),
        (&[Failed, Failed, Succeeded], v1::TaskState::Failed),
    ] {
        let rows = (1..).zip(ended).map(|(task, state)| AttemptRow {
            retry_at: None,
            ..attempt_row(task, 1, *state)
        });
        let job = shown(&with_array(), &rows.collect::<Vec<_>>(), None, 10_000);
        assert_eq!(job.tasks[4].state(), state, "{ended:?}");
    }
}

/// Whoever set the queue's preemption on may expect otherwise.
#[test]
fn a_gang_that_stops_nobody_says_so() {
    let (row, mut fixed) = stored(JobState::Queued, None);
    let mut spec = v1::JobSpec::decode(fixed.stored_spec.clone()).unwrap();
    let gang = v1::task_spec::Instances::Gang(v1::Gang {
        size: 1,
        topology: v1::Topology::Any.into(),
    });
    let mut told = |instances, may_preempt, priority| {
        spec.tasks[0].instances = instances;
        spec.may_preempt = may_preempt;
        spec.priority = Some(priority);
        fixed.stored_spec = spec.encode_to_vec().into();
        let waits = PendingReason::WaitsForCapacity {
            resource: Resource::Gpu,
            position: Some(Position(1)),
            reserved: None,
        };
        let view = view(&[(TaskState::Queued, Some(waits))]);
        let job = shown(&(row.clone(), fixed.clone()), &[], Some(&view), 2_000);
        job.tasks[0].pending_reason.clone()
    };
    let plain = "waits for gpu, first in line";
    assert_eq!(
        told(Some(gang), true, 100),
        format!("{plain}; nobody is stopped for a gang, though its queue has preemption on")
    );
    assert_eq!(told(Some(gang), true, 75), plain);
    assert_eq!(told(Some(gang), false, 100), plain);
    assert_eq!(told(None, true, 100), plain);
}
