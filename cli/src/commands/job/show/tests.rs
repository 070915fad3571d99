use drover_proto::v1::{AttemptState, JobSpec, JobState, TaskCounts, TaskState};
use pbjson_types::Timestamp;

use super::*;

fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos: 0 })
}

#[test]
fn record_shows_attempts_and_why_tasks_wait() {
    let failed = Attempt {
        number: 1,
        state: AttemptState::Failed.into(),
        node: "n1".to_owned(),
        start_time: at(10),
        end_time: at(15),
        exit_code: Some(2),
        message: "exit code 2".to_owned(),
        ..Attempt::default()
    };
    let job = Job {
        id: "id".to_owned(),
        spec: Some(JobSpec {
            name: "nightly".to_owned(),
            ..JobSpec::default()
        }),
        state: JobState::Running.into(),
        submit_time: at(5),
        cost_micros: 12_500,
        energy_joules: 950,
        tasks: vec![
            Task {
                name: "a".to_owned(),
                state: TaskState::Failed.into(),
                attempts: vec![failed],
                ..Task::default()
            },
            Task {
                name: "b".to_owned(),
                state: TaskState::Queued.into(),
                pending_reason: "no node has 9 cores".to_owned(),
                ..Task::default()
            },
        ],
        ..Job::default()
    };
    let text = text(&job, false);
    assert!(
        text.starts_with("Job        id\nName       nightly\nState      running\n"),
        "{text}"
    );
    assert!(
        text.contains("Cost       0.0125\nEnergy     950 J\n"),
        "{text}"
    );
    assert!(
        text.ends_with(
            "Tasks\n  ✘ a  failed\n      #1 failed on n1, 5.0 s, exit code 2: exit code 2\n  \
             ○ b  queued\n      waits: no node has 9 cores\n"
        ),
        "{text}"
    );
}

#[test]
fn record_shows_how_long_attempts_should_take() {
    let seconds = |seconds| Some(pbjson_types::Duration { seconds, nanos: 0 });
    let of = |source: Source| Estimate {
        source: source.into(),
        median: seconds(2),
        high: seconds(90),
        runs: 12,
    };
    for (source, said) in [
        (Source::Spec, "2.0 s, as the job says"),
        (Source::Default, "2.0 s, a guess"),
        (
            Source::Signature,
            "2.0 s, at most 1 m 30 s nine times in ten, from 12 runs of the same",
        ),
        (
            Source::Queue,
            "2.0 s, at most 1 m 30 s nine times in ten, from 12 runs of others in its queue",
        ),
    ] {
        let job = Job {
            tasks: vec![Task {
                name: "a".to_owned(),
                state: TaskState::Queued.into(),
                estimate: Some(of(source)),
                ..Task::default()
            }],
            ..Job::default()
        };
        let text = text(&job, false);
        let line = format!("      expected: {said}\n");
        assert!(text.ends_with(&line), "{text}");
    }
}

#[test]
fn record_shows_what_was_undone() {
    let attempt = |number, state: AttemptState, node: &str| Attempt {
        number,
        state: state.into(),
        node: node.to_owned(),
        ..Attempt::default()
    };
    let job = Job {
        id: "id".to_owned(),
        state: JobState::RolledBack.into(),
        replay_of: "dead".to_owned(),
        tasks: vec![
            Task {
                name: "a".to_owned(),
                state: TaskState::Undone.into(),
                attempts: vec![attempt(1, AttemptState::Succeeded, "n1")],
                undo_attempts: vec![
                    attempt(1, AttemptState::Failed, "n1"),
                    attempt(2, AttemptState::Succeeded, "n2"),
                ],
                ..Task::default()
            },
            Task {
                name: "b".to_owned(),
                state: TaskState::TimedOut.into(),
                attempts: vec![attempt(1, AttemptState::Expired, "")],
                ..Task::default()
            },
        ],
        ..Job::default()
    };
    let text = text(&job, false);
    assert!(text.contains("State      rolled back\n"), "{text}");
    assert!(text.contains("Replay of  dead\n"), "{text}");
    assert!(
        text.ends_with(
            "Tasks\n  ↶ a  undone\n      #1 succeeded on n1\n      undo #1 failed on n1\n      \
             undo #2 succeeded on n2\n  ✘ b  timed out\n      #1 expired\n"
        ),
        "{text}"
    );
}

fn array(failed: u32) -> Job {
    let task = |name: &str, of: &str, state: TaskState| Task {
        name: name.to_owned(),
        instance_of: of.to_owned(),
        state: state.into(),
        ..Task::default()
    };
    let mut tasks = vec![task("before", "", TaskState::Succeeded)];
    for index in 0..4 {
        let state = match index {
            0 => TaskState::Succeeded,
            index if index <= failed => TaskState::Failed,
            _ => TaskState::Queued,
        };
        tasks.push(task(&format!("a[{index}]"), "a", state));
        if state == TaskState::Queued {
            tasks[index as usize + 1].pending_reason = "its turn".to_owned();
        }
    }
    tasks.push(Task {
        instances: Some(TaskCounts {
            total: 4,
            active: 0,
            succeeded: 1,
            unsuccessful: failed,
        }),
        ..task("a", "", TaskState::Pending)
    });
    Job {
        tasks,
        ..Job::default()
    }
}

#[test]
fn instances_are_folded_but_for_those_that_failed() {
    let text = |instances| {
        let text = text(&array(1), instances);
        let (_, tasks) = text.split_once("Tasks\n").expect("tasks");
        tasks.to_owned()
    };
    assert_eq!(
        text(false),
        "  ✔ before  succeeded\n  · a  pending\n      4 instances: 1 succeeded, 1 unsuccessful, 2 waiting\n      \
         a[2] waits: its turn\n  ✘ a[1]  failed\n"
    );
    let all = text(true);
    for index in 0..4 {
        assert!(all.contains(&format!(" a[{index}]  ")), "{all}");
    }
    assert!(all.contains("      waits: its turn\n"), "{all}");
}
